//! StoragePool: a libvirt storage pool on each of a set of hosts.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{Adoption, HostState, LocalRef, ManagementPolicy, Namespaces, ReclaimPolicy};
use crate::rules;

/// A libvirt storage pool on each of the selected hosts.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "StoragePool",
    plural = "storagepools",
    shortname = "vpool",
    category = "drover",
    status = "StoragePoolStatus",
    derive = "PartialEq",
    doc = "StoragePool is a libvirt storage pool of the object's name on each of the selected hosts.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name":"Type","type":"string","jsonPath":".spec.type"}"#,
    printcolumn = r#"{"name":"Capacity","type":"string","jsonPath":".status.capacity"}"#,
    printcolumn = r#"{"name":"Available","type":"string","jsonPath":".status.available"}"#,
    printcolumn = r#"{"name":"Scope","type":"string","jsonPath":".spec.scope","priority":1}"#,
    printcolumn = r#"{"name":"Writer","type":"string","jsonPath":".status.writer","priority":1}"#,
    printcolumn = r#"{"name":"Policy","type":"string","jsonPath":".spec.managementPolicy","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[schemars(extend("x-kubernetes-validations" = rules::pool_spec()))]
pub struct StoragePoolSpec {
    /// What the pool is made of. In a `dir`, `fs` or `netfs` volumes are files, in a `logical` or `zfs`
    /// they are block devices; in pools of the other types they are there already, and are taken over
    /// by a Volume's `existing`.
    #[serde(rename = "type")]
    pub type_: PoolType,
    /// Local: a pool of this name on every selected host, each with data of its own. Shared: the
    /// same storage on all of them, such as a server's: a volume there is of no host. One of the hosts
    /// makes and removes what is in it, the others see it. Cannot be changed.
    #[serde(default)]
    pub scope: PoolScope,
    /// What the pool is made from, with just the members that its type has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PoolSource>,
    /// The labels of the hosts that have the pool; every host, if empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_selector: Option<LabelSelector>,
    /// Full: Drover defines, builds and starts the pool. Observe: it is there already and is used,
    /// never changed or removed.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// Where the pool is on each host: needed for `dir`, `fs` and `netfs`; the usual place
    /// for `logical`, `disk`, `iscsi`, `scsi` and `mpath`, if it is not set; nowhere for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<PoolTarget>,
    /// Whether a file system is made on a device (`fs`), a partition table (`disk`) or a volume group
    /// of devices (`logical`), if there is none. Devices that hold anything that libvirt knows are
    /// never touched.
    #[serde(default)]
    pub initialize: bool,
    /// How much of it stays free, in per cent, such as `10%`: no volume is made beyond that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4), regex(pattern = "^(100|[1-9]?[0-9])%$"))]
    pub reserve: Option<String>,
    /// How much may be promised to volumes, as a multiple of what there is, such as `1.5`; without
    /// limit, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = r"^[0-9]{1,3}([.][0-9]{1,3})?$"))]
    pub overcommit: Option<String>,
    /// What happens on the hosts when this object is deleted. Retain: nothing. Delete: a pool that
    /// Drover made and that holds nothing is removed.
    #[serde(default = "retain")]
    pub deletion_policy: ReclaimPolicy,
    /// The namespaces whose volumes may be here. All, if not said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Namespaces>,
    /// The namespaces whose Volumes may take over what is in the pool already. None, if not said
    /// otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
}

fn retain() -> ReclaimPolicy {
    ReclaimPolicy::Retain
}

/// libvirt's types of pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolType {
    /// A folder.
    Dir,
    /// A file system of a block device.
    Fs,
    /// A file system of a server.
    Netfs,
    /// An LVM volume group.
    Logical,
    /// The partitions of a disk.
    Disk,
    /// The units of an iSCSI target.
    Iscsi,
    /// The units of an iSCSI target, which QEMU itself talks to.
    IscsiDirect,
    /// The units of a SCSI host adapter.
    Scsi,
    /// The multipath devices of the host.
    Mpath,
    /// A pool of Ceph's.
    Rbd,
    /// A volume of GlusterFS.
    Gluster,
    /// A pool of ZFS.
    Zfs,
}

/// What a pool is made from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolSource {
    /// Who serves it: for `netfs`, `iscsi`, `iscsi-direct` and `gluster` one, for `rbd` the monitors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub hosts: Vec<PoolServer>,
    /// The folder that a `netfs` server exports, or one in a volume of `gluster`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), extend("x-kubernetes-validations" = rules::source_path()))]
    pub path: Option<String>,
    /// The name of a volume group (`logical`), of a pool (`rbd`, `zfs`) or of a volume (`gluster`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 127),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9_.+/-]*$")
    )]
    pub name: Option<String>,
    /// Block devices, as paths: of `fs` and `disk` one, of `logical` and `zfs` those that it is made
    /// of. Of `iscsi` and `iscsi-direct` the target's IQN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 255)), extend("x-kubernetes-validations" = rules::source_devices()))]
    pub devices: Vec<String>,
    /// How it is formatted: a file system's name (`fs`), the protocol (`netfs`) or the kind of
    /// partition table (`disk`), in libvirt's words. libvirt's choice, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), regex(pattern = "^[a-z0-9+]+$"))]
    pub format: Option<String>,
    /// The IQN by which the host calls itself: needed for `iscsi-direct`, and may be set for `iscsi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 223),
        regex(pattern = "^iqn[.][A-Za-z0-9:._-]+$")
    )]
    pub initiator: Option<String>,
    /// A Secret in the operator's own namespace with which the hosts log on: `username` and `password`
    /// (CHAP) of `iscsi` and `iscsi-direct`, `username` and `key` (as Ceph prints it) of `rbd`. The
    /// username is read when the pool is defined on a host, the rest whenever it has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_secret_ref: Option<LocalRef>,
    /// The host adapter of `scsi`, such as `host2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 5, max = 12), regex(pattern = "^host[0-9]+$"))]
    pub adapter: Option<String>,
}

/// A server of storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolServer {
    /// Its name or address.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9:._-]*$")
    )]
    pub name: String,
    /// Its port; the protocol's own, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<i32>,
}

/// Whether hosts see each other's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum PoolScope {
    /// Each host has its own.
    #[default]
    Local,
    /// All of them see the same.
    Shared,
}

/// Where a pool is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolTarget {
    /// The absolute path of the folder on each host. It is made if it is not there.
    #[schemars(length(min = 2, max = 255), extend("x-kubernetes-validations" = rules::target_path()))]
    pub path: String,
}

/// What is known of the pool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoragePoolStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The pool on each host.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub hosts: Vec<HostState>,
    /// The size of all of it, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// What is free of all of it, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<String>,
    /// The Host through which everything in a Shared pool is made and removed. Another one is
    /// chosen when it is not there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// What the marker in a Shared pool says: a host that reads something else in it has other
    /// storage there, and none of its machines gets volumes of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// Ready; Reconciling and Stalled when true.
    #[serde(default)]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}
