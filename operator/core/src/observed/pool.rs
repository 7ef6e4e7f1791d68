//! A storage pool.

use uuid::Uuid;

use super::{Unreadable, child, parse, text};

/// A pool as it is on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPool {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// Whether it is started.
    pub active: bool,
    /// Its type, in libvirt's words.
    pub type_: String,
    /// Its folder.
    pub target: Option<String>,
    /// Its size in bytes, and what is free of it.
    pub capacity: u64,
    /// What is free, in bytes.
    pub available: u64,
    /// The names of its volumes, as of the last refresh; empty while it is inactive.
    pub volumes: Vec<String>,
}

impl ObservedPool {
    /// Reads the type and the folder from the XML of a pool.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not XML.
    pub fn definition(xml: &str) -> Result<(String, Option<String>), Unreadable> {
        let document = parse("a pool", xml)?;
        let root = document.root_element();
        let target = child(root, "target").and_then(|target| text(target, "path"));
        Ok((
            root.attribute("type").unwrap_or_default().to_owned(),
            target,
        ))
    }
}
