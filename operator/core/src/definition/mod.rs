//! A machine's definition: made from nothing, or changed in place. What Drover does not model stays
//! as it is.

mod cpu;
mod create;
pub mod live;
mod update;

pub use cpu::compared_cpu;
pub use create::{create, outline};
pub use update::{Rewritten, update};

use crate::fields::{
    DISK_ROWS, DiskField, INTERFACE_ROWS, Item, Row, Value, free_target, new_disk, new_interface,
    targets,
};
use crate::identity::{Mark, XML_NAMESPACE};
use crate::xml::Element;

/// Puts the mark in the place of the one that is there.
fn put_mark(root: &mut Element, mark: &Mark) {
    let outer = root.clone_without_children();
    let metadata = root.ensure("metadata");
    let around = [metadata.clone_without_children(), outer];
    let marks = metadata.elements().filter(|child| is_mark(child, &around));
    let names: Vec<String> = marks.map(|child| child.name().to_owned()).collect();
    for name in names {
        metadata.remove(&name, |child| is_mark(child, &around));
    }
    metadata.push(mark.element());
}

// By its namespace: another prefix may have been chosen for it, in it or around it.
fn is_mark(child: &Element, around: &[Element]) -> bool {
    let (declared, name) = match child.name().split_once(':') {
        Some((prefix, name)) => (format!("xmlns:{prefix}"), name),
        None => ("xmlns".to_owned(), child.name()),
    };
    let mut all = std::iter::once(child).chain(around);
    name == "mark" && all.find_map(|it| it.get(&declared)) == Some(XML_NAMESPACE)
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

fn bus_of(item: &Item) -> Option<&str> {
    item.values
        .get(DiskField::Bus as usize)
        .and_then(Value::as_text)
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
