//! What several objects share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// The API group of every object.
pub const GROUP: &str = "drover.dev";
/// The finalizer that Drover puts on what it must clean up.
pub const FINALIZER: &str = "drover.dev/cleanup";
/// The annotation with a person's word that an unreachable host is powered off.
pub const CONFIRMED_OFF: &str = "drover.dev/confirmed-off";

/// The label of a Host with its own name, by which others can be on some Hosts only, or apart. A Host
/// that has it not counts as if it had.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// The label that each Namespace has, with its own name.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// A reference to an object in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// The name of the object.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::reference("an object")))]
    pub name: String,
}

/// A reference to one key of a Secret in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// The name of the Secret.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::reference("a Secret")))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// Whose objects may use this one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::namespaces()))]
pub struct Namespaces {
    /// All: every namespace (the default). Selector: the namespaces that `selector` matches.
    #[serde(default)]
    pub from: NamespacesFrom,
    /// The labels of the namespaces, when `from` is Selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// How namespaces are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum NamespacesFrom {
    /// Every namespace.
    #[default]
    All,
    /// The namespaces that a selector matches.
    Selector,
}

/// Whose objects may take over what exists and carries nobody's mark.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::namespaces()))]
pub struct Adoption {
    /// None: nobody's (the default). All: every namespace's. Selector: those of the namespaces that
    /// `selector` matches.
    #[serde(default)]
    pub from: AdoptionFrom,
    /// The labels of the namespaces, when `from` is Selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Who may take over what exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionFrom {
    /// Nobody.
    #[default]
    None,
    /// Every namespace.
    All,
    /// The namespaces that a selector matches.
    Selector,
}

/// How far Drover goes with what stands for an object on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ManagementPolicy {
    /// Drover makes it, starts it and keeps it as declared.
    #[default]
    Full,
    /// It is there already; Drover uses it and never changes or removes it.
    Observe,
}

/// What happens to data when the object that stands for it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReclaimPolicy {
    /// The data is deleted too.
    Delete,
    /// The data stays.
    Retain,
}

/// One host's share of a pool or a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostState {
    /// The Host.
    pub name: String,
    /// Active, Inactive, Missing, Unreachable or Failed.
    pub state: String,
    /// The size of the storage there, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// The bridge that the network has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// Why it is not as declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
