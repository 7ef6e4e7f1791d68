//! What cannot be done is said in the status, and heals by itself.

use crate::support::{Guest, World, message, ready, reason};

const SPACE: &str = "e2e-stated";

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn no_host_fits() {
    let world = World::new();
    world.space(SPACE);
    let guest = Guest::new(SPACE, "large").memory("64Gi");
    world.kubectl(&["patch", "vhost", "host1", "--type=merge", "-p", CORDON]);
    world.wait(("hosts", "", "host1"), "cordoned", |host| {
        let conditions = host["status"]["conditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Schedulable" && condition["status"] == "False")
    });
    world.apply(&guest.yaml());
    let machine = world.machine_is(SPACE, "large", "Unschedulable", |machine| {
        reason(machine) == "Unschedulable"
    });
    let said = message(&machine).to_owned();
    println!("{said}");
    world.kubectl(&["patch", "vhost", "host1", "--type=merge", "-p", UNCORDON]);
    assert!(said.starts_with("0 of 2 hosts fit: "), "{said}");
    assert!(
        said.contains("1 insufficient memory (asked 64.2Gi, largest free "),
        "{said}"
    );
    assert!(
        said.contains(" on host2)") && said.contains("1 cordoned"),
        "{said}"
    );
    world.machine_is(SPACE, "large", "told of both hosts", |machine| {
        message(machine).contains("2 insufficient memory")
    });
    world.apply(&guest.memory("64Mi").yaml());
    world.machine_is(SPACE, "large", "ready", ready);
    world.remove_space(SPACE);
}

const CORDON: &str = r#"{"spec":{"unschedulable":true}}"#;
const UNCORDON: &str = r#"{"spec":{"unschedulable":false}}"#;

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_pool_that_is_nowhere() {
    let world = World::new();
    world.space(SPACE);
    world.apply(
        &Guest::new(SPACE, "homeless")
            .blank("data", "e2e-later")
            .yaml(),
    );
    let machine = world.machine_is(SPACE, "homeless", "Unschedulable", |machine| {
        reason(machine) == "Unschedulable"
    });
    println!("{}", message(&machine));
    assert!(message(&machine).contains("2 pool \"e2e-later\" missing"));
    let pool = "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {name: e2e-later}
spec:
  type: dir
  target: {path: /var/lib/libvirt/drover-e2e-later}
  deletionPolicy: Delete
";
    world.apply(pool);
    world.machine_is(SPACE, "homeless", "ready", ready);
    world.remove_space(SPACE);
    world.delete(pool);
    for host in ["host1", "host2"] {
        let pools = world.virsh(host, &["pool-list", "--all", "--name"]);
        assert!(!pools.contains("e2e-later"), "{pools}");
    }
}

fn volume(name: &str, url: &str, sum: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: {name}, namespace: {SPACE}}}
spec:
  pool: first
  host: host2
  capacity: 64Mi
  format: qcow2
  reclaimPolicy: Delete
  source: {{http: {{url: \"http://10.77.0.1:8088/{url}\", checksum: \"sha256:{sum}\"}}}}
"
    )
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn an_image_that_is_not_there() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&volume("absent", "absent.qcow2", &"0".repeat(64)));
    let found = world.wait(
        ("volumes", SPACE, "absent"),
        "SourceUnavailable",
        |volume| reason(volume) == "SourceUnavailable",
    );
    println!("{}", message(&found));
    assert!(message(&found).contains("404"), "{}", message(&found));
    assert!(
        !message(&found).contains("no such file"),
        "a body is nobody's business"
    );
    world.remove_space(SPACE);
    let files = world.pool_files("host2");
    assert!(!files.iter().any(|file| file.contains(SPACE)), "{files:?}");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn an_image_with_another_checksum() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&volume("wrong", "guest.qcow2", &"0".repeat(64)));
    let found = world.wait(("volumes", SPACE, "wrong"), "ChecksumMismatch", |volume| {
        reason(volume) == "ChecksumMismatch"
    });
    println!("{}", message(&found));
    world.remove_space(SPACE);
    let files = world.pool_files("host2");
    assert!(!files.iter().any(|file| file.contains(SPACE)), "{files:?}");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_name_that_a_foreign_domain_has() {
    let world = World::new();
    world.space(SPACE);
    let guest = Guest::new(SPACE, "taken").on("host1");
    let foreign = world
        .host("host1")
        .root(&world.lab)
        .join("root/foreign.xml");
    let xml = format!(
        "<domain type='qemu'><name>{}</name><uuid>11111111-2222-4333-8444-555555555555</uuid>\
         <memory unit='MiB'>32</memory><os><type arch='x86_64'>hvm</type></os></domain>",
        guest.domain()
    );
    std::fs::write(foreign, xml).unwrap();
    world.virsh("host1", &["define", "/root/foreign.xml"]);
    let before = world.virsh("host1", &["dumpxml", &guest.domain()]);
    world.apply(&guest.yaml());
    let machine = world.machine_is(SPACE, "taken", "NameConflict", |machine| {
        reason(machine) == "NameConflict"
    });
    println!("{}", message(&machine));
    assert_eq!(world.virsh("host1", &["dumpxml", &guest.domain()]), before);
    world.delete(&guest.yaml());
    assert_eq!(world.virsh("host1", &["dumpxml", &guest.domain()]), before);
    world.apply(&guest.yaml());
    world.machine_is(SPACE, "taken", "NameConflict", |machine| {
        reason(machine) == "NameConflict"
    });
    world.virsh("host1", &["undefine", &guest.domain()]);
    world.machine_is(SPACE, "taken", "ready", ready);
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn hosts_that_cannot_be_used() {
    let world = World::new();
    let host = |name: &str, uri: &str| {
        format!(
            "apiVersion: drover.dev/v1alpha1
kind: Host
metadata: {{name: {name}}}
spec: {{uri: \"{uri}\", insecure: true}}
"
        )
    };
    let twin = host(
        "e2e-twin",
        &format!("{}?", world.host("host1").uri()).replace('?', ""),
    );
    world.apply(&twin);
    world.wait(("hosts", "", "e2e-twin"), "DuplicateHost", |host| {
        reason(host) == "DuplicateHost"
    });
    let first = world.get("hosts", "", "host1").unwrap();
    assert_eq!(reason(&first), "Connected", "the first one stays");
    world.delete(&twin);
}
