//! Disks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{LocalRef, ReclaimPolicy};
use crate::quantity::Quantity;
use crate::rules;
use crate::volume::{CloneStrategy, VolumeFormat, VolumeSource};

/// A disk: a Volume that is there, or one that is made with the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::disk()))]
pub struct Disk {
    /// Its name among the machine's disks.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    )]
    pub name: String,
    /// What the guest sees: a disk, or a drive with a medium that can be changed.
    #[serde(default, rename = "type")]
    pub type_: DiskType,
    /// Its place among the devices that are tried for booting; 1 is first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub boot_order: Option<i32>,
    /// How the guest sees it; `virtio` for a disk and `sata` for a drive if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<DiskBus>,
    /// A Volume of the machine's namespace. A drive without one is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<LocalRef>,
    /// What a drive has in it: an Image of the machine's namespace, as its copy on the host is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<LocalRef>,
    /// What a drive has in it: a ClusterImage, as its copy on the host is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_image: Option<LocalRef>,
    /// The StoragePool that keeps the copy of a drive's image; that of the machine's first disk, if not
    /// set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = rules::reference("a StoragePool")))]
    pub pool: Option<String>,
    /// A Volume that is made with the machine, is called `MACHINE-DISK` and belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_template: Option<VolumeTemplate>,
    /// How the host's memory stands between the guest and the storage; the hypervisor's choice if
    /// not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<DiskCache>,
    /// How the host does the I/O; the hypervisor's choice if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<DiskIo>,
    /// The serial number that the guest reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 36), regex(pattern = "^[A-Za-z0-9_.+-]+$"))]
    pub serial: Option<String>,
    /// How much the guest may ask of it; without limits if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<DiskQos>,
}

/// What a guest sees of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskType {
    /// A disk.
    #[default]
    Disk,
    /// A CD-ROM drive. Its medium can be changed while the machine runs.
    Cdrom,
}

/// How a guest sees a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskBus {
    /// virtio-blk.
    #[default]
    Virtio,
    /// SATA.
    Sata,
    /// A disk of a virtio-scsi controller.
    Scsi,
    /// USB.
    Usb,
    /// IDE, which only the `pc` boards have.
    Ide,
}

/// How the host's memory stands between a guest and its storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskCache {
    /// Not at all.
    None,
    /// Reads are cached, writes go through.
    Writethrough,
    /// Writes are cached until the guest flushes them.
    Writeback,
    /// As `none`, and each write reaches the storage.
    Directsync,
    /// Flushes are ignored: a power cut loses data.
    Unsafe,
}

/// How the host does the I/O of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskIo {
    /// With threads.
    Threads,
    /// With Linux' own asynchronous I/O; needs `cache: none` or `directsync`.
    Native,
    /// With `io_uring`.
    #[serde(rename = "io_uring")]
    IoUring,
}

/// How much a guest may ask of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::disk_qos()))]
pub struct DiskQos {
    /// Reads and writes a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub total_iops: Option<i64>,
    /// Reads a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub read_iops: Option<i64>,
    /// Writes a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub write_iops: Option<i64>,
    /// Bytes read and written a second, such as `100Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules::positive()))]
    pub total_bytes_per_second: Option<Quantity>,
    /// Bytes read a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules::positive()))]
    pub read_bytes_per_second: Option<Quantity>,
    /// Bytes written a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules::positive()))]
    pub write_bytes_per_second: Option<Quantity>,
}

/// A Volume that is made with a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::template()))]
pub struct VolumeTemplate {
    /// The StoragePool that holds it.
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = rules::reference("a StoragePool")))]
    pub pool: String,
    /// Its size as the guest sees it.
    #[schemars(extend("x-kubernetes-validations" = rules::capacity()))]
    pub capacity: Quantity,
    /// How it is kept: `qcow2` (the default in a pool of files) or `raw`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<VolumeFormat>,
    /// What is in it at first; nothing, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<VolumeSource>,
    /// How it comes from an image. Overlay: what is written is kept, the rest is read from the image's
    /// copy in the pool (the default for `qcow2`). Copy: it has all of it (the default for `raw`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone_strategy: Option<CloneStrategy>,
    /// What happens to the data when the machine is deleted.
    #[serde(default = "delete")]
    pub reclaim_policy: ReclaimPolicy,
    /// Whether the host wipes its data before it is removed, which needs `reclaimPolicy: Delete`. Zeros are
    /// written over what has no holes; a file with holes, as mostly a `qcow2`, is only emptied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wipe_on_delete: bool,
}

fn delete() -> ReclaimPolicy {
    ReclaimPolicy::Delete
}
