//! Image and ClusterImage: what disks begin as.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::LocalRef;
use crate::rules;
use crate::volume::{VolumeFormat, VolumeOrigin};

/// The annotation that asks for leave to upload, once for each new value (RFC 3339).
pub const UPLOAD_REQUESTED: &str = "drover.dev/upload-requested";

/// An image for the Volumes of its namespace.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "Image",
    plural = "images",
    shortname = "vimg",
    category = "drover",
    namespaced,
    status = "ImageStatus",
    derive = "PartialEq",
    doc = "Image is what Volumes of its namespace begin as. It is fetched when the first of them needs it, and kept once in each pool of each host that has some.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name":"Format","type":"string","jsonPath":".status.format"}"#,
    printcolumn = r#"{"name":"Size","type":"string","jsonPath":".status.size"}"#,
    printcolumn = r#"{"name":"Virtual Size","type":"string","jsonPath":".status.virtualSize"}"#,
    printcolumn = r#"{"name":"Copies","type":"integer","jsonPath":".status.copies"}"#,
    printcolumn = r#"{"name":"Retention","type":"string","jsonPath":".spec.retention","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[schemars(extend("x-kubernetes-validations" = rules::image_spec()))]
pub struct ImageSpec {
    /// What it is.
    #[serde(flatten)]
    pub content: ImageContent,
}

/// An image for the Volumes of every namespace.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "ClusterImage",
    plural = "clusterimages",
    shortname = "vcimg",
    category = "drover",
    status = "ImageStatus",
    derive = "PartialEq",
    doc = "ClusterImage is what Volumes of any namespace begin as. It is fetched when the first of them needs it, and kept once in each pool of each host that has some.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name":"Format","type":"string","jsonPath":".status.format"}"#,
    printcolumn = r#"{"name":"Size","type":"string","jsonPath":".status.size"}"#,
    printcolumn = r#"{"name":"Virtual Size","type":"string","jsonPath":".status.virtualSize"}"#,
    printcolumn = r#"{"name":"Copies","type":"integer","jsonPath":".status.copies"}"#,
    printcolumn = r#"{"name":"Retention","type":"string","jsonPath":".spec.retention","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[schemars(extend("x-kubernetes-validations" = rules::cluster_image_spec()))]
pub struct ClusterImageSpec {
    /// What it is.
    #[serde(flatten)]
    pub content: ImageContent,
}

/// What an image is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageContent {
    /// Where it comes from. Cannot be changed: disks are based on it.
    pub source: ImageSource,
    /// What is fetched must be this: `sha256:` and 64 hexadecimal digits. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71), regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub checksum: Option<String>,
    /// How it is kept: `qcow2` or `raw`. Found out from the content if not set; content of another
    /// format is refused. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<VolumeFormat>,
    /// The operating system in it, by libosinfo's short name, such as `debian13`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9][a-z0-9.-]*$"))]
    pub os_info: Option<String>,
    /// What happens to a copy that no Volume in its pool and on its host names any more.
    #[serde(default)]
    pub retention: ImageRetention,
}

/// Where an image comes from. Exactly one member is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::image_source()))]
pub struct ImageSource {
    /// A URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<ImageHttp>,
    /// A Volume of the same namespace, which is copied once, when the image is made. Not for a
    /// ClusterImage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeOrigin>,
    /// What a person sends, once, with `drover image upload`. The StoragePool that it is sent to keeps the
    /// original for as long as the image is there; other copies come from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<ImageUpload>,
}

/// Where what is uploaded is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpload {
    /// The StoragePool, one of files. If not set, the only one that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = rules::reference("a StoragePool")))]
    pub pool: Option<String>,
    /// The Host. If not set, one that has the pool: where a Volume waits for the image already, or else
    /// where there is the most room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::reference("a Host")))]
    pub host: Option<String>,
}

/// An image at an http or https URL: qcow2 without a backing file, or raw; as it is, or compressed by
/// gzip, xz or zstd, which is found out from the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::url()))]
pub struct ImageHttp {
    /// The URL. Plain http needs a checksum.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// A Secret whose key `ca.crt` has certificates of authorities (PEM, at most 1 MiB) that are trusted
    /// beside the public ones, for this URL and for where it redirects to. That of an Image is in its
    /// namespace, that of a ClusterImage in the operator's own. It is read whenever a fetch begins, and
    /// another one may be named at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle_secret_ref: Option<LocalRef>,
}

/// What happens to a copy that is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ImageRetention {
    /// It is removed.
    #[default]
    WhileUsed,
    /// It stays until the image is deleted.
    Keep,
}

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many bytes it has as it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// The size of the disk in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_size: Option<String>,
    /// How it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<VolumeFormat>,
    /// The checksum of what was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// The checksum of the content, which is another one if it came compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_checksum: Option<String>,
    /// The copy that all others come from, if there is nowhere else to get them. It stays as long as the
    /// image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<ImagePlace>,
    /// How many copies are complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<i64>,
    /// Its copies.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["pool", "host"]))]
    pub pools: Vec<ImageCopy>,
    /// Ready; Reconciling and Stalled when true.
    #[serde(default)]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

/// Where a copy of an image is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImagePlace {
    /// The StoragePool that holds it.
    pub pool: String,
    /// The Host.
    pub host: String,
}

/// A copy of an image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageCopy {
    /// The StoragePool that holds it.
    pub pool: String,
    /// The Host; empty, if all hosts of the pool see it.
    pub host: String,
    /// Ready, Importing, Waiting, Unreachable, Removing or Failed.
    pub state: String,
    /// How far it is, such as `42%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
