//! What would be done to a machine, for a person who asks before anything is done.

use drover_core::desired::machine::DesiredMachine;
use drover_core::desired::volume::name_in_pool;
use drover_core::observed::domain::DomainState;
use drover_core::plan::Verdict;
use drover_core::plan::foresee;
use drover_core::plan::machine::{Plan, Step};
use drover_crds::{VirtualMachine, Volume};
use kube::ResourceExt;

use super::look::Subject;
use super::{devices, needs, places, seed};
use crate::controllers::placement::{self, Chosen};
use crate::ctx::Ctx;
use crate::hosts::HostError;

/// A Volume, as far as it is spoken of.
pub(crate) struct Sketch {
    pub(crate) name: String,
    pub(crate) pool: String,
    pub(crate) capacity: String,
    /// Its name in its pool.
    pub(crate) in_pool: String,
    /// Whether it was there before its object.
    pub(crate) existing: bool,
}

impl Sketch {
    pub(crate) fn of(volume: &Volume) -> Self {
        Self {
            name: volume.name_any(),
            pool: volume.spec.pool.clone(),
            capacity: volume.spec.capacity.0.clone(),
            // One that cannot be is nowhere.
            in_pool: name_in_pool(volume).unwrap_or_default(),
            existing: volume.spec.existing.is_some(),
        }
    }
}

/// What would be done.
pub(crate) struct Foreseen {
    /// The host.
    pub(crate) host: String,
    /// How its domain is, if the host has it.
    pub(crate) state: Option<DomainState>,
    /// Whether that domain carries nobody's mark.
    unmarked: bool,
    /// The plan as it is now.
    pub(crate) plan: Plan,
    /// Every step to its end.
    pub(crate) steps: Vec<Step>,
    /// The Volumes that are made with it.
    pub(crate) made: Vec<Sketch>,
}

impl Foreseen {
    /// Whether it only comes to carry its mark, and its host does not start it any more.
    pub(crate) fn is_only_marked(&self) -> bool {
        let marks = |step: &Step| matches!(step, Step::Record { .. } | Step::ClearAutostart);
        self.unmarked && self.plan.changes.is_empty() && self.steps.iter().all(marks)
    }

    /// Whether its host has a Volume.
    pub(crate) async fn host_has(&self, ctx: &Ctx, volume: &Sketch) -> Result<bool, HostError> {
        host_has(ctx, &self.host, volume).await
    }
}

/// Foresees what would be done to a machine; a verdict, if it has no place.
pub(crate) async fn foresee(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Result<Result<Foreseen, Verdict>, HostError> {
    let Chosen { host, epoch, .. } = match placement::choose(ctx, desired).await {
        Ok(chosen) => chosen,
        Err(verdict) => return Ok(Err(verdict)),
    };
    let handle = match super::reachable(ctx, &host) {
        Ok(handle) => handle,
        Err(verdict) => return Ok(Err(verdict)),
    };
    let mut volumes = places::foreseen(ctx, &handle, machine, desired).await?;
    let seeds = seed::Work::new(ctx, &handle, desired);
    volumes.seed = match seeds.foreseen(&volumes).await? {
        Ok(seed) => seed,
        Err(verdict) => return Ok(Err(verdict)),
    };
    volumes.devices = match devices::given(ctx, &handle, desired).await? {
        Ok(given) => Some(given),
        Err(verdict) => return Ok(Err(verdict)),
    };
    let subject = Subject::new(ctx, &handle, desired, &volumes, epoch);
    let (observed, (plan, steps)) = subject
        .with_situation(|situation| (situation.observed.cloned(), foresee::foresee(situation)))
        .await?;
    let made = needs::templates(machine, desired);
    Ok(Ok(Foreseen {
        host,
        state: observed.as_ref().map(|domain| domain.state),
        unmarked: observed.is_some_and(|domain| domain.mark().is_none()),
        plan,
        steps,
        made: made.iter().map(Sketch::of).collect(),
    }))
}

/// Whether a host has a Volume.
pub(crate) async fn host_has(ctx: &Ctx, host: &str, volume: &Sketch) -> Result<bool, HostError> {
    let Some(handle) = ctx.hosts.get(host) else {
        return Ok(false);
    };
    let pool = handle.pool(&volume.pool).await?;
    Ok(pool.is_some_and(|pool| pool.volumes.contains(&volume.in_pool)))
}

/// The host of a machine that uses a Volume.
pub(crate) fn user_of(ctx: &Ctx, volume: &Volume) -> Option<String> {
    let (namespace, name) = (volume.namespace(), volume.name_any());
    let machines = ctx.cache.machines.all();
    let mut users = machines.iter().filter(|machine| {
        let mut disks = machine.spec.disks.iter();
        machine.namespace() == namespace
            && disks.any(|disk| disk.volume.as_ref().is_some_and(|it| it.name == name))
    });
    users.find_map(|machine| machine.spec.placement.as_ref()?.host.clone())
}
