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

/// When a volume was last written, as its XML says: seconds since 1970 and their parts. A block device
/// does not tell.
///
/// # Errors
/// [`Unreadable`] when it is not XML.
pub fn written_at(xml: &str) -> Result<Option<String>, Unreadable> {
    let document = parse("a volume", xml)?;
    let times = child(document.root_element(), "target").and_then(|it| child(it, "timestamps"));
    Ok(times.and_then(|times| text(times, "mtime")))
}

#[cfg(test)]
mod tests {
    use super::{backing_path, written_at};

    #[test]
    fn what_a_volume_says() {
        let xml = "<volume type='file'><name>a</name><target><path>/a</path><timestamps>\
                   <atime>1.5</atime><mtime>1341933637.273190990</mtime></timestamps></target>\
                   <backingStore><path>/b</path></backingStore></volume>";
        let time = written_at(xml).unwrap();
        assert_eq!(time.as_deref(), Some("1341933637.273190990"));
        assert_eq!(backing_path(xml).unwrap().as_deref(), Some("/b"));
        assert_eq!(written_at("<volume/>").unwrap(), None);
        assert!(written_at("<volume>").is_err());
    }
}
