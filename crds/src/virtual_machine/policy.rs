//! When a machine runs, and what may be changed unasked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RunStrategy {
    /// It runs; whatever stops it, it is started again.
    #[default]
    Always,
    /// It runs, and is started again when it crashed or its host failed.
    RerunOnFailure,
    /// It is started once, and never again.
    Once,
    /// It is started and stopped by annotation.
    Manual,
    /// It is off.
    Halted,
}

/// Which changes may be made unasked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// The classes of changes that are made unasked: Live and NextBoot if not set.
    #[serde(default = "live_and_next_boot")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub allow: Vec<ChangeClass>,
    /// Auto: what `allow` names is done. Manual: nothing is done before the annotation
    /// `drover.dev/approve` names the plan's hash.
    #[serde(default)]
    pub approval: Approval,
}

impl Default for Update {
    fn default() -> Self {
        Self {
            allow: live_and_next_boot(),
            approval: Approval::Auto,
        }
    }
}

fn live_and_next_boot() -> Vec<ChangeClass> {
    vec![ChangeClass::Live, ChangeClass::NextBoot]
}

/// What it takes to make a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChangeClass {
    /// It is made while the machine runs.
    Live,
    /// It is written down, and takes effect when the machine is next started.
    NextBoot,
    /// The machine is shut down and started.
    RestartNow,
}

/// Who lets a change happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Approval {
    /// The spec does.
    #[default]
    Auto,
    /// A person does, plan by plan.
    Manual,
}

/// What is done about a change behind Drover's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Drift {
    /// It is put right.
    #[default]
    Correct,
    /// It is told.
    Report,
    /// Nothing.
    Ignore,
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
