//! What somebody does behind Drover's back is put right, or said.

use crate::support::objects::condition;
use crate::support::{Guest, World, message, ready, reason, state};

const SPACE: &str = "e2e-repair";

fn guest(world: &World, name: &str) -> Guest {
    world.space(SPACE);
    let guest = Guest::new(SPACE, name).on("host2");
    world.apply(&guest.yaml());
    world.machine_is(SPACE, name, "ready", ready);
    guest
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_machine_that_was_destroyed_runs_again() {
    let world = World::new();
    let guest = guest(&world, "killed");
    let before = world.domain_id("host2", &guest.domain());
    world.virsh("host2", &["destroy", &guest.domain()]);
    world.wait_for("it runs again", || {
        let id = world.domain_id("host2", &guest.domain());
        id != before && id != "-"
    });
    world.machine_is(SPACE, "killed", "ready", |machine| {
        ready(machine) && state(machine) == "Running"
    });
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_machine_that_was_undefined_is_defined_again() {
    let world = World::new();
    let guest = guest(&world, "undefined");
    let before = world.domain_id("host2", &guest.domain());
    world.virsh("host2", &["undefine", &guest.domain()]);
    world.wait_for("it is persistent again", || {
        let info = world.virsh("host2", &["dominfo", &guest.domain()]);
        info.lines()
            .any(|line| line.starts_with("Persistent") && line.ends_with("yes"))
    });
    assert_eq!(world.domain_id("host2", &guest.domain()), before);
    world.remove_space(SPACE);
}

// As `virsh edit` does it: the definition of the next start, written anew.
fn edit(world: &World, domain: &str, from: &str, to: &str) {
    let xml = world.virsh("host2", &["dumpxml", "--inactive", domain]);
    assert!(xml.contains(from), "{xml}");
    let file = world.host("host2").root(&world.lab).join("root/edited.xml");
    std::fs::write(file, xml.replace(from, to)).unwrap();
    world.virsh("host2", &["define", "/root/edited.xml"]);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn memory_that_was_edited_is_put_back_and_the_rest_of_the_edit_stays() {
    let world = World::new();
    let guest = guest(&world, "edited");
    let domain = guest.domain();
    let before = world.domain_id("host2", &domain);
    let noted = "<title>a note of somebody</title><memory";
    edit(&world, &domain, "<memory", noted);
    edit(&world, &domain, "65536", "98304");
    world.wait_for("the memory is put back", || {
        let xml = world.virsh("host2", &["dumpxml", "--inactive", &domain]);
        xml.contains("<memory unit='KiB'>65536</memory>")
    });
    let xml = world.virsh("host2", &["dumpxml", "--inactive", &domain]);
    assert!(xml.contains("<title>a note of somebody</title>"), "{xml}");
    assert_eq!(
        world.domain_id("host2", &domain),
        before,
        "it went on running"
    );
    world.machine_is(SPACE, "edited", "as declared", |machine| {
        reason(machine) == "Running" && machine["status"]["plan"].is_null()
    });
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn drift_is_only_told_when_the_spec_says_so() {
    let world = World::new();
    world.space(SPACE);
    let guest = Guest::new(SPACE, "told").on("host2").more("drift: Report");
    world.apply(&guest.yaml());
    world.machine_is(SPACE, "told", "ready", ready);
    edit(&world, &guest.domain(), "65536", "98304");
    let machine = world.machine_is(SPACE, "told", "DriftDetected", |machine| {
        condition(machine, "DriftDetected").is_some()
    });
    let drift = condition(&machine, "DriftDetected").unwrap();
    println!("{drift}");
    assert_eq!(drift["message"], "spec.memory.guest: 96Mi -> 64Mi");
    assert!(ready(&machine), "it runs all the same");
    let step = &machine["status"]["plan"]["steps"][0];
    assert_eq!(step["path"], "spec.memory.guest");
    let xml = world.virsh("host2", &["dumpxml", "--inactive", &guest.domain()]);
    assert!(xml.contains("<memory unit='KiB'>98304</memory>"), "{xml}");
    // Told no more, it is put right.
    let guest = Guest::new(SPACE, "told").on("host2");
    world.apply(&guest.yaml());
    world.machine_is(SPACE, "told", "as declared", |machine| {
        condition(machine, "DriftDetected").is_none() && machine["status"]["plan"].is_null()
    });
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_changed_spec_takes_effect_at_the_next_start() {
    let world = World::new();
    let guest = guest(&world, "changed");
    let before = world.domain_id("host2", &guest.domain());
    world.apply(&guest.clone().memory("80Mi").yaml());
    let machine = world.machine_is(SPACE, "changed", "RestartRequired", |machine| {
        reason(machine) == "RestartRequired"
    });
    assert!(message(&machine).contains("spec.memory.guest: 64Mi -> 80Mi"));
    assert_eq!(world.domain_id("host2", &guest.domain()), before);
    world.apply(&guest.clone().memory("80Mi").strategy("Halted").yaml());
    let halted = world.machine_is(SPACE, "changed", "Halted", |machine| {
        ready(machine) && reason(machine) == "Halted"
    });
    assert_eq!(state(&halted), "Shutoff");
    world.apply(&guest.clone().memory("80Mi").yaml());
    world.machine_is(SPACE, "changed", "Running", |machine| {
        ready(machine) && reason(machine) == "Running"
    });
    let xml = world.virsh("host2", &["dumpxml", &guest.domain()]);
    assert!(xml.contains("<memory unit='KiB'>81920</memory>"), "{xml}");
    world.remove_space(SPACE);
}
