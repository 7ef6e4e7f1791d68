//! A volume and the records beside it.

use super::{Unreadable, child, parse, text};

/// A volume of a pool as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedVolume {
    /// The size that a guest sees, and libvirt's key, if the data is there.
    pub data: Option<VolumeFacts>,
    /// What the owner record says, if there is one.
    pub owner: Option<String>,
    /// What the completion record says, if there is one.
    pub ready: Option<String>,
}

/// What libvirt says of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VolumeFacts {
    /// Its path, or what libvirt calls it where it has none.
    pub key: String,
    /// Its size as a guest sees it.
    pub capacity: u64,
}

/// What a volume is based on, as its XML says.
///
/// # Errors
/// [`Unreadable`] when it is not XML.
pub fn backing_path(xml: &str) -> Result<Option<String>, Unreadable> {
    let document = parse("a volume", xml)?;
    let store = child(document.root_element(), "backingStore");
    Ok(store.and_then(|store| text(store, "path")))
}
