//! How a network reaches the world.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// What guests look like from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::nat()))]
pub struct Nat {
    /// The addresses of the host that they have there; the one of the device, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<AddressRange>,
    /// The ports that they have there; 1024 to 65535, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<PortRange>,
    /// Whether that goes for IPv6 too, which is routed otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ipv6: bool,
}

/// Addresses from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressRange {
    /// The first address.
    #[schemars(length(min = 1, max = 39))]
    pub start: String,
    /// The last address.
    #[schemars(length(min = 1, max = 39))]
    pub end: String,
}

/// Ports from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortRange {
    /// The first port.
    #[schemars(range(min = 1, max = 65_535))]
    pub start: i32,
    /// The last port.
    #[schemars(range(min = 1, max = 65_535))]
    pub end: i32,
}

/// The devices of the host that guests are put on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Macvtap {
    /// How guests on one device reach one another. bridge: directly. vepa: through the switch outside,
    /// if it sends back. private: not at all. passthrough: a device is for one guest only.
    #[serde(default)]
    pub mode: MacvtapMode,
    /// The devices; each guest gets the one with the fewest guests.
    #[schemars(
        length(min = 1, max = 64),
        inner(
            length(min = 1, max = 15),
            regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
        )
    )]
    pub devices: Vec<String>,
}

/// How guests on one device reach one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MacvtapMode {
    /// Directly.
    #[default]
    Bridge,
    /// Through the switch outside.
    Vepa,
    /// Not at all.
    Private,
    /// A device is for one guest only.
    Passthrough,
}

/// The virtual functions that guests get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::network_host_devices()))]
pub struct NetworkHostDevices {
    /// The device whose virtual functions they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 15),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    )]
    pub physical_function: Option<String>,
    /// Or their PCI addresses, such as `0000:3b:02.1`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(
            length(max = 12),
            regex(pattern = "^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f][.][0-7]$")
        )
    )]
    pub addresses: Vec<String>,
}
