//! XML that libvirt wrote, as elements that can be changed: what Drover does not know stays as it
//! is, in its place.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::element::{Element, Node};
use crate::observed::Unreadable;

/// Nothing that libvirt writes is deeper.
const DEEPEST: usize = 128;

impl Element {
    /// Reads a document's root.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not XML.
    pub fn parse(what: &'static str, xml: &str) -> Result<Self, Unreadable> {
        parse(xml).map_err(|message| Unreadable { what, message })
    }
}

fn parse(xml: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<Element> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let closed = match event {
            Event::Start(start) => {
                if open.len() == DEEPEST {
                    return Err(format!("more than {DEEPEST} elements inside of each other"));
                }
                open.push(element(&start)?);
                None
            }
            Event::Empty(start) => Some(element(&start)?),
            Event::End(_) => open.pop().map(without_indentation),
            Event::Eof => return Err("it ends in the middle".to_owned()),
            other => {
                keep(&mut open, &other);
                None
            }
        };
        match (closed, open.last_mut()) {
            (Some(element), Some(parent)) => parent.children.push(Node::Element(element)),
            (Some(root), None) => return Ok(root),
            (None, _) => {}
        }
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element::new(start.name().as_ref().to_owned());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|error| error.to_string())?;
        let name = attribute.key.as_ref().to_owned();
        element.attributes.push((name.into(), value.into_owned()));
    }
    Ok(element)
}

// Blanks between elements are libvirt's indentation. What they stand before is known at the end only.
fn without_indentation(mut element: Element) -> Element {
    let blank = |node: &Node| matches!(node, Node::Raw(raw) if raw.trim().is_empty());
    element.children.retain(|node| !blank(node));
    element
}

fn keep(open: &mut [Element], event: &Event<'_>) {
    let Some(parent) = open.last_mut() else {
        return;
    };
    let raw = match event {
        Event::Text(raw) => raw.to_string(),
        Event::CData(raw) => format!("<![CDATA[{}]]>", &**raw),
        Event::Comment(raw) => format!("<!--{}-->", &**raw),
        Event::PI(raw) => format!("<?{}?>", &**raw),
        Event::GeneralRef(name) => format!("&{};", &**name),
        _ => return,
    };
    match parent.children.last_mut() {
        Some(Node::Raw(before)) => before.push_str(&raw),
        _ => parent.children.push(Node::Raw(raw)),
    }
}

#[cfg(test)]
mod tests {
    use super::Element;

    #[test]
    fn what_is_read_is_written_again() {
        let xml = "<domain type=\"kvm\" xmlns:q=\"http://x\"><name>a&amp;b &lt;</name>\
                   <!-- note --><q:c v=\"&quot;1&amp;\"/><d>a<e/>b</d></domain>";
        let root = Element::parse("a domain", xml).unwrap();
        assert_eq!(root.to_string(), xml);
        let blank = "<a> &amp; b<c> <![CDATA[ x ]]></c></a>";
        assert_eq!(Element::parse("a", blank).unwrap().to_string(), blank);
        let blanks = "<a b=\"1&#10;2&#9;3&#13; \u{85}&#x86;\"/>";
        let written = "<a b=\"1&#10;2&#9;3&#13; \u{85}\u{86}\"/>";
        assert_eq!(Element::parse("a", blanks).unwrap().to_string(), written);
        let spaced = "<?xml version='1.0'?>\n<a>\n  <b/>\n</a>\n";
        assert_eq!(
            Element::parse("a", spaced).unwrap().to_string(),
            "<a><b/></a>"
        );
    }

    #[test]
    fn what_is_no_xml() {
        for text in ["", "a", "<a>", "<a></b>", "<a b></a>", &"<a>".repeat(200)] {
            assert!(Element::parse("a domain", text).is_err(), "{text}");
        }
    }
}
