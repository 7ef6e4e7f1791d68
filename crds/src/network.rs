//! Network: a libvirt network on each of a set of hosts.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{HostState, ManagementPolicy, Namespaces, ReclaimPolicy};
use crate::rules;

/// A libvirt network on each of the selected hosts.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "Network",
    plural = "networks",
    shortname = "vnet",
    category = "drover",
    status = "NetworkStatus",
    derive = "PartialEq",
    doc = "Network is a libvirt network of the object's name on each of the selected hosts.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name":"Mode","type":"string","jsonPath":".spec.mode"}"#,
    printcolumn = r#"{"name":"Subnet","type":"string","jsonPath":".spec.subnets[0].cidr"}"#,
    printcolumn = r#"{"name":"Policy","type":"string","jsonPath":".spec.managementPolicy","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[schemars(extend("x-kubernetes-validations" = rules::network_spec()))]
pub struct NetworkSpec {
    /// How guests reach the world. NAT: behind the host's address. Isolated: not at all. Bridge:
    /// through a bridge that the host has already. Networks of the other modes are there already:
    /// they need `managementPolicy: Observe`.
    pub mode: NetworkMode,
    /// The labels of the hosts that have the network; every host, if empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_selector: Option<LabelSelector>,
    /// Full: Drover defines and starts the network. Observe: it is there already and is used, never
    /// changed or removed.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// The bridge on each host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<NetworkBridge>,
    /// The addresses of the network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-validations" = rules::subnets()))]
    pub subnets: Vec<Subnet>,
    /// What happens on the hosts when this object is deleted. Delete: a network that Drover made is
    /// removed. Retain: nothing.
    #[serde(default = "delete")]
    pub deletion_policy: ReclaimPolicy,
    /// The namespaces whose machines may use it. All, if not said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Namespaces>,
}

fn delete() -> ReclaimPolicy {
    ReclaimPolicy::Delete
}

/// How guests reach the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NetworkMode {
    /// Behind the host's address.
    NAT,
    /// Not at all.
    Isolated,
    /// Through a bridge that the host has already.
    Bridge,
    /// With addresses of their own, by the host's routes.
    Route,
    /// As Route, and no packet is filtered.
    Open,
    /// Through a bridge of Open vSwitch.
    OVS,
    /// Through a device of the host, beside the host itself.
    Macvtap,
    /// By a device of the host that the guest has to itself.
    HostDev,
}

/// A bridge of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkBridge {
    /// Its name: with mode Bridge one that is there, otherwise the one to make. libvirt chooses
    /// `virbrN` if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 15),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    )]
    pub name: Option<String>,
}

/// A range of addresses of the network, of which the host has the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::subnet()))]
pub struct Subnet {
    /// The network's address and prefix, such as `192.168.150.0/24`.
    #[schemars(length(min = 1, max = 43))]
    pub cidr: String,
    /// What guests are told; nothing, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dhcp: Option<Dhcp>,
}

/// What the network's DHCP server gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dhcp {
    /// The addresses that it gives to anybody. Without any it gives only those that are kept for
    /// somebody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub ranges: Vec<DhcpRange>,
}

/// Addresses from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::dhcp_range()))]
pub struct DhcpRange {
    /// The first address.
    #[schemars(length(min = 1, max = 39))]
    pub start: String,
    /// The last address.
    #[schemars(length(min = 1, max = 39))]
    pub end: String,
}

/// What is known of the network.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The network on each host.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub hosts: Vec<HostState>,
    /// Ready; Reconciling and Stalled when true.
    #[serde(default)]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}
