//! Every protocol file of Debian's packages and of libvirt's source is compiled, and what comes out
//! compiles without warnings.
//!
//! ```text
//! cargo test -p drover-xdrgen --test every_file -- --ignored --nocapture
//! ```
//! So does what comes out of files made of chance. Of libvirt's own example there are recorded bytes: they are read and written again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod generate;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use drover_xdrgen::{Compiler, fetch};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

/// Numbers that files expect from C's headers.
const DEFINES: [(&str, i64); 13] = [
    // Those of rpcsvc-proto and libnsl.
    ("MAXNETNAMELEN", 255),
    ("MAXNAMELEN", 1025),
    // Those of libvirt.
    ("VIR_UUID_BUFLEN", 16),
    ("VIR_SECURITY_MODEL_BUFLEN", 257),
    ("VIR_SECURITY_LABEL_BUFLEN", 4097),
    ("VIR_SECURITY_DOI_BUFLEN", 257),
    ("VIR_TYPED_PARAM_INT", 1),
    ("VIR_TYPED_PARAM_UINT", 2),
    ("VIR_TYPED_PARAM_LLONG", 3),
    ("VIR_TYPED_PARAM_ULLONG", 4),
    ("VIR_TYPED_PARAM_DOUBLE", 5),
    ("VIR_TYPED_PARAM_BOOLEAN", 6),
    ("VIR_TYPED_PARAM_STRING", 7),
];

/// Files that take their types from another one.
const IMPORTS: [(&str, &str); 3] = [
    ("nis_callback", "nis"),
    ("qemu_protocol", "remote_protocol"),
    ("lxc_protocol", "remote_protocol"),
];

/// Files that must be among those found.
const EXPECTED: [&str; 16] = [
    "mount",
    "nfs_prot",
    "nis",
    "nlm_prot",
    "rpcb_prot",
    "rquota",
    "rusers",
    "yp",
    "admin_protocol",
    "lock_protocol",
    "log_protocol",
    "lxc_monitor_protocol",
    "qemu_protocol",
    "remote_protocol",
    "virkeepaliveprotocol",
    "virnetprotocol",
];

/// The structs and unions of libvirt's example, and what its recorded bytes are called after.
const RECORDED: [(&str, &str); 8] = [
    ("TestStruct", "struct"),
    ("TestStruct", "struct_scalar"),
    ("TestStructAllTypes", "test_struct_all_types"),
    ("TestUnion", "union_case"),
    ("TestUnion", "union_default"),
    ("TestUnionNoDefault", "union_no_default_case"),
    ("TestUnionVoidDefault", "union_void_default_case"),
    ("TestUnionVoidDefault", "union_void_default_default"),
];

/// Files made of chance.
const RANDOM: usize = 200;

#[test]
#[ignore = "installs protocol files and fetches libvirt's source: run by cargo lab test"]
fn every_protocol_file_compiles_and_so_does_its_rust() {
    install();
    let libvirt = fetch::source_tree().unwrap();
    let mut files = BTreeMap::new();
    for folder in [
        "/usr/include/rpc",
        "/usr/include/rpcsvc",
        "/usr/include/tirpc",
    ] {
        find(Path::new(folder), &mut files);
    }
    find(&libvirt, &mut files);
    for name in EXPECTED {
        assert!(files.contains_key(name), "{name}.x");
    }
    // What it depends on is kept there from one run to the next.
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("every-file");
    let mut modules = String::from("//! All.\n\n#![deny(warnings, missing_docs)]\n");
    let mut lines = 0;
    for (name, path) in &files {
        let text = compile(path, &files);
        lines += text.lines().count();
        write(&package, &format!("src/{name}.rs"), &text);
        writeln!(modules, "/// {name}.x\npub mod {name};").unwrap();
    }
    let random = random_files();
    for (number, text) in random.iter().enumerate() {
        write(&package, &format!("src/random_{number}.rs"), text);
        writeln!(modules, "/// Chance.\npub mod random_{number};").unwrap();
    }
    write(&package, "src/lib.rs", &modules);
    write(&package, "src/main.rs", &recorded());
    let program = build(&package);
    let bytes = run(Command::new(program).arg(libvirt.join("scripts/rpcgen/tests")));
    println!(
        "{} files, {lines} lines of Rust without warnings; of {RANDOM} random files too",
        files.len()
    );
    print!("{bytes}");
    assert_eq!(bytes.lines().count(), RECORDED.len());
}

fn compile(path: &Path, files: &BTreeMap<String, PathBuf>) -> String {
    let name = module_name(path);
    let mut compiler = Compiler::new().docs(true);
    for (define, number) in DEFINES {
        compiler = compiler.define(define, Some(number));
    }
    for (_, other) in IMPORTS.iter().filter(|(file, _)| *file == name) {
        compiler = compiler.import(&files[*other], format!("crate::{other}"));
    }
    compiler
        .file(path)
        .unwrap_or_else(|error| panic!("{error}"))
}

// What comes out of those that make sense, the same ones in each run.
fn random_files() -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let files = generate::file();
    let compiled = std::iter::repeat_with(|| {
        let text = files.new_tree(&mut runner).unwrap().current();
        let compiler = Compiler::new();
        compiler.text(Path::new("random.x"), text).ok()
    });
    compiled.flatten().take(RANDOM).collect()
}

// The program that reads and writes the recorded bytes again.
fn recorded() -> String {
    let mut calls = String::new();
    for (ty, name) in RECORDED {
        writeln!(calls, "again::<all::demo::{ty}>(&folder, {name:?});").unwrap();
    }
    format!(
        "fn again<T: drover_xdr::Decode + drover_xdr::Encode>(folder: &str, name: &str) {{
            let path = format!(\"{{folder}}/test_demo_{{name}}.bin\");
            let bytes = std::fs::read(path).unwrap();
            let limits = drover_xdr::Limits {{ mode: drover_xdr::Mode::Strict, ..Default::default() }};
            let value: T = drover_xdr::from_bytes_within(&bytes, limits).unwrap();
            assert_eq!(drover_xdr::to_bytes(&value).unwrap(), bytes, \"{{name}}\");
            println!(\"{{name}}: {{}} bytes are read and written again\", bytes.len());
        }}
        fn main() {{
            let folder = std::env::args().nth(1).unwrap();
            {calls}
        }}"
    )
}

// A package of its own, which takes what it needs as it is locked here.
fn build(package: &Path) -> PathBuf {
    let rpc = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = format!(
        "[package]\nname = \"all\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\ndrover-xdr = {{ path = {:?} }}\n\n[profile.dev]\ndebug = false\n",
        rpc.join("xdr")
    );
    write(package, "Cargo.toml", &manifest);
    std::fs::copy(rpc.join("../Cargo.lock"), package.join("Cargo.lock")).unwrap();
    run(Command::new(env!("CARGO"))
        .current_dir(package)
        .args(["build", "-q", "--offline"])
        .env("CARGO_TARGET_DIR", package.join("target"))
        .env_remove("RUSTFLAGS"));
    package.join("target/debug/all")
}

// Every `.x` below a folder. Links are not followed: some in libvirt's tests lead in circles.
fn find(folder: &Path, files: &mut BTreeMap<String, PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.unwrap();
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "x") {
            files.insert(module_name(&path), path);
        }
    }
}

fn module_name(path: &Path) -> String {
    path.file_stem()
        .unwrap()
        .to_string_lossy()
        .replace('-', "_")
}

fn install() {
    let there = |path: &str| Path::new(path).exists();
    if there("/usr/include/rpcsvc/mount.x")
        && there("/usr/include/rpcsvc/nis.x")
        && there("/usr/include/tirpc/rpc/rpcb_prot.x")
    {
        return;
    }
    println!("installing rpcsvc-proto, libnsl-dev and libtirpc-dev, for their protocol files");
    run(Command::new("apt-get").args(["-qq", "update"]));
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(["rpcsvc-proto", "libnsl-dev", "libtirpc-dev", "libc6-dev"])
        .env("DEBIAN_FRONTEND", "noninteractive"));
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
}
