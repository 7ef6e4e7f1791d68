//! InstanceType: the size of a machine.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::virtual_machine::{Cpu, Devices, Memory, Placement};

/// The size of a machine, by name.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "InstanceType",
    plural = "instancetypes",
    shortname = "vtype",
    category = "drover",
    derive = "PartialEq",
    doc = "InstanceType is the size of a machine. Changing it changes the machines that name it, as each machine's spec.update allows.",
    printcolumn = r#"{"name":"Sockets","type":"integer","jsonPath":".spec.cpu.sockets"}"#,
    printcolumn = r#"{"name":"Cores","type":"integer","jsonPath":".spec.cpu.cores"}"#,
    printcolumn = r#"{"name":"Memory","type":"string","jsonPath":".spec.memory.guest"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
pub struct InstanceTypeSpec {
    /// The virtual CPUs; one, if not set.
    #[serde(default)]
    pub cpu: Cpu,
    /// The memory.
    pub memory: Memory,
    /// The devices of machines that do not say their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Devices>,
    /// Where its machines may be placed, if they do not say so themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
}
