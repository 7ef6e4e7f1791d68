//! What is written is what is read, and what differs is named.

use std::sync::Arc;

use drover_core::definition::{create, outline};
use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::{Shape, Value};
use drover_core::observed::domain::Definition;
use drover_core::plan::changes::{Change, differences};
use drover_core::xml::DomainType;

use super::given;

fn named(desired: &DesiredMachine, found: &Definition) -> Vec<(String, String, String)> {
    let text = |change: Change| (change.path, change.from, change.to);
    let wanted = Shape::of(desired, &given::site());
    let all = differences(&wanted, &given::site(), found, false);
    all.into_iter().map(text).collect()
}

fn written(desired: &DesiredMachine) -> Definition {
    Definition::parse(&create(desired, &given::site(), &desired.mark(1))).unwrap()
}

#[test]
fn what_is_written_is_as_declared() {
    let desired = given::machine();
    for kind in [DomainType::Kvm, DomainType::Qemu, DomainType::Test] {
        let site = given::site_of(kind);
        let xml = create(&desired, &site, &desired.mark(3));
        let found = Definition::parse(&xml).unwrap();
        let wanted = Shape::of(&desired, &site);
        assert_eq!(differences(&wanted, &site, &found, false), []);
        assert_eq!(found.mark, Some(desired.mark(3)));
    }
}

#[test]
fn libvirts_own_words_are_no_difference() {
    let desired = given::machine();
    let mut found = written(&desired);
    let text = |board: &'static str| Value::Text(board.into());
    let board = found
        .values
        .iter()
        .position(|it| *it == text("q35"))
        .unwrap();
    Arc::make_mut(&mut found.values)[board] = text("pc-q35-7.2");
    assert_eq!(named(&desired, &found), []);
    Arc::make_mut(&mut found.values)[board] = text("pc-i440fx-7.2");
    let path = "spec.machine.type".to_owned();
    assert_eq!(
        named(&desired, &found),
        [(path, "pc-i440fx-7.2".to_owned(), "q35".to_owned())]
    );
}

#[test]
fn each_change_of_the_spec_is_named() {
    let found = written(&given::machine());
    for (from, to, path) in [
        ("cores: 2", "cores: 3", "spec.cpu.cores"),
        ("cores: 2", "cores: 2, sockets: 2", "spec.cpu.sockets"),
        ("cores: 2", "cores: 2, threads: 2", "spec.cpu.threads"),
        ("256Mi", "1Gi", "spec.memory.guest"),
        ("bus: sata", "bus: scsi", "spec.disks[data].bus"),
        (
            "network: wan",
            "network: dmz",
            "spec.interfaces[eth1].network",
        ),
        ("e1000e", "virtio", "spec.interfaces[eth1].model"),
        ("AA:BB:0C", "AA:BB:0D", "spec.interfaces[eth1].macAddress"),
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
    let found = written(&desired);
    let mut fewer = desired;
    fewer.interfaces.pop();
    fewer.disks.pop();
    let paths: Vec<String> = named(&fewer, &found).into_iter().map(|it| it.0).collect();
    assert_eq!(paths, ["spec.disks[data]", "spec.interfaces[eth1]"]);
}

#[test]
fn machines_that_differ_only_by_their_own_words_have_one_outline() {
    let outline = |text: &str| outline(&given::machine_from(text), &given::site());
    let one = outline(given::MACHINE);
    for (from, to, same) in [
        ("AA:BB:0C", "AA:BB:0D", true),
        ("name: web, namespace", "name: db, namespace", true),
        ("256Mi", "1Gi", false),
        ("bus: sata", "bus: scsi", false),
        ("e1000e", "virtio", false),
        ("network: wan", "network: dmz", false),
    ] {
        let text = given::MACHINE.replace(from, to);
        assert_ne!(text, given::MACHINE, "{from}");
        assert_eq!(outline(&text) == one, same, "{to}");
    }
}
