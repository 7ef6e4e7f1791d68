//! `lab test`: everything, in one order, with totals at the end.

mod fuzz;
mod named_tests;
mod pure;
mod run;

use std::time::Instant;

use crate::down::down;
use crate::error::Error;
use crate::hosts::{Host, power};
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
    let name = "every type as rpcgen's C encodes it";
    client(run, name, "c_encoder", &[]);
    compiler(run, "every protocol file compiles", "every_file");
    compiler(run, "plain ONC RPC: rpcbind, rpcgen's C", "onc");
    fuzz::all(run);
}

const IGNORED: [&str; 3] = ["--", "--ignored", "--test-threads=1"];

/// The protocol compiler's tests that need more than a plain `cargo test` has.
fn compiler(run: &mut Run<'_>, name: &str, program: &str) {
    let program = ["test", "-q", "-p", "drover-xdrgen", "--test", program];
    run.cargo_tests(name, &[&program[..], &IGNORED].concat(), &[]);
}

/// The client's tests that need more than a plain `cargo test` has.
fn client(run: &mut Run<'_>, name: &str, program: &str, environment: &[(&str, &str)]) {
    let program = ["test", "-q", "-p", "drover-rpc", "--test", program];
    run.cargo_tests(name, &[&program[..], &IGNORED].concat(), environment);
}

/// The client moves a guest from the older host to the newer one.
fn migration(run: &mut Run<'_>) {
    let [from, to] = [1, 2].map(Host::standard);
    let environment = [
        ("DROVER_TEST_MIGRATE_FROM", from.uri()),
        ("DROVER_TEST_MIGRATE_TO", to.uri()),
        ("DROVER_TEST_MIGRATE_ADDRESS", to.address()),
    ];
    let environment = environment
        .each_ref()
        .map(|(key, uri)| (*key, uri.as_str()));
    client(run, "a real migration", "migration", &environment);
}

/// The unix sockets of both hosts, which are reached through a process inside.
fn unix_sockets(run: &mut Run<'_>) {
    for host in [1, 2].map(Host::standard) {
        let name = format!("the unix socket of {}", host.name);
        let Some(init) = power::init(run.lab(), &host) else {
            run.record(&name, Some(&Error::Refused("the host is off".to_owned())));
            continue;
        };
        let socket = format!("/proc/{init}/root/run/libvirt/libvirt-sock");
        let uri = format!("qemu+unix:///system?socket={socket}");
        let environment = [("DROVER_TEST_UNIX_URI", uri.as_str())];
        client(run, &name, "unix", &environment);
    }
}

/// The client comes in by all ways that a host has.
fn access(run: &mut Run<'_>, host: &Host) {
    let root = power::init(run.lab(), host).map(|init| format!("/proc/{init}/root"));
    let environment = [
        ("DROVER_TEST_HOST", host.address()),
        ("DROVER_TEST_HOST_ROOT", root.unwrap_or_default()),
    ];
    let environment = environment
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    client(
        run,
        &format!("all ways into {}", host.name),
        "access",
        &environment,
    );
}

fn with_lab(run: &mut Run<'_>, filter: Option<&str>) {
    if filter.is_none() {
        let uris =
            [1, 2].map(|host| format!("test+tcp://{}/default", Host::standard(host).listen()));
        let [older, newer] = &uris;
        let environment = [("DROVER_TEST_LIBVIRT_URI", newer.as_str())];
        client(run, "a real libvirtd", "libvirtd", &environment);
        for (name, uri) in [("the older", older), ("the newer", newer)] {
            let name = format!("libvirt-python beside it, on {name} libvirtd");
            let environment = [("DROVER_TEST_LIBVIRT_URI", uri.as_str())];
            client(run, &name, "differential", &environment);
        }
        for number in [1, 2] {
            access(run, &Host::standard(number));
        }
        migration(run);
        unix_sockets(run);
    }
    let words: Vec<&str> = IGNORED.iter().copied().chain(filter).collect();
    let program = ["test", "-q", "-p", "drover-e2e", "--test", "e2e"];
    run.cargo_tests("end to end", &[&program[..], &words].concat(), &[]);
}
