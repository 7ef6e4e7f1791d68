//! libvirt-python, as a process that answers one line for each line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::case::Driver;

/// The Python that Debian's `python3-libvirt` is for.
const PYTHON: &str = "/usr/bin/python3";

pub(crate) struct Peer {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// The same server for both: the URIs of its drivers.
    pub(crate) fn start(uris: [(Driver, &str); 2]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/peer.py");
        let mut command = Command::new(PYTHON);
        command.arg(script);
        for (driver, uri) in uris {
            command.arg(format!("{}={uri}", driver.name()));
        }
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = piped.spawn().unwrap();
        Self {
            questions: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    pub(crate) fn ask(&mut self, driver: Driver, expression: &str) -> Value {
        writeln!(self.questions, "{}\t{expression}", driver.name()).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{expression}: {line:?}: {error}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have gone already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// What is missing is installed from the machine's packages.
pub(crate) fn install() {
    let there = Command::new(PYTHON).args(["-c", "import libvirt"]).output();
    if there.is_ok_and(|output| output.status.success()) {
        return;
    }
    println!("installing python3-libvirt, to compare with");
    let update = Command::new("apt-get").args(["-qq", "update"]).status();
    assert!(update.unwrap().success(), "apt-get update");
    let install = Command::new("apt-get")
        .args([
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "python3-libvirt",
        ])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .output()
        .unwrap();
    assert!(install.status.success(), "{install:?}");
}
