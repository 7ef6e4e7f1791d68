//! An element in one form, whoever wrote it: what is said twice is the same.

use roxmltree::Node;

use super::element::{self, Element};

// What libvirt counts in a running network.
const COUNTED: &str = "connections";

impl Element {
    /// The element with its attributes in order and without indentation, prefixes and comments.
    #[must_use]
    pub(crate) fn canonical(node: Node<'_, '_>) -> Self {
        let mut made = Self::new(node.tag_name().name().to_owned());
        let said = node.attributes().filter(|said| said.name() != COUNTED);
        made.attributes = said
            .map(|said| (said.name().to_owned().into(), said.value().to_owned()))
            .collect();
        made.attributes.sort();
        let text = node.text().map(str::trim).filter(|text| !text.is_empty());
        if let Some(text) = text {
            made.children.push(element::Node::Text(text.to_owned()));
        }
        let elements = node.children().filter(Node::is_element);
        made.children(elements.map(Self::canonical))
    }
}
