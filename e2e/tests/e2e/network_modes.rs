//! Networks of every mode: what both versions of libvirt take, and what they make of it.

use drover_e2e::hosts;

use crate::support::files::Files;
use crate::support::{Guest, World, message, ready, reason};

const HOSTS: [&str; 2] = ["host1", "host2"];
const GOOD: &str = include_str!("../good-input/networks.yaml");

// Those of the good input under names of the test's, with addresses that nobody has.
fn networks() -> Vec<String> {
    let all = GOOD.split("---\n").map(|text| {
        let text = text.replace("name: good-", "name: e2e-mode-");
        let selector = text.lines().filter(|line| !line.contains("hostSelector"));
        let text: String = selector.map(|line| format!("{line}\n")).collect();
        text.replace("192.168.150.", "192.168.170.")
            .replace("fd00:150:", "fd00:170:")
    });
    all.filter(|text| !text.contains("Observe")).collect()
}

fn name(text: &str) -> String {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("name: "));
    line.unwrap().to_owned()
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn each_definition_obeys_the_schema_of_both() {
    let files = Files::new("e2e-network-modes");
    let world = &files.world;
    files.write("networks.yaml", &networks().join("---\n"));
    let mut taken = 0;
    for definition in files.rendered().trim_end().split("\n\n") {
        let xml = definition.lines().filter(|line| !line.starts_with('#'));
        let xml = xml.collect::<Vec<_>>().join("\n");
        for name in HOSTS {
            let host = world.host(name);
            let file = host.root(&world.lab).join("root/network.xml");
            std::fs::write(&file, &xml).unwrap();
            let words = ["net-define", "--validate", "/root/network.xml"];
            let said = hosts::virsh(&world.lab, &host, &words);
            match said {
                Ok(_) => taken += 1,
                // The lab has no such hardware; what is looked for has been understood.
                Err(error) => {
                    let said = error.to_string();
                    assert!(
                        said.contains("is not an SR-IOV Virtual Function"),
                        "{name}: {said}"
                    );
                    continue;
                }
            }
            let start = xml.split("<uuid>").nth(1).unwrap();
            world.virsh(name, &["net-undefine", start.split('<').next().unwrap()]);
        }
    }
    assert_eq!(taken, (networks().len() - 1) * HOSTS.len());
    std::fs::remove_dir_all(&files.folder).unwrap();
}

// Stands in for what an administrator has made.
fn device(world: &World, name: &str, verb: &str) {
    for host in HOSTS {
        let kind = if verb == "add" { " type bridge" } else { "" };
        world.shell(host, &format!("ip link {verb} {name}{kind}"));
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_libvirt_adds_is_no_difference() {
    let world = World::new();
    let devices = ["br0", "ovsbr0", "eth1", "eth2"];
    for name in devices {
        device(&world, name, "add");
    }
    // The lab's kernel has no queues for the bandwidth of a bridge, and its hosts no virtual functions.
    let bandwidth = |line: &&str| !line.starts_with("  bandwidth:");
    let run: Vec<String> = networks()
        .iter()
        .filter(|text| !text.contains("HostDev"))
        .map(|text| {
            text.lines()
                .filter(bandwidth)
                .collect::<Vec<_>>()
                .join("\n")
                + "\n"
        })
        .collect();
    world.apply(&run.join("---\n"));
    for text in &run {
        let name = name(text);
        let network = world.wait(("networks", "", &name), "as declared", |network| {
            ready(network) && reason(network) == "Realized"
        });
        println!("{name}: {}", message(&network));
        assert_eq!(message(&network), "as declared on 2 of 2 hosts", "{name}");
    }
    // It stays so when all is looked at anew.
    let full = "e2e-mode-full";
    let before = world.virsh("host2", &["net-dumpxml", full]);
    let edited = run
        .join("---\n")
        .replace("value: the lab", "value: another lab");
    world.apply(&edited);
    let has = || {
        world
            .virsh("host2", &["net-dumpxml", full])
            .contains("another lab")
    };
    world.wait_for("the record is changed", has);
    let bridge = |xml: &str| {
        let mut lines = xml.lines().filter(|line| line.contains("<mac address"));
        lines.next().map(str::to_owned)
    };
    assert_eq!(
        bridge(&before),
        bridge(&world.virsh("host2", &["net-dumpxml", full]))
    );
    world.delete(&edited);
    for name in devices {
        device(&world, name, "del");
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_a_host_lacks_is_said() {
    let world = World::new();
    let text = "apiVersion: drover.dev/v1alpha1
kind: Network
metadata: {name: e2e-lacks}
spec: {mode: Bridge, bridge: {name: br-none}, hostSelector: {matchLabels: {suite: bookworm}}}
---
apiVersion: drover.dev/v1alpha1
kind: Network
metadata: {name: e2e-taken}
spec: {mode: NAT, subnets: [{cidr: 10.77.0.0/24}]}
";
    world.apply(text);
    let lacks = |name, words: &str| {
        let network = world.wait(("networks", "", name), "told of", |network| {
            reason(network) == "NotRealized" && message(network).contains(words)
        });
        println!("{}", message(&network));
    };
    lacks("e2e-lacks", "there is no device br-none on the host");
    // The hosts have a route there already.
    lacks("e2e-taken", "already in use by interface");
    world.delete(text);
}

// A machine with the small guest in it, which asks for an address as soon as it is up.
fn booting(world: &World, name: &str, interface: &str) -> Guest {
    let guest = Guest::booting(&world.lab, "e2e-vlans", name).on("host2");
    guest.more(&format!("interfaces: [{interface}]"))
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn vlans_run_on_open_vswitch() {
    let world = World::new();
    world.space("e2e-vlans");
    world.shell("host2", "/lab-ovs ovs-vlans");
    let network = "apiVersion: drover.dev/v1alpha1
kind: Network
metadata: {name: e2e-vlans}
spec:
  mode: OVS
  hostSelector: {matchLabels: {suite: trixie}}
  bridge: {name: ovs-vlans}
  portGroups:
  - {name: web, default: true, vlan: {tags: [42]}}
  - {name: trunk, vlan: {tags: [42, 47], trunk: true}}
";
    world.apply(network);
    let eth0 = |group: &str| format!("{{name: eth0, network: e2e-vlans{group}}}");
    let guests = [
        booting(&world, "web", &eth0("")),
        booting(&world, "trunk", &eth0(", portGroup: trunk")),
    ];
    for guest in &guests {
        world.apply(&guest.yaml());
    }
    let mac = |name: &str| {
        world.is_running("e2e-vlans", name);
        let machine = world.machine("e2e-vlans", name).unwrap();
        let mac = machine["status"]["interfaces"][0]["mac"].as_str();
        mac.unwrap().to_owned()
    };
    let (web, _) = (mac("web"), mac("trunk"));
    let ports = world.shell("host2", "ovs-vsctl --columns=name,tag,trunks list port");
    println!("{ports}");
    assert!(ports.contains(": 42\n"), "an access port of VLAN 42");
    assert!(ports.contains("[42, 47]"), "a trunk");
    // What the guest sends is of its VLAN on the bridge.
    world.wait_for("the bridge has learned where VLAN 42 is", || {
        let learned = world.shell("host2", "ovs-appctl fdb/show ovs-vlans");
        let mut lines = learned.lines();
        lines.any(|line| line.contains(&web) && line.split_whitespace().nth(1) == Some("42"))
    });
    world.remove_space("e2e-vlans");
    world.delete(network);
    world.shell("host2", "ovs-vsctl del-br ovs-vlans");
}
