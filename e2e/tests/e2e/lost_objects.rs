//! Objects that go without having been deleted by the way that cleans up after them.

use drover_e2e::operator;

use crate::support::objects::condition;
use crate::support::{Guest, World, message, ready, reason};

const SPACE: &str = "e2e-gone";

fn guest(world: &World, name: &str) -> (Guest, String) {
    world.space(SPACE);
    let guest = Guest::new(SPACE, name).on("host1").blank("data", "first");
    world.apply(&guest.yaml());
    world.machine_is(SPACE, name, "ready", ready);
    let id = world.domain_id("host1", &guest.domain());
    (guest, id)
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_finalizer_that_is_taken_away_leaves_an_orphan_that_is_named() {
    let world = World::new();
    let (guest, id) = guest(&world, "bare");
    // Its disk goes with its object otherwise, and is in use.
    let none = "{\"metadata\":{\"ownerReferences\":null}}";
    world.kubectl(&[
        "patch",
        "vvol",
        "bare-data",
        "-n",
        SPACE,
        "--type=merge",
        "-p",
        none,
    ]);
    // Nobody is there to clean up.
    operator::stop(&world.lab).unwrap();
    let none = "{\"metadata\":{\"finalizers\":null}}";
    world.kubectl(&[
        "patch",
        "vm",
        "bare",
        "-n",
        SPACE,
        "--type=merge",
        "-p",
        none,
    ]);
    world.kubectl(&["delete", "vm", "bare", "-n", SPACE]);
    operator::start(&world.lab).unwrap();
    let host = world.wait(("hosts", "", "host1"), "OrphanedDomains", |host| {
        condition(host, "OrphanedDomains").is_some()
    });
    println!("{}", condition(&host, "OrphanedDomains").unwrap());
    assert_eq!(world.domain_id("host1", &guest.domain()), id, "it runs on");
    world.apply(&guest.yaml());
    world.wait(("hosts", "", "host1"), "no orphan", |host| {
        condition(host, "OrphanedDomains").is_none()
    });
    assert_eq!(
        world.domain_id("host1", &guest.domain()),
        id,
        "it is taken up"
    );
    world.kubectl(&["delete", "vvol", "bare-data", "-n", SPACE, "--wait=false"]);
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_kind_that_is_taken_away_and_comes_again_destroys_nothing() {
    let world = World::new();
    let (guest, id) = guest(&world, "kept");
    let disks = world.pool_files("host1");
    world.kubectl(&[
        "delete",
        "crd",
        "virtualmachines.drover.dev",
        "--timeout=120s",
    ]);
    assert_eq!(world.domain_id("host1", &guest.domain()), id, "it runs on");
    drover_e2e::objects::definitions(&world.lab).unwrap();
    drover_e2e::objects::first_machine(&world.lab).unwrap();
    world.apply(&guest.yaml());
    let machine = world.machine_is(SPACE, "kept", "found again", |machine| {
        ready(machine) || reason(machine) == "NameConflict"
    });
    println!("{}: {}", reason(&machine), message(&machine));
    assert_eq!(world.domain_id("host1", &guest.domain()), id, "it runs on");
    assert_eq!(world.pool_files("host1"), disks);
    world.kubectl(&["delete", "vvol", "--all", "-n", SPACE, "--wait=false"]);
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_name_that_is_deleted_and_made_again_at_once() {
    let world = World::new();
    let (guest, _) = guest(&world, "twice");
    world.kubectl(&["delete", "vm", "twice", "-n", SPACE, "--wait=false"]);
    world.wait_for("it can be made again", || {
        world
            .try_kubectl(&["create", "-f", "-"], &guest.yaml())
            .is_ok()
    });
    world.machine_is(SPACE, "twice", "ready", ready);
    assert_eq!(world.domains(&guest.domain()).len(), 1);
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn qemu_is_killed_again_and_again() {
    let world = World::new();
    let (guest, _) = guest(&world, "killed");
    let kill = || {
        let before = world.domain_id("host1", &guest.domain());
        let words = format!("kill -9 $(cat /run/libvirt/qemu/{}.pid)", guest.domain());
        world.shell("host1", &words);
        before
    };
    let before = kill();
    world.wait_for("the first time it runs again at once", || {
        !["-", &before].contains(&&*world.domain_id("host1", &guest.domain()))
    });
    world.machine_is(SPACE, "killed", "ready", ready);
    kill();
    let machine = world.machine_is(SPACE, "killed", "CrashLoopBackOff", |machine| {
        reason(machine) == "CrashLoopBackOff"
    });
    println!("{}", machine["status"]["startFailures"]);
    assert_eq!(machine["status"]["startFailures"]["count"], 2);
    assert!(machine["status"]["startFailures"]["retryAfter"].is_string());
    world.machine_is(SPACE, "killed", "ready", ready);
    world.remove_space(SPACE);
}
