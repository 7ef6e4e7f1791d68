//! What runs guests on a host, and where their disks are.

use uuid::Uuid;

/// What runs a guest on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainType {
    /// QEMU with the CPU's help.
    Kvm,
    /// QEMU alone.
    Qemu,
    /// libvirt's test driver.
    Test,
}

impl DomainType {
    /// libvirt's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
            Self::Test => "test",
        }
    }
}

/// What of a definition depends on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFlavor {
    /// What runs guests there.
    pub domain_type: DomainType,
    /// The architecture of its guests, if the spec names none.
    pub architecture: String,
}

/// Where what a guest is given for its first start is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSeed {
    /// The libvirt pool.
    pub pool: String,
    /// The volume in the pool: its name stands for its content.
    pub volume: String,
    /// Where libvirt has it.
    pub path: String,
    /// What that name was made with, which the mark remembers.
    pub key: Uuid,
}

/// Where a disk is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResolvedDisk {
    /// The disk's name in the spec.
    pub name: String,
    /// The libvirt pool.
    pub pool: String,
    /// The volume in the pool.
    pub volume: String,
    /// `qcow2` or `raw`.
    pub format: String,
    /// Whether others may write into it at the same time.
    pub shareable: bool,
    /// What it is based on, the nearest first, as far as Drover made it; none if others did.
    pub backing: Option<Vec<ResolvedBacking>>,
    /// Where libvirt has it: definitions that Drover did not write name it so.
    pub path: Option<String>,
}

/// A volume that a disk is based on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResolvedBacking {
    /// Its path.
    pub path: String,
    /// `qcow2` or `raw`.
    pub format: String,
}
