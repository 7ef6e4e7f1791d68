//! Host: a machine with a libvirt daemon.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{Adoption, LocalRef, Namespaces};
use crate::quantity::Quantity;
use crate::rules;

/// A machine with a libvirt daemon, and how to reach it.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "Host",
    plural = "hosts",
    shortname = "vhost",
    category = "drover",
    status = "HostStatus",
    derive = "PartialEq",
    doc = "Host is a machine with a libvirt daemon. Deleting it changes nothing on the machine.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name":"CPU","type":"string","jsonPath":".status.allocatable.cpu"}"#,
    printcolumn = r#"{"name":"Memory","type":"string","jsonPath":".status.allocatable.memory"}"#,
    printcolumn = r#"{"name":"Libvirt","type":"string","jsonPath":".status.libvirtVersion"}"#,
    printcolumn = r#"{"name":"Cordoned","type":"boolean","jsonPath":".spec.unschedulable","priority":1}"#,
    printcolumn = r#"{"name":"URI","type":"string","jsonPath":".spec.uri","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[schemars(extend("x-kubernetes-validations" = rules::host_spec()))]
pub struct HostSpec {
    /// The libvirt URI of the machine, such as `qemu+tls://kvm-07.example.org/system`. Transports:
    /// `unix`, `tcp` (needs `insecure: true`), `tls`, `ssh`.
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = rules::host_uri()))]
    pub uri: String,
    /// Allows a connection that proves nobody's identity, as plain TCP is.
    #[serde(default)]
    pub insecure: bool,
    /// A Secret in the operator's own namespace with the keys to the machine: `tls.crt`, `tls.key`,
    /// `ca.crt`, `ca.crl` for TLS; `ssh-privatekey`, `known_hosts` for SSH; `username`, `password`
    /// for SASL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<LocalRef>,
    /// What is particular about TLS with this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<HostTls>,
    /// No new machine is placed here; those that are here stay.
    #[serde(default)]
    pub unschedulable: bool,
    /// Machines that do not tolerate these are not placed here, or rather elsewhere; those that are here
    /// stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key", "effect"])
    )]
    pub taints: Vec<Taint>,
    /// How many machines may be here at most, whoever made them; as many as there is room for if not
    /// set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub max_machines: Option<i32>,
    /// How often the machine's capacity may be promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overcommit: Option<Overcommit>,
    /// What is kept for the machine itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Reserved>,
    /// The namespaces whose machines may be placed here. All, if not said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Namespaces>,
    /// The namespaces whose machines may take over a domain that is here already and carries no
    /// mark, by naming its UUID. None, if not said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// The devices of the machine that guests may be given whole. Each counts for the first of these that
    /// it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub devices: Vec<OfferedDevice>,
}

/// Devices that guests may be given whole: of PCI, of USB, or mediated ones that are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::offered_device()))]
pub struct OfferedDevice {
    /// What machines ask for, such as `nvidia.com/a10`. Several kinds may be the same to them.
    #[schemars(
        length(min = 3, max = 253),
        regex(pattern = rules::RESOURCE)
    )]
    pub resource: String,
    /// PCI devices, by vendor and product, such as `10de:2236`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 9), regex(pattern = rules::VENDOR_PRODUCT))]
    pub pci: Option<String>,
    /// USB devices, by vendor and product, such as `0951:1666`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 9), regex(pattern = rules::VENDOR_PRODUCT))]
    pub usb: Option<String>,
    /// Mediated devices, by their type, such as `nvidia-593`. Drover makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z0-9_.-]+$"))]
    pub mdev: Option<String>,
}

/// What keeps machines away that do not tolerate it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// Its key.
    #[schemars(length(min = 1, max = 316))]
    pub key: String,
    /// Its value; may be left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
}

/// What a taint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    /// No machine is placed there that does not tolerate it.
    NoSchedule,
    /// Machines that do not tolerate it are placed there when there is no other place.
    PreferNoSchedule,
}

/// TLS with a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostTls {
    /// The name that the machine's certificate must have; the host of the URI if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub server_name: Option<String>,
}

/// Promised capacity over real capacity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overcommit {
    /// Virtual CPUs per CPU thread of the machine; `4` if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules::positive()))]
    pub cpu: Option<Quantity>,
    /// Memory of guests over memory of the machine; `1` if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules::positive()))]
    pub memory: Option<Quantity>,
}

/// What no guest gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reserved {
    /// CPU threads kept for the machine; none if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules::not_negative()))]
    pub cpu: Option<Quantity>,
    /// Memory kept for the machine; none if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules::not_negative()))]
    pub memory: Option<Quantity>,
}

/// What is known of the machine. It changes rarely: usage is in the metrics.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What the machine has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Resources>,
    /// What guests may be promised: capacity less `reserved`, times `overcommit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocatable: Option<Resources>,
    /// The UUID that libvirt gives the machine.
    #[serde(default, rename = "hostUUID", skip_serializing_if = "Option::is_none")]
    pub host_uuid: Option<String>,
    /// The architecture of the CPU, such as `x86_64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The architectures of the guests that it can run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guest_architectures: Vec<String>,
    /// libvirt's name for the CPU's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// What runs the guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<Hypervisor>,
    /// The version of the libvirt daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libvirt_version: Option<String>,
    /// Ready, Connected and Schedulable; Reconciling and Stalled when true.
    #[serde(default)]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

/// CPU threads, memory, huge pages and devices.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// CPU threads, or virtual CPUs.
    pub cpu: String,
    /// Memory, without what was set aside as huge pages.
    pub memory: String,
    /// Huge pages: how much memory there is of each size.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hugepages: BTreeMap<String, String>,
    /// Devices that guests may be given: how many there are of each resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<String, String>,
}

/// A hypervisor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hypervisor {
    /// Its name, as libvirt has it.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its version.
    pub version: String,
}
