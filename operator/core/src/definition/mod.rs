//! A machine's definition: made from nothing, or changed in place. What Drover does not model stays
//! as it is.

mod create;
pub mod live;
mod update;

pub use create::create;
pub use update::{Rewritten, update};

use crate::fields::{
    DISK_ROWS, DiskField, INTERFACE_ROWS, Item, Row, Value, new_disk, new_interface,
};
use crate::identity::{Mark, XML_NAMESPACE};
use crate::xml::Element;

/// Puts the mark in the place of the one that is there.
fn put_mark(root: &mut Element, mark: &Mark) {
    let metadata = root.ensure("metadata");
    remove_mark(metadata);
    metadata.push(mark.element());
}

// By its namespace: another prefix may have been chosen for it.
fn remove_mark(metadata: &mut Element) {
    let names: Vec<String> = metadata
        .elements()
        .filter(|child| {
            let (prefix, name) = child.name().split_once(':').unwrap_or(("", child.name()));
            let declared = match prefix {
                "" => "xmlns".to_owned(),
                prefix => format!("xmlns:{prefix}"),
            };
            name == "mark" && child.get(&declared) == Some(XML_NAMESPACE)
        })
        .map(|child| child.name().to_owned())
        .collect();
    for name in names {
        metadata.remove(&name, |_| true);
    }
}

/// The element of a disk that is not there yet.
fn disk_element(item: &Item, target: &str) -> Element {
    filled(new_disk(&item.name, target), &DISK_ROWS, &item.values)
}

/// The element of an interface that is not there yet.
fn interface_element(item: &Item) -> Element {
    filled(new_interface(&item.name), &INTERFACE_ROWS, &item.values)
}

// With all that is declared; a drive says that it has no medium.
fn filled<W>(mut element: Element, rows: &[Row<W>], values: &[Value]) -> Element {
    for (row, value) in rows.iter().zip(values) {
        if !matches!(value, Value::Any | Value::None) || row.path == "volume" {
            (row.write)(&mut element, values);
        }
    }
    element
}

/// A name for a disk's device that none of these has.
fn free_target(bus: Option<&str>, used: &[String]) -> String {
    let prefix = match bus {
        Some("virtio") => "vd",
        Some("ide") => "hd",
        _ => "sd",
    };
    let letter = |index: u8| {
        let last = char::from(b'a' + index % 26);
        match index / 26 {
            0 => format!("{prefix}{last}"),
            more => format!("{prefix}{}{last}", char::from(b'a' + more - 1)),
        }
    };
    let mut all = (0..26 * 27 / 2).filter_map(|index| u8::try_from(index).ok());
    all.find_map(|index| Some(letter(index)).filter(|name| !used.contains(name)))
        .unwrap_or_else(|| format!("{prefix}zz"))
}

fn bus_of(item: &Item) -> Option<&str> {
    item.values
        .get(DiskField::Bus as usize)
        .and_then(Value::as_text)
}

fn targets(devices: &Element) -> Vec<String> {
    let disks = devices.elements().filter(|device| device.name() == "disk");
    let targets = disks.filter_map(|disk| disk.find("target")?.get("dev"));
    targets.map(str::to_owned).collect()
}

// A disk of a SCSI bus needs a controller, of which libvirt would choose an old one.
fn ensure_scsi(devices: &mut Element, item: &Item) {
    let is_scsi =
        |device: &Element| device.name() == "controller" && device.get("type") == Some("scsi");
    if bus_of(item) == Some("scsi") && !devices.elements().any(is_scsi) {
        devices.push(scsi_controller());
    }
}

fn scsi_controller() -> Element {
    Element::new("controller")
        .attribute("type", "scsi")
        .attribute("index", "0")
        .attribute("model", "virtio-scsi")
}
