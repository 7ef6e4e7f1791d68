//! `lab test`: everything, in one order, with totals at the end.

mod pure;
mod run;

use std::time::Instant;

use crate::down::down;
use crate::error::Error;
use crate::hosts::Host;
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
    run.cargo_tests("unit tests", &["test", "-q", "--workspace"], &[]);
    let encoder = ["test", "-q", "-p", "drover-rpc", "--test", "c_encoder"];
    run.cargo_tests(
        "every type as rpcgen's C encodes it",
        &[&encoder[..], &["--", "--ignored"]].concat(),
        &[],
    );
}

/// The client moves a guest from the older host to the newer one.
fn migration(run: &mut Run<'_>, ignored: &[&str]) {
    let address = |number| Host::standard(number).address();
    let from = format!("qemu+tcp://{}/system", address(1));
    let to = format!("qemu+tcp://{}/system", address(2));
    let there = address(2).to_string();
    let words = ["test", "-q", "-p", "drover-rpc", "--test", "migration"];
    let environment = [
        ("DROVER_TEST_MIGRATE_FROM", from.as_str()),
        ("DROVER_TEST_MIGRATE_TO", to.as_str()),
        ("DROVER_TEST_MIGRATE_ADDRESS", there.as_str()),
    ];
    run.cargo_tests(
        "a real migration",
        &[&words[..], ignored].concat(),
        &environment,
    );
}

fn with_lab(run: &mut Run<'_>, filter: Option<&str>) {
    let ignored = ["--", "--ignored", "--test-threads=1"];
    if filter.is_none() {
        let second = Host::standard(2).address();
        let uri = format!("test+tcp://{second}:16509/default");
        let rpc = ["test", "-q", "-p", "drover-rpc", "--test", "libvirtd"];
        let environment = [("DROVER_TEST_LIBVIRT_URI", uri.as_str())];
        run.cargo_tests(
            "a real libvirtd",
            &[&rpc[..], &ignored].concat(),
            &environment,
        );
        migration(run, &ignored);
        if run.has("operator/tests/hosts_qemu.rs") {
            let hosts = ["test", "-q", "-p", "drover", "--test", "hosts_qemu"];
            run.cargo_tests("real hosts", &[&hosts[..], &ignored].concat(), &[]);
        }
    }
    let whole = ["test", "-q", "-p", "drover-e2e", "--test", "e2e"];
    let mut words = [&whole[..], &ignored].concat();
    words.extend(filter);
    run.cargo_tests("end to end", &words, &[]);
}
