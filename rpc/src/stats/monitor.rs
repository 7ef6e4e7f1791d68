//! What resource monitors of the CPUs measure.

/// The use of the CPUs' caches by some virtual CPUs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheMonitor {
    /// Its number in the list.
    pub number: u32,
    /// Its name.
    pub name: Option<String>,
    /// The virtual CPUs, such as `0-3`.
    pub vcpus: Option<String>,
    /// Each cache.
    pub banks: Vec<CacheBank>,
}

/// The use of one cache.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheBank {
    /// Its number in the list.
    pub number: u32,
    /// The cache's ID.
    pub id: Option<u64>,
    /// Bytes used.
    pub bytes: Option<u64>,
}

/// The memory traffic of some virtual CPUs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BandwidthMonitor {
    /// Its number in the list.
    pub number: u32,
    /// Its name.
    pub name: Option<String>,
    /// The virtual CPUs, such as `0-3`.
    pub vcpus: Option<String>,
    /// Each memory controller.
    pub nodes: Vec<BandwidthNode>,
}

/// The traffic of one memory controller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BandwidthNode {
    /// Its number in the list.
    pub number: u32,
    /// The controller's ID.
    pub id: Option<u64>,
    /// Bytes through this controller.
    pub bytes_local: Option<u64>,
    /// Bytes through all controllers.
    pub bytes_total: Option<u64>,
}
