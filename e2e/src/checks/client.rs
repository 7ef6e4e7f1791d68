//! The client's and the protocol compiler's tests that need more than a plain `cargo test` has: packages
//! of the machine, or the lab's hosts.

use std::path::PathBuf;

use super::IGNORED;
use super::run::Run;
use crate::error::Error;
use crate::hosts::{Host, pki, power};

/// Those that need the machine's packages alone.
pub(super) fn without_lab(run: &mut Run<'_>) {
    client(run, "every type as rpcgen's C encodes it", "c_encoder", &[]);
    compiler(run, "every protocol file compiles", "every_file");
    compiler(run, "plain ONC RPC: rpcbind, rpcgen's C", "onc");
}

/// Those that need the lab's hosts.
pub(super) fn with_lab(run: &mut Run<'_>) {
    let hosts = [1, 2].map(Host::standard);
    let uris = hosts
        .each_ref()
        .map(|host| format!("test+tcp://{}/default", host.listen()));
    let [older, newer] = &uris;
    let environment = [("DROVER_TEST_LIBVIRT_URI", newer.as_str())];
    client(run, "a real libvirtd", "libvirtd", &environment);
    for (name, uri) in [("the older", older), ("the newer", newer)] {
        let name = format!("libvirt-python beside it, on {name} libvirtd");
        let environment = [("DROVER_TEST_LIBVIRT_URI", uri.as_str())];
        client(run, &name, "differential", &environment);
    }
    let certificates = pki::clients(run.lab());
    for host in &hosts {
        access(run, host, &certificates);
        unix_socket(run, host);
    }
    migration(run, &hosts);
}

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
fn migration(run: &mut Run<'_>, [from, to]: &[Host; 2]) {
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

/// The host's unix socket, which is reached through a process inside.
fn unix_socket(run: &mut Run<'_>, host: &Host) {
    let name = format!("the unix socket of {}", host.name);
    let Some(init) = power::init(run.lab(), host) else {
        run.record(&name, Some(&Error::Refused("the host is off".to_owned())));
        return;
    };
    let socket = format!("/proc/{init}/root/run/libvirt/libvirt-sock");
    let uri = format!("qemu+unix:///system?socket={socket}");
    let environment = [("DROVER_TEST_UNIX_URI", uri.as_str())];
    client(run, &name, "unix", &environment);
}

/// The client comes in by all ways that a host has.
fn access(run: &mut Run<'_>, host: &Host, certificates: &Result<PathBuf, Error>) {
    let root = power::init(run.lab(), host).map(|init| format!("/proc/{init}/root"));
    let name = format!("all ways into {}", host.name);
    let certificates = match certificates {
        Ok(folder) => folder.display().to_string(),
        Err(error) => return run.record(&name, Some(error)),
    };
    let environment = [
        ("DROVER_TEST_HOST", host.address()),
        ("DROVER_TEST_HOST_ROOT", root.unwrap_or_default()),
        ("DROVER_TEST_PKI", certificates),
    ];
    let environment = environment
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    client(run, &name, "access", &environment);
}
