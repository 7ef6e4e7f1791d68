//! Volumes that are copied: at rest, and while a machine runs with them.

use serde_json::Value;

use crate::support::between::HOST;
use crate::support::{Act, Between, Guest, Moment, World, images, message, ready, reason, state};

const SPACE: &str = "e2e-clones";
const POOL: &str = "/var/lib/libvirt/drover-first";

fn clone_of(source: &str, name: &str, more: &str, spec: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: {name}, namespace: {SPACE}}}
spec:
  pool: first
  capacity: 64Mi
  reclaimPolicy: Delete
  source: {{volume: {{name: {source}{more}}}}}
{spec}"
    )
}

fn volume_is(world: &World, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    world.wait(("volumes", SPACE, name), what, is)
}

fn is_refused(world: &World, name: &str, wanted: &str, words: &str) {
    let volume = volume_is(world, name, wanted, |volume| {
        reason(volume) == wanted && message(volume).contains(words)
    });
    println!("{name}: {wanted}: {}", message(&volume));
}

fn path(name: &str) -> String {
    format!("{POOL}/{SPACE}_{name}")
}

// What a guest would see is the same, and the copy is based on nothing.
fn is_the_same(world: &World, host: &str, (a, of_a): (&str, &str), (b, of_b): (&str, &str)) {
    let (a, b) = (path(a), path(b));
    let compared = format!("qemu-img compare -U -f {of_a} -F {of_b} {a} {b}");
    println!(
        "{host}: {compared}: {}",
        world.shell(host, &compared).trim()
    );
    let info = world.shell(host, &format!("qemu-img info -U -f {of_b} {b}"));
    assert!(!info.contains("backing file"), "{info}");
}

fn machine(host: &str) -> Guest {
    Guest::new(SPACE, "db").on(host).memory("256Mi").disk(
        "{name: root, bootOrder: 1, volumeTemplate: {pool: first, capacity: 32Mi, \
         source: {clusterImage: {name: clones}}}}"
            .to_owned(),
    )
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_volume_is_copied_while_its_machine_runs_and_when_it_is_off() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&images::cluster_image(&world, "clones", "guest.qcow2", ""));
    for host in ["host1", "host2"] {
        let guest = machine(host);
        world.apply(&guest.yaml());
        world.is_running(SPACE, "db");
        let id = world.domain_id(host, &guest.domain());
        for (name, more) in [
            ("unsaid", ""),
            ("paused", ", consistency: Paused"),
            ("crashed", ", consistency: CrashConsistent"),
            ("frozen", ", consistency: Frozen"),
        ] {
            world.apply(&clone_of("db-root", name, more, ""));
        }
        let raw = clone_of("db-root", "raw", ", consistency: Paused", "  format: raw\n");
        world.apply(&raw);
        is_refused(
            &world,
            "unsaid",
            "SourceRefused",
            "Paused, Frozen or CrashConsistent is needed",
        );
        is_refused(&world, "frozen", "SourceUnavailable", "does not answer");
        let small = clone_of("db-root", "small", ", consistency: Paused", "");
        world.apply(&small.replace("64Mi", "8Mi"));
        is_refused(
            &world,
            "small",
            "SourceRefused",
            "must be at least 32Mi, the size of Volume db-root, got 8Mi",
        );
        for (name, format) in [("paused", "qcow2"), ("crashed", "qcow2"), ("raw", "raw")] {
            let volume = volume_is(&world, name, "ready", ready);
            assert_eq!(volume["status"]["capacity"], "64Mi", "{volume:#}");
            assert!(volume["status"]["backing"].is_null(), "{volume:#}");
            is_the_same(&world, host, ("db-root", "qcow2"), (name, format));
        }
        world.is_running(SPACE, "db");
        assert_eq!(world.domain_id(host, &guest.domain()), id, "it ran on");
        let xml = world.virsh(host, &["dumpxml", &guest.domain()]);
        assert!(!xml.contains("<mirror"), "{xml}");
        // Those that waited for it to be off.
        world.apply(&guest.strategy("Halted").yaml());
        for name in ["unsaid", "frozen"] {
            volume_is(&world, name, "ready", ready);
            is_the_same(&world, host, ("db-root", "qcow2"), (name, "qcow2"));
        }
        world.kubectl(&["delete", "vm,vvol", "--all", "-n", SPACE, "--timeout=120s"]);
    }
    world.remove_space(SPACE);
    world.kubectl(&["delete", "clusterimage", "clones", "--timeout=60s"]);
}

// A guest that writes the header of an image into its raw disk, based on a file of the host.
fn forge(world: &World) {
    let forged = path("forged");
    world.shell(
        "host2",
        &format!(
            "qemu-img create -q -f qcow2 -b /etc/shadow -F raw /root/forged.qcow2 8M && \
             dd if=/root/forged.qcow2 of={forged} conv=notrunc status=none"
        ),
    );
    world.virsh("host2", &["pool-refresh", "first"]);
    let xml = world.virsh("host2", &["vol-dumpxml", &forged]);
    assert!(xml.contains("/etc/shadow"), "libvirt believes it: {xml}");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn nobody_looks_into_what_a_guest_wrote() {
    let world = World::new();
    world.space(SPACE);
    let blank = format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: forged, namespace: {SPACE}}}
spec: {{pool: first, host: host2, capacity: 8Mi, format: raw, reclaimPolicy: Delete}}
"
    );
    world.apply(&blank);
    volume_is(&world, "forged", "ready", ready);
    forge(&world);
    world.apply(&clone_of("forged", "copy", "", "  format: raw\n").replace("64Mi", "8Mi"));
    world.apply(&clone_of("forged", "larger", "", "  format: raw\n"));
    world.apply(&clone_of("forged", "other", "", ""));
    is_refused(
        &world,
        "other",
        "SourceRefused",
        "spec.format: raw is needed",
    );
    volume_is(&world, "copy", "ready", ready);
    let (forged, copy) = (path("forged"), path("copy"));
    world.shell("host2", &format!("cmp {forged} {copy}"));
    let larger = volume_is(&world, "larger", "ready", ready);
    assert_eq!(larger["status"]["capacity"], "64Mi", "{larger:#}");
    let (size, larger) = (8 << 20, path("larger"));
    world.shell("host2", &format!("cmp -n {size} {forged} {larger}"));
    println!("the bytes are the same, whatever they say");
    forged_image(&world);
    // A machine with a copy of its own goes where the source is.
    let guest = Guest::new(SPACE, "copies").disk(
        "{name: root, volumeTemplate: {pool: first, capacity: 8Mi, format: raw, \
         source: {volume: {name: forged}}}}"
            .to_owned(),
    );
    world.apply(&guest.yaml());
    world.is_running(SPACE, "copies");
    let machine = world.machine(SPACE, "copies").unwrap();
    assert_eq!(machine["status"]["host"], "host2");
    assert_eq!(state(&machine), "Running");
    let elsewhere = clone_of("forged", "elsewhere", "", "  format: raw\n  host: host1\n");
    world.apply(&elsewhere);
    is_refused(&world, "elsewhere", "SourceRefused", "must be host2");
    world.remove_space(SPACE);
}

fn image_of(volume: &str, name: &str, more: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: Image
metadata: {{name: {name}, namespace: {SPACE}}}
spec: {{source: {{volume: {{name: {volume}{more}}}}}}}
"
    )
}

// Nor does anybody look into it on its way to another host.
fn forged_image(world: &World) {
    world.apply(&image_of("forged", "forged", ""));
    let image = world.wait(("images", SPACE, "forged"), "ready", |image| {
        ready(image) && image["status"]["copies"] == 1
    });
    println!("{}", image["status"]);
    assert_eq!(image["status"]["format"], "raw");
    assert_eq!(image["status"]["virtualSize"], "8Mi");
    let copied = |name: &str, format: &str| {
        let source = "  source: {image: {name: forged}}\n  cloneStrategy: Copy\n";
        let text = clone_of("forged", name, "", "");
        let (text, _) = text.split_once("  source:").unwrap();
        let text = format!("{text}{source}  host: host1\n  format: {format}\n");
        world.apply(&text.replace("64Mi", "8Mi"));
    };
    copied("far", "raw");
    copied("converted", "qcow2");
    volume_is(world, "far", "ready", ready);
    is_refused(
        world,
        "converted",
        "SourceRefused",
        "cloneStrategy Copy of Image forged",
    );
    let file = |host: &str, name: &str| {
        let path = path(name);
        std::fs::read(world.host(host).root(&world.lab).join(&path[1..])).unwrap()
    };
    assert!(file("host1", "far") == file("host2", "forged"), "its bytes");
    world.kubectl(&[
        "delete",
        "vvol",
        "far",
        "converted",
        "-n",
        SPACE,
        "--timeout=60s",
    ]);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn an_image_of_a_volume_outlives_it() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&images::cluster_image(&world, "clones", "guest.qcow2", ""));
    world.apply(&image_of(
        "db-root",
        "golden",
        ", consistency: CrashConsistent",
    ));
    let waits = world.wait(
        ("images", SPACE, "golden"),
        "told what it waits for",
        |image| message(image).contains("Volume db-root does not exist"),
    );
    println!("{}", message(&waits));
    let guest = machine("host1");
    world.apply(&guest.yaml());
    let image = world.wait(("images", SPACE, "golden"), "ready", |image| {
        ready(image) && image["status"]["copies"] == 1
    });
    println!("{}", image["status"]);
    assert_eq!(image["status"]["original"]["host"], "host1");
    world.is_running(SPACE, "db");
    world.delete(&guest.yaml());
    let made = Guest::new(SPACE, "made").on("host2").memory("256Mi").disk(
        "{name: root, bootOrder: 1, volumeTemplate: {pool: first, capacity: 64Mi, \
         source: {image: {name: golden}}}}"
            .to_owned(),
    );
    world.apply(&made.yaml());
    world.is_running(SPACE, "made");
    let console = world.host("host2").console(&world.lab, &made.domain());
    let up = drover_e2e::objects::line_on(&console, "drover-guest: up").unwrap();
    println!("{up}");
    let copies = || {
        let on = |host: &str| {
            world
                .pool_files(host)
                .contains(&"_image_e2e-clones_golden".to_owned())
        };
        (on("host1"), on("host2"))
    };
    assert_eq!(copies(), (true, true));
    world.delete(&made.yaml());
    world.wait_for("only the original is left", || copies() == (true, false));
    world.kubectl(&["delete", "image", "golden", "-n", SPACE, "--timeout=60s"]);
    assert_eq!(copies(), (false, false));
    world.remove_space(SPACE);
    world.kubectl(&["delete", "clusterimage", "clones", "--timeout=60s"]);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn wherever_the_operator_is_killed_a_copy_ends_whole() {
    let between = Between::new(SPACE);
    let world = &between.world;
    world.apply(&images::cluster_image(world, "clones", "guest.qcow2", ""));
    let guest = machine(HOST);
    world.apply(&guest.yaml());
    world.is_running(SPACE, "db");
    let id = world.domain_id(HOST, &guest.domain());
    let running = [
        ("DOMAIN_BLOCK_COPY", Moment::Before),
        ("DOMAIN_BLOCK_COPY", Moment::After),
        ("DOMAIN_SUSPEND", Moment::After),
        ("DOMAIN_BLOCK_JOB_ABORT", Moment::After),
    ];
    for (call, moment) in running {
        killed_at(&between, call, moment);
        world.is_running(SPACE, "db");
        assert_eq!(world.domain_id(HOST, &guest.domain()), id, "it ran on");
    }
    world.apply(&guest.strategy("Halted").yaml());
    world.machine_is(SPACE, "db", "off", |machine| reason(machine) == "Halted");
    killed_at(&between, "STORAGE_VOL_CREATE_XML_FROM", Moment::After);
    held_off(&between);
    world.kubectl(&["delete", "vm,vvol", "--all", "-n", SPACE, "--timeout=120s"]);
    world.kubectl(&["delete", "clusterimage", "clones", "--timeout=60s"]);
    between.end();
}

// A machine that would write into what is being copied waits until that is done.
fn held_off(between: &Between) {
    let world = &between.world;
    let (call, moment) = ("STORAGE_VOL_CREATE_XML_FROM", Moment::After);
    between.trigger.arm(call, 1, moment, Act::Hold);
    let text = clone_of("db-root", "copy", "", "");
    world.apply(&text);
    let limit = crate::support::world::LIMIT;
    assert!(between.trigger.fired_within(limit), "{call}");
    world.apply(&machine(HOST).yaml());
    let told = world.machine_is(SPACE, "db", "told to wait", |machine| {
        message(machine).contains("Volume db-root is being copied")
    });
    println!("{}", message(&told));
    between.trigger.disarm();
    volume_is(world, "copy", "ready", ready);
    world.is_running(SPACE, "db");
}

fn killed_at(between: &Between, call: &str, moment: Moment) {
    let world = &between.world;
    between.trigger.arm(call, 1, moment, Act::Kill);
    let text = clone_of("db-root", "copy", ", consistency: Paused", "");
    world.apply(&text);
    let fired = between.trigger.fired_within(crate::support::world::LIMIT);
    assert!(fired, "{call}");
    let left = world.virsh(HOST, &["domstate", &format!("{SPACE}_db"), "--reason"]);
    between.trigger.disarm();
    between.start();
    volume_is(world, "copy", "ready", ready);
    is_the_same(world, HOST, ("db-root", "qcow2"), ("copy", "qcow2"));
    let xml = world.virsh(HOST, &["dumpxml", &format!("{SPACE}_db")]);
    assert!(!xml.contains("<mirror"), "{xml}");
    println!("| killed {moment:?} {call} | {} | whole |", left.trim());
    world.delete(&text);
    let files = world.pool_files(HOST);
    assert!(
        !files.iter().any(|file| file.contains("e2e-clones_copy")),
        "{files:?}"
    );
}
