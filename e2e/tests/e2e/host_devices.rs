//! Devices of a host that its guests are given, on a libvirtd whose test driver has some.

use serde_json::Value;

use crate::scheduling::Changed;
use crate::support::{Guest, World, message, ready};

const SPACE: &str = "e2e-devices";
const FILE: &str = "/var/tmp/e2e-devices.xml";
const ON: [&str; 2] = ["pci/0000:65:00.0", "pci/0000:66:00.0"];

// Two cards in IOMMU groups, one in none, and another card.
fn node() -> String {
    let card = |bus: u32, product: &str, group: &str| {
        format!(
            "<device><name>pci_0000_{bus:x}_00_0</name><parent>computer</parent>\
             <capability type='pci'><class>0x030200</class><domain>0</domain><bus>{bus}</bus>\
             <slot>0</slot><function>0</function><product id='{product}'>Card</product>\
             <vendor id='0x10de'>Maker</vendor>{group}</capability></device>"
        )
    };
    let group = |number: u32, bus: u32| {
        format!(
            "<iommuGroup number='{number}'><address domain='0' bus='{bus}' slot='0' \
             function='0'/></iommuGroup>"
        )
    };
    [
        "<node><device><name>computer</name><capability type='system'><hardware>\
         <uuid>00000000-0000-4000-8000-000000000009</uuid></hardware><firmware/></capability></device>",
        &card(0x65, "0x2236", &group(1, 0x65)),
        &card(0x66, "0x2236", &group(2, 0x66)),
        &card(0x67, "0x2236", ""),
        &card(0x68, "0x2237", &group(3, 0x68)),
        "</node>",
    ]
    .concat()
}

fn host(world: &World) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: Host
metadata: {{name: e2e-devices}}
spec:
  uri: \"test+tcp://{}{FILE}\"
  insecure: true
  devices: [{{resource: example.com/gpu, pci: \"10de:2236\"}}]
",
        world.host("host2").address()
    )
}

fn asking(name: &str) -> String {
    let devices = "devices: {hostDevices: [{name: gpu, resource: example.com/gpu}]}";
    let guest = Guest::new(SPACE, name).on("e2e-devices").more(devices);
    guest.yaml().replace("machine: {type: q35}", "machine: {}")
}

fn given(machine: &Value) -> String {
    let given = &machine["status"]["hostDevices"][0];
    assert_eq!(given["name"], "gpu", "{machine}");
    given["device"].as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn each_is_given_to_one_machine_at_a_time() {
    let world = World::new();
    world.space(SPACE);
    world.shell("host2", &format!("cat > {FILE} <<'END'\n{}\nEND", node()));
    world.apply(&host(&world));
    world.wait(("hosts", "", "e2e-devices"), "two cards", |host| {
        host["status"]["allocatable"]["devices"]["example.com/gpu"] == "2"
    });
    world.apply(&[asking("a"), asking("b")].join("---\n"));
    let both = ["a", "b"].map(|name| given(&world.machine_is(SPACE, name, "ready", ready)));
    let mut sorted = both.clone();
    sorted.sort();
    assert_eq!(sorted, ON);
    world.apply(&asking("c"));
    let none = "1 insufficient example.com/gpu (asked 1, largest free 0 on e2e-devices)";
    let waits = world.machine_is(SPACE, "c", "without a card", |machine| {
        message(machine).contains(none)
    });
    println!("{}", message(&waits));
    world.kubectl(&["delete", "vm", "a", "-n", SPACE, "--timeout=60s"]);
    let last = world.machine_is(SPACE, "c", "ready", ready);
    assert_eq!(given(&last), both[0], "the card that has come free");
    let still = world.machine(SPACE, "b").unwrap();
    assert_eq!(given(&still), both[1]);
    world.remove_space(SPACE);
    world.delete(&host(&world));
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_is_in_no_iommu_group_does_not_count() {
    let world = World::new();
    let all = world.virsh("host2", &["nodedev-list", "--cap", "pci"]);
    let Some(first) = all.lines().map(str::trim).find(|line| !line.is_empty()) else {
        println!("this machine has no PCI bus");
        return;
    };
    let xml = world.virsh("host2", &["nodedev-dumpxml", first]);
    let grouped = xml.contains("<iommuGroup");
    let id = |name: &str| {
        let rest = xml.split_once(&format!("<{name} id='0x")).unwrap().1;
        rest[..4].to_owned()
    };
    let spec = format!(
        r#"{{"devices":[{{"resource":"example.com/card","pci":"{}:{}"}}]}}"#,
        id("vendor"),
        id("product")
    );
    let offered = Changed::to(&world, "host2", &spec, r#"{"devices":null}"#);
    world.wait(("hosts", "", "host2"), "counted", |host| {
        let count = &host["status"]["capacity"]["devices"]["example.com/card"];
        count
            .as_str()
            .is_some_and(|count| (count != "0") == grouped)
    });
    drop(offered);
}
