//! VirtualMachine: a guest.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{LocalRef, ReclaimPolicy};
use crate::quantity::Quantity;
use crate::rules;
use crate::volume::{VolumeFormat, VolumeSource};

/// A guest and how it is kept running.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "VirtualMachine",
    plural = "virtualmachines",
    shortname = "vm",
    shortname = "dvm",
    category = "drover",
    namespaced,
    status = "VirtualMachineStatus",
    derive = "PartialEq",
    doc = "VirtualMachine is a guest on one of the hosts.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name":"Host","type":"string","jsonPath":".status.host"}"#,
    printcolumn = r#"{"name":"State","type":"string","jsonPath":".status.state"}"#,
    printcolumn = r#"{"name":"IP","type":"string","jsonPath":".status.interfaces[0].ips[0]"}"#,
    printcolumn = r#"{"name":"UUID","type":"string","jsonPath":".status.uuid","priority":1}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].message","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
pub struct VirtualMachineSpec {
    /// Always: it runs, and is started again when it stops. Halted: it is shut down.
    #[serde(default)]
    pub run_strategy: RunStrategy,
    /// Its virtual CPUs; one, if not set.
    #[serde(default)]
    pub cpu: Cpu,
    /// Its memory.
    pub memory: Memory,
    /// The board that it sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Its disks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend(
            "x-kubernetes-list-type" = "map",
            "x-kubernetes-list-map-keys" = ["name"],
            "x-kubernetes-validations" = rules::disks()
        )
    )]
    pub disks: Vec<Disk>,
    /// Its network interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend(
            "x-kubernetes-list-type" = "map",
            "x-kubernetes-list-map-keys" = ["name"],
            "x-kubernetes-validations" = rules::interfaces()
        )
    )]
    pub interfaces: Vec<Interface>,
    /// Where it may be placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// How long, in seconds, it is given to shut down by itself before it is powered off.
    #[serde(default = "grace_period")]
    #[schemars(range(min = 0, max = 86_400))]
    pub termination_grace_period_seconds: i64,
    /// What happens to the guest when this object is deleted. Delete: it is shut down and removed.
    /// Orphan: it stays as it is, without Drover's mark.
    #[serde(default)]
    pub deletion_policy: MachineDeletionPolicy,
}

fn grace_period() -> i64 {
    60
}

/// Whether a machine is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RunStrategy {
    /// It runs.
    #[default]
    Always,
    /// It is off.
    Halted,
}

/// What deleting a machine's object does to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum MachineDeletionPolicy {
    /// It is shut down and removed.
    #[default]
    Delete,
    /// It stays.
    Orphan,
}

/// Virtual CPUs: sockets times cores times threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "(has(self.sockets) ? self.sockets : 1) * (has(self.cores) ? self.cores : 1) * \
             (has(self.threads) ? self.threads : 1) <= 4096",
    "message": "sockets x cores x threads must be at most 4096",
}]))]
pub struct Cpu {
    /// CPU sockets.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 4_096))]
    pub sockets: i32,
    /// Cores of each socket.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 4_096))]
    pub cores: i32,
    /// Threads of each core.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 4_096))]
    pub threads: i32,
}

impl Default for Cpu {
    fn default() -> Self {
        Self {
            sockets: 1,
            cores: 1,
            threads: 1,
        }
    }
}

fn one() -> i32 {
    1
}

/// Memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// What the guest has, in whole MiB, such as `2Gi`.
    #[schemars(extend("x-kubernetes-validations" = rules::memory()))]
    pub guest: Quantity,
}

/// The board that a guest sees.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// libvirt's machine type, such as `q35` or `pc-q35-7.2`; the host's default if not set.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9_.+-]*$")
    )]
    pub type_: Option<String>,
    /// The architecture of its CPUs, such as `x86_64`; the host's own if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = "^[a-z0-9_]+$"))]
    pub architecture: Option<String>,
}

/// A disk: a Volume that is there, or one that is made with the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::disk()))]
pub struct Disk {
    /// Its name among the machine's disks.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Its place among the devices that are tried for booting; 1 is first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub boot_order: Option<i32>,
    /// How the guest sees it.
    #[serde(default)]
    pub bus: DiskBus,
    /// A Volume of the machine's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<LocalRef>,
    /// A Volume that is made with the machine, is called `MACHINE-DISK` and belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_template: Option<VolumeTemplate>,
}

/// How a guest sees a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskBus {
    /// virtio-blk.
    #[default]
    Virtio,
    /// SATA.
    Sata,
    /// A disk of a virtio-scsi controller.
    Scsi,
}

/// A Volume that is made with a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeTemplate {
    /// The StoragePool that holds it.
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = rules::reference("a StoragePool")))]
    pub pool: String,
    /// Its size as the guest sees it.
    #[schemars(extend("x-kubernetes-validations" = rules::capacity()))]
    pub capacity: Quantity,
    /// How it is kept: `qcow2` (the default in a pool of files) or `raw`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<VolumeFormat>,
    /// What is in it at first; nothing, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<VolumeSource>,
    /// What happens to the data when the machine is deleted.
    #[serde(default = "delete")]
    pub reclaim_policy: ReclaimPolicy,
}

fn delete() -> ReclaimPolicy {
    ReclaimPolicy::Delete
}

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

/// Where a machine may be placed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The one Host that it may be on. Cordons and namespaces still count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::reference("a Host")))]
    pub host: Option<String>,
    /// The labels of the Hosts that it may be on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_selector: Option<LabelSelector>,
}

/// What is known of the machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The Host that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Counts the placements: a definition with a lower one is out of date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// The UUID of its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The name of its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_name: Option<String>,
    /// libvirt's word: Running, Paused, Shutoff, Crashed, PMSuspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// libvirt's reason for the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<String>,
    /// Its interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub interfaces: Vec<InterfaceStatus>,
    /// What is not as declared; absent when everything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// Starts that failed since the last that did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_failures: Option<StartFailures>,
    /// Ready, Scheduled, VolumesReady, NetworksReady and Running; others when true.
    #[serde(default)]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

/// An interface as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceStatus {
    /// Its name in the spec.
    pub name: String,
    /// Its MAC address.
    pub mac: String,
    /// Its addresses, as far as the network's DHCP server knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<String>,
}

/// What is to be done so that the machine is as declared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// Stands for just these steps.
    pub hash: String,
    /// Each difference.
    pub steps: Vec<PlanStep>,
}

/// A difference between the spec and the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStep {
    /// The field of the spec.
    pub path: String,
    /// What the guest has.
    pub from: String,
    /// What is declared.
    pub to: String,
    /// When it can take effect: Live, NextBoot, RestartNow, Migrate, Recreate or Forbidden.
    pub class: String,
    /// Why not sooner.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Starts that failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartFailures {
    /// How many, one after the other.
    pub count: i64,
    /// When the next start is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
}
