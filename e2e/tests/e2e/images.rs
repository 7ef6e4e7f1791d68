//! Images: fetched once, kept once in each pool of each host, and the base of any number of disks.

use drover_e2e::hosts::pki;
use drover_e2e::objects;
use serde_json::{Value, json};

use crate::support::files::text;
use crate::support::{Guest, World, images, message, ready, reason};

const SPACE: &str = "e2e-images";

fn on(image: &str, name: &str, host: &str, more: &str) -> Guest {
    Guest::new(SPACE, name).on(host).disk(format!(
        "{{name: root, bootOrder: 1, volumeTemplate: {{pool: first, capacity: 64Mi, \
         source: {{clusterImage: {{name: {image}}}}}{more}}}}}"
    ))
}

fn copies(world: &World, image: &str) -> Vec<String> {
    let files = |host: &str| {
        let files = world.pool_files(host).into_iter();
        let ours = files.filter(|file| file.starts_with(&format!("_image_{image}")));
        ours.map(|file| format!("{host} {file}"))
            .collect::<Vec<_>>()
    };
    [files("host1"), files("host2")].concat()
}

fn image_is(world: &World, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    world.wait(("clusterimages", "", name), what, is)
}

fn gone(world: &World, name: &str) {
    world.wait_for("the image is gone", || {
        world.get("clusterimages", "", name).is_none()
    });
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn an_image_is_fetched_once_and_shared_by_disks_on_both_hosts() {
    let world = World::new();
    world.space(SPACE);
    let before = images::requests(&world, "guest.qcow2");
    world.apply(&images::cluster_image(&world, "shared", "guest.qcow2", ""));
    let unused = image_is(&world, "shared", "ready", ready);
    assert_eq!(reason(&unused), "Available", "{unused:#}");
    assert!(copies(&world, "shared").is_empty(), "nobody needs it yet");
    for (name, host) in [("a", "host1"), ("b", "host2"), ("c", "host2")] {
        world.apply(&on("shared", name, host, "").yaml());
    }
    for name in ["a", "b", "c"] {
        world.is_running(SPACE, name);
    }
    let image = image_is(&world, "shared", "in two pools", |image| {
        image["status"]["copies"] == 2 && ready(image)
    });
    println!("{}", image["status"]);
    assert_eq!(
        images::requests(&world, "guest.qcow2") - before,
        1,
        "fetched once"
    );
    assert_eq!(image["status"]["format"], "qcow2");
    assert_eq!(image["status"]["checksum"], image["spec"]["checksum"]);
    assert_eq!(copies(&world, "shared").len(), 6, "with two records each");
    let fetched = std::fs::read(images::folder(&world).join("guest.qcow2")).unwrap();
    for host in ["host1", "host2"] {
        let pool = world.host(host).root(&world.lab);
        let copy = pool.join("var/lib/libvirt/drover-first/_image_shared");
        assert!(std::fs::read(copy).unwrap() == fetched, "{host}");
    }
    // A disk is only what its guest has written, and nobody looks for its base in it.
    let xml = world.virsh("host2", &["dumpxml", "--inactive", "e2e-images_b"]);
    let base = "<backingStore type='file'>\n        <format type='qcow2'/>\n        \
                <source file='/var/lib/libvirt/drover-first/_image_shared'/>";
    assert!(xml.contains(base), "{xml}");
    let volume = world.get("volumes", SPACE, "b-root").unwrap();
    assert_eq!(volume["status"]["backing"][0]["volume"], "_image_shared");
    used_and_unused(&world);
}

fn used_and_unused(world: &World) {
    world.kubectl(&["delete", "clusterimage", "shared", "--wait=false"]);
    let used = image_is(world, "shared", "in use", |image| reason(image) == "InUse");
    println!("{}", message(&used));
    assert!(message(&used).contains("e2e-images/"), "{}", message(&used));
    world.remove_space(SPACE);
    gone(world, "shared");
    assert!(
        copies(world, "shared").is_empty(),
        "{:?}",
        copies(world, "shared")
    );
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_copy_goes_with_the_last_volume_that_needs_it() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&images::cluster_image(
        &world,
        "while-used",
        "guest.qcow2",
        "",
    ));
    world.apply(&images::cluster_image(
        &world,
        "kept",
        "guest.qcow2.gz",
        "  retention: Keep",
    ));
    let first = on("while-used", "first", "host1", "");
    let other = on("kept", "other", "host1", ", format: raw");
    world.apply(&first.yaml());
    world.apply(&other.yaml());
    world.is_running(SPACE, "first");
    world.is_running(SPACE, "other");
    // Raw is a copy of its own, as large as declared.
    let info = world.virsh(
        "host1",
        &["vol-info", "--bytes", "e2e-images_other-root", "first"],
    );
    assert!(info.contains("67108864"), "{info}");
    let volume = world.get("volumes", SPACE, "other-root").unwrap();
    assert!(volume["status"]["backing"].is_null(), "{volume:#}");
    let image = world.get("clusterimages", "", "kept").unwrap();
    println!("{}", image["status"]);
    assert_ne!(
        image["status"]["checksum"],
        image["status"]["contentChecksum"]
    );
    world.remove_space(SPACE);
    world.wait_for("its copy is gone", || {
        copies(&world, "while-used").is_empty()
    });
    assert_eq!(copies(&world, "kept").len(), 3);
    for name in ["while-used", "kept"] {
        world.kubectl(&["delete", "clusterimage", name, "--timeout=60s"]);
    }
    assert!(copies(&world, "kept").is_empty());
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_server_that_stops_in_the_middle_is_asked_for_the_rest() {
    let world = World::new();
    world.space(SPACE);
    let before = images::requests(&world, "cut/guest.qcow2");
    world.apply(&images::cluster_image(&world, "cut", "cut/guest.qcow2", ""));
    world.apply(&on("cut", "cut", "host2", "").yaml());
    world.is_running(SPACE, "cut");
    let asked = images::requests(&world, "cut/guest.qcow2") - before;
    println!("asked {asked} times");
    assert!(asked > 1);
    world.remove_space(SPACE);
    world.kubectl(&["delete", "clusterimage", "cut", "--timeout=60s"]);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_server_of_our_own_authority_is_trusted_by_a_secret() {
    const NAME: &str = "e2e-authority";
    let world = World::new();
    world.space(SPACE);
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": "drover-system"},
        "stringData": {"ca.crt": pki::authority(&world.lab).unwrap()},
    });
    let secret = secret.to_string();
    world.delete(&secret);
    let says = |expected: &str, words: &str| {
        let image = image_is(&world, NAME, expected, |image| {
            reason(image) == expected && message(image).contains(words)
        });
        println!("{expected}: {}", message(&image));
    };
    world.apply(&images::secured(&world, NAME, "guest.qcow2", None));
    world.apply(&format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: disk, namespace: {SPACE}}}
spec: {{pool: first, host: host1, capacity: 64Mi, reclaimPolicy: Delete, source: {{clusterImage: {{name: {NAME}}}}}}}
"
    ));
    says("SourceUnavailable", "caBundleSecretRef");
    world.apply(&images::secured(&world, NAME, "guest.qcow2", Some(NAME)));
    says("SecretMissing", "there is no Secret");
    world.apply(&secret);
    world.wait(("volumes", SPACE, "disk"), "ready", ready);
    says("Available", "one copy");
    world.remove_space(SPACE);
    world.kubectl(&["delete", "clusterimage", NAME, "--timeout=60s"]);
    world.delete(&secret);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn an_image_that_is_not_what_was_declared() {
    let world = World::new();
    world.space(SPACE);
    let right = images::cluster_image(&world, "wrong", "guest.qcow2", "");
    let sum = right.split("sha256:").nth(1).unwrap();
    let other = right.replace(&sum[..64], &"0".repeat(64));
    let raw = right.clone() + "  format: raw\n";
    let long = images::cluster_image(&world, "wrong", "short/guest.qcow2", "");
    for (text, expected) in [
        (other, "ChecksumMismatch"),
        (raw, "SourceRefused"),
        (long, "SourceUnavailable"),
    ] {
        world.apply(&text);
        world.apply(&on("wrong", "wrong", "host2", "").yaml());
        let image = image_is(&world, "wrong", expected, |image| reason(image) == expected);
        println!("{expected}: {}", message(&image));
        let volume = world.wait(("volumes", SPACE, "wrong-root"), "told why", |volume| {
            message(volume).contains("is on its way to host2: ")
        });
        println!("  {}", message(&volume));
        world.kubectl(&["delete", "vm", "wrong", "-n", SPACE, "--timeout=60s"]);
        world.kubectl(&["delete", "clusterimage", "wrong", "--timeout=60s"]);
        assert!(copies(&world, "wrong").is_empty(), "nothing is left");
    }
    world.remove_space(SPACE);
}

const TEAM: [(&str, &str); 3] = [
    ("web", "192.168.170.20"),
    ("db", "192.168.170.21"),
    ("cache", "192.168.170.22"),
];

// What each guest was given, where it is, and that it reaches the others by name.
// What guests of the same names have said before is not what these say.
fn forget_team(world: &World) {
    for (name, _) in TEAM {
        let console = world
            .host("host1")
            .console(&world.lab, &format!("team_{name}"));
        let _ = std::fs::remove_file(console);
    }
}

fn team_says(world: &World) {
    let says = |name: &str, words: &str| {
        let domain = format!("team_{name}");
        let console = world.host("host1").console(&world.lab, &domain);
        println!("{name}: {}", objects::line_on(&console, words).unwrap());
    };
    for (name, ip) in TEAM {
        says(name, "given user-data: timezone: Europe/Berlin");
        says(name, &format!("eth0 has {ip}"));
        for (other, its) in TEAM {
            says(name, &format!("reached {other}.team.example.org at {its}"));
        }
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_example_of_a_team_without_a_cluster() {
    let world = World::new();
    let folder = objects::example(&world.lab, "images").unwrap();
    forget_team(&world);
    let uri = format!("host1={}", world.host("host1").uri());
    let drover = |words: &[&str]| {
        let mut command = std::process::Command::new(world.lab.built("drover"));
        command.args(words).arg("-f").arg(&folder);
        let output = command.args(["--connect", &uri, "--insecure"]).output();
        let output = output.unwrap();
        println!("$ drover {}\n{}", words.join(" "), text(&output));
        output.status.code()
    };
    assert_eq!(drover(&["apply", "--yes"]), Some(0));
    team_says(&world);
    assert_eq!(drover(&["plan"]), Some(0), "nothing is left to do");
    assert_eq!(drover(&["delete", "--yes"]), Some(0));
    let left = world.virsh("host1", &["list", "--all", "--name"]);
    assert!(!left.contains("team_"), "{left}");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_example_of_a_team_in_any_order() {
    let world = World::new();
    let folder = objects::example(&world.lab, "images").unwrap();
    forget_team(&world);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path().display().to_string())
        .collect();
    files.sort();
    // Nothing can be in a namespace that is not there.
    world.kubectl(&["apply", "--server-side", "-f", &files[0]]);
    for file in files[1..].iter().rev() {
        world.kubectl(&["apply", "--server-side", "-f", file]);
    }
    for (name, ip) in TEAM {
        world.machine_is("team", name, "running with its address", |machine| {
            ready(machine) && machine["status"]["interfaces"][0]["ips"][0] == ip
        });
    }
    team_says(&world);
    println!(
        "{}",
        world.kubectl(&["get", "vm", "-n", "team", "-o", "wide"])
    );
    println!(
        "{}",
        world.kubectl(&["get", "vcimg,vpool,vnet,vvol", "-n", "team"])
    );
    let folder = folder.display().to_string();
    world.kubectl(&["delete", "--timeout=180s", "-f", &folder]);
    let left = world.virsh("host1", &["pool-list", "--all", "--name"]);
    assert!(!left.lines().any(|name| name.trim() == "team"), "{left}");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn an_image_in_a_drive_is_started_from_and_ejected() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&images::cluster_image(&world, "cd", "guest.iso", ""));
    let guest = Guest::new(SPACE, "cd")
        .on("host2")
        .memory("256Mi")
        .blank("root", "first");
    let drive = |what: &str| {
        let drive = format!("{{name: cd, type: cdrom, bootOrder: 1{what}}}");
        guest.clone().disk(drive).yaml()
    };
    world.apply(&drive(", clusterImage: {name: cd}"));
    world.is_running(SPACE, "cd");
    let console = world.host("host2").console(&world.lab, "e2e-images_cd");
    println!(
        "{}",
        objects::line_on(&console, "drover-guest: up").unwrap()
    );
    let before = world.domain_id("host2", "e2e-images_cd");
    world.kubectl(&["delete", "clusterimage", "cd", "--wait=false"]);
    let used = image_is(&world, "cd", "in use", |image| reason(image) == "InUse");
    println!("{}", message(&used));
    world.apply(&drive(""));
    world.is_running(SPACE, "cd");
    let xml = world.virsh("host2", &["dumpxml", "e2e-images_cd"]);
    assert!(!xml.contains("_image_cd"), "{xml}");
    assert_eq!(
        world.domain_id("host2", "e2e-images_cd"),
        before,
        "it ran on"
    );
    gone(&world, "cd");
    assert!(copies(&world, "cd").is_empty());
    world.remove_space(SPACE);
}
