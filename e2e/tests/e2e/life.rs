//! A machine's life on real hosts: it is changed while it runs, stopped, started, paused and taken
//! over.

use crate::support::objects::{condition, taken};
use crate::support::{Guest, World, message, ready, reason, state};

const SPACE: &str = "e2e-life";

fn domain_xml(world: &World, host: &str, domain: &str) -> String {
    world.virsh(host, &["dumpxml", domain])
}

// Room to grow, on both versions of libvirt.
fn roomy(host: &str) -> Guest {
    Guest::new(SPACE, &format!("roomy-{host}"))
        .on(host)
        .memory("{guest: 128Mi, maxGuest: 256Mi}")
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_can_be_changed_while_it_runs_is_changed() {
    let world = World::new();
    world.space(SPACE);
    for host in ["host1", "host2"] {
        let small = roomy(host).blank("root", "first");
        let (name, domain) = (small.name.clone(), small.domain());
        world.apply(&small.clone().more("cpu: {maxSockets: 4}").yaml());
        world.is_running(SPACE, &name);
        let before = world.domain_id(host, &domain);
        let grown = small
            .clone()
            .blank("data", "first")
            .disk(
                "{name: scsi, bus: scsi, qos: {totalIops: 500}, \
                 volumeTemplate: {pool: first, capacity: 8Mi}}"
                    .to_owned(),
            )
            .more("cpu: {maxSockets: 4, sockets: 2}")
            .more("interfaces: [{name: eth0, network: first, state: Down}]");
        world.apply(&grown.yaml());
        world.is_running(SPACE, &name);
        let xml = domain_xml(&world, host, &domain);
        for part in [
            "ua-disk-data",
            "ua-disk-scsi",
            "<total_iops_sec>500</total_iops_sec>",
            "ua-if-eth0",
            "<link state='down'/>",
            "current='2'>4</vcpu>",
        ] {
            assert!(xml.contains(part), "{host}: {part}: {xml}");
        }
        let plugged = grown
            .clone()
            .more("cpu: {maxSockets: 4, sockets: 2}")
            .yaml()
            .replace("state: Down", "state: Up")
            .replace("totalIops: 500", "totalIops: 900");
        world.apply(&plugged);
        world.wait_for("its cable is plugged in and its limit raised", || {
            let xml = domain_xml(&world, host, &domain);
            !xml.contains("<link state='down'/>") && xml.contains(">900</total_iops_sec>")
        });
        assert_eq!(world.domain_id(host, &domain), before, "it went on running");
    }
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_a_guest_does_not_let_go_waits_for_the_next_start() {
    let world = World::new();
    world.space(SPACE);
    // Nothing is in it that could let a disk go.
    let guest = Guest::new(SPACE, "holds")
        .on("host2")
        .blank("root", "first");
    world.apply(&guest.clone().blank("data", "first").yaml());
    world.is_running(SPACE, "holds");
    world.apply(&guest.yaml());
    let machine = world.machine_is(SPACE, "holds", "RestartRequired", |machine| {
        reason(machine) == "RestartRequired"
    });
    let step = &machine["status"]["plan"]["steps"][0];
    println!("{step}");
    assert_eq!(step["path"], "spec.disks[data]");
    assert_eq!(step["class"], "NextBoot");
    world.virsh("host2", &["destroy", &guest.domain()]);
    world.is_running(SPACE, "holds");
    let xml = domain_xml(&world, "host2", &guest.domain());
    assert!(!xml.contains("ua-disk-data"), "{xml}");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_is_refused_says_what_to_do() {
    let world = World::new();
    world.space(SPACE);
    let guest = Guest::new(SPACE, "bios").on("host1");
    world.apply(&guest.yaml());
    world.is_running(SPACE, "bios");
    world.apply(&guest.clone().more("firmware: {bootloader: EFI}").yaml());
    let machine = world.machine_is(SPACE, "bios", "ChangeRefused", |machine| {
        reason(machine) == "ChangeRefused"
    });
    println!("{}", message(&machine));
    assert!(message(&machine).contains("spec.firmware.bootloader: BIOS -> EFI (Recreate:"));
    assert!(condition(&machine, "Stalled").is_some());
    world.apply(&guest.yaml());
    world.is_running(SPACE, "bios");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_plan_waits_for_its_hash() {
    let world = World::new();
    world.space(SPACE);
    let guest = Guest::new(SPACE, "asks")
        .on("host2")
        .more("update: {approval: Manual}");
    let small = guest.clone().memory("{guest: 128Mi, maxGuest: 256Mi}");
    world.apply(&small.yaml());
    world.is_running(SPACE, "asks");
    let other = guest.memory("{guest: 128Mi, maxGuest: 512Mi}");
    world.apply(&other.yaml());
    let machine = world.machine_is(SPACE, "asks", "PlanNeedsApproval", |machine| {
        reason(machine) == "PlanNeedsApproval"
    });
    let hash = machine["status"]["plan"]["hash"]
        .as_str()
        .unwrap()
        .to_owned();
    println!("{hash}: {}", message(&machine));
    world.apply(&other.annotated("approve", &hash).yaml());
    world.machine_is(SPACE, "asks", "RestartRequired", |machine| {
        reason(machine) == "RestartRequired"
    });
    let xml = world.virsh("host2", &["dumpxml", "--inactive", "e2e-life_asks"]);
    assert!(xml.contains("<memory unit='KiB'>524288</memory>"), "{xml}");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn strategies_and_what_annotations_ask_for() {
    let world = World::new();
    world.space(SPACE);
    let id = |name: &str| world.domain_id("host1", &format!("{SPACE}_{name}"));
    let halted = |name: &str| {
        world.machine_is(SPACE, name, "Halted", |machine| {
            ready(machine) && reason(machine) == "Halted" && state(machine) == "Shutoff"
        });
    };
    let once = Guest::new(SPACE, "once").on("host1").strategy("Once");
    world.apply(&once.yaml());
    world.is_running(SPACE, "once");
    world.virsh("host1", &["destroy", &once.domain()]);
    halted("once");
    let manual = Guest::new(SPACE, "manual").on("host1").strategy("Manual");
    world.apply(&manual.yaml());
    halted("manual");
    let started = manual
        .clone()
        .annotated("startedAt", "2026-01-01T00:00:00Z");
    world.apply(&started.yaml());
    world.is_running(SPACE, "manual");
    let before = id("manual");
    let restarted = started
        .clone()
        .annotated("restartedAt", "2026-01-01T00:01:00Z");
    world.apply(&restarted.yaml());
    world.wait_for("it was restarted", || {
        !["-", &before].contains(&&*id("manual"))
    });
    world.is_running(SPACE, "manual");
    let stopped = restarted.annotated("stoppedAt", "2026-01-01T00:02:00Z");
    world.apply(&stopped.yaml());
    halted("manual");
    let paused = Guest::new(SPACE, "paused").on("host1");
    world.apply(&paused.clone().more("paused: true").yaml());
    world.machine_is(SPACE, "paused", "Paused", |machine| {
        ready(machine) && reason(machine) == "Paused" && state(machine) == "Paused"
    });
    world.apply(&paused.yaml());
    world.is_running(SPACE, "paused");
    world.remove_space(SPACE);
}

const FOREIGN: &str = "5f0c0de0-1111-4222-8333-944444444444";

// Somebody's own machine, with what Drover does not model.
fn define_legacy(world: &World) {
    let xml = format!(
        "<domain type='qemu'><name>legacy</name><uuid>{FOREIGN}</uuid><title>an odd one</title>\
         <memory unit='MiB'>64</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os><on_crash>restart</on_crash>\
         <devices><input type='tablet' bus='usb'/><serial type='pty'/></devices></domain>"
    );
    let file = world.host("host1").root(&world.lab).join("root/legacy.xml");
    std::fs::write(file, xml).unwrap();
    world.virsh("host1", &["define", "/root/legacy.xml"]);
    world.virsh("host1", &["start", "legacy"]);
    world.virsh("host1", &["autostart", "legacy"]);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_foreign_domain_is_taken_over_only_with_its_hosts_consent() {
    let world = World::new();
    world.space(SPACE);
    define_legacy(&world);
    let id = world.domain_id("host1", "legacy");
    let machine = taken(SPACE, FOREIGN);
    let consent = |value| world.adoption("host1", value);
    consent("null");
    world.apply(&machine);
    let refused = world.machine_is(SPACE, "taken", "AdoptionRefused", |machine| {
        reason(machine) == "AdoptionRefused"
    });
    println!("{}", message(&refused));
    // Nor does deleting what was refused touch it.
    world.delete(&machine);
    assert_eq!(world.domain_id("host1", "legacy"), id);
    consent("{\"from\":\"All\"}");
    world.apply(&machine);
    world.is_running(SPACE, "taken");
    assert_eq!(world.domain_id("host1", "legacy"), id, "it went on running");
    let xml = world.virsh("host1", &["dumpxml", "--inactive", "legacy"]);
    for part in [
        "an odd one",
        "<on_crash>restart",
        "tablet",
        "name=\"taken\"",
    ] {
        assert!(
            xml.contains(part) || xml.contains(&part.replace('"', "'")),
            "{part}: {xml}"
        );
    }
    let info = world.virsh("host1", &["dominfo", "legacy"]);
    assert!(info.contains("Autostart:      disable"), "{info}");
    // Its events are heard, whatever its name.
    world.virsh("host1", &["destroy", "legacy"]);
    world.wait_for("it runs again", || {
        !["-", id.as_str()].contains(&world.domain_id("host1", "legacy").as_str())
    });
    world.is_running(SPACE, "taken");
    let id = world.domain_id("host1", "legacy");
    world.delete(&machine);
    consent("null");
    assert_eq!(
        world.domain_id("host1", "legacy"),
        id,
        "an orphan goes on running"
    );
    let xml = world.virsh("host1", &["dumpxml", "legacy"]);
    assert!(!xml.contains("drover"), "{xml}");
    world.virsh("host1", &["destroy", "legacy"]);
    world.virsh("host1", &["undefine", "legacy"]);
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_disk_grows_with_its_template_while_its_machine_runs() {
    let world = World::new();
    world.space(SPACE);
    for host in ["host1", "host2"] {
        let name = format!("grows-{host}");
        let guest = Guest::new(SPACE, &name).on(host).blank("root", "first");
        world.apply(&guest.yaml());
        world.is_running(SPACE, &name);
        let before = world.domain_id(host, &guest.domain());
        world.apply(&guest.yaml().replace("capacity: 8Mi", "capacity: 24Mi"));
        world.wait_for("QEMU has grown it", || {
            let words = ["domblkinfo", &guest.domain(), "vda"];
            world.virsh(host, &words).contains("25165824")
        });
        world.is_running(SPACE, &name);
        assert_eq!(world.domain_id(host, &guest.domain()), before, "it ran on");
    }
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn one_machine_writes_into_a_volume_unless_it_is_shareable() {
    let world = World::new();
    world.space(SPACE);
    let volume = |more: &str| {
        format!(
            "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: both, namespace: {SPACE}}}
spec: {{pool: first, host: host2, capacity: 8Mi, format: raw, reclaimPolicy: Delete{more}}}
"
        )
    };
    let guest = |name: &str| {
        let disk = "{name: data, volume: {name: both}}".to_owned();
        Guest::new(SPACE, name).on("host2").disk(disk)
    };
    world.apply(&volume(""));
    world.apply(&guest("one").yaml());
    world.is_running(SPACE, "one");
    world.apply(&guest("two").yaml());
    let told = world.machine_is(SPACE, "two", "told who writes", |machine| {
        message(machine).contains("is written by machine one")
    });
    println!("{}", message(&told));
    world.apply(&guest("one").strategy("Halted").yaml());
    world.is_running(SPACE, "two");
    world.apply(&volume(", shareable: true"));
    world.apply(&guest("one").yaml());
    // The other has it to itself until it starts again.
    world.machine_is(SPACE, "two", "to be started again", |machine| {
        reason(machine) == "RestartRequired"
    });
    world.virsh("host2", &["destroy", "e2e-life_two"]);
    world.is_running(SPACE, "two");
    world.is_running(SPACE, "one");
    let xml = world.virsh("host2", &["dumpxml", "e2e-life_one"]);
    assert!(xml.contains("<shareable/>"), "{xml}");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_machine_is_made_again_while_the_disk_of_the_first_is_going() {
    let world = World::new();
    world.space("e2e-again");
    let guest = Guest::new("e2e-again", "again").blank("root", "first");
    world.apply(&guest.yaml());
    world.is_running("e2e-again", "again");
    let first = world.get("volumes", "e2e-again", "again-root").unwrap();
    world.kubectl(&["delete", "vm", "again", "-n", "e2e-again", "--timeout=60s"]);
    world.apply(&guest.yaml());
    world.is_running("e2e-again", "again");
    let second = world.get("volumes", "e2e-again", "again-root").unwrap();
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    world.remove_space("e2e-again");
}
