//! The example is deleted in one go: the hosts are as they were before.

use crate::support::World;

/// What a host has of domains, pools, networks and files.
fn inventory(world: &World, host: &str) -> String {
    let lists: [&[&str]; 3] = [
        &["list", "--all", "--name"],
        &["pool-list", "--all", "--name"],
        &["net-list", "--all", "--name"],
    ];
    let mut all: Vec<_> = lists.iter().map(|words| world.virsh(host, words)).collect();
    let root = world.host(host).root(&world.lab);
    let entries = std::fs::read_dir(root.join("var/lib/libvirt")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    all.push(files.join("\n"));
    all.join("\n")
}

fn gone(world: &World) {
    for host in ["host1", "host2"] {
        let left = inventory(world, host);
        assert!(!left.contains("first"), "{host}: {left}");
    }
    for kind in ["virtualmachines", "volumes", "storagepools", "networks"] {
        let left = world.kubectl(&["get", kind, "-A", "-o", "name"]);
        assert!(!left.contains("first"), "{left}");
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_folder_is_deleted_in_one_go() {
    let world = World::new();
    let folder = world.lab.state().join("first-machine");
    let folder = folder.display().to_string();
    world.kubectl(&["delete", "--timeout=120s", "-f", &folder]);
    gone(&world);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_others_need_is_deleted_first_and_waits() {
    let world = World::new();
    let delete = |what: &str| world.kubectl(&["delete", what, "--wait=false"]);
    delete("vpool/first");
    delete("vnet/first");
    for object in [("storagepools", "", "first"), ("networks", "", "first")] {
        let found = world.wait(object, "in use", |object| {
            crate::support::message(object).contains("first")
        });
        println!("{}", crate::support::message(&found));
    }
    let machine = world.machine("demo", "first").unwrap();
    assert_eq!(crate::support::state(&machine), "Running");
    world.kubectl(&["delete", "namespace", "demo", "--timeout=120s"]);
    world.wait_for("pool and network are gone", || {
        let there = |kind| world.get(kind, "", "first").is_some();
        !there("storagepools") && !there("networks")
    });
    gone(&world);
}
