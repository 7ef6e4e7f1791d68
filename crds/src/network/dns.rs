//! What a network's DNS server knows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// What a network's DNS server knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::dns()))]
pub struct Dns {
    /// Whether there is one; there is, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether names in the network's `domain` that it does not know are nobody's: it asks no other
    /// server for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_only: Option<bool>,
    /// Whom it asks for names that it does not know; the host's own servers, if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub forwarders: Vec<DnsForwarder>,
    /// Names of addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = rules::dns_hosts()))]
    pub hosts: Vec<DnsHost>,
    /// Where services are: SRV records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub srv: Vec<DnsService>,
    /// TXT records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub txt: Vec<DnsText>,
}

/// Whom a DNS server asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::dns_forwarder()))]
pub struct DnsForwarder {
    /// Its address. Without one, names in `domain` are looked up by the host's own servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 39))]
    pub address: Option<String>,
    /// The domain that it is asked for; every one, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::dns_name()))]
    pub domain: Option<String>,
}

/// The names of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::dns_host()))]
pub struct DnsHost {
    /// The address.
    #[schemars(length(min = 1, max = 39))]
    pub ip: String,
    /// Its names.
    #[schemars(
        length(min = 1, max = 8),
        inner(
            length(min = 1, max = 253),
            regex(pattern = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?$")
        )
    )]
    pub hostnames: Vec<String>,
}

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::dns_service()))]
pub struct DnsService {
    /// The service, such as `ldap`.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9-]*$")
    )]
    pub service: String,
    /// What it is spoken over, such as `tcp`.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9-]*$")
    )]
    pub protocol: String,
    /// The domain that has it; the network's, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::dns_name()))]
    pub domain: Option<String>,
    /// The host that it is on; without one, the domain is known not to have the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::dns_name()))]
    pub target: Option<String>,
    /// Its port there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<i32>,
    /// Of several, the one with the lowest number is asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub priority: Option<i32>,
    /// Of several with one priority, how often this one is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub weight: Option<i32>,
}

/// A TXT record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsText {
    /// The name that it is of.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?$")
    )]
    pub name: String,
    /// What it says.
    #[schemars(length(min = 1, max = 255), regex(pattern = "^[ -~]+$"))]
    pub value: String,
}
