//! An element and what is in it.

use std::fmt;

use quick_xml::escape::escape;

/// An XML element that is being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    text: Option<String>,
    children: Vec<Element>,
}

impl Element {
    /// An element without anything.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            attributes: Vec::new(),
            text: None,
            children: Vec::new(),
        }
    }

    /// An element with only text.
    pub fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::new(name)
        }
    }

    /// With an attribute more.
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// With a child more.
    #[must_use]
    pub fn child(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// With more children.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }
}

// What XML cannot hold at all is left out: no name or size that Drover writes has any of it.
fn allowed(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\t' | '\n'))
        .collect()
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}=\"{}\"", escape(allowed(value)))?;
        }
        if self.text.is_none() && self.children.is_empty() {
            return write!(f, "/>");
        }
        write!(f, ">")?;
        if let Some(text) = &self.text {
            write!(f, "{}", escape(allowed(text)))?;
        }
        for child in &self.children {
            write!(f, "{child}")?;
        }
        write!(f, "</{}>", self.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Element;

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[^\\p{C}]{0,30}", value in "[^\\p{C}]{0,30}") {
            let xml = Element::text("a", text.clone()).attribute("b", value.clone()).to_string();
            let document = roxmltree::Document::parse(&xml)?;
            let root = document.root_element();
            prop_assert_eq!(root.text().unwrap_or_default(), text);
            prop_assert_eq!(root.attribute("b"), Some(value.as_str()));
        }
    }
}
