//! Network interfaces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Its name among the machine's interfaces.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    )]
    pub name: String,
    /// The Network that it is in.
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = rules::reference("a Network")))]
    pub network: String,
    /// The port group of the Network; the Network's default if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    )]
    pub port_group: Option<String>,
    /// The device that the guest sees.
    #[serde(default)]
    pub model: InterfaceModel,
    /// Its MAC address; made from the machine's UUID if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 17),
        regex(pattern = "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$"),
        extend("x-kubernetes-validations" = rules::mac_address())
    )]
    pub mac_address: Option<String>,
    /// The IPv4 address that the Network's DHCP server keeps for it. It is there before the machine
    /// is started, on every host that has the Network, and nobody else's in the Network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 39), extend("x-kubernetes-validations" = rules::ip_address()))]
    pub ip_address: Option<String>,
    /// Whether its cable is plugged in.
    #[serde(default, skip_serializing_if = "is_up")]
    pub state: LinkState,
    /// How much the guest may send and receive; without limits if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<InterfaceQos>,
}

fn is_up(state: &LinkState) -> bool {
    *state == LinkState::Up
}

/// The device that a guest sees as its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InterfaceModel {
    /// virtio-net.
    #[default]
    Virtio,
    /// Intel's 82540EM.
    E1000,
    /// Intel's 82574L.
    E1000e,
    /// Realtek's 8139.
    Rtl8139,
}

/// Whether the cable of an interface is plugged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum LinkState {
    /// It is.
    #[default]
    Up,
    /// It is not: the guest sees no carrier.
    Down,
}

/// How much a guest may send and receive, as it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceQos {
    /// What the guest receives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Bandwidth>,
    /// What the guest sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Bandwidth>,
}

/// A limit on traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bandwidth {
    /// KiB a second, on average.
    #[schemars(range(min = 1, max = 4_000_000))]
    pub average: i64,
    /// KiB a second, at most; the average if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_000_000))]
    pub peak: Option<i64>,
    /// KiB that may be sent at peak speed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_000_000))]
    pub burst: Option<i64>,
}
