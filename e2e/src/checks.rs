//! `lab test`: everything, in one order, with totals at the end.

mod client;
mod fuzz;
mod named_tests;
mod pure;
mod run;

use std::time::Instant;

use crate::down::down;
use crate::error::Error;
use crate::places::Lab;
use crate::process;
use crate::step::seconds;
use crate::up::{Wanted, up};

use run::Run;

/// Runs all checks, or only the end-to-end tests whose names hold the filter; whether all passed.
/// A lab that was not up before is taken down at the end.
///
/// # Errors
/// When the lab cannot be brought up or taken down.
pub fn test(lab: &Lab, filter: Option<&str>) -> Result<bool, Error> {
    let start = Instant::now();
    let was_up = process::running(lab, "kube-apiserver").is_some();
    let mut run = Run::new(lab);
    if filter.is_none() {
        without_lab(&mut run);
    }
    let wanted = Wanted {
        hosts: 2,
        operator: true,
    };
    let is_up = up(lab, wanted);
    run.record("lab up", is_up.as_ref().err());
    if is_up.is_ok() {
        with_lab(&mut run, filter);
    }
    if !was_up {
        let gone = down(lab);
        run.record("lab down", gone.as_ref().err());
    }
    println!("\nall checks: {}", seconds(start.elapsed()));
    Ok(run.totals())
}

fn without_lab(run: &mut Run<'_>) {
    run.cargo("format", &["fmt", "--all", "--check"]);
    let lints = [
        "clippy",
        "-q",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    run.cargo("lints", &lints);
    run.cargo("generated definitions", &["crdgen", "--check"]);
    run.cargo("generated protocol", &["xdrgen", "--check"]);
    for package in ["drover-core", "drover-rpc-proto"] {
        run.check(&format!("{package} can do no I/O"), |lab| {
            pure::check(lab, package)
        });
    }
    run.cargo_tests(
        "unit tests",
        &["test", "-q", "--workspace", "--no-fail-fast"],
        &[],
    );
    // Millions of states, which takes optimised code.
    run.cargo_tests(
        "model of the core",
        &[
            "test",
            "-q",
            "--release",
            "-p",
            "drover-core",
            "--test",
            "model",
            "--",
            "--ignored",
            "--nocapture",
        ],
        &[],
    );
    client::without_lab(run);
    fuzz::all(run);
}

const IGNORED: [&str; 3] = ["--", "--ignored", "--test-threads=1"];

fn with_lab(run: &mut Run<'_>, filter: Option<&str>) {
    if filter.is_none() {
        client::with_lab(run);
    }
    let words: Vec<&str> = IGNORED.iter().copied().chain(filter).collect();
    let program = ["test", "-p", "drover-e2e", "--test", "e2e"];
    run.cargo_tests("end to end", &[&program[..], &words].concat(), &[]);
}
