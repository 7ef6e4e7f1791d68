//! Everything that can go away goes away and comes back: afterwards there is one domain for each
//! machine, in the right state, and nothing left over.

use std::process::Command;
use std::time::{Duration, Instant};

use drover_e2e::command::run;
use drover_e2e::hosts::{self, power};
use drover_e2e::{control_plane, operator, process};
use nix::sys::signal::Signal;

use crate::support::objects::condition;
use crate::support::{Guest, World, ready, reason, state};

const SPACE: &str = "e2e-faults";

fn guest(world: &World, name: &str, host: &str) -> Guest {
    world.space(SPACE);
    let guest = Guest::new(SPACE, name).on(host).blank("data", "first");
    world.apply(&guest.yaml());
    world.machine_is(SPACE, name, "ready", ready);
    guest
}

fn one_domain(world: &World, guest: &Guest, host: &str) {
    let all = world.domains(&format!("{SPACE}_"));
    assert_eq!(all, [(host.to_owned(), guest.domain())]);
}

fn unreachable(world: &World, host: &str) {
    let start = Instant::now();
    world.wait(("hosts", "", host), "HostUnreachable", |host| {
        reason(host) == "HostUnreachable"
    });
    println!("HostUnreachable after {:?}", start.elapsed());
}

fn connected(world: &World, host: &str) {
    world.wait(("hosts", "", host), "Connected", |host| {
        reason(host) == "Connected"
    });
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_operator_is_killed() {
    let world = World::new();
    let guest = guest(&world, "operator", "host1");
    let id = world.domain_id("host1", &guest.domain());
    operator::kill(&world.lab).unwrap();
    assert_eq!(world.domain_id("host1", &guest.domain()), id);
    // What happens meanwhile is found by looking.
    world.virsh("host1", &["destroy", &guest.domain()]);
    operator::start(&world.lab).unwrap();
    world.wait_for("it runs again", || {
        world.domain_id("host1", &guest.domain()) != "-"
    });
    world.machine_is(SPACE, "operator", "ready", ready);
    one_domain(&world, &guest, "host1");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_was_decided_under_another_lead_comes_too_late() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&Guest::new(SPACE, "waits").on("nowhere").yaml());
    world.machine_is(SPACE, "waits", "Unschedulable", |machine| {
        reason(machine) == "Unschedulable"
    });
    operator::kill(&world.lab).unwrap();
    let decided_on = world.machine(SPACE, "waits").unwrap();
    operator::start(&world.lab).unwrap();
    world.machine_is(SPACE, "waits", "written anew", |machine| {
        machine["status"]["epoch"] == 1
    });
    let version = decided_on["metadata"]["resourceVersion"].as_str().unwrap();
    let placed = format!(
        r#"{{"metadata": {{"resourceVersion": "{version}"}}, "status": {{"host": "host1"}}}}"#
    );
    let patch = ["patch", "vm/waits", "-n", SPACE, "--subresource=status"];
    let words = [&patch[..], &["--type=merge", "-p", &placed]].concat();
    let error = world.try_kubectl(&words, "").unwrap_err();
    assert!(error.contains("Conflict"), "{error}");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn libvirtd_is_killed() {
    let world = World::new();
    for name in ["host1", "host2"] {
        let guest = guest(&world, "daemon", name);
        let (host, id) = (world.host(name), world.domain_id(name, &guest.domain()));
        hosts::kill_libvirtd(&world.lab, &host).unwrap();
        unreachable(&world, name);
        let machine = world.machine_is(SPACE, "daemon", "HostUnreachable", |machine| {
            reason(machine) == "HostUnreachable"
        });
        let ready_now = condition(&machine, "Ready").unwrap();
        assert_eq!(ready_now["status"], "Unknown");
        hosts::start_libvirtd(&world.lab, &host).unwrap();
        connected(&world, name);
        world.machine_is(SPACE, "daemon", "ready", ready);
        assert_eq!(world.domain_id(name, &guest.domain()), id, "it ran on");
        one_domain(&world, &guest, name);
        world.remove_space(SPACE);
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_host_loses_its_power() {
    let world = World::new();
    let guest = guest(&world, "power", "host2");
    let host = world.host("host2");
    power::off(&world.lab, &host).unwrap();
    unreachable(&world, "host2");
    world.machine_is(SPACE, "power", "HostUnreachable", |machine| {
        reason(machine) == "HostUnreachable"
    });
    // Nothing proves that it is off: the machine stays where it is.
    assert!(
        world
            .virsh("host1", &["list", "--all", "--name"])
            .lines()
            .all(|line| line != guest.domain())
    );
    // A kernel that starts knows no links of its last run.
    let within = |words: &[&str]| {
        let mut ip = Command::new("ip");
        run(ip.args(["-n", &host.namespace()]).args(words)).unwrap()
    };
    within(&["link", "add", "left", "type", "bridge"]);
    power::on(&world.lab, &host).unwrap();
    assert!(!within(&["-o", "link"]).contains("left"));
    connected(&world, "host2");
    world.machine_is(SPACE, "power", "Running", |machine| {
        ready(machine) && state(machine) == "Running"
    });
    assert_ne!(world.domain_id("host2", &guest.domain()), "-");
    one_domain(&world, &guest, "host2");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_api_server_restarts() {
    let world = World::new();
    let guest = guest(&world, "api", "host1");
    let id = world.domain_id("host1", &guest.domain());
    process::stop(&world.lab, "kube-apiserver", Signal::SIGKILL).unwrap();
    control_plane::start_api_server(&world.lab).unwrap();
    assert_eq!(world.domain_id("host1", &guest.domain()), id);
    world.virsh("host1", &["destroy", &guest.domain()]);
    world.wait_for("it runs again", || {
        let now = world.domain_id("host1", &guest.domain());
        now != id && now != "-"
    });
    world.apply(&guest.clone().strategy("Halted").yaml());
    world.machine_is(SPACE, "api", "Halted", |machine| {
        ready(machine) && reason(machine) == "Halted"
    });
    one_domain(&world, &guest, "host1");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn an_import_is_interrupted() {
    let world = World::new();
    world.space(SPACE);
    let sum = drover_e2e::guest::checksum(&drover_e2e::guest::image(&world.lab).unwrap()).unwrap();
    let volume = format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: slow, namespace: {SPACE}}}
spec:
  pool: first
  host: host1
  capacity: 64Mi
  format: qcow2
  reclaimPolicy: Delete
  source: {{http: {{url: \"http://10.77.0.1:8088/slow/guest.qcow2\", checksum: \"sha256:{sum}\"}}}}
"
    );
    world.apply(&volume);
    let has = |end: &str| {
        let name = format!("{SPACE}_slow{end}");
        world.pool_files("host1").contains(&name)
    };
    world.wait_for("its data is being written", || has(""));
    operator::kill(&world.lab).unwrap();
    assert!(!has(".ready"), "it was not whole");
    operator::start(&world.lab).unwrap();
    world.wait(("volumes", SPACE, "slow"), "ready", ready);
    assert!(has("") && has(".owner") && has(".ready"));
    let path = format!("/var/lib/libvirt/drover-first/{SPACE}_slow");
    let host = world.host("host1");
    let words = ["qemu-img", "check", path.as_str()];
    hosts::run_in(&world.lab, &host, &words).unwrap();
    world.remove_space(SPACE);
    let left = world.pool_files("host1");
    assert!(!left.iter().any(|file| file.contains(SPACE)), "{left:?}");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_host_stands_still() {
    let world = World::new();
    let guest = guest(&world, "frozen", "host2");
    let (host, id) = (
        world.host("host2"),
        world.domain_id("host2", &guest.domain()),
    );
    power::freeze(&world.lab, &host);
    unreachable(&world, "host2");
    // The other host is none the worse.
    let other = Guest::new(SPACE, "other").on("host1");
    world.apply(&other.yaml());
    world.wait_for("the other host does its work", || {
        world
            .virsh("host1", &["list", "--name"])
            .contains(&other.domain())
    });
    power::thaw(&world.lab, &host);
    connected(&world, "host2");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(world.domain_id("host2", &guest.domain()), id);
    world.machine_is(SPACE, "frozen", "ready", ready);
    world.machine_is(SPACE, "other", "ready", ready);
    world.remove_space(SPACE);
}
