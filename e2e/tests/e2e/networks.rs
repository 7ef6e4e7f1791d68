//! Networks that give machines their addresses, and that are changed while machines are in them.

use drover_e2e::hosts::power;
use drover_e2e::objects;
use serde_json::Value;

use crate::support::files::{Files, HOST};
use crate::support::{Guest, World, message, ready, reason};

const SPACE: &str = "e2e-nets";
const HOSTS: [&str; 2] = ["host1", "host2"];

fn network(name: &str, cidr: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: Network
metadata: {{name: {name}}}
spec: {{mode: NAT, subnets: [{{cidr: {cidr}, dhcp: {{}}}}]}}
"
    )
}

fn guest(name: &str, network: &str, ip: Option<&str>) -> Guest {
    let ip = ip.map_or(String::new(), |ip| format!(", ipAddress: {ip}"));
    let nic = format!("interfaces: [{{name: eth0, network: {network}{ip}}}]");
    Guest::new(SPACE, name).more(&nic)
}

// The definition that a network runs by, and that of its next start.
fn xml(world: &World, host: &str, network: &str) -> String {
    let live = world.virsh(host, &["net-dumpxml", network]);
    live + &world.virsh(host, &["net-dumpxml", "--inactive", network])
}

fn keeps(world: &World, host: &str, network: &str, ip: &str) -> usize {
    let words = format!("ip='{ip}'/>");
    xml(world, host, network).matches(&words).count()
}

// What another process or another bridge would have otherwise.
fn identity(world: &World, host: &str, network: &str) -> String {
    let bridge = world.virsh(host, &["net-info", network]);
    let bridge = bridge.lines().find_map(|line| line.strip_prefix("Bridge:"));
    let bridge = bridge.unwrap().trim().to_owned();
    let words =
        format!("cat /run/libvirt/network/{network}.pid; cat /sys/class/net/{bridge}/ifindex");
    bridge + " " + &world.shell(host, &words)
}

fn network_is(world: &World, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    world.wait(("networks", "", name), what, is)
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_example_gives_each_machine_its_address() {
    let world = World::new();
    let folder = objects::example(&world.lab, "networks").unwrap();
    let folder = folder.display().to_string();
    world.kubectl(&["apply", "--server-side", "-f", &folder]);
    for (name, ip) in [("web", "192.168.160.20"), ("db", "192.168.160.21")] {
        let machine = world.machine_is("nets", name, "running with its address", |machine| {
            ready(machine) && machine["status"]["interfaces"][0]["ips"][0] == ip
        });
        let host = world.host(machine["status"]["host"].as_str().unwrap());
        let console = host.console(&world.lab, &format!("nets_{name}"));
        println!(
            "{}",
            objects::line_on(&console, &format!("eth0 has {ip}")).unwrap()
        );
        for host in HOSTS {
            assert_eq!(keeps(&world, host, "nets", ip), 2, "{host} {name}");
        }
    }
    let list = world.kubectl(&["get", "vm", "-n", "nets", "-o", "wide"]);
    println!("{list}");
    assert!(list.contains("192.168.160.20") && list.contains("192.168.160.21"));
    leases(&world);
    world.kubectl(&["delete", "--timeout=180s", "-f", &folder]);
    for host in HOSTS {
        let left = world.virsh(host, &["net-list", "--all", "--name"]);
        assert!(
            !left.lines().any(|name| name.trim() == "nets"),
            "{host}: {left}"
        );
    }
}

// Of the cluster's hosts, in each form.
fn leases(world: &World) {
    let drover = |words: &[&str]| {
        let mut command = std::process::Command::new(world.lab.built("drover"));
        command.args(["net", "leases"]).args(words);
        let output = command
            .arg("--kubeconfig")
            .arg(world.lab.kubeconfig())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success());
        text
    };
    let table = drover(&["nets"]);
    let line = table
        .lines()
        .find(|line| line.contains("nets/web"))
        .unwrap();
    assert!(
        line.starts_with("nets ") && line.contains("192.168.160.20"),
        "{line}"
    );
    assert!(!table.contains("demo/first"), "only what was named");
    let all: Value = serde_json::from_str(&drover(&["-o", "json"])).unwrap();
    let of = |machine: &str| {
        let mut leases = all["leases"].as_array().unwrap().iter();
        leases
            .find(|lease| lease["machine"] == machine)
            .cloned()
            .unwrap()
    };
    assert_eq!(of("nets/db")["ip"], "192.168.160.21");
    assert_eq!(of("demo/first")["network"], "first");
    assert!(drover(&["-o", "yaml"]).contains("machine: nets/db"));
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn an_address_is_kept_while_the_network_runs() {
    let world = World::new();
    world.space(SPACE);
    let lan = network("e2e-kept", "192.168.161.0/24");
    world.apply(&lan);
    world.apply(&guest("a", "e2e-kept", None).yaml());
    world.is_running(SPACE, "a");
    // Its first address starts the DHCP server, which has had nothing to give.
    world.apply(&guest("b", "e2e-kept", Some("192.168.161.7")).yaml());
    world.is_running(SPACE, "b");
    let before = HOSTS.map(|host| identity(&world, host, "e2e-kept"));
    world.apply(&guest("c", "e2e-kept", Some("192.168.161.8")).yaml());
    world.apply(&guest("d", "e2e-kept", Some("192.168.161.7")).yaml());
    world.is_running(SPACE, "c");
    let refused = world.machine_is(SPACE, "d", "refused", |it| reason(it) == "InvalidSpec");
    assert_eq!(
        message(&refused),
        "spec.interfaces[eth0].ipAddress: must be nobody else's in Network e2e-kept: e2e-nets/b has it, \
         got \"192.168.161.7\""
    );
    assert!(
        refused["status"]["state"].is_null(),
        "it is not even defined"
    );
    let outside = guest("e", "e2e-kept", Some("192.168.162.7"));
    world.apply(&outside.yaml());
    let refused = world.machine_is(SPACE, "e", "refused", |it| reason(it) == "InvalidSpec");
    assert!(
        message(&refused).contains("must be in a subnet of Network e2e-kept: 192.168.161.0/24")
    );
    world.delete(&outside.yaml());
    for host in HOSTS {
        for ip in ["192.168.161.7", "192.168.161.8"] {
            assert_eq!(keeps(&world, host, "e2e-kept", ip), 2, "{host} {ip}");
        }
    }
    // What one leaves the next one has.
    world.delete(&guest("b", "e2e-kept", None).yaml());
    world.is_running(SPACE, "d");
    world.delete(&guest("c", "e2e-kept", None).yaml());
    for host in HOSTS {
        let gone = || keeps(&world, host, "e2e-kept", "192.168.161.8") == 0;
        world.wait_for("the address is free", gone);
        assert_eq!(keeps(&world, host, "e2e-kept", "192.168.161.7"), 2);
    }
    assert_eq!(HOSTS.map(|host| identity(&world, host, "e2e-kept")), before);
    world.remove_space(SPACE);
    world.delete(&lan);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_host_that_is_away_holds_nobody_up() {
    let world = World::new();
    world.space(SPACE);
    let lan = network("e2e-away", "192.168.166.0/24");
    world.apply(&lan);
    network_is(&world, "e2e-away", "as declared", ready);
    power::off(&world.lab, &world.host("host1")).unwrap();
    let guest = guest("here", "e2e-away", Some("192.168.166.7")).on("host2");
    world.apply(&guest.yaml());
    world.is_running(SPACE, "here");
    assert_eq!(keeps(&world, "host2", "e2e-away", "192.168.166.7"), 2);
    power::on(&world.lab, &world.host("host1")).unwrap();
    let there = || {
        let active = world.virsh("host1", &["net-list", "--name"]);
        active.contains("e2e-away") && keeps(&world, "host1", "e2e-away", "192.168.166.7") == 2
    };
    world.wait_for("the host has caught up", there);
    world.remove_space(SPACE);
    world.delete(&lan);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_restart_names_whom_it_would_cut_off_and_waits() {
    let world = World::new();
    world.space(SPACE);
    let host = "host2";
    let lan = network("e2e-moves", "192.168.163.0/24");
    let guest = guest("stays", "e2e-moves", None).on(host);
    world.apply(&lan);
    world.apply(&guest.yaml());
    world.is_running(SPACE, "stays");
    let before = (
        identity(&world, host, "e2e-moves"),
        world.domain_id(host, &guest.domain()),
    );
    let moved = network("e2e-moves", "192.168.164.0/24");
    world.apply(&moved);
    let waiting = network_is(&world, "e2e-moves", "waiting", |it| {
        reason(it) == "RestartRequired"
    });
    println!("{}", message(&waiting));
    assert!(ready(&waiting) && message(&waiting).contains("would cut off e2e-nets/stays"));
    assert!(message(&waiting).contains("192.168.163.1/24 -> 192.168.164.1/24"));
    let after = (
        identity(&world, host, "e2e-moves"),
        world.domain_id(host, &guest.domain()),
    );
    assert_eq!(after, before, "nothing was cut off");
    // Nobody is in it on the other host.
    assert!(
        world
            .virsh("host1", &["net-dumpxml", "e2e-moves"])
            .contains("192.168.164.1")
    );
    world.delete(&guest.yaml());
    network_is(&world, "e2e-moves", "as declared", |it| {
        reason(it) == "Realized" && ready(it)
    });
    assert!(
        world
            .virsh(host, &["net-dumpxml", "e2e-moves"])
            .contains("192.168.164.1")
    );
    world.remove_space(SPACE);
    world.delete(&moved);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn without_a_cluster_it_is_the_same() {
    let files = Files::new("e2e-files-nets");
    let world = &files.world;
    let lan = network("e2e-files-nets", "192.168.165.0/24");
    let asks = |name: &str, ip: &str| guest(name, "e2e-files-nets", Some(ip)).yaml();
    files.write("network.yaml", &lan);
    files.write("a.yaml", &asks("files-a", "192.168.165.7"));
    files.says(0, "apply", &["--yes"], &["Running: it runs as declared"]);
    files.says(0, "plan", &[], &["Everything is as declared: 2 objects."]);
    assert_eq!(keeps(world, HOST, "e2e-files-nets", "192.168.165.7"), 2);
    let before = identity(world, HOST, "e2e-files-nets");
    files.write("b.yaml", &asks("files-b", "192.168.165.8"));
    files.says(2, "plan", &[], &["~ Network e2e-files-nets"]);
    files.says(0, "apply", &["--yes"], &["Running: it runs as declared"]);
    assert_eq!(keeps(world, HOST, "e2e-files-nets", "192.168.165.8"), 2);
    // Only part of it is said: the machine that runs has its address still.
    std::fs::remove_file(files.folder.join("b.yaml")).unwrap();
    files.says(0, "plan", &[], &["Everything is as declared: 2 objects."]);
    files.write("b.yaml", &asks("files-b", "192.168.165.7"));
    files.says(
        1,
        "apply",
        &["--yes"],
        &["must be nobody else's in Network e2e-files-nets"],
    );
    files.write("b.yaml", &asks("files-b", "192.168.165.8"));
    assert_eq!(identity(world, HOST, "e2e-files-nets"), before);
    files.says(0, "delete", &["--yes"], &["gone"]);
    std::fs::remove_dir_all(&files.folder).unwrap();
}
