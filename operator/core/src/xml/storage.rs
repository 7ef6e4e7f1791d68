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

/// The definition of a volume of `capacity` bytes.
#[must_use]
pub fn volume_xml(name: &str, capacity: u64, format: &str) -> String {
    Element::new("volume")
        .child(Element::text("name", name))
        .child(Element::text("capacity", capacity.to_string()).attribute("unit", "bytes"))
        .child(Element::text("allocation", "0").attribute("unit", "bytes"))
        .child(Element::new("target").child(Element::new("format").attribute("type", format)))
        .to_string()
}
