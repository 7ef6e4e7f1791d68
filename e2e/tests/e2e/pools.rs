//! Pools of every type: those that the lab can have are run, the definitions of all are taken by both
//! versions of libvirt.

use std::process::Command;

use drover_e2e::command::run;

use crate::support::{Guest, World, message, ready, reason};

const TYPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../operator/core/tests/pools");
const SPACE: &str = "e2e-pools";

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn both_versions_of_libvirt_take_each_type() {
    let world = World::new();
    let mut files: Vec<_> = std::fs::read_dir(TYPES)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "xml"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 12);
    let mut refused = Vec::new();
    for host in ["host1", "host2"] {
        for file in &files {
            let kind = file.file_stem().unwrap().to_str().unwrap();
            let at = world.host(host).root(&world.lab).join("root/pool.xml");
            std::fs::copy(file, at).unwrap();
            let machine = world.host(host);
            let words = ["pool-define", "/root/pool.xml", "--validate"];
            match drover_e2e::hosts::virsh(&world.lab, &machine, &words) {
                Ok(_) => {
                    let name = format!("e2e-pools-{kind}");
                    let shown = world.virsh(host, &["pool-dumpxml", &name, "--inactive"]);
                    assert!(shown.contains(&format!("<pool type='{kind}'")), "{shown}");
                    world.virsh(host, &["pool-undefine", &name]);
                    println!("{host}: {kind}: taken");
                }
                // Backends are packages of their own.
                Err(error) if error.to_string().contains("missing backend") => {
                    println!("{host}: {kind}: valid, and the host lacks its backend");
                }
                Err(error) => refused.push(format!("{host}: {kind}: {error}")),
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// A block device of a host, with a file behind it.
struct Device {
    file: std::path::PathBuf,
    path: String,
}

impl Device {
    fn new(world: &World, host: &str) -> Self {
        let file = world.host(host).root(&world.lab).join("root/device.img");
        let made = std::fs::File::create(&file).unwrap();
        made.set_len(96 << 20).unwrap();
        let path = run(Command::new("losetup").args(["-f", "--show"]).arg(&file)).unwrap();
        let device = Self {
            file,
            path: path.trim().to_owned(),
        };
        let number = device.path.trim_start_matches("/dev/loop");
        let at = &device.path;
        world.shell(host, &format!("rm -f {at} && mknod {at} b 7 {number}"));
        device
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _freed = run(Command::new("losetup").arg("-d").arg(&self.path));
        let _gone = std::fs::remove_file(&self.file);
    }
}

fn pool(kind: &str, device: &str, format: &str, more: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {{name: e2e-{kind}}}
spec:
  type: {kind}
  hostSelector: {{matchLabels: {{suite: trixie}}}}
  source: {{devices: [{device}], format: {format}}}
  deletionPolicy: Delete
{more}"
    )
}

fn volume(pool: &str, more: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: data, namespace: {SPACE}}}
spec: {{pool: {pool}, host: host2, capacity: 8Mi, reclaimPolicy: Delete{more}}}
"
    )
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_file_system_on_a_device_is_made_once_and_then_used_as_it_is() {
    let world = World::new();
    world.space(SPACE);
    let device = Device::new(&world, "host2");
    let target = "  target: {path: /srv/e2e-fs}\n";
    let plain = pool("fs", &device.path, "ext4", target);
    world.apply(&plain);
    let refused = world.wait(("storagepools", "", "e2e-fs"), "refused", |pool| {
        reason(pool) == "NotRealized"
    });
    println!("without initialize: {}", message(&refused));
    world.apply(&(plain.clone() + "  initialize: true\n"));
    world.wait(("storagepools", "", "e2e-fs"), "ready", ready);
    world.apply(&volume("e2e-fs", ""));
    world.wait(("volumes", SPACE, "data"), "ready", ready);
    let mounts = world.shell("host2", "cat /proc/mounts");
    assert!(mounts.contains("/srv/e2e-fs ext4"), "{mounts}");
    // Unmounted, its folder is as empty as a new one's: nothing is made there.
    world.shell("host2", "umount /srv/e2e-fs");
    world.virsh("host2", &["pool-refresh", "e2e-fs"]);
    let other = volume("e2e-fs", "").replace("name: data", "name: other");
    world.apply(&other);
    let missing = world.wait(("storagepools", "", "e2e-fs"), "VolumeMissing", |pool| {
        reason(pool) == "VolumeMissing"
    });
    println!("unmounted: {}", message(&missing));
    world.shell("host2", &format!("mount {} /srv/e2e-fs", device.path));
    world.virsh("host2", &["pool-refresh", "e2e-fs"]);
    world.wait(("storagepools", "", "e2e-fs"), "ready", ready);
    world.wait(("volumes", SPACE, "data"), "ready", ready);
    world.wait(("volumes", SPACE, "other"), "ready", ready);
    world.delete(&other);
    world.delete(&volume("e2e-fs", ""));
    world.delete(&plain);
    let mounts = world.shell("host2", "cat /proc/mounts");
    assert!(!mounts.contains("e2e-fs"), "{mounts}");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn hosts_log_on_by_a_secret_of_the_operators() {
    let world = World::new();
    let pool = "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {name: e2e-login}
spec:
  type: iscsi
  hostSelector: {matchLabels: {suite: bookworm}}
  source:
    hosts: [{name: 127.0.0.1}]
    devices: [\"iqn.2026-01.org.example:vms\"]
    authSecretRef: {name: e2e-login}
  deletionPolicy: Delete
";
    let secret = "apiVersion: v1
kind: Secret
metadata: {name: e2e-login, namespace: drover-system}
stringData: {username: drover, password: hunter2}
";
    world.apply(pool);
    let missing = world.wait(("storagepools", "", "e2e-login"), "told", |pool| {
        reason(pool) == "SecretMissing"
    });
    println!("{}", message(&missing));
    world.apply(secret);
    // Nobody serves such a target in the lab: what the host has to log on with is there all the same.
    let refused = world.wait(("storagepools", "", "e2e-login"), "refused", |pool| {
        reason(pool) == "NotRealized"
    });
    println!("{}", message(&refused));
    let xml = world.virsh("host1", &["pool-dumpxml", "e2e-login", "--inactive"]);
    assert!(
        xml.contains("<auth type='chap' username='drover'>"),
        "{xml}"
    );
    let uuid = xml.split("<secret uuid='").nth(1).unwrap();
    let uuid = uuid.split('\'').next().unwrap().to_owned();
    let kept = world.virsh("host1", &["secret-dumpxml", &uuid]);
    assert!(kept.contains("drover/lab/e2e-login"), "{kept}");
    let host = world.host("host1");
    let shown = drover_e2e::hosts::virsh(&world.lab, &host, &["secret-get-value", &uuid]);
    assert!(shown.unwrap_err().to_string().contains("private"));
    world.delete(pool);
    world.delete(secret);
    let left = world.virsh("host1", &["secret-list"]);
    assert!(!left.contains(&uuid), "{left}");
    let log = std::fs::read_to_string(world.lab.log(drover_e2e::operator::NAME));
    assert!(!log.unwrap().contains("hunter2"));
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn no_more_is_promised_than_allowed() {
    let world = World::new();
    world.space(SPACE);
    let text = "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {name: e2e-limits}
spec:
  type: dir
  hostSelector: {matchLabels: {suite: trixie}}
  target: {path: /srv/e2e-limits}
  deletionPolicy: Delete
  overcommit: \"0.001\"
";
    world.apply(text);
    world.wait(("storagepools", "", "e2e-limits"), "ready", ready);
    let large = volume("e2e-limits", "").replace("8Mi", "1Pi");
    world.apply(&large);
    let refused = world.wait(("volumes", SPACE, "data"), "refused", |volume| {
        message(volume).contains("overcommit allows")
    });
    println!("{}", message(&refused));
    let guest = Guest::new(SPACE, "large")
        .disk("{name: root, volumeTemplate: {pool: e2e-limits, capacity: 1Pi}}".to_owned());
    world.apply(&guest.yaml());
    let refused = world.machine_is(SPACE, "large", "Unschedulable", |machine| {
        message(machine).contains("without room in pool \"e2e-limits\"")
    });
    println!("{}", message(&refused));
    world.delete(&guest.yaml());
    world.apply(&text.replace("  overcommit: \"0.001\"\n", ""));
    world.wait(("volumes", SPACE, "data"), "ready", ready);
    world.delete(&large);
    world.delete(text);
    world.remove_space(SPACE);
}
