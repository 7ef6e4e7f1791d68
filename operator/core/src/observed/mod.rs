//! libvirt's words as facts.

pub mod capabilities;
pub mod domain;
pub mod guest;
pub mod guests;
pub mod network;
pub mod node_device;
pub mod pool;
pub mod volume;

use roxmltree::Node;

/// XML that is not what libvirt writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} that libvirt gave cannot be read: {message}")]
pub struct Unreadable {
    /// What was read.
    pub what: &'static str,
    /// What is wrong.
    pub message: String,
}

pub(crate) fn parse<'a>(
    what: &'static str,
    xml: &'a str,
) -> Result<roxmltree::Document<'a>, Unreadable> {
    roxmltree::Document::parse(xml).map_err(|error| Unreadable {
        what,
        message: error.to_string(),
    })
}

pub(crate) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

pub(crate) fn children<'a, 'i>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children()
        .filter(move |child| child.has_tag_name(name))
}

pub(crate) fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    child(node, name)?.text().map(|text| text.trim().to_owned())
}

pub(crate) fn attribute(node: Node<'_, '_>, element: &str, name: &str) -> Option<String> {
    child(node, element)?.attribute(name).map(str::to_owned)
}

// A number of bytes with a unit, as libvirt writes memory and capacity.
pub(crate) fn bytes(node: Node<'_, '_>, name: &str, default: &str) -> Option<u64> {
    let element = child(node, name)?;
    let number: u64 = element.text()?.trim().parse().ok()?;
    scaled(number, element.attribute("unit").unwrap_or(default))
}

/// So many of a unit of libvirt's, in bytes; nothing of one that it does not have, or of too many.
#[must_use]
pub fn scaled(number: u64, unit: &str) -> Option<u64> {
    let factor: u64 = match unit {
        "b" | "bytes" => 1,
        "KB" => 1_000,
        "k" | "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "M" | "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "G" | "GiB" => 1 << 30,
        "TB" => 1_000_000_000_000,
        "T" | "TiB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}
