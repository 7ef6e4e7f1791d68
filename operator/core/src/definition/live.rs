//! A change of a machine that runs, as the call that makes it.

use super::update::{has_target, is_interface};
use super::{bus_of, disk_element, free_target, interface_element, targets};
use crate::fields::{DISK_ROWS, DiskField, Field, INTERFACE_ROWS, LIMITS, Shape, limit};
use crate::observed::Unreadable;
use crate::observed::domain::Definition;
use crate::plan::changes::{Change, What, disk_named, interface_named};
use crate::xml::Element;

/// A call that changes a machine that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Plug a device in.
    Attach(String),
    /// Ask the guest to let a device go. That it has is told by an event.
    Detach(String),
    /// Change a device in place.
    Update(String),
    /// Give the guest so much memory, in KiB.
    Memory(u64),
    /// Give the guest so many CPUs.
    Vcpus(u32),
    /// Limit a disk, by its device; 0 is no limit.
    Limits(String, Vec<(&'static str, u64)>),
}

impl Call {
    /// What virsh calls it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Attach(_) => "attach-device",
            Self::Detach(_) => "detach-device",
            Self::Update(_) => "update-device",
            Self::Memory(_) => "setmem",
            Self::Vcpus(_) => "setvcpus",
            Self::Limits(..) => "blkdeviotune",
        }
    }
}

/// The call that makes a change, of a machine whose running definition this is; nothing if it is
/// made already, or cannot be made while it runs.
///
/// # Errors
/// [`Unreadable`] when what is there is not a definition.
pub fn call(xml: &str, wanted: &Shape, change: &Change) -> Result<Option<Call>, Unreadable> {
    let found = Definition::parse(xml)?;
    let root = Element::parse("a domain", xml)?;
    let Some(devices) = root.find("devices") else {
        return Ok(None);
    };
    Ok(match &change.what {
        What::Once(index) => of_the_machine(wanted, *index),
        What::Disk(name, index) => disk(devices, &found, wanted, name, *index),
        What::AddDisk(name) => {
            let item = wanted.disks.iter().find(|item| item.name == *name);
            let target = |item| free_target(bus_of(item), &targets(devices));
            let there = disk_named(&found, name).is_some();
            item.filter(|_| !there)
                .map(|item| Call::Attach(disk_element(item, &target(item)).to_string()))
        }
        What::RemoveDisk(name) => disk_named(&found, name)
            .and_then(|disk| find(devices, "disk", |it| has_target(it, &disk.target)))
            .map(|disk| Call::Detach(disk.to_string())),
        What::Interface(name, index) => interface(devices, &found, wanted, name, *index),
        What::AddInterface(name) => {
            let item = wanted.interfaces.iter().find(|item| item.name == *name);
            item.filter(|item| interface_named(&found, item).is_none())
                .map(|item| Call::Attach(interface_element(item).to_string()))
        }
        What::RemoveInterface(name) => {
            let mut all = found.interfaces.iter();
            all.find(|nic| nic.name.as_ref() == Some(name))
                .and_then(|nic| find(devices, "interface", |it| is_interface(it, nic)))
                .map(|nic| Call::Detach(nic.to_string()))
        }
        What::Place => None,
    })
}

fn find<'a>(
    devices: &'a Element,
    name: &str,
    which: impl Fn(&Element) -> bool,
) -> Option<&'a Element> {
    devices.elements().find(|it| it.name() == name && which(it))
}

fn of_the_machine(wanted: &Shape, index: usize) -> Option<Call> {
    let number = |field: Field| wanted.get(field).as_number();
    if index == Field::Memory as usize {
        return number(Field::Memory).map(Call::Memory);
    }
    if index == Field::Sockets as usize {
        let vcpus = number(Field::Sockets)?
            .saturating_mul(number(Field::Cores)?)
            .saturating_mul(number(Field::Threads)?);
        return u32::try_from(vcpus).ok().map(Call::Vcpus);
    }
    None
}

fn disk(
    devices: &Element,
    found: &Definition,
    wanted: &Shape,
    name: &str,
    index: usize,
) -> Option<Call> {
    let item = wanted.disks.iter().find(|item| item.name == name)?;
    let facts = disk_named(found, name)?;
    if index == DiskField::Qos as usize {
        let amount = |name| limit(&item.values, name).and_then(|it| it.parse().ok());
        let limits = LIMITS.map(|name| (name, amount(name).unwrap_or(0)));
        return Some(Call::Limits(facts.target.clone(), limits.to_vec()));
    }
    let mut disk = find(devices, "disk", |it| has_target(it, &facts.target))?.clone();
    for row in [DiskField::Volume, DiskField::Format] {
        (DISK_ROWS[row as usize].write)(&mut disk, &item.values);
    }
    Some(Call::Update(disk.to_string()))
}

fn interface(
    devices: &Element,
    found: &Definition,
    wanted: &Shape,
    name: &str,
    index: usize,
) -> Option<Call> {
    let item = wanted.interfaces.iter().find(|item| item.name == name)?;
    let facts = interface_named(found, item)?;
    let mut nic = find(devices, "interface", |it| is_interface(it, facts))?.clone();
    (INTERFACE_ROWS[index].write)(&mut nic, &item.values);
    Some(Call::Update(nic.to_string()))
}
