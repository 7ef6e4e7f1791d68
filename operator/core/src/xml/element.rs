//! An element and what is in it: made from nothing, or read and changed in place.

use std::borrow::Cow;
use std::fmt;

use quick_xml::escape::escape;

/// A name of an element or an attribute.
type Name = Cow<'static, str>;

/// An XML element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub(super) name: Name,
    pub(super) attributes: Vec<(Name, String)>,
    pub(super) children: Vec<Node>,
}

/// What is inside of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Element(Element),
    Text(String),
    // As it was read: text with its entities, comments and the like.
    Raw(String),
}

impl Element {
    /// An element without anything.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            name: name.into(),
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// An element with only text.
    pub fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            children: vec![Node::Text(text.into())],
            ..Self::new(name)
        }
    }

    /// With an attribute more.
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// With a child more.
    #[must_use]
    pub fn child(mut self, child: Element) -> Self {
        self.push(child);
        self
    }

    /// With more children.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children
            .extend(children.into_iter().map(Node::Element));
        self
    }

    /// Its name and its attributes alone.
    #[must_use]
    pub(crate) fn clone_without_children(&self) -> Self {
        Self {
            attributes: self.attributes.clone(),
            ..Self::new(self.name.clone())
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.attributes.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Gives an attribute this value.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        match self.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name.into(), value)),
        }
    }

    /// Takes an attribute away.
    pub fn unset(&mut self, name: &str) {
        self.attributes.retain(|(known, _)| known != name);
    }

    /// Gives an attribute this value, or takes it away.
    pub fn set_or_unset(&mut self, name: &'static str, value: Option<impl Into<String>>) {
        match value {
            Some(value) => self.set(name, value),
            None => self.unset(name),
        }
    }

    /// Its text, without that of its children.
    #[must_use]
    pub fn to_text(&self) -> String {
        let parts = self.children.iter().map(|node| match node {
            Node::Text(text) => text.clone(),
            Node::Raw(raw) => {
                quick_xml::escape::unescape(raw).map_or_else(|_| raw.clone(), Cow::into_owned)
            }
            Node::Element(_) => String::new(),
        });
        parts.collect::<String>().trim().to_owned()
    }

    /// Makes this its only text.
    pub fn set_text(&mut self, text: impl Into<String>) {
        self.children = vec![Node::Text(text.into())];
    }

    /// Adds a child.
    pub fn push(&mut self, child: Element) {
        self.children.push(Node::Element(child));
    }

    /// Its children that are elements.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Raw(_) => None,
        })
    }

    /// The same, to be changed.
    pub fn elements_mut(&mut self) -> impl Iterator<Item = &mut Element> {
        self.children.iter_mut().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Raw(_) => None,
        })
    }

    /// The first child of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Element> {
        self.elements().find(|child| child.name == name)
    }

    /// The first child of this name, to be changed.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Element> {
        self.elements_mut().find(|child| child.name == name)
    }

    /// The first child of this name, which is made if there is none.
    pub fn ensure(&mut self, name: &'static str) -> &mut Element {
        if self.find(name).is_none() {
            self.push(Self::new(name));
        }
        let children = self.children.iter_mut();
        let mut named = children.filter_map(|node| match node {
            Node::Element(child) if child.name == name => Some(child),
            _ => None,
        });
        match named.next() {
            Some(child) => child,
            None => unreachable!("it has just been made"),
        }
    }

    /// Takes the children away that are elements of this name and of which this is true.
    pub fn remove(&mut self, name: &str, mut which: impl FnMut(&Element) -> bool) {
        self.children.retain(
            |node| !matches!(node, Node::Element(child) if child.name == name && which(child)),
        );
    }

    /// Takes an element without attributes and children out, if it is there.
    pub fn remove_empty(&mut self, name: &str) {
        self.remove(name, |child| {
            child.attributes.is_empty() && child.elements().next().is_none()
        });
    }
}

// What XML cannot hold at all is left out: no name or size that Drover writes has any of it.
fn allowed(text: &str) -> Cow<'_, str> {
    let fine = |c| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    if text.chars().all(fine) {
        return text.into();
    }
    text.chars().filter(|c| fine(*c)).collect()
}

// A reader makes other blanks of these, unless they are written so.
fn attribute(value: &str) -> String {
    let escaped = escape(allowed(value)).replace('\t', "&#9;");
    escaped.replace('\n', "&#10;").replace('\r', "&#13;")
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}=\"{}\"", attribute(value))?;
        }
        if self.children.is_empty() {
            return write!(f, "/>");
        }
        write!(f, ">")?;
        for child in &self.children {
            match child {
                Node::Element(element) => write!(f, "{element}")?,
                Node::Text(text) => {
                    write!(f, "{}", escape(allowed(text)).replace('\r', "&#13;"))?;
                }
                Node::Raw(raw) => f.write_str(raw)?,
            }
        }
        write!(f, "</{}>", self.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Element;

    // All that XML can hold.
    const TEXT: &str = "[\t\n\r -\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]{0,30}";

    proptest! {
        #[test]
        fn any_text_comes_back(text in TEXT, value in TEXT) {
            let xml = Element::text("a", text.clone()).attribute("b", value.clone()).to_string();
            let document = roxmltree::Document::parse(&xml)?;
            let root = document.root_element();
            prop_assert_eq!(root.text().unwrap_or_default(), text);
            prop_assert_eq!(root.attribute("b"), Some(value.as_str()));
        }
    }

    #[test]
    fn it_is_changed_in_place() {
        let mut root = Element::new("a").child(Element::new("b").attribute("x", "1"));
        root.ensure("b").set("x", "2");
        root.ensure("c").set_text("<");
        root.find_mut("b").unwrap().unset("y");
        assert_eq!(root.to_string(), "<a><b x=\"2\"/><c>&lt;</c></a>");
        root.remove("b", |b| b.get("x") == Some("1"));
        root.remove_empty("c");
        assert_eq!(root.to_string(), "<a><b x=\"2\"/></a>");
    }
}
