//! Where a machine may be placed, and with whom. What Kubernetes has words for is said in its words,
//! with hosts in the place of nodes and machines in that of pods.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::TaintEffect;
use crate::rules;

/// Where a machine may be placed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The one Host that it may be on. Cordons, taints and namespaces still count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = rules::reference("a Host")))]
    pub host: Option<String>,
    /// The labels of the Hosts that it may be on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_selector: Option<LabelSelector>,
    /// The Hosts, and the machines, that it is to be on, near to or apart from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// The taints of Hosts that it tolerates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub tolerations: Vec<Toleration>,
    /// How evenly machines like it are spread over the Hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// The higher, the earlier it is placed, of those that wait for a place. From -1000000000 to
    /// 1000000000.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = -1_000_000_000, max = 1_000_000_000))]
    pub priority: i32,
    /// Whether it may stop others so that it finds room, and be stopped itself for others. Never: neither.
    /// Allowed: it may stop those of a lower priority that say Allowed as well, and be stopped by those of
    /// a higher one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub preemption: Preemption,
    /// The machines that it is placed together with, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// What becomes of its place while it is off, as declared. KeepPlace: it is kept. FreePlace: others
    /// may have it; its disks stay, and it starts again when its host has room for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when_halted: WhenHalted,
}

/// Whether a machine stops others, and is stopped for others, so that there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Preemption {
    /// Neither.
    #[default]
    Never,
    /// Both, as priorities say.
    Allowed,
}

/// What becomes of a machine's place while it is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum WhenHalted {
    /// It is kept.
    #[default]
    KeepPlace,
    /// Others may have it.
    FreePlace,
}

/// Machines of one namespace that are placed together, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its name: all machines of the namespace that name it are in it.
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = rules::reference("a group")))]
    pub name: String,
    /// None of them is placed before so many can be, from 1 to 256. Where the machines differ, the
    /// greatest counts.
    #[schemars(range(min = 1, max = 256))]
    pub min_member: i32,
}

/// What a machine is to be on, near to or apart from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Affinity {
    /// Hosts, by their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_affinity: Option<HostAffinity>,
    /// Machines that it is to be near to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_affinity: Option<MachineAffinity>,
    /// Machines that it is to be apart from. It keeps them away from where it is, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_anti_affinity: Option<MachineAffinity>,
}

/// Hosts that a machine is to be on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostAffinity {
    /// It is on no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_during_scheduling_ignored_during_execution: Option<HostSelector>,
    /// It is on them rather than on others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub preferred_during_scheduling_ignored_during_execution: Vec<PreferredHosts>,
}

/// Hosts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostSelector {
    /// A Host is selected by one of these.
    #[schemars(length(min = 1, max = 16))]
    pub host_selector_terms: Vec<HostSelectorTerm>,
}

/// Hosts that meet all of these.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostSelectorTerm {
    /// What their labels have to be.
    #[schemars(length(min = 1, max = 16))]
    pub match_expressions: Vec<HostRequirement>,
}

/// What one label has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::host_requirement()))]
pub struct HostRequirement {
    /// The label.
    #[schemars(length(min = 1, max = 316))]
    pub key: String,
    /// In and NotIn: one, or none, of the values. Exists and DoesNotExist: whatever its value. Gt and
    /// Lt: a whole number above, or below, the one value.
    pub operator: HostOperator,
    /// The values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HostOperator {
    /// It is one of the values.
    In,
    /// It is none of the values.
    NotIn,
    /// There is one.
    Exists,
    /// There is none.
    DoesNotExist,
    /// It is a number above the value.
    Gt,
    /// It is a number below the value.
    Lt,
}

/// Hosts that are better than others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreferredHosts {
    /// How much better, from 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub weight: i32,
    /// The Hosts.
    pub preference: HostSelectorTerm,
}

/// Machines that a machine is to be near to, or apart from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineAffinity {
    /// It has no place otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub required_during_scheduling_ignored_during_execution: Vec<MachineAffinityTerm>,
    /// Rather than otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub preferred_during_scheduling_ignored_during_execution: Vec<WeightedMachineAffinityTerm>,
}

/// Machines, and what near means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineAffinityTerm {
    /// The labels of the machines. None are meant if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
    /// Their namespaces; that of the machine itself if not set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    pub namespaces: Vec<String>,
    /// The label of Hosts that those near to each other have the same value of:
    /// `kubernetes.io/hostname` is each Host by itself.
    #[schemars(length(min = 1, max = 316))]
    pub topology_key: String,
}

/// Machines that it is better to be near to, or apart from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightedMachineAffinityTerm {
    /// How much better, from 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub weight: i32,
    /// The machines.
    pub machine_affinity_term: MachineAffinityTerm,
}

/// Taints of Hosts that a machine tolerates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::toleration()))]
pub struct Toleration {
    /// The taints of this key; of every key, with the operator Exists, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 316))]
    pub key: Option<String>,
    /// Equal: those of this value. Exists: those of every value.
    #[serde(default, skip_serializing_if = "is_default")]
    pub operator: TolerationOperator,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub value: Option<String>,
    /// Those of this effect; of every effect if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
}

/// How the value of a taint is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum TolerationOperator {
    /// It is the same.
    #[default]
    Equal,
    /// It is any.
    Exists,
}

/// How evenly machines are spread over Hosts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::spread_constraint()))]
pub struct TopologySpreadConstraint {
    /// How many more machines one domain may have than the one that has fewest.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_skew: i32,
    /// The label of Hosts whose values are the domains.
    #[schemars(length(min = 1, max = 316))]
    pub topology_key: String,
    /// DoNotSchedule: it waits when no place is even enough. ScheduleAnyway: the most even one will do.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// The labels of the machines that count, in the same namespace. None count if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
    /// While there are fewer domains the one that has fewest is taken to have none. Only with
    /// DoNotSchedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub min_domains: Option<i32>,
}

/// What is done where machines cannot be spread evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenUnsatisfiable {
    /// The machine waits.
    DoNotSchedule,
    /// The most even place will do.
    ScheduleAnyway,
}

// What is as always is not written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
