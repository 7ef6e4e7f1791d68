//! libvirt's objects: a handle for each, with its calls as methods.

mod checkpoint;
mod connect;
#[cfg(test)]
mod coverage;
mod domain;
mod event;
pub(crate) mod handle;
mod host;
mod interface;
mod network;
mod node_device;
mod nwfilter;
mod params;
mod secret;
mod snapshot;
mod storage;

pub use checkpoint::DomainCheckpoint;
pub use domain::{
    BlockInfo, BlockJob, BlockStats, CpuSet, DiskError, Domain, DomainInfo, DomainStatus,
    FileSystem, GuestInterface, InterfaceStats, IpAddress, JobInfo, StateReason, VcpuPlace,
};
pub use event::LifecycleEvent;
pub use host::{FreePages, NodeCpuMap, NodeInfo, SecurityModel};
pub use interface::Interface;
pub use network::{DhcpLease, Network, NetworkPort};
pub use node_device::NodeDevice;
pub use nwfilter::{NwFilter, NwFilterBinding};
pub use secret::Secret;
pub use snapshot::DomainSnapshot;
pub use storage::{StoragePool, StoragePoolInfo, StorageVolume, StorageVolumeInfo};
