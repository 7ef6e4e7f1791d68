//! The programs that do the same with other clients: built and run.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::source;

/// Debian's own, which has libvirt-python.
const PYTHON: &str = "/usr/bin/python3";

/// Builds a C program of the benchmarks; nothing, after saying so, when that cannot be done.
pub(crate) fn c(file: &str, packages: &[&str], libraries: &[&str]) -> Option<PathBuf> {
    install(packages);
    let program = built(file);
    let mut compile = Command::new("cc");
    compile.args(["-O2", "-Wall", "-Werror", "-pthread", "-I"]);
    compile.arg(source("common")).arg("-o").arg(&program);
    compile.arg(source(file)).args(libraries);
    run(&mut compile).then_some(program)
}

/// Builds the Go program of a folder of the benchmarks, likewise.
pub(crate) fn go(folder: &str) -> Option<PathBuf> {
    let program = built(folder);
    let mut build = Command::new("go");
    build.args(["build", "-trimpath", "-o"]).arg(&program);
    build.arg(".").current_dir(source(folder));
    build.env("GOFLAGS", "-mod=readonly -buildvcs=false");
    println!("building {folder} (modules of go.sum are fetched if they are not there)");
    run(&mut build).then_some(program)
}

/// A Python program of the benchmarks, likewise.
pub(crate) fn python(file: &str) -> Option<Command> {
    install(&["python3-libvirt"]);
    let mut command = Command::new(PYTHON);
    command.arg(source(file));
    let usable = run(Command::new(PYTHON).args(["-c", "import libvirt"]));
    usable.then_some(command)
}

fn built(source: &str) -> PathBuf {
    let name = format!("peer-{}", source.replace(['/', '.'], "-"));
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Debian packages, unless they are there.
fn install(packages: &[&str]) {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| version(package).is_none())
        .collect();
    if missing.is_empty() {
        return;
    }
    println!("installing {} for a peer", missing.join(", "));
    let mut update = Command::new("apt-get");
    run(update.args(["-qq", "update"]));
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]);
    install
        .args(missing)
        .env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut install);
}

/// The version of a Debian package, if it is installed.
pub(crate) fn version(package: &str) -> Option<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f=${db:Status-Status} ${Version}", package]);
    let output = query.output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    said.strip_prefix("installed ").map(str::to_owned)
}

/// Whether it went well; says what did not.
fn run(command: &mut Command) -> bool {
    let problem = match command.output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    println!("failed: {command:?}: {problem}");
    false
}

/// Runs a measuring program; the numbers that it prints.
pub(crate) fn numbers<const N: usize>(command: &mut Command) -> [f64; N] {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    let (status, said) = (output.status, String::from_utf8_lossy(&output.stdout));
    assert!(status.success(), "{command:?}: {status}: {complaint}");
    parse(&said)
}

/// The numbers in the line of a measuring program.
pub(crate) fn parse<const N: usize>(line: &str) -> [f64; N] {
    let numbers = line.split_whitespace().map(str::parse);
    let numbers: Result<Vec<f64>, _> = numbers.collect();
    let numbers = numbers.unwrap_or_else(|error| panic!("{line:?}: {error}"));
    let numbers = numbers.try_into();
    numbers.unwrap_or_else(|numbers| panic!("{N} numbers, and not {numbers:?}"))
}
