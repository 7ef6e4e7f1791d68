//! VirtualMachine: a guest.

mod compute;
mod devices;
mod disk;
mod first_boot;
mod interface;
mod placement;
mod policy;
mod status;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use compute::{
    Bootloader, Clock, Cpu, CpuFeature, FeaturePolicy, Firmware, Hugepages, KernelBoot, Machine,
    Memory, Tpm, Utc,
};
pub use devices::{
    Devices, Graphics, GraphicsType, HostDevice, Video, VideoModel, Watchdog, WatchdogAction,
    WatchdogModel,
};
pub use disk::{Disk, DiskBus, DiskCache, DiskIo, DiskQos, DiskType, VolumeTemplate};
pub use first_boot::{CloudInit, Datasource, Ignition, MAX_TEXT, Sysprep};
pub use interface::{Bandwidth, Interface, InterfaceModel, InterfaceQos, LinkState};
pub use placement::{
    Affinity, Group, HostAffinity, HostOperator, HostRequirement, HostSelector, HostSelectorTerm,
    MachineAffinity, MachineAffinityTerm, Placement, Preemption, PreferredHosts, Toleration,
    TolerationOperator, TopologySpreadConstraint, WeightedMachineAffinityTerm, WhenHalted,
    WhenUnsatisfiable,
};
pub use policy::{Approval, ChangeClass, Drift, MachineDeletionPolicy, RunStrategy, Update};
pub use status::{
    GuestFilesystem, GuestStatus, HostDeviceStatus, InterfaceStatus, PlanStatus, PlanStep,
    PreemptedBy, StartFailures, VirtualMachineStatus,
};

use crate::common::{LocalRef, ManagementPolicy};
use crate::{condition, rules};

/// The annotation that asks for a restart, once for each new value (RFC 3339).
pub const RESTARTED_AT: &str = "drover.dev/restartedAt";
/// The annotation that asks for a reset, once for each new value (RFC 3339).
pub const RESET_AT: &str = "drover.dev/resetAt";
/// The annotation that asks for a start, once for each new value (RFC 3339).
pub const STARTED_AT: &str = "drover.dev/startedAt";
/// The annotation that asks for a stop, once for each new value (RFC 3339).
pub const STOPPED_AT: &str = "drover.dev/stoppedAt";
/// The annotation that approves the plan with this hash.
pub const APPROVE: &str = "drover.dev/approve";

/// The reason of `Scheduled` while a machine that is bound has given its place up.
pub const PLACE_FREED: &str = "PlaceFreed";

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
#[schemars(extend("x-kubernetes-validations" = rules::machine_spec()))]
pub struct VirtualMachineSpec {
    /// Whether it runs, and when it is started again. Always: it runs, whatever stopped it.
    /// RerunOnFailure: as Always, unless it was shut down from inside or stopped from outside. Once:
    /// it is started once. Manual: the annotations `startedAt` and `stoppedAt` say. Halted: it is
    /// shut down.
    #[serde(default)]
    pub run_strategy: RunStrategy,
    /// Its CPUs stand still.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// The InstanceType that says its CPU, memory and devices, instead of `cpu` and `memory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<LocalRef>,
    /// Its virtual CPUs; one, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Its memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The board that it sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// What starts the guest: BIOS, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<Firmware>,
    /// Its clock: UTC, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
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
    /// What cloud-init in the guest is given. At most one of cloudInit, ignition and sysprep; each
    /// needs a disk with a Volume, in whose pool it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<CloudInit>,
    /// What Ignition in the guest is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignition: Option<Ignition>,
    /// What Windows' setup is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sysprep: Option<Sysprep>,
    /// Its other devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Devices>,
    /// Where it may be placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Which changes may be made unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Update>,
    /// What is done about a change behind Drover's back. Correct: it is put right, as far as
    /// `update` allows. Report: the condition `DriftDetected` tells. Ignore: nothing.
    #[serde(default)]
    pub drift: Drift,
    /// Full: Drover makes it and keeps it as declared. Observe: Drover only looks.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// How long, in seconds, it is given to shut down by itself before it is powered off.
    #[serde(default = "grace_period")]
    #[schemars(range(min = 0, max = 86_400))]
    pub termination_grace_period_seconds: i64,
    /// What happens to the guest when this object is deleted. Delete: it is shut down and removed.
    /// Orphan: it stays as it is, without Drover's mark.
    #[serde(default)]
    pub deletion_policy: MachineDeletionPolicy,
    /// The UUID of a domain that exists and is to be taken over. What the spec leaves out of `cpu`,
    /// `firmware`, `clock` and `devices` then stays as it is. The Host's `adoption` must let this
    /// namespace. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 36, max = 36),
        regex(pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    )]
    pub uuid: Option<String>,
}

fn grace_period() -> i64 {
    60
}

impl VirtualMachine {
    /// The Host that it is bound to.
    #[must_use]
    pub fn host(&self) -> Option<&String> {
        self.status.as_ref()?.host.as_ref()
    }

    /// For whom it makes room, if it does.
    #[must_use]
    pub fn preempted_by(&self) -> Option<&PreemptedBy> {
        self.status.as_ref()?.preempted_by.as_ref()
    }

    /// Whether it has given its place on its Host up: its disks are there, and it takes nothing of it
    /// until it is to start again.
    #[must_use]
    pub fn has_freed_place(&self) -> bool {
        let status = self.status.as_ref().filter(|it| it.host.is_some());
        let scheduled = status.and_then(|it| condition::find(&it.conditions, "Scheduled"));
        scheduled.is_some_and(|it| it.status == "False" && it.reason == PLACE_FREED)
    }
}

impl Default for VirtualMachineSpec {
    fn default() -> Self {
        Self {
            run_strategy: RunStrategy::default(),
            paused: false,
            instance_type: None,
            cpu: None,
            memory: None,
            machine: None,
            firmware: None,
            clock: None,
            disks: Vec::new(),
            interfaces: Vec::new(),
            cloud_init: None,
            ignition: None,
            sysprep: None,
            devices: None,
            placement: None,
            update: None,
            drift: Drift::default(),
            management_policy: ManagementPolicy::default(),
            termination_grace_period_seconds: grace_period(),
            deletion_policy: MachineDeletionPolicy::default(),
            uuid: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::VirtualMachineSpec;

    #[test]
    fn what_is_left_out_is_the_default() {
        let empty: VirtualMachineSpec = serde_json::from_str("{}").unwrap();
        assert_eq!(empty, VirtualMachineSpec::default());
    }
}
