//! Network: a libvirt network on each of a set of hosts.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod dns;
mod forward;
mod ports;
mod subnet;

pub use self::dns::{Dns, DnsForwarder, DnsHost, DnsService, DnsText};
pub use self::forward::{AddressRange, Macvtap, MacvtapMode, Nat, NetworkHostDevices, PortRange};
pub use self::ports::{NetworkBandwidth, PortGroup, Vlan};
pub use self::subnet::{Dhcp, DhcpHost, DhcpOption, DhcpRange, Route, Subnet};
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
    /// How guests reach the world. NAT: behind the host's address. Route: with addresses of their
    /// own. Open: as Route, and the host's firewall is left alone. Isolated: not at all. Bridge, OVS:
    /// through a bridge that the host has already. Macvtap: through a device of the host. HostDev:
    /// by a virtual function that each guest has to itself.
    pub mode: NetworkMode,
    /// The labels of the hosts that have the network; every host, if empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_selector: Option<LabelSelector>,
    /// Full: Drover defines and starts the network. Observe: it is there already and is used, never
    /// changed or removed.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// The bridge on each host. Not with mode Macvtap or HostDev.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<NetworkBridge>,
    /// The device of the host that all traffic leaves by; any, if not set. With mode NAT or Route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 15),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    )]
    pub device: Option<String>,
    /// What guests look like from outside, with mode NAT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat: Option<Nat>,
    /// The devices of the host that guests are put on, with mode Macvtap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macvtap: Option<Macvtap>,
    /// The virtual functions that guests get, with mode HostDev.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_devices: Option<NetworkHostDevices>,
    /// The addresses of the network. With mode NAT, Route, Open or Isolated; one subnet of each
    /// family may have DHCP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-validations" = rules::subnets()))]
    pub subnets: Vec<Subnet>,
    /// The DNS domain that guests are told. With mode NAT, Route, Open or Isolated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::dns_name()))]
    pub domain: Option<String>,
    /// What the network's DNS server knows. With mode NAT, Route, Open or Isolated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Dns>,
    /// Networks behind guests: the routes to them that the host gets. With mode NAT, Route, Open or
    /// Isolated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub routes: Vec<Route>,
    /// The largest packets, in bytes; 1500 if not set. With mode NAT, Route, Open or Isolated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 68, max = 65_535))]
    pub mtu: Option<i32>,
    /// Kinds of ports, one of which each machine's interface is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-validations" = rules::port_groups()),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub port_groups: Vec<PortGroup>,
    /// The VLANs of every guest. With mode OVS or HostDev.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vlan>,
    /// How much goes through the network's bridge, of all guests together. With mode NAT, Route, Open
    /// or Isolated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<NetworkBandwidth>,
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
    /// Its name: with mode Bridge or OVS one that is there, otherwise the one to make. libvirt chooses
    /// `virbrN` if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 15),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    )]
    pub name: Option<String>,
    /// Whether it takes part in the spanning tree protocol; it does, if not set. Only of a bridge that
    /// is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stp: Option<bool>,
    /// The seconds that it waits before a new port carries traffic; none, if not set. Only of a bridge
    /// that is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 30))]
    pub delay: Option<i32>,
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
