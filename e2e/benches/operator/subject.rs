//! The operator that is measured: a release build, in the place of the lab's, which comes back.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drover_e2e::places::OPERATOR_LISTEN;
use drover_e2e::{Lab, operator, process, wait};

use crate::usage;

/// The operator that is measured.
pub(crate) struct Subject {
    lab: Lab,
    program: PathBuf,
    // The program that ran before.
    before: Option<PathBuf>,
}

impl Subject {
    /// Starts the release build.
    pub(crate) fn start(lab: &Lab) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = target.unwrap_or_else(|| lab.root().join("target"));
        let program = lab.root().join(target).join("release/drover");
        assert!(
            program.is_file(),
            "{} is not there: cargo build --release -p drover",
            program.display()
        );
        let subject = Self {
            lab: lab.clone(),
            program,
            before: running_program(lab),
        };
        subject.restart();
        subject
    }

    /// Ends it politely, whoever runs, and starts the release build.
    pub(crate) fn restart(&self) {
        self.stop();
        start(&self.lab, &self.program);
    }

    /// Ends it politely.
    pub(crate) fn stop(&self) {
        operator::stop(&self.lab).expect("it ends");
    }

    fn pid(&self) -> i32 {
        process::running(&self.lab, operator::NAME).expect("the operator runs")
    }

    /// Its memory now and the most it had, in MiB.
    pub(crate) fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("its status");
        let mib = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key));
            let kib = line.and_then(|line| line.split_whitespace().nth(1));
            kib.and_then(|kib| kib.parse::<f64>().ok()).expect("KiB") / 1_024.0
        };
        (mib("VmRSS:"), mib("VmHWM:"))
    }

    /// The processor time it has had, by the scheduler's clock.
    pub(crate) fn cpu(&self) -> Duration {
        usage::cpu(self.pid())
    }

    /// Its metrics, by name and labels.
    pub(crate) fn metrics(&self) -> BTreeMap<String, f64> {
        let mut stream = TcpStream::connect(OPERATOR_LISTEN).expect("it listens");
        let request = "GET /metrics HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("a request");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("metrics");
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        lines
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// The sum of all metrics whose name and labels begin so.
    pub(crate) fn sum(&self, prefix: &str) -> f64 {
        let all = self.metrics();
        let named = all.iter().filter(|(name, _)| name.starts_with(prefix));
        named.map(|(_, value)| value).sum()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        operator::stop(&self.lab).expect("it ends");
        if let Some(before) = &self.before {
            start(&self.lab, before);
        }
    }
}

fn start(lab: &Lab, program: &Path) {
    let command = operator::command_of(lab, program);
    process::start(lab, operator::NAME, &command).expect("the operator starts");
    wait::until_listening(lab, OPERATOR_LISTEN, operator::NAME).expect("it listens");
}

// One that was built anew since is meant by the same path.
fn running_program(lab: &Lab) -> Option<PathBuf> {
    let pid = process::running(lab, operator::NAME)?;
    let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let path = path.to_string_lossy().into_owned();
    Some(PathBuf::from(path.trim_end_matches(" (deleted)")))
}
