//! A full Debian guest: cloud-init does what it is told, the agent tells what it sees, and its disk
//! grows while it runs.

use std::time::{Duration, Instant};

use drover_e2e::command::tail;
use drover_e2e::guest::debian;

use crate::support::{World, ready};

const SPACE: &str = "e2e-debian";
/// Without KVM it takes a minute and a half, on a machine that has nothing else to do.
const BOOTS_WITHIN: Duration = Duration::from_secs(300);

fn machine(sum: &str) -> String {
    format!(
        "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {{name: debian, namespace: {SPACE}}}
spec:
  memory: {{guest: 512Mi}}
  machine: {{type: q35}}
  placement: {{host: host1}}
  disks:
  - name: root
    bootOrder: 1
    volumeTemplate:
      pool: first
      capacity: 3Gi
      source: {{http: {{url: \"http://10.77.0.1:8088/{}\", checksum: \"sha256:{sum}\"}}}}
  cloudInit:
    hostname: bookworm
    userData: |
      #cloud-config
      locale: C.UTF-8
      write_files:
      - path: /usr/local/bin/watch-disk
        permissions: '0755'
        content: |
          #!/bin/sh
          while :; do
            new=$(($(cat /sys/block/vda/size) / 2097152))
            [ \"$new\" = \"$old\" ] || echo \"drover-guest: its disk has $new GiB\" >/dev/ttyS0
            old=$new
            sleep 1
          done
      runcmd:
      - [sh, -c, 'echo \"drover-guest: cloud-init ran on $(hostname)\" >/dev/ttyS0']
      - [sh, -c, 'setsid -f /usr/local/bin/watch-disk']
",
        debian::IMAGE
    )
}

// Longer than other tests wait.
fn says(world: &World, words: &str) -> String {
    let console = world.host("host1").console(&world.lab, "e2e-debian_debian");
    let start = Instant::now();
    loop {
        let bytes = std::fs::read(&console).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        if let Some(line) = text.lines().rev().find(|line| line.contains(words)) {
            return line.trim().to_owned();
        }
        let passed = start.elapsed();
        assert!(passed < BOOTS_WITHIN, "{words}: {}", tail(&console));
        std::thread::sleep(Duration::from_millis(500));
    }
}

// Its file systems are held still for the last moment of a copy, and let go again: the guest goes on, and
// what it says next it has read from its disk.
fn frozen(world: &World) {
    let start = Instant::now();
    world.apply(&format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: frozen, namespace: {SPACE}}}
spec:
  pool: first
  capacity: 3Gi
  reclaimPolicy: Delete
  source: {{volume: {{name: debian-root, consistency: Frozen}}}}
"
    ));
    world.wait(("volumes", SPACE, "frozen"), "copied", ready);
    let thawed = world.virsh(
        "host1",
        &[
            "qemu-agent-command",
            "e2e-debian_debian",
            "{\"execute\":\"guest-fsfreeze-status\"}",
        ],
    );
    println!("copied frozen in {:?}: {}", start.elapsed(), thawed.trim());
    assert!(thawed.contains("thawed"), "{thawed}");
    let log = std::fs::read_to_string(world.lab.log(drover_e2e::operator::NAME)).unwrap();
    assert!(!log.contains("a guest does not go on"));
    let checked = world.shell(
        "host1",
        "cd /var/lib/libvirt/drover-first && qemu-img check -q e2e-debian_frozen && \
         qemu-img info e2e-debian_frozen | grep -c backing || true",
    );
    assert_eq!(checked.trim(), "0");
    world.kubectl(&["delete", "vvol", "frozen", "-n", SPACE, "--timeout=60s"]);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn cloud_init_runs_the_agent_tells_and_the_disk_grows() {
    let world = World::new();
    let sum = debian::serve(&world.lab).unwrap();
    world.space(SPACE);
    let start = Instant::now();
    world.apply(&machine(&sum));
    world.machine_is(SPACE, "debian", "started", ready);
    println!("runs after {:?}", start.elapsed());
    println!(
        "{}",
        says(&world, "drover-guest: cloud-init ran on bookworm")
    );
    println!("cloud-init has run after {:?}", start.elapsed());
    says(&world, "its disk has 3 GiB");
    let told = world.machine_is(SPACE, "debian", "told of by its agent", |machine| {
        machine["status"]["guest"]["hostname"] == "bookworm" && ready(machine)
    });
    let guest = &told["status"]["guest"];
    println!("{guest:#}");
    assert_eq!(guest["osId"], "debian");
    assert_eq!(guest["osVersion"], "12");
    let root = &guest["filesystems"][0];
    assert_eq!(
        (&root["mountPoint"], &root["type"]),
        (&"/".into(), &"ext4".into())
    );
    let id = world.domain_id("host1", "e2e-debian_debian");
    frozen(&world);
    let grown = "{\"spec\":{\"capacity\":\"5Gi\"}}";
    let volume = ["patch", "vvol", "debian-root", "-n", SPACE];
    world.kubectl(&[&volume[..], &["--type=merge", "-p", grown]].concat());
    println!("{}", says(&world, "its disk has 5 GiB"));
    assert_eq!(
        world.domain_id("host1", "e2e-debian_debian"),
        id,
        "it ran on"
    );
    world.remove_space(SPACE);
    println!("{:?}", start.elapsed());
}
