//! The addresses of a network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dhcp {
    /// The addresses that it gives to anybody. Without any it gives only those that are kept for
    /// somebody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub ranges: Vec<DhcpRange>,
    /// The addresses that it keeps for what is no machine of Drover's. A machine says its own, in
    /// `spec.interfaces[].ipAddress`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = rules::dhcp_hosts()))]
    pub hosts: Vec<DhcpHost>,
    /// What guests are told beside their addresses, by the numbers of DHCP's options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub options: Vec<DhcpOption>,
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

/// An address that is kept for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DhcpHost {
    /// The address.
    #[schemars(length(min = 1, max = 39))]
    pub ip: String,
    /// The MAC address of whom an IPv4 address is kept for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 17),
        regex(pattern = "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$"),
        extend("x-kubernetes-validations" = rules::mac_address())
    )]
    pub mac: Option<String>,
    /// The DUID of whom an IPv6 address is kept for, as bytes with colons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 392),
        regex(pattern = "^[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2}){6,}$")
    )]
    pub duid: Option<String>,
    /// The name that it has in the network. Of a guest without a DUID, the name that it says it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$")
    )]
    pub hostname: Option<String>,
}

/// One of DHCP's options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DhcpOption {
    /// Its number: of DHCP, or of DHCPv6 in a subnet of IPv6.
    #[schemars(range(min = 1, max = 254))]
    pub number: i32,
    /// What it says, as dnsmasq writes it: parts are separated by commas.
    #[schemars(length(min = 1, max = 255), regex(pattern = "^[ -~]+$"))]
    pub value: String,
}

/// A route that the host gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::route()))]
pub struct Route {
    /// Where it leads, such as `10.20.0.0/16`.
    #[schemars(length(min = 1, max = 43))]
    pub cidr: String,
    /// The guest that it leads through: an address of one of the network's subnets.
    #[schemars(length(min = 1, max = 39))]
    pub gateway: String,
    /// How far it is: of several routes the one with the lowest number is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub metric: Option<i32>,
}
