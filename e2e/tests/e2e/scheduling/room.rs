//! Machines that are placed together, that give their places up, and that make room for others.

use std::time::Instant;

use drover_e2e::operator;
use serde_json::Value;

use super::{Changed, SPACE, host_of, placed, waits};
use crate::support::objects::condition;
use crate::support::{Guest, World, message, reason, state};

// Lets host2 have so many more machines than it has.
fn room_for(world: &World, more: usize) -> Changed<'_> {
    let running = world.virsh("host2", &["list", "--name"]);
    let count = running.lines().filter(|name| !name.trim().is_empty());
    let spec = format!("{{\"maxMachines\":{}}}", count.count() + more);
    Changed::to(world, "host2", &spec, r#"{"maxMachines":null}"#)
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_group_is_placed_whole_or_not_at_all() {
    let world = World::new();
    world.space(SPACE);
    let room = room_for(&world, 2);
    let member = |name: &str| {
        Guest::new(SPACE, name).more(
            "placement:
  host: host2
  group: {name: db, minMember: 3}",
        )
    };
    let all = ["db-1", "db-2", "db-3"].map(member);
    world.apply(&all[0].yaml());
    waits(&world, "db-1", "group \"db\": 1 of 3 machines are there");
    world.apply(&all[1].yaml());
    world.apply(&all[2].yaml());
    for guest in &all {
        waits(
            &world,
            &guest.name,
            "group \"db\": 2 of 3 machines fit together; for e2e-scheduling/db-3: 0 of 2 hosts fit: ",
        );
    }
    let unbound = |guest: &Guest| {
        let machine = world.machine(SPACE, &guest.name).unwrap();
        host_of(&machine).is_empty()
    };
    assert!(all.iter().all(unbound), "none of them is placed");
    drop(room);
    let start = Instant::now();
    for guest in &all {
        assert_eq!(placed(&world, guest), "host2");
    }
    println!(
        "a group of three runs {:?} after room came",
        start.elapsed()
    );
    world.remove_space(SPACE);
}

fn strategy(world: &World, guest: &Guest, strategy: &str) {
    let patch = format!("{{\"spec\":{{\"runStrategy\":\"{strategy}\"}}}}");
    let words = [
        "patch",
        "vm",
        &guest.name,
        "-n",
        SPACE,
        "--type=merge",
        "-p",
    ];
    world.kubectl(&[&words[..], &[&patch]].concat());
}

fn is_scheduled(machine: &Value, status: &str, reason: &str) -> bool {
    let scheduled = condition(machine, "Scheduled");
    scheduled.is_some_and(|it| it["status"] == status && it["reason"] == reason)
}

// Its object is made anew, as from Git, while it is to be off: it is found, and needs no room for that.
fn forgotten(world: &World, guest: &Guest) {
    let (name, space) = (guest.name.as_str(), guest.namespace.as_str());
    let none = r#"{"metadata":{"finalizers":null}}"#;
    operator::stop(&world.lab).unwrap();
    world.kubectl(&["patch", "vm", name, "-n", space, "--type=merge", "-p", none]);
    world.kubectl(&["delete", "vm", name, "-n", space]);
    let mut anew = guest.clone();
    "Halted".clone_into(&mut anew.strategy);
    world.apply(&anew.yaml());
    operator::start(&world.lab).unwrap();
    world.machine_is(space, name, "off, without a place", |machine| {
        reason(machine) == "Halted" && is_scheduled(machine, "False", "PlaceFreed")
    });
    strategy(world, guest, "Always");
    waits(world, name, "it has given its place on host2 up: ");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_machine_that_is_off_gives_its_place_up_and_takes_it_again() {
    let world = World::new();
    world.space(SPACE);
    let room = room_for(&world, 1);
    let free = Guest::new(SPACE, "free").more(
        "placement:
  host: host2
  whenHalted: FreePlace",
    );
    let other = Guest::new(SPACE, "other").on("host2");
    world.apply(&free.yaml());
    placed(&world, &free);
    world.apply(&other.yaml());
    waits(&world, "other", "1 at most machines");
    strategy(&world, &free, "Halted");
    world.machine_is(SPACE, "free", "off, without a place", |machine| {
        reason(machine) == "Halted" && is_scheduled(machine, "False", "PlaceFreed")
    });
    assert_eq!(placed(&world, &other), "host2", "in the place of the other");
    strategy(&world, &free, "Always");
    waits(
        &world,
        "free",
        "it has given its place on host2 up: 0 of 2 hosts fit: ",
    );
    assert_eq!(state(&world.machine(SPACE, "free").unwrap()), "Shutoff");
    forgotten(&world, &free);
    strategy(&world, &other, "Halted");
    world.machine_is(SPACE, "other", "off, in its place", |machine| {
        reason(machine) == "Halted" && is_scheduled(machine, "True", "Placed")
    });
    waits(&world, "free", "1 at most machines");
    let start = Instant::now();
    world.kubectl(&["delete", "vm", "other", "-n", SPACE, "--timeout=60s"]);
    world.machine_is(SPACE, "free", "in its place again", |machine| {
        reason(machine) == "Running" && is_scheduled(machine, "True", "Placed")
    });
    assert_eq!(placed(&world, &free), "host2");
    println!(
        "it runs again {:?} after the other was deleted",
        start.elapsed()
    );
    drop(room);
    world.remove_space(SPACE);
}

fn with_priority(name: &str, priority: i32, preemption: &str) -> Guest {
    Guest::new(SPACE, name).more(&format!(
        "placement:
  host: host2
  priority: {priority}
  preemption: {preemption}"
    ))
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn one_of_a_higher_priority_stops_one_of_a_lower_if_both_allow_it() {
    let world = World::new();
    world.space(SPACE);
    let room = room_for(&world, 1);
    let low = with_priority("low", 1, "Allowed");
    world.apply(&low.yaml());
    placed(&world, &low);
    let id = world.domain_id("host2", &low.domain());
    let never = with_priority("never", 9, "Never");
    world.apply(&never.yaml());
    waits(&world, "never", "1 at most machines");
    // It is of the same priority.
    let equal = with_priority("equal", 1, "Allowed");
    world.apply(&equal.yaml());
    waits(&world, "equal", "1 at most machines");
    assert_eq!(world.domain_id("host2", &low.domain()), id, "it still runs");
    world.kubectl(&["delete", "vm", "never", "equal", "-n", SPACE]);
    world.apply(&with_priority("low", 1, "Never").yaml());
    let high = with_priority("high", 9, "Allowed");
    world.apply(&high.yaml());
    waits(&world, "high", "1 at most machines");
    assert_eq!(world.domain_id("host2", &low.domain()), id, "it still runs");
    let start = Instant::now();
    world.apply(&low.yaml());
    assert_eq!(placed(&world, &high), "host2");
    println!(
        "it runs in the place of the other after {:?}",
        start.elapsed()
    );
    waits(
        &world,
        "low",
        "it has given its place on host2 up: 0 of 2 hosts fit: ",
    );
    let machine = world.machine(SPACE, "low").unwrap();
    assert_eq!((state(&machine), host_of(&machine)), ("Shutoff", "host2"));
    assert!(machine["status"]["preemptedBy"].is_null());
    let events = world.kubectl(&["get", "events", "-n", SPACE, "-o", "wide"]);
    let told = events.lines().find(|line| line.contains("Preempted"));
    let told = told.unwrap_or_else(|| world.fail(&events));
    println!("{told}");
    assert!(told.contains("e2e-scheduling/high"), "{told}");
    world.kubectl(&["delete", "vm", "high", "-n", SPACE, "--timeout=60s"]);
    assert_eq!(placed(&world, &low), "host2");
    drop(room);
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn one_that_makes_room_goes_on_when_nobody_needs_it() {
    let world = World::new();
    world.space(SPACE);
    let room = room_for(&world, 1);
    // Nothing in it hears that it is to shut down.
    let mut low = with_priority("low", 1, "Allowed");
    low.grace = 600;
    world.apply(&low.yaml());
    placed(&world, &low);
    let id = world.domain_id("host2", &low.domain());
    let high = with_priority("high", 9, "Allowed");
    world.apply(&high.yaml());
    let machine = world.machine_is(SPACE, "low", "to make room", |machine| {
        reason(machine) == "Preempted"
    });
    println!("low: {}", message(&machine));
    println!("low: {}", machine["status"]["plan"]);
    assert_eq!(machine["status"]["preemptedBy"]["name"], "high");
    let version = |name: &str| {
        let machine = world.machine(SPACE, name).unwrap();
        machine["metadata"]["resourceVersion"].clone()
    };
    let step = &machine["status"]["plan"]["steps"][0];
    assert_eq!(step["reason"], "it makes room for e2e-scheduling/high");
    waits(
        &world,
        "high",
        "; on host2 when e2e-scheduling/low has stopped",
    );
    let before = ["low", "high"].map(version);
    let other = Guest::new(SPACE, "other").on("host1");
    world.apply(&other.yaml());
    placed(&world, &other);
    world.delete(&other.yaml());
    let after = ["low", "high"].map(version);
    assert_eq!(before, after, "nothing is written while nothing changes");
    world.kubectl(&["delete", "vm", "high", "-n", SPACE, "--timeout=60s"]);
    let machine = world.machine_is(SPACE, "low", "as before", |machine| {
        reason(machine) == "Running" && machine["status"]["preemptedBy"].is_null()
    });
    assert!(is_scheduled(&machine, "True", "Placed"));
    assert_eq!(world.domain_id("host2", &low.domain()), id, "it still runs");
    low.grace = 0;
    world.apply(&low.yaml());
    drop(room);
    world.remove_space(SPACE);
}
