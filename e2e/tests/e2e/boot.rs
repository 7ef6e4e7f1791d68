//! What a machine starts from beside its disk: a CD, or a kernel that its host loads.

use drover_e2e::{guest, objects};

use crate::support::{Guest, World};

const SPACE: &str = "e2e-boot";

// A file of the small guest's, as a volume.
fn volume(world: &World, name: &str, file: &str, capacity: &str, host: &str) -> String {
    let folder = guest::image(&world.lab).unwrap();
    let sum = guest::checksum_of(&folder, file).unwrap();
    format!(
        "---
apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: {name}, namespace: {SPACE}}}
spec:
  pool: first
  host: {host}
  capacity: {capacity}
  format: raw
  reclaimPolicy: Delete
  source: {{http: {{url: \"http://10.77.0.1:8088/{file}\", checksum: \"sha256:{sum}\"}}}}
"
    )
}

fn says_up(world: &World, host: &str, guest: &Guest) {
    let console = world.host(host).console(&world.lab, &guest.domain());
    let line = objects::line_on(&console, "drover-guest: up").unwrap();
    println!("{}: {line}", guest.name);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn from_a_cd_before_a_disk_and_ejected_while_it_runs() {
    let world = World::new();
    world.space(SPACE);
    for host in ["host1", "host2"] {
        let iso = format!("iso-{host}");
        world.apply(&volume(&world, &iso, guest::CD, "32Mi", host));
        let with = |medium: &str| {
            let guest = Guest::new(SPACE, &format!("cd-{host}")).on(host);
            let drive = format!("{{name: cd, type: cdrom, bootOrder: 1{medium}}}");
            let root = "{name: root, bootOrder: 2, volumeTemplate: {pool: first, capacity: 8Mi}}";
            guest.memory("128Mi").disk(root.to_owned()).disk(drive)
        };
        let guest = with(&format!(", volume: {{name: {iso}}}"));
        world.apply(&guest.yaml());
        world.is_running(SPACE, &guest.name);
        says_up(&world, host, &guest);
        let before = world.domain_id(host, &guest.domain());
        world.apply(&with("").yaml());
        world.wait_for("the drive is empty", || {
            !world
                .virsh(host, &["domblklist", &guest.domain()])
                .contains(&iso)
        });
        world.is_running(SPACE, &guest.name);
        assert_eq!(world.domain_id(host, &guest.domain()), before, "it ran on");
    }
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn from_a_kernel_that_its_host_loads() {
    let world = World::new();
    world.space(SPACE);
    for host in ["host1", "host2"] {
        let (kernel, initrd) = (format!("kernel-{host}"), format!("initrd-{host}"));
        world.apply(&volume(&world, &kernel, guest::KERNEL, "16Mi", host));
        world.apply(&volume(&world, &initrd, guest::INITRD, "8Mi", host));
        let boot = format!(
            "firmware: {{kernelBoot: {{kernelVolume: {{name: {kernel}}}, \
             initrdVolume: {{name: {initrd}}}, cmdline: console=ttyS0 quiet}}}}"
        );
        let guest = Guest::new(SPACE, &format!("kernel-{host}")).on(host);
        let guest = guest.memory("128Mi").more(&boot);
        world.apply(&guest.yaml());
        world.is_running(SPACE, &guest.name);
        says_up(&world, host, &guest);
    }
    world.remove_space(SPACE);
}
