//! The ports of a network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;
use crate::virtual_machine::Bandwidth;

/// A kind of port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortGroup {
    /// Its name, which an interface's `portGroup` says.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    )]
    pub name: String,
    /// Whether interfaces that say none are of this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Its VLANs. With mode OVS or HostDev.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vlan>,
    /// How much each of its guests may send and receive. Not with mode HostDev.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<NetworkBandwidth>,
}

/// The VLANs that a port is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::vlan()))]
pub struct Vlan {
    /// Their numbers.
    #[schemars(length(min = 1, max = 64), inner(range(min = 1, max = 4_094)))]
    pub tags: Vec<i32>,
    /// Whether the guest sees the tags, and may be in several. Otherwise it sees none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trunk: bool,
}

/// How much may go to guests and come from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkBandwidth {
    /// What goes to guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Bandwidth>,
    /// What comes from guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Bandwidth>,
}
