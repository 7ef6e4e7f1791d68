//! The definitions of the snapshots' machines: both versions of libvirt take them with their schema, show
//! what was declared, and show what was changed, with all that Drover does not model where it was.

use drover_core::definition::update;
use drover_core::desired::machine::{Bootloader, DesiredMachine};
use drover_core::fields::{Shape, Site};
use drover_core::identity::Mark;
use drover_core::observed::domain::Definition;
use drover_core::plan::changes::differences;

use self::snapshots::{Snapshot, read};
use crate::support::World;

#[path = "../../../operator/core/tests/snapshots/read.rs"]
mod snapshots;

const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../operator/core/tests/snapshots"
);

/// What libvirt says when its schema does not let something be.
const AGAINST_THE_SCHEMA: &str = "failed to validate against schema";

struct Bench<'a> {
    world: &'a World,
    host: &'a str,
}

impl Bench<'_> {
    fn define(&self, xml: &str, validate: bool) -> Result<(), String> {
        let host = self.world.host(self.host);
        std::fs::write(host.root(&self.world.lab).join("root/m.xml"), xml).unwrap();
        let mut words = vec!["define", "/root/m.xml"];
        if validate {
            words.push("--validate");
        }
        let done = drover_e2e::hosts::virsh(&self.world.lab, &host, &words);
        done.map(drop).map_err(|error| error.to_string())
    }

    fn undefine(&self, machine: &DesiredMachine) {
        let words = ["undefine", &machine.domain_name, "--nvram", "--tpm"];
        self.world.virsh(self.host, &words);
    }

    fn shown(&self, name: &str) -> String {
        let words = ["dumpxml", "--inactive", "--security-info", name];
        self.world.virsh(self.host, &words)
    }
}

fn mark(machine: &DesiredMachine) -> Mark {
    machine.mark(1)
}

// What differs of what libvirt shows from what is declared.
fn open(machine: &DesiredMachine, site: &Site, xml: &str) -> Vec<String> {
    let found = Definition::parse(xml).unwrap();
    let all = differences(&Shape::of(machine, site), site, &found, false);
    all.iter()
        .map(|it| format!("{}: {} -> {}", it.path, it.from, it.to))
        .collect()
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn libvirt_shows_what_was_declared_and_what_was_changed() {
    let world = World::new();
    let all = snapshots::all(FOLDER);
    assert!(all.len() >= 50);
    let mut wrong = Vec::new();
    for (host, kind) in [("host1", "spice"), ("host2", "newer")] {
        let bench = Bench {
            world: &world,
            host,
        };
        let (here, others): (Vec<_>, Vec<_>) = all
            .iter()
            .partition(|it| it.on.iter().all(|word| word == kind));
        // What the lab's hosts lack the schema has, if it is not too old.
        let old = |it: &Snapshot| it.on.iter().any(|word| word == "newer");
        let others = others.into_iter().filter(|it| !old(it));
        for this in others {
            let name = &this.machine.name;
            match bench.define(&written(this), true) {
                Err(error) if error.contains(AGAINST_THE_SCHEMA) => {
                    wrong.push(format!("{host}: {name}: {error}"));
                }
                Err(_) => {}
                Ok(()) => bench.undefine(&this.machine),
            }
        }
        for (index, this) in here.iter().enumerate() {
            // It becomes the next one that may have the same board, in place, and stays that.
            let mut others = here[index + 1..].iter().chain(&here);
            let next = others.find(|next| board(next) == board(this)).unwrap();
            for error in defined(&bench, this, next) {
                wrong.push(format!("{host}: {}: {error}", this.machine.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn board(snapshot: &Snapshot) -> (Option<&str>, Bootloader, bool) {
    let machine = &snapshot.machine;
    let firmware = &machine.firmware;
    let type_ = machine.machine_type.as_deref();
    (type_, firmware.bootloader, firmware.secure_boot)
}

fn written(snapshot: &Snapshot) -> String {
    read(&snapshot.path.with_extension("xml")).unwrap()
}

// What is wrong with a machine, and with it when it becomes the next one.
fn defined(bench: &Bench<'_>, this: &Snapshot, next: &Snapshot) -> Vec<String> {
    let machine = &this.machine;
    if let Err(error) = bench.define(&written(this), true) {
        return vec![error];
    }
    let mut wrong = open(machine, &this.site, &bench.shown(&machine.domain_name));
    let next_machine = DesiredMachine {
        name: machine.name.clone(),
        domain_name: machine.domain_name.clone(),
        uuid: machine.uuid,
        ..next.machine.clone()
    };
    if let Err(error) = become_next(bench, &next_machine, &next.site) {
        wrong.push(format!("-> {}: {error}", next.machine.name));
    }
    bench.undefine(machine);
    wrong
}

// With a note in it, of which Drover knows nothing.
fn become_next(bench: &Bench<'_>, next: &DesiredMachine, site: &Site) -> Result<(), String> {
    let name = &next.domain_name;
    let noted = "<description>a note</description><memory";
    bench.define(&bench.shown(name).replacen("<memory", noted, 1), false)?;
    let wanted = Shape::of(next, site);
    let xml = bench.shown(name);
    let refused: Vec<String> = differences(&wanted, site, &Definition::parse(&xml).unwrap(), false)
        .iter()
        .filter(|change| change.class.is_refused())
        .map(|change| change.path.clone())
        .collect();
    let changed = update(&xml, &wanted, site, &mark(next), |_| true).unwrap();
    bench.define(&changed.xml, false)?;
    let xml = bench.shown(name);
    if !xml.contains("a note") {
        return Err("the note is gone".to_owned());
    }
    let left = open(next, site, &xml);
    let left: Vec<_> = left
        .iter()
        .filter(|line| !refused.iter().any(|path| line.starts_with(path.as_str())))
        .collect();
    let again = update(&xml, &wanted, site, &mark(next), |_| true).unwrap();
    match (left.as_slice(), again.changed.as_slice()) {
        ([], []) => Ok(()),
        (left, again) => Err(format!("{left:?} {again:?}")),
    }
}
