//! A volume and the records beside it.

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
