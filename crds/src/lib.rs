//! The custom resources of Drover: what a user may say.
//!
//! One file an object. Everything the schema can refuse, it refuses: bounds and patterns stand
//! beside the fields, rules that look at several fields are in [`rules`].

#![forbid(unsafe_code)]

pub mod check;
pub mod common;
pub mod condition;
pub mod host;
pub mod image;
pub mod instance_type;
pub mod network;
pub mod quantity;
pub mod rules;
pub mod schema;
pub mod storage_pool;
pub mod virtual_machine;
pub mod volume;

pub use common::{
    Adoption, AdoptionFrom, FINALIZER, GROUP, HostState, LocalRef, ManagementPolicy, Namespaces,
    NamespacesFrom, ReclaimPolicy,
};
pub use host::{Host, HostSpec, HostStatus};
pub use image::{ClusterImage, ClusterImageSpec, Image, ImageSpec, ImageStatus};
pub use instance_type::{InstanceType, InstanceTypeSpec};
pub use network::{Network, NetworkSpec, NetworkStatus};
pub use quantity::Quantity;
pub use storage_pool::{StoragePool, StoragePoolSpec, StoragePoolStatus};
pub use virtual_machine::{VirtualMachine, VirtualMachineSpec, VirtualMachineStatus};
pub use volume::{Volume, VolumeSpec, VolumeStatus};
