//! Where a definition differs from what is declared, and what it takes to change that.

use std::fmt;

use crate::fields::{
    Class, DISK_ROWS, DiskField, Field, INTERFACE_ROWS, Item, Judged, NicField, ROWS, Row, Shape,
    Site, Value, is_drive,
};
use crate::observed::domain::{Definition, DiskFacts};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The field of the spec.
    pub path: String,
    /// What the definition has.
    pub from: String,
    /// What is declared.
    pub to: String,
    /// What it takes.
    pub class: Class,
    /// Why it takes that, or what to do instead.
    pub reason: String,
    /// What is changed.
    pub(crate) what: What,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.path, self.from, self.to)
    }
}

impl Change {
    /// Stands for this change to just this value.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} -> {}", self.path, self.to)
    }
}

/// Whether a path is another one, or leads to a part of what that one does.
#[must_use]
pub fn is_within(inner: &str, outer: &str) -> bool {
    let rest = inner.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// What a change changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A field that the machine has once, by its row.
    Once(usize),
    /// A field of a disk, by its row.
    Disk(String, usize),
    AddDisk(String),
    RemoveDisk(String),
    /// A field of an interface, by its row.
    Interface(String, usize),
    AddInterface(String),
    RemoveInterface(String),
    /// Where it is.
    Place,
}

/// The differences of one definition, in the order of the spec.
#[must_use]
pub fn differences(wanted: &Shape, site: &Site, found: &Definition, live: bool) -> Vec<Change> {
    let mut changes = once(wanted, found, live);
    disks(wanted, site, found, live, &mut changes);
    interfaces(wanted, found, &mut changes);
    changes
}

fn once(wanted: &Shape, found: &Definition, live: bool) -> Vec<Change> {
    let mut changes = Vec::new();
    for (index, row) in ROWS.iter().enumerate() {
        let (to, from) = (&wanted.values[index], &found.values[index]);
        if follows(wanted, &found.values, index) {
            continue;
        }
        let hidden = live && !row.shown_live;
        let remembered = (hidden || gives_back(live, index, from, to))
            .then(|| declared(found, row.path))
            .filter(|value| hidden || *value != Value::Any);
        let from = remembered.as_ref().unwrap_or(from);
        if !row.agrees(from, to) {
            let judged = Judged {
                from,
                to,
                found: &found.values,
                wanted: &wanted.values,
            };
            changes.push(change(row, row.path.to_owned(), &judged, What::Once(index)));
        }
    }
    changes
}

// A guest that has more memory than it is to have is giving it back, from its start on: what it was
// asked for counts, which its mark remembers. One that has less was asked by somebody else.
fn gives_back(live: bool, index: usize, from: &Value, to: &Value) -> bool {
    live && index == Field::Memory as usize && from.as_number() > to.as_number()
}

// What a running definition does not show, its mark remembers.
fn declared(found: &Definition, path: &str) -> Value {
    let all = found.mark.iter().flat_map(|mark| &mark.recorded.declared);
    let known = all.into_iter().find(|(known, _)| known == path);
    known.map_or(Value::Any, |(_, value)| match value.as_str() {
        "none" => Value::None,
        text => match text.strip_suffix(" KiB").and_then(|kib| kib.parse().ok()) {
            Some(kib) => Value::Kib(kib),
            None => Value::Text(text.to_owned().into()),
        },
    })
}

/// Fields that go along with others where they are not declared: the most that there can be, with
/// what there is.
pub(crate) const FOLLOWERS: [(Field, Field); 2] = [
    (Field::MaxSockets, Field::Sockets),
    (Field::MaxMemory, Field::Memory),
];

fn follows(wanted: &Shape, found: &[Value], index: usize) -> bool {
    FOLLOWERS.into_iter().any(|(most, base)| {
        let same = |values: &[Value]| values[most as usize] == values[base as usize];
        index == most as usize && same(&wanted.values) && same(found)
    })
}

/// The field that goes along with this one, if it does.
pub(crate) fn follower(wanted: &Shape, index: usize) -> Option<usize> {
    FOLLOWERS
        .into_iter()
        .find(|(most, base)| index == *base as usize && wanted.get(*most) == wanted.get(*base))
        .map(|(most, _)| most as usize)
}

fn change<W>(row: &Row<W>, path: String, judged: &Judged<'_>, what: What) -> Change {
    let (class, reason) = (row.judge)(judged).unwrap_or((row.class, row.words));
    // Some things are called none.
    let shown = |value: &Value, other: &Value| match (value, other.as_text()) {
        (Value::None, Some("none")) => "not set".to_owned(),
        _ => value.to_string(),
    };
    let (from, to) = match (judged.from, judged.to) {
        (Value::Sealed(_), Value::Sealed(_)) => ("other content".into(), "set".into()),
        (from, to) => (shown(from, to), shown(to, from)),
    };
    Change {
        path,
        from,
        to,
        class,
        reason: reason.to_owned(),
        what,
    }
}

/// The disk of a definition that is this one of the spec: by the name that Drover gave it, or by its
/// device, for one that Drover did not write.
pub(crate) fn disk_named<'a>(found: &'a Definition, name: &str) -> Option<&'a DiskFacts> {
    let disks = || found.disks.iter();
    let named = disks().find(|disk| disk.name.as_deref() == Some(name));
    named.or_else(|| disks().find(|disk| disk.name.is_none() && disk.target == name))
}

fn disks(wanted: &Shape, site: &Site, found: &Definition, live: bool, changes: &mut Vec<Change>) {
    for item in &wanted.disks {
        let path = format!("spec.disks[{}]", item.name);
        let Some(disk) = disk_named(found, &item.name) else {
            let words = ("none".to_owned(), disk_words(&item.values));
            let what = What::AddDisk(item.name.clone());
            changes.push(plugged(path, words, plug(&item.values), what));
            continue;
        };
        let pair = (disk.values.as_slice(), item.values.as_slice());
        rows(&DISK_ROWS, &path, pair, changes, |index, from| {
            let elsewhere = index == DiskField::Volume as usize
                && site.disks.iter().any(|place| {
                    place.name == item.name && place.path.as_deref() == from.as_text()
                });
            // A drive that is empty has no format to speak of.
            let empty = index == DiskField::Format as usize && *from == Value::None && live;
            (!elsewhere && !empty).then(|| What::Disk(item.name.clone(), index))
        });
    }
    for disk in &found.disks {
        let Some(name) = &disk.name else { continue };
        // One whose place is not known yet is none that is not declared.
        if wanted.declares_disk(name) {
            continue;
        }
        let path = format!("spec.disks[{name}]");
        let words = (disk_words(&disk.values), "none".to_owned());
        let what = What::RemoveDisk(name.clone());
        changes.push(plugged(path, words, plug(&disk.values), what));
    }
}

// Each field of a device that differs, unless nothing is changed by it.
fn rows<W>(
    rows: &[Row<W>],
    path: &str,
    (found, wanted): (&[Value], &[Value]),
    changes: &mut Vec<Change>,
    what: impl Fn(usize, &Value) -> Option<What>,
) {
    for (index, row) in rows.iter().enumerate() {
        let (from, to) = (&found[index], &wanted[index]);
        if row.agrees(from, to) {
            continue;
        }
        let judged = Judged {
            from,
            to,
            found,
            wanted,
        };
        if let Some(what) = what(index, from) {
            changes.push(change(row, format!("{path}.{}", row.path), &judged, what));
        }
    }
}

const PLUGGED: (Class, &str) = (Class::Live, "it is plugged in or out");

// What it takes to plug a disk in or out.
fn plug(values: &[Value]) -> (Class, &'static str) {
    match values.get(DiskField::Bus as usize).and_then(Value::as_text) {
        Some("virtio" | "scsi" | "usb") if !is_drive(values) => PLUGGED,
        _ => (
            Class::NextBoot,
            "neither drives nor sata and ide disks can be plugged in or out",
        ),
    }
}

// A device that comes or goes.
fn plugged(
    path: String,
    (from, to): (String, String),
    (class, reason): (Class, &'static str),
    what: What,
) -> Change {
    Change {
        path,
        from,
        to,
        class,
        reason: reason.to_owned(),
        what,
    }
}

fn disk_words(values: &[Value]) -> String {
    let fields = [DiskField::Bus, DiskField::Volume, DiskField::Format];
    words(values, fields.map(|field| field as usize))
}

fn words(values: &[Value], fields: [usize; 3]) -> String {
    let fields = fields.into_iter().filter_map(|field| values.get(field));
    let words: Vec<_> = fields.map(ToString::to_string).collect();
    words.join(" ")
}

/// The interface of a definition that is this one of the spec: by the name that Drover gave it, or
/// by its address, for one that Drover did not write.
pub(crate) fn interface_named<'a>(
    found: &'a Definition,
    item: &Item,
) -> Option<&'a crate::observed::domain::InterfaceFacts> {
    let mac = item.values.get(NicField::Mac as usize);
    let mac = mac.and_then(Value::as_text);
    let all = || found.interfaces.iter();
    let named = all().find(|nic| nic.name.as_ref() == Some(&item.name));
    named.or_else(|| all().find(|nic| nic.name.is_none() && Some(nic.mac.as_str()) == mac))
}

fn interfaces(wanted: &Shape, found: &Definition, changes: &mut Vec<Change>) {
    let words = |values: &[Value]| {
        let fields = [NicField::Model, NicField::Network, NicField::Mac];
        words(values, fields.map(|field| field as usize))
    };
    let none = || "none".to_owned();
    for item in &wanted.interfaces {
        let path = format!("spec.interfaces[{}]", item.name);
        let Some(nic) = interface_named(found, item) else {
            let what = What::AddInterface(item.name.clone());
            changes.push(plugged(path, (none(), words(&item.values)), PLUGGED, what));
            continue;
        };
        let pair = (nic.values.as_slice(), item.values.as_slice());
        rows(&INTERFACE_ROWS, &path, pair, changes, |index, _| {
            Some(What::Interface(item.name.clone(), index))
        });
    }
    for nic in &found.interfaces {
        let Some(name) = &nic.name else { continue };
        if !wanted.interfaces.iter().any(|item| item.name == *name) {
            let path = format!("spec.interfaces[{name}]");
            let what = What::RemoveInterface(name.clone());
            changes.push(plugged(path, (words(&nic.values), none()), PLUGGED, what));
        }
    }
}
