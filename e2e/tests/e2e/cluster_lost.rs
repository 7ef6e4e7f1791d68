//! The cluster is lost with all it knew, and made anew from the same files: every machine is found
//! again, none is restarted, none is doubled.

use drover_e2e::hosts::power;
use drover_e2e::{control_plane, objects, operator};

use crate::support::{Guest, World, images, message, ready, reason};

const SPACE: &str = "e2e-lost";

const IMAGE: &str = "brisk/guest.qcow2";

fn guests() -> [Guest; 4] {
    let on = |name: &str, host: &str| Guest::new(SPACE, name).on(host);
    [
        on("a", "host1").blank("data", "first"),
        on("b", "host1"),
        on("c", "host2"),
        on("d", "host1").disk(
            "{name: root, volumeTemplate: {pool: first, capacity: 64Mi, \
             source: {clusterImage: {name: lost}}}}"
                .to_owned(),
        ),
    ]
}

// What a host that is off has is asked when it is on again.
fn ids(world: &World, hosts: &[&str]) -> Vec<(String, String)> {
    let ours = guests()
        .into_iter()
        .map(|guest| (guest.host.clone(), guest.domain()));
    let on = ours.filter(|(host, _)| host.as_deref().is_some_and(|it| hosts.contains(&it)));
    on.map(|(host, domain)| {
        let id = world.domain_id(&host.unwrap_or_default(), &domain);
        (domain, id)
    })
    .collect()
}

fn lose_the_cluster(world: &World) {
    operator::stop(&world.lab).unwrap();
    control_plane::stop(&world.lab).unwrap();
    std::fs::remove_dir_all(world.lab.state().join("etcd")).unwrap();
    control_plane::start(&world.lab).unwrap();
    objects::definitions(&world.lab).unwrap();
    objects::rights(&world.lab).unwrap();
    for name in ["host1", "host2"] {
        objects::host(&world.lab, &world.host(name)).unwrap();
    }
    operator::start(&world.lab).unwrap();
}

fn apply_all(world: &World) {
    // The example's pool and network are of the same files.
    let folder = world.lab.state().join("first-machine");
    world.kubectl(&["apply", "-f", &folder.display().to_string()]);
    world.kubectl(&["create", "namespace", SPACE]);
    world.apply(&images::cluster_image(world, "lost", IMAGE, ""));
    for guest in guests() {
        world.apply(&guest.yaml());
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn every_machine_is_found_again_also_while_a_host_is_off() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&images::cluster_image(&world, "lost", IMAGE, ""));
    for guest in guests() {
        world.apply(&guest.yaml());
        world.machine_is(SPACE, &guest.name, "ready", ready);
    }
    let before = ids(&world, &["host1"]);
    let disk = world.pool_files("host1");
    let asked = images::requests(&world, IMAGE);
    power::off(&world.lab, &world.host("host2")).unwrap();
    lose_the_cluster(&world);
    apply_all(&world);
    for name in ["a", "b", "d"] {
        world.machine_is(SPACE, name, "ready", ready);
    }
    assert_eq!(ids(&world, &["host1"]), before, "none was restarted");
    assert_eq!(world.pool_files("host1"), disk, "no disk was made anew");
    assert_eq!(
        images::requests(&world, IMAGE),
        asked,
        "no image was fetched"
    );
    // Its machine runs without waiting for that.
    world.wait(
        ("volumes", SPACE, "d-root"),
        "known by its record",
        |disk| disk["status"]["backing"][0]["volume"] == "_image_lost",
    );
    let waiting = world.machine_is(SPACE, "c", "WaitingForHosts", |machine| {
        reason(machine) == "WaitingForHosts"
    });
    println!("{}", message(&waiting));
    assert!(message(&waiting).contains("host2"));
    assert!(
        !world
            .virsh("host1", &["list", "--all"])
            .contains("e2e-lost_c")
    );
    power::on(&world.lab, &world.host("host2")).unwrap();
    world.machine_is(SPACE, "c", "ready", ready);
    let copies: Vec<_> = world.domains("e2e-lost_c");
    assert_eq!(copies.len(), 1, "{copies:?}");
    assert_eq!(ids(&world, &["host1"]), before);
    world.remove_space(SPACE);
    world.kubectl(&["delete", "clusterimage", "lost", "--timeout=60s"]);
}
