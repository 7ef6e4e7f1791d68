//! A pool that several hosts see: a network file system of FUSE, which libvirt mounts on both.

use drover_e2e::hosts::power;
use drover_e2e::objects;
use serde_json::Value;

use crate::support::{Guest, World, images, message, ready, reason};

const SPACE: &str = "e2e-shared";
const POOL: &str = "e2e-shared";
const TARGET: &str = "/srv/e2e-shared";

fn pool() -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {{name: {POOL}}}
spec:
  type: netfs
  scope: Shared
  source: {{hosts: [{{name: files.example.org}}], path: /e2e, format: glusterfs}}
  target: {{path: {TARGET}}}
  deletionPolicy: Delete
"
    )
}

fn volume(name: &str, more: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: {name}, namespace: {SPACE}}}
spec: {{pool: {POOL}, capacity: 8Mi, reclaimPolicy: Delete{more}}}
"
    )
}

fn guest(name: &str, host: &str) -> Guest {
    let disk = format!(
        "{{name: root, bootOrder: 1, volumeTemplate: {{pool: {POOL}, capacity: 64Mi, source: \
         {{clusterImage: {{name: e2e-shared}}}}}}}}"
    );
    let seed = "cloudInit: {userData: \"#cloud-config\\n\"}";
    let guest = Guest::new(SPACE, name).on(host).memory("128Mi");
    guest.disk(disk).more(seed)
}

fn files(world: &World, export: &str) -> Vec<String> {
    let entries = std::fs::read_dir(world.lab.shared().join(export)).unwrap();
    let names = entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn pool_is(world: &World, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    world.wait(("storagepools", "", POOL), what, is)
}

fn state<'a>(pool: &'a Value, host: &str) -> &'a Value {
    let states = pool["status"]["hosts"].as_array().unwrap();
    states.iter().find(|state| state["name"] == host).unwrap()
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn one_host_writes_what_all_of_them_see() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&pool());
    let found = pool_is(&world, "ready", ready);
    println!("{:#}", found["status"]);
    assert_eq!(found["status"]["writer"], "host1");
    let marker = found["status"]["marker"].clone();
    for host in ["host1", "host2"] {
        let mounts = world.shell(host, "cat /proc/mounts");
        let kind = format!("{TARGET} fuse.glusterfs");
        assert!(mounts.contains(&kind), "{host}: {mounts}");
    }
    machines_of_both(&world);
    another_writes(&world, &marker);
    other_storage(&world);
    world.remove_space(SPACE);
    world.kubectl(&["delete", "clusterimage", "e2e-shared", "--timeout=60s"]);
    assert_eq!(files(&world, "e2e"), ["drover.pool"]);
    world.delete(&pool());
    assert_eq!(files(&world, "e2e"), Vec::<String>::new());
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_example_has_a_disk_on_its_host_and_one_on_all_of_them() {
    let world = World::new();
    let folder = objects::example(&world.lab, "storage").unwrap();
    let folder = folder.display().to_string();
    world.kubectl(&["apply", "--server-side", "-f", &folder]);
    world.is_running("archive", "keeper");
    let host = |name: &str| {
        let volume = world.get("volumes", "archive", name).unwrap();
        volume["status"]["host"].clone()
    };
    assert!(host("records").is_null() && host("keeper-root").is_string());
    world.kubectl(&["delete", "--timeout=120s", "-f", &folder]);
    assert_eq!(files(&world, "vol"), Vec::<String>::new());
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_is_promised_of_it_counts_once_for_all_hosts() {
    let world = World::new();
    world.space(SPACE);
    let limited = format!("{}  overcommit: \"0.001\"\n", pool());
    world.apply(&limited);
    pool_is(&world, "ready", ready);
    let size = world.shell("host1", &format!("stat -f -c '%b %S' {TARGET}"));
    let size: u64 = size
        .split_whitespace()
        .map(|it| it.parse::<u64>().unwrap())
        .product();
    // Six tenths of what may be promised, which two of do not fit, on whichever hosts they are.
    let each = (size / 1_000 * 6 / 10) >> 20;
    let machine = |number: u8| {
        let disk = format!("{{name: data, volumeTemplate: {{pool: {POOL}, capacity: {each}Mi}}}}");
        let name = format!("large-{number}");
        let guest = Guest::new(SPACE, &name).strategy("Halted").disk(disk);
        guest.on(&format!("host{number}"))
    };
    let both = [machine(1), machine(2)];
    world.apply(&both.each_ref().map(Guest::yaml).join("---\n"));
    let name = |guest: &Guest| guest.name.clone();
    let [one, two] = both.each_ref().map(|guest| {
        world.machine_is(SPACE, &name(guest), "placed or refused", |machine| {
            ready(machine) || message(machine).contains("without room in pool")
        })
    });
    for machine in [&one, &two] {
        println!("{}", message(machine));
    }
    assert_ne!(ready(&one), ready(&two), "one of them");
    let (placed, waits) = if ready(&one) { (0, 1) } else { (1, 0) };
    world.delete(&both[placed].yaml());
    world.machine_is(SPACE, &name(&both[waits]), "placed", ready);
    world.remove_space(SPACE);
    world.delete(&limited);
}

// Of one image, kept once, with disks of no host.
fn machines_of_both(world: &World) {
    let before = images::requests(world, "guest.qcow2");
    world.apply(&images::cluster_image(
        world,
        "e2e-shared",
        "guest.qcow2",
        "",
    ));
    let guests = [("one", "host1"), ("two", "host2")];
    for (name, host) in guests {
        world.apply(&guest(name, host).yaml());
    }
    for (name, _) in guests {
        world.is_running(SPACE, name);
        let volume = world
            .get("volumes", SPACE, &format!("{name}-root"))
            .unwrap();
        assert!(volume["status"]["host"].is_null(), "{volume:#}");
    }
    assert_eq!(images::requests(world, "guest.qcow2") - before, 1);
    let image = world.wait(("clusterimages", "", "e2e-shared"), "there", |image| {
        image["status"]["copies"] == 1 && ready(image)
    });
    println!("{}", image["status"]["pools"]);
    println!("{:#?}", files(world, "e2e"));
    // What another host has a disk in is in use, whoever would remove it.
    world.kubectl(&["delete", "volume", "two-root", "-n", SPACE, "--wait=false"]);
    let used = world.wait(("volumes", SPACE, "two-root"), "in use", |volume| {
        reason(volume) == "InUse"
    });
    println!("{}", message(&used));
    // It grows where it runs.
    let larger = guest("one", "host1").yaml().replace("64Mi", "80Mi");
    world.apply(&larger);
    world.wait_for("it is larger", || {
        let info = world.virsh("host1", &["domblkinfo", "e2e-shared_one", "vda"]);
        info.contains("83886080")
    });
}

// When the host that writes is off, another one does; what nobody can be asked about stays.
fn another_writes(world: &World, marker: &Value) {
    let kept = world.host("host1");
    world.apply(&volume("first", ""));
    world.wait(("volumes", SPACE, "first"), "ready", ready);
    power::off(&world.lab, &kept).unwrap();
    let found = pool_is(world, "written by host2", |pool| {
        pool["status"]["writer"] == "host2"
    });
    assert_eq!(&found["status"]["marker"], marker);
    world.apply(&volume("second", ""));
    world.wait(("volumes", SPACE, "second"), "ready", ready);
    world.kubectl(&["delete", "volume", "first", "-n", SPACE, "--wait=false"]);
    let waits = world.wait(("volumes", SPACE, "first"), "kept", |volume| {
        reason(volume) == "HostUnreachable"
    });
    println!("{}", message(&waits));
    assert!(files(world, "e2e").contains(&"e2e-shared_first".to_owned()));
    power::on(&world.lab, &kept).unwrap();
    world.wait_for("the volume is gone", || {
        world.get("volumes", SPACE, "first").is_none()
    });
    let found = pool_is(world, "ready on both", |pool| {
        ready(pool) && state(pool, "host1")["state"] == "Active"
    });
    assert_eq!(found["status"]["writer"], "host2", "it goes on");
    world.is_running(SPACE, "one");
}

// A host that has something else mounted there, or nothing, is told apart from the others.
fn other_storage(world: &World) {
    let one = guest("one", "host1");
    world.delete(&one.yaml());
    world.shell("host1", &format!("umount {TARGET}"));
    world.virsh("host1", &["pool-refresh", POOL]);
    let missing = pool_is(world, "missing on host1", |pool| {
        let state = state(pool, "host1");
        let message = state["message"].as_str().unwrap_or_default();
        state["state"] != "Active" && message.contains("may not be mounted")
    });
    println!("{}", message(&missing));
    let forged = format!("echo drover/lab/{POOL} 1234 > {TARGET}/drover.pool");
    world.shell("host1", &forged);
    world.virsh("host1", &["pool-refresh", POOL]);
    let other = pool_is(world, "another one on host1", |pool| {
        let message = state(pool, "host1")["message"].as_str();
        message.is_some_and(|it| it.contains("other storage is there than on host2"))
    });
    println!("{}", message(&other));
    world.apply(&volume("third", ""));
    world.wait(("volumes", SPACE, "third"), "ready", ready);
    world.shell("host1", &format!("rm {TARGET}/drover.pool"));
    let again = format!("/sbin/mount.glusterfs files.example.org:/e2e {TARGET}");
    world.shell("host1", &again);
    world.virsh("host1", &["pool-refresh", POOL]);
    pool_is(world, "ready on both", |pool| {
        ready(pool) && state(pool, "host1")["state"] == "Active"
    });
}
