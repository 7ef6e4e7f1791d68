//! A definition that is there, changed in place.

use super::{bus_of, disk_element, ensure_scsi, free_target, interface_element, put_mark, targets};
use crate::fields::{
    DISK_ALIAS, DISK_ROWS, DiskField, INTERFACE_ALIAS, INTERFACE_ROWS, Item, ROWS, Shape, Site,
    Value,
};
use crate::identity::Mark;
use crate::observed::Unreadable;
use crate::observed::domain::{Definition, DiskFacts, InterfaceFacts};
use crate::plan::changes::{
    Change, FOLLOWERS, What, differences, disk_named, follower, interface_named,
};
use crate::xml::Element;

/// A definition, changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The definition.
    pub xml: String,
    /// The paths of what was changed.
    pub changed: Vec<String>,
}

/// Changes a definition so that it is as declared in these paths, and carries the mark.
///
/// # Errors
/// [`Unreadable`] when what is there is not a definition.
pub fn update(
    xml: &str,
    wanted: &Shape,
    site: &Site,
    mark: &Mark,
    allowed: impl Fn(&str) -> bool,
) -> Result<Rewritten, Unreadable> {
    let found = Definition::parse(xml)?;
    let mut root = Element::parse("a domain", xml)?;
    let changes: Vec<Change> = differences(wanted, site, &found, false)
        .into_iter()
        .filter(|change| !change.class.is_refused() && allowed(&change.path))
        .collect();
    let mut values = found.values.to_vec();
    for change in &changes {
        if let What::Once(index) = change.what {
            for index in [Some(index), follower(wanted, index)].into_iter().flatten() {
                values[index] = wanted.values[index].clone();
            }
        }
    }
    within(&mut values, &changes);
    // Disks are found by their device's name, which the last of their changes gives them anew.
    let (renames, others): (Vec<_>, Vec<_>) = changes.iter().partition(|it| renames(&it.what));
    for change in others.into_iter().chain(renames) {
        write(&mut root, wanted, &found, &values, &change.what);
    }
    one_boot_order(&mut root);
    put_mark(&mut root, mark);
    Ok(Rewritten {
        xml: root.to_string(),
        changed: changes.into_iter().map(|change| change.path).collect(),
    })
}

// What is there is not more than what there can be, also where only the latter may be written.
fn within(values: &mut [Value], changes: &[Change]) {
    for (most, what) in FOLLOWERS {
        let (most, what) = (most as usize, what as usize);
        let changed = changes.iter().any(|it| it.what == What::Once(most));
        let (above, limit) = (values[what].as_number(), values[most].as_number());
        if changed && limit.is_some() && above > limit {
            values[what] = values[most].clone();
        }
    }
}

fn renames(what: &What) -> bool {
    matches!(what, What::Disk(_, index) if *index == DiskField::Bus as usize)
}

// An order of devices excludes one of kinds of devices.
fn one_boot_order(root: &mut Element) {
    let ordered = root.find("devices").is_some_and(|devices| {
        let mut all = devices.elements();
        all.any(|device| device.find("boot").is_some())
    });
    if ordered {
        root.ensure("os").remove("boot", |_| true);
    }
}

fn write(root: &mut Element, wanted: &Shape, found: &Definition, values: &[Value], what: &What) {
    match what {
        What::Once(index) => (ROWS[*index].write)(root, values),
        What::Disk(name, _) | What::AddDisk(name) | What::RemoveDisk(name) => {
            let item = wanted.disks.iter().find(|item| item.name == *name);
            write_disk(root.ensure("devices"), item, disk_named(found, name), what);
        }
        What::Interface(name, _) | What::AddInterface(name) | What::RemoveInterface(name) => {
            let item = wanted.interfaces.iter().find(|item| item.name == *name);
            let named = |nic: &&InterfaceFacts| nic.name.as_ref() == Some(name);
            let nic = match item {
                Some(item) => interface_named(found, item),
                None => found.interfaces.iter().find(named),
            };
            write_interface(root.ensure("devices"), item, nic, what);
        }
        What::Place => {}
    }
}

fn write_disk(devices: &mut Element, item: Option<&Item>, found: Option<&DiskFacts>, what: &What) {
    let used = targets(devices);
    match (what, item, found) {
        (What::Disk(_, index), Some(item), Some(disk)) => {
            ensure_scsi(devices, item);
            let Some(element) = disk_at(devices, &disk.target) else {
                return;
            };
            (DISK_ROWS[*index].write)(element, &item.values);
            if *index == DiskField::Bus as usize {
                let target = free_target(bus_of(item), &used);
                element.ensure("target").set("dev", target);
                // One that had only its device's name to be known by is known by its own from now on.
                element
                    .ensure("alias")
                    .set("name", format!("{DISK_ALIAS}{}", item.name));
            }
        }
        (What::AddDisk(_), Some(item), _) => {
            ensure_scsi(devices, item);
            let target = free_target(bus_of(item), &used);
            devices.push(disk_element(item, &target));
        }
        (What::RemoveDisk(_), _, Some(disk)) => {
            devices.remove("disk", |it| has_target(it, &disk.target));
        }
        _ => {}
    }
}

fn write_interface(
    devices: &mut Element,
    item: Option<&Item>,
    found: Option<&InterfaceFacts>,
    what: &What,
) {
    match (what, item, found) {
        (What::Interface(_, index), Some(item), Some(nic)) => {
            let mut all = devices.elements_mut();
            if let Some(element) = all.find(|it| is_interface(it, nic)) {
                (INTERFACE_ROWS[*index].write)(element, &item.values);
            }
        }
        (What::AddInterface(_), Some(item), _) => devices.push(interface_element(item)),
        (What::RemoveInterface(_), _, Some(nic)) => {
            devices.remove("interface", |it| is_interface(it, nic));
        }
        _ => {}
    }
}

pub(super) fn has_target(disk: &Element, target: &str) -> bool {
    disk.find("target").and_then(|it| it.get("dev")) == Some(target)
}

/// Whether an element is this interface: addresses may be given twice, and be swapped.
pub(super) fn is_interface(element: &Element, nic: &InterfaceFacts) -> bool {
    let alias = element.find("alias").and_then(|it| it.get("name"));
    let name = alias.and_then(|alias| alias.strip_prefix(INTERFACE_ALIAS));
    let known = nic.name.as_deref().filter(|_| !nic.adopted);
    if element.name() != "interface" || name != known {
        return false;
    }
    let mac = element.find("mac").and_then(|it| it.get("address"));
    name.is_some() || mac.unwrap_or_default().eq_ignore_ascii_case(&nic.mac)
}

fn disk_at<'a>(devices: &'a mut Element, target: &str) -> Option<&'a mut Element> {
    let mut all = devices.elements_mut();
    all.find(|it| it.name() == "disk" && has_target(it, target))
}
