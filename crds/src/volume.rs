//! Volume: a disk of a machine, in a pool.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{LocalRef, ReclaimPolicy};
use crate::quantity::Quantity;
use crate::rules;

/// A disk in a pool.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "Volume",
    plural = "volumes",
    shortname = "vvol",
    category = "drover",
    namespaced,
    status = "VolumeStatus",
    derive = "PartialEq",
    doc = "Volume is a disk in a StoragePool. It outlives the machines that use it.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name":"Pool","type":"string","jsonPath":".spec.pool"}"#,
    printcolumn = r#"{"name":"Host","type":"string","jsonPath":".status.host"}"#,
    printcolumn = r#"{"name":"Capacity","type":"string","jsonPath":".status.capacity"}"#,
    printcolumn = r#"{"name":"Progress","type":"string","jsonPath":".status.progress"}"#,
    printcolumn = r#"{"name":"Reclaim","type":"string","jsonPath":".spec.reclaimPolicy","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[schemars(extend("x-kubernetes-validations" = rules::volume_spec()))]
pub struct VolumeSpec {
    /// The StoragePool that holds it. Cannot be changed.
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = rules::reference("a StoragePool")))]
    pub pool: String,
    /// The Host on which it is made; otherwise it follows the first machine that uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::reference("a Host")))]
    pub host: Option<String>,
    /// Its size as the guest sees it. It may grow and never shrinks.
    #[schemars(extend("x-kubernetes-validations" = rules::capacity()))]
    pub capacity: Quantity,
    /// How it is kept: `qcow2` (the default in a pool of files) or `raw`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<VolumeFormat>,
    /// What is in it at first; nothing, if not set. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<VolumeSource>,
    /// How it comes from an image. Overlay: what is written is kept, the rest is read from the image's
    /// copy in the pool (the default for `qcow2`). Copy: it has all of it (the default for `raw`).
    /// Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone_strategy: Option<CloneStrategy>,
    /// What happens to the data when this object is deleted.
    #[serde(default = "retain")]
    pub reclaim_policy: ReclaimPolicy,
    /// Whether the host wipes its data before it is removed, which needs `reclaimPolicy: Delete`. Zeros are
    /// written over what has no holes; a file with holes, as mostly a `qcow2`, is only emptied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wipe_on_delete: bool,
    /// Whether several machines may write into it at once. Only `raw` volumes can be written so, and only
    /// guests that know of it, such as a cluster's, may do so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shareable: bool,
    /// A volume that is in the pool already and is taken over as it is: nothing is made, and nothing
    /// is ever removed. The StoragePool's `adoption` must let this namespace. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingVolume>,
}

/// A volume that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExistingVolume {
    /// Its name in the libvirt pool.
    #[schemars(length(min = 1, max = 255), extend("x-kubernetes-validations" = rules::volume_name()))]
    pub name: String,
}

fn retain() -> ReclaimPolicy {
    ReclaimPolicy::Retain
}

/// How a disk is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeFormat {
    /// QEMU's own format, which takes only the space that is used.
    Qcow2,
    /// Byte for byte.
    Raw,
}

/// What is in a volume at first. Exactly one member is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::source()))]
pub struct VolumeSource {
    /// Nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blank: Option<Blank>,
    /// An image at a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSource>,
    /// An Image of the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<LocalRef>,
    /// A ClusterImage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_image: Option<LocalRef>,
    /// Another Volume of the same namespace, all of which is copied, on its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeOrigin>,
}

/// A Volume that is copied once. What is written into either one afterwards the other does not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeOrigin {
    /// The name of the Volume.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::reference("a Volume")))]
    pub name: String,
    /// How it is copied while a machine runs with it. Without it no machine may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
}

/// What a copy of a running machine's disk is like. In each case the machine runs while it is made,
/// and the copy is as the disk was at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Consistency {
    /// The machine's CPUs stand still for the last moment: all that it had given to its disk is there.
    Paused,
    /// The guest's agent holds its file systems still for the last moment: they are whole.
    Frozen,
    /// As after the loss of its power: it takes what a crash would have left.
    CrashConsistent,
}

/// How a volume comes from an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CloneStrategy {
    /// What is not written is read from the image's copy in the pool.
    Overlay,
    /// It has all of it.
    Copy,
}

/// No content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Blank {}

/// An image at an http or https URL: qcow2 without a backing file, or raw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::http_source()))]
pub struct HttpSource {
    /// The URL. Plain http needs a checksum.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// What the image must be: `sha256:` and 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71), regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub checksum: Option<String>,
}

/// What is known of the volume.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The Host that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its name in the libvirt pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_name: Option<String>,
    /// Where it is on the host: its path, or what libvirt calls it where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its size as the guest sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// What it is based on, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backing: Vec<Backing>,
    /// How far an import is, such as `42%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// The machines that use it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached_to: Vec<String>,
    /// Ready; Reconciling and Stalled when true.
    #[serde(default)]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

/// A volume that another one is based on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backing {
    /// Its name in the pool.
    pub volume: String,
    /// Where it is on the host.
    pub key: String,
    /// How it is kept.
    pub format: VolumeFormat,
}

impl Volume {
    /// The Host that has it, or else the one that its spec names.
    #[must_use]
    pub fn host(&self) -> Option<&String> {
        let status = self.status.as_ref();
        let recorded = status.and_then(|status| status.host.as_ref());
        recorded.or(self.spec.host.as_ref())
    }
}
