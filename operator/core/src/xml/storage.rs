//! Pools and volumes.

use crate::desired::pool::DesiredPool;
use crate::xml::Element;

/// The definition of a pool, the same on every host; nothing for one that is only observed.
#[must_use]
pub fn pool_xml(pool: &DesiredPool) -> Option<String> {
    let target = pool.target.as_ref()?;
    let pool = Element::new("pool")
        .attribute("type", "dir")
        .child(Element::text("name", &pool.name))
        .child(Element::text("uuid", pool.uuid.to_string()))
        .child(Element::new("target").child(Element::text("path", target)));
    Some(pool.to_string())
}

/// The definition of a qcow2 volume of `capacity` bytes that is based on another one. How that is kept
/// is said, so that nobody looks for it in what a guest can write.
#[must_use]
pub fn overlay_xml(name: &str, capacity: u64, base: &str, format: &str) -> String {
    let format = Element::new("format").attribute("type", format);
    let base = Element::new("backingStore")
        .child(Element::text("path", base))
        .child(format);
    volume(name, capacity, "qcow2").child(base).to_string()
}

/// The definition of a volume of `capacity` bytes.
#[must_use]
pub fn volume_xml(name: &str, capacity: u64, format: &str) -> String {
    volume(name, capacity, format).to_string()
}

fn volume(name: &str, capacity: u64, format: &str) -> Element {
    Element::new("volume")
        .child(Element::text("name", name))
        .child(Element::text("capacity", capacity.to_string()).attribute("unit", "bytes"))
        .child(Element::text("allocation", "0").attribute("unit", "bytes"))
        .child(Element::new("target").child(Element::new("format").attribute("type", format)))
}
