//! polkit: somebody who is not root runs an example on the host itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::{file, variable};

/// Where on the host the program is, with what it is linked to: the host may be older than this
/// machine.
const FOLDER: &str = "opt/drover-test";

fn example() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "-q", "-p", "drover-rpc", "--example", "list"]);
    // Cargo sets these for what it runs; they would make it build everything anew.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&*name);
        }
    }
    assert!(build.status().unwrap().success());
    // This program is in `deps` beside `examples`.
    let this = std::env::current_exe().unwrap();
    this.parent()
        .unwrap()
        .with_file_name("examples")
        .join("list")
}

/// The libraries of a program, and what loads them.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let words = listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).collect()
}

fn install() -> String {
    let program = example();
    let folder = file(FOLDER);
    std::fs::create_dir_all(&folder).unwrap();
    let mut loader = None;
    for from in libraries(&program).iter().chain([&program]) {
        let name = from.file_name().unwrap();
        std::fs::copy(from, folder.join(name)).unwrap();
        let name = name.to_str().unwrap();
        if name.starts_with("ld-") {
            loader = Some(name.to_owned());
        }
    }
    loader.expect("a loader among the libraries")
}

/// What the example says on the host to somebody.
fn run(loader: &str, user: &str) -> Output {
    let root = variable("DROVER_TEST_HOST_ROOT");
    let pid = root.trim_start_matches("/proc/").trim_end_matches("/root");
    let output = Command::new("nsenter")
        .args(["-t", pid, "-a", "-r", "-w", "setpriv", "--clear-groups"])
        .args(["--reuid", user, "--regid", "nogroup", "--inh-caps=-all"])
        .arg(format!("/{FOLDER}/{loader}"))
        .args(["--library-path", &format!("/{FOLDER}")])
        .args([&format!("/{FOLDER}/list"), "qemu:///system"])
        .output()
        .unwrap();
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    println!("{user}$ list qemu:///system\n{}{}", said[0], said[1]);
    output
}

#[test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
fn one_may_and_another_may_not() {
    let loader = install();
    let may = run(&loader, "drover");
    assert!(may.status.success());
    assert!(String::from_utf8_lossy(&may.stdout).starts_with("UUID"));
    let may_not = run(&loader, "nobody");
    assert_eq!(may_not.status.code(), Some(1));
    let said = String::from_utf8_lossy(&may_not.stderr);
    assert!(said.contains("authentication unavailable"), "{said}");
    std::fs::remove_dir_all(file(FOLDER)).unwrap();
}
