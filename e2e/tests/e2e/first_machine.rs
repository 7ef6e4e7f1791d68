//! The example that the README leads to.

use drover_e2e::objects;

use crate::support::{World, ready, reason, state};

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_example_runs_and_its_guest_says_so() {
    let world = World::new();
    let words = [
        "wait",
        "--for=condition=Ready",
        "--timeout=60s",
        "-n",
        "demo",
        "vm/first",
    ];
    assert!(world.kubectl(&words).contains("condition met"));
    let line = objects::first_line(&world.lab).unwrap();
    println!("{line}");
    assert!(line.contains("drover-guest: up"));
    let machine = world.machine_is("demo", "first", "with an address", |machine| {
        machine["status"]["interfaces"][0]["ips"][0]
            .as_str()
            .is_some_and(|ip| ip.starts_with("192.168.150."))
    });
    assert!(ready(&machine) && reason(&machine) == "Running" && state(&machine) == "Running");
    let host = machine["status"]["host"].as_str().unwrap();
    let xml = world.virsh(host, &["dumpxml", "demo_first"]);
    for words in [
        "https://drover.dev/ns/v1",
        "fleet=\"lab\"",
        "namespace=\"demo\"",
        "name=\"first\"",
        "epoch=\"1\"",
        "<backingStore/>",
    ] {
        assert!(xml.replace('\'', "\"").contains(words), "{words}: {xml}");
    }
    let info = world.virsh(host, &["dominfo", "demo_first"]);
    let autostart = info.lines().find(|line| line.starts_with("Autostart"));
    assert!(
        autostart.is_some_and(|line| line.ends_with("disable")),
        "{info}"
    );
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn lists_read_well() {
    let world = World::new();
    let list = world.kubectl(&["get", "vm,vhost,vpool,vnet,vvol", "-A"]);
    println!("{list}");
    for words in [
        "virtualmachine.drover.dev/first",
        "host.drover.dev/host1",
        "host.drover.dev/host2",
        "storagepool.drover.dev/first",
        "network.drover.dev/first",
        "volume.drover.dev/first-root",
        "Connected",
        "Realized",
        "Available",
        "Running",
    ] {
        assert!(list.contains(words), "{words}: {list}");
    }
    let names = world.kubectl(&["get", "drover", "-A", "-o", "name"]);
    assert!(names.contains("virtualmachine.drover.dev/first"), "{names}");
}
