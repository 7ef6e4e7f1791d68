//! Every type of every procedure, encoded here and by the C code that Debian's `rpcgen` makes of
//! libvirt's own files, for the same values.
//!
//! ```text
//! cargo test -p drover-rpc --test c_encoder -- --ignored --nocapture
//! ```
//! Both programs are written into a temporary folder from the model that `xdrgen` reads, and fill
//! values by one rule. Nothing of libvirt's is kept. What is missing (`rpcgen`, `libtirpc`, a C
//! compiler) is installed from the machine's packages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod c;
mod rust;

use std::path::{Path, PathBuf};
use std::process::Command;

use drover_rpc::proto::{lxc, qemu, remote};
use drover_xdrgen::fetch;
use drover_xdrgen::libvirt::{SOURCES, Source, Tree};
use drover_xdrgen::model::{Model, Named};

/// Values of each type.
const ROUNDS: usize = 24;

/// The names that libvirt's files take from its headers.
const EXTERNAL: [&str; 11] = [
    "VIR_UUID_BUFLEN",
    "VIR_SECURITY_MODEL_BUFLEN",
    "VIR_SECURITY_LABEL_BUFLEN",
    "VIR_SECURITY_DOI_BUFLEN",
    "VIR_TYPED_PARAM_INT",
    "VIR_TYPED_PARAM_UINT",
    "VIR_TYPED_PARAM_LLONG",
    "VIR_TYPED_PARAM_ULLONG",
    "VIR_TYPED_PARAM_DOUBLE",
    "VIR_TYPED_PARAM_BOOLEAN",
    "VIR_TYPED_PARAM_STRING",
];

/// A file, and what was read of it.
struct File<'a> {
    source: &'a Source,
    model: &'a Model,
}

impl File<'_> {
    /// The types that Rust has too: all but the list of procedures.
    fn types(&self) -> impl Iterator<Item = &(String, Named)> {
        let procedures = self.source.dialect.procedures;
        let types = self.model.types.iter();
        types.filter(move |(name, _)| Some(name.as_str()) != procedures)
    }
}

#[test]
#[ignore = "installs rpcgen and fetches libvirt's source: run by cargo lab test"]
fn every_type_is_encoded_as_rpcgens_c_encodes_it() {
    install();
    let root = fetch::source_tree().unwrap();
    let tree = Tree::read(&root).unwrap();
    let files: Vec<File<'_>> = SOURCES
        .iter()
        .zip(&tree.models)
        .map(|(source, model)| File { source, model })
        .collect();
    let folder = std::env::temp_dir().join(format!("drover-c-encoder-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let c = c::build(&files, &root, &folder);
    let rust = rust::build(&files, &folder);
    let theirs = run(Command::new(c));
    let ours = run(Command::new(rust).arg(write(&folder, "theirs", &theirs)));
    let compared = ours.lines().count();
    let types: usize = files.iter().map(|file| file.types().count()).sum();
    assert_eq!(compared, types, "{ours}");
    let bad: Vec<&str> = ours
        .lines()
        .filter(|line| !line.ends_with(" same"))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    std::fs::remove_dir_all(&folder).unwrap();
    let procedures = all_covered(&ours);
    println!(
        "{types} types of {procedures} procedures: {ROUNDS} values of each, {} bytes, are the same both ways",
        theirs.len() / 2
    );
}

/// That the arguments and the reply of each procedure, and each event, were among the types.
fn all_covered(ours: &str) -> usize {
    let seen: std::collections::BTreeSet<&str> = ours
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    let tables = [
        ("remote", remote::TABLE),
        ("qemu", qemu::TABLE),
        ("lxc", lxc::TABLE),
    ];
    let mut count = 0;
    for (module, table) in tables {
        for row in table {
            for name in [row.args, row.reply] {
                let path = format!("{module}::{name}");
                assert!(name == "()" || seen.contains(path.as_str()), "{path}");
            }
            count += 1;
        }
    }
    assert_eq!(count, 453 + 7 + 1);
    count
}

fn install() {
    let there = |path: &str| Path::new(path).exists();
    if there("/usr/bin/rpcgen") && there("/usr/include/tirpc/rpc/xdr.h") && there("/usr/bin/gcc") {
        return;
    }
    println!("installing rpcsvc-proto, libtirpc-dev and gcc, for the C encoder");
    let update = Command::new("apt-get").args(["-qq", "update"]).status();
    assert!(update.unwrap().success(), "apt-get update");
    let install = Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(["rpcsvc-proto", "libtirpc-dev", "gcc", "libc6-dev"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .output()
        .unwrap();
    assert!(install.status.success(), "{install:?}");
}

fn run(mut command: impl std::borrow::BorrowMut<Command>) -> String {
    let command = command.borrow_mut();
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}
