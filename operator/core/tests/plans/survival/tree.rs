//! A definition as a tree, read by a parser that is not the one that changes definitions.

use std::fmt;

use roxmltree::{Document, Node};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    /// With its namespace.
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Tree>,
    /// Text, a comment or an instruction, if it is no element.
    pub(crate) text: String,
}

impl Tree {
    pub(crate) fn parse(xml: &str) -> Self {
        Self::of(Document::parse(xml).unwrap().root_element())
    }

    fn of(node: Node<'_, '_>) -> Self {
        let leaf = |name: &str, text: &str| Self {
            name: name.to_owned(),
            attributes: Vec::new(),
            children: Vec::new(),
            text: text.to_owned(),
        };
        if node.is_comment() {
            return leaf("#comment", node.text().unwrap());
        }
        if let Some(pi) = node.pi() {
            return leaf("#instruction", &format!("{pi:?}"));
        }
        if node.is_text() {
            return leaf("#text", node.text().unwrap());
        }
        // Blanks between elements are indentation.
        let blank = |it: &Node<'_, '_>| it.is_text() && it.text().unwrap().trim().is_empty();
        Self {
            name: full_name(node.tag_name().namespace(), node.tag_name().name()),
            attributes: node
                .attributes()
                .map(|it| (full_name(it.namespace(), it.name()), it.value().to_owned()))
                .collect(),
            children: node
                .children()
                .filter(|it| !blank(it))
                .map(Self::of)
                .collect(),
            text: String::new(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.attributes.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, it)| it.as_str())
    }

    pub(crate) fn find(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |tree, name| {
            tree.children.iter().find(|child| child.name == name)
        })
    }

    fn find_mut(&mut self, path: &str) -> Option<&mut Self> {
        path.split('/').try_fold(self, |tree, name| {
            tree.children.iter_mut().find(|child| child.name == name)
        })
    }

    pub(crate) fn children_mut(&mut self, path: &str) -> Option<&mut Vec<Self>> {
        self.find_mut(path).map(|it| &mut it.children)
    }

    /// Takes away what a path names: `a/b` all elements b of the first a, `a@b` an attribute, `a#` text.
    pub(crate) fn strip(&mut self, what: &str) {
        if let Some((path, attribute)) = what.split_once('@') {
            let owner = if path.is_empty() {
                Some(self)
            } else {
                self.find_mut(path)
            };
            if let Some(owner) = owner {
                owner.attributes.retain(|(name, _)| name != attribute);
            }
        } else if let Some(path) = what.strip_suffix('#') {
            if let Some(owner) = self.find_mut(path) {
                owner.children.retain(|child| child.name != "#text");
            }
        } else {
            let (parent, name) = what.rsplit_once('/').unwrap_or(("", what));
            let parent = if parent.is_empty() {
                Some(self)
            } else {
                self.find_mut(parent)
            };
            if let Some(parent) = parent {
                parent.children.retain(|child| child.name != name);
            }
        }
    }

    /// Takes elements of these names away that have nothing in them.
    pub(crate) fn strip_empty(&mut self, names: &[&str]) {
        for child in &mut self.children {
            child.strip_empty(names);
        }
        let empty = |it: &Self| it.children.is_empty() && it.attributes.is_empty();
        self.children
            .retain(|child| !(empty(child) && names.contains(&child.name.as_str())));
    }
}

fn full_name(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(uri) => format!("{{{uri}}}{name}"),
        None => name.to_owned(),
    }
}

// One line for each element, so that what differs can be seen.
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depth = f.width().unwrap_or(0);
        write!(f, "{:depth$}{}", "", self.name)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}={value:?}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {:?}", self.text)?;
        }
        writeln!(f)?;
        for child in &self.children {
            let deeper = depth + 1;
            write!(f, "{child:deeper$}")?;
        }
        Ok(())
    }
}
