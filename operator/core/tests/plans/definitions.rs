//! What is written is what is read, and what differs is named.

use drover_core::desired::machine::DesiredMachine;
use drover_core::observed::domain::Definition;
use drover_core::plan::machine_diff::{Difference, differences};
use drover_core::xml::{DomainType, HostFlavor, domain_xml};

use super::given;

fn flavor(domain_type: DomainType) -> HostFlavor {
    HostFlavor {
        domain_type,
        architecture: "x86_64".to_owned(),
    }
}

pub(crate) fn written(desired: &DesiredMachine, epoch: i64) -> Definition {
    let xml = domain_xml(desired, &given::disks(), &flavor(DomainType::Qemu), epoch);
    Definition::parse(&xml).unwrap()
}

fn named(desired: &DesiredMachine, found: &Definition) -> Vec<(String, String, String)> {
    let text = |difference: Difference| (difference.path, difference.from, difference.to);
    let all = differences(desired, &given::disks(), found);
    all.into_iter().map(text).collect()
}

#[test]
fn what_is_written_is_as_declared() {
    let desired = given::machine();
    for kind in [DomainType::Kvm, DomainType::Qemu, DomainType::Test] {
        let xml = domain_xml(&desired, &given::disks(), &flavor(kind), 3);
        let found = Definition::parse(&xml).unwrap();
        assert_eq!(named(&desired, &found), []);
        assert_eq!(found.mark, Some(desired.mark(3)));
    }
}

#[test]
fn libvirts_own_words_are_no_difference() {
    let desired = given::machine();
    let mut found = written(&desired, 1);
    found.machine_type = Some("pc-q35-7.2".to_owned());
    assert_eq!(named(&desired, &found), []);
    found.machine_type = Some("pc-i440fx-7.2".to_owned());
    let path = "spec.machine.type".to_owned();
    assert_eq!(
        named(&desired, &found),
        [(path, "pc-i440fx-7.2".to_owned(), "q35".to_owned())]
    );
}

#[test]
fn each_change_of_the_spec_is_named() {
    let found = written(&given::machine(), 1);
    for (from, to, path) in [
        ("cores: 2", "cores: 3", "spec.cpu.cores"),
        ("cores: 2", "cores: 2, sockets: 2", "spec.cpu.sockets"),
        ("cores: 2", "cores: 2, threads: 2", "spec.cpu.threads"),
        ("256Mi", "1Gi", "spec.memory.guest"),
        ("bus: sata", "bus: scsi", "spec.disks[data]"),
        ("network: wan", "network: dmz", "spec.interfaces[eth1]"),
        ("e1000e", "virtio", "spec.interfaces[eth1]"),
        ("AA:BB:0C", "AA:BB:0D", "spec.interfaces[eth1]"),
    ] {
        let desired = given::machine_from(&given::MACHINE.replace(from, to));
        let paths: Vec<String> = named(&desired, &found).into_iter().map(|it| it.0).collect();
        assert_eq!(paths, [path], "{to}");
    }
    let memory = given::machine_from(&given::MACHINE.replace("256Mi", "1Gi"));
    let (_, from, to) = named(&memory, &found).remove(0);
    assert_eq!((from.as_str(), to.as_str()), ("256Mi", "1Gi"));
}

#[test]
fn what_is_there_and_not_declared_is_named() {
    let desired = given::machine();
    let found = written(&desired, 1);
    let mut fewer = desired;
    fewer.interfaces.pop();
    fewer.disks.pop();
    let paths: Vec<String> = named(&fewer, &found).into_iter().map(|it| it.0).collect();
    assert_eq!(paths, ["spec.disks[data]", "spec.interfaces[eth1]"]);
}

#[test]
fn a_definition_word_by_word() {
    let text = given::MACHINE
        .replace(
            "  - {name: data, volume: {name: web-data}, bus: sata}\n",
            "",
        )
        .replace(", model: e1000e", "");
    let desired = given::machine_from(&text);
    let xml = domain_xml(&desired, &given::disks(), &flavor(DomainType::Qemu), 7);
    let uuid = desired.uuid;
    let mac = &desired.interfaces[0].mac;
    let expected = format!(
        "<domain type=\"qemu\"><name>shop_web</name><uuid>{uuid}</uuid><metadata>\
         <drover:mark xmlns:drover=\"https://drover.dev/ns/v1\" fleet=\"lab\" namespace=\"shop\" \
         name=\"web\" uid=\"u-1\" epoch=\"7\"/></metadata><memory unit=\"KiB\">262144</memory>\
         <currentMemory unit=\"KiB\">262144</currentMemory><vcpu>2</vcpu>\
         <os><type arch=\"x86_64\" machine=\"q35\">hvm</type></os>\
         <features><acpi/><apic/></features><cpu mode=\"custom\" match=\"exact\">\
         <model fallback=\"allow\">qemu64</model>\
         <topology sockets=\"1\" cores=\"2\" threads=\"1\"/></cpu><clock offset=\"utc\"/>\
         <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot>\
         <on_crash>destroy</on_crash><devices><disk type=\"volume\" device=\"disk\">\
         <driver name=\"qemu\" type=\"qcow2\"/><source pool=\"fast\" volume=\"shop_web-root\"/>\
         <backingStore/><target dev=\"vda\" bus=\"virtio\"/><boot order=\"1\"/>\
         <alias name=\"ua-disk-root\"/></disk><interface type=\"network\">\
         <mac address=\"{mac}\"/><source network=\"lan\"/><model type=\"virtio\"/>\
         <alias name=\"ua-if-eth0\"/></interface><interface type=\"network\">\
         <mac address=\"52:54:00:aa:bb:0c\"/><source network=\"wan\"/><model type=\"virtio\"/>\
         <alias name=\"ua-if-eth1\"/></interface><serial type=\"pty\">\
         <log file=\"/var/log/libvirt/qemu/shop_web-console.log\" append=\"on\"/>\
         <target port=\"0\"/></serial><rng model=\"virtio\">\
         <backend model=\"random\">/dev/urandom</backend></rng></devices></domain>"
    );
    assert_eq!(xml, expected);
}
