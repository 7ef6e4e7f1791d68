//! What would be done to a machine, for a person who asks before anything is done.

use drover_core::desired::machine::DesiredMachine;
use drover_core::plan::Verdict;
use drover_core::plan::foresee;
use drover_core::plan::machine::{Plan, Step};
use drover_crds::{VirtualMachine, Volume};
use kube::ResourceExt;

use super::look::Subject;
use super::needs;
use crate::controllers::placement::{self, Chosen};
use crate::ctx::Ctx;
use crate::hosts::HostError;

/// A Volume: its name, its pool and its capacity.
pub(crate) type Sketch = (String, String, String);

/// What would be done.
pub(crate) struct Foreseen {
    /// The host.
    pub(crate) host: String,
    /// The namespace.
    pub(crate) namespace: String,
    /// Whether the host has its domain.
    pub(crate) there: bool,
    /// The plan as it is now.
    pub(crate) plan: Plan,
    /// Every step to its end.
    pub(crate) steps: Vec<Step>,
    /// The Volumes that are made with it.
    pub(crate) made: Vec<Sketch>,
}

impl Foreseen {
    /// Whether its host has a Volume.
    pub(crate) async fn host_has(&self, ctx: &Ctx, volume: &Sketch) -> Result<bool, HostError> {
        host_has(ctx, &self.host, &self.namespace, volume).await
    }
}

/// Foresees what would be done to a machine; a verdict, if it has no place.
pub(crate) async fn foresee(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Result<Result<Foreseen, Verdict>, HostError> {
    let Chosen { host, epoch } = match placement::choose(ctx, desired).await {
        Ok(chosen) => chosen,
        Err(verdict) => return Ok(Err(verdict)),
    };
    let handle = match super::reachable(ctx, &host) {
        Ok(handle) => handle,
        Err(verdict) => return Ok(Err(verdict)),
    };
    let volumes = needs::foreseen(ctx, machine, desired);
    let subject = Subject::new(ctx, &handle, desired, &volumes, epoch);
    let (there, (plan, steps)) = subject
        .with_situation(|situation| (situation.observed.is_some(), foresee::foresee(situation)))
        .await?;
    let made = desired.disks.iter().filter_map(|disk| {
        let template = disk.template.as_ref()?;
        let capacity = template.capacity.0.clone();
        Some((disk.volume.clone()?, template.pool.clone(), capacity))
    });
    Ok(Ok(Foreseen {
        host,
        namespace: desired.namespace.clone(),
        there,
        plan,
        steps,
        made: made.collect(),
    }))
}

/// Whether a host has a Volume.
pub(crate) async fn host_has(
    ctx: &Ctx,
    host: &str,
    namespace: &str,
    volume: &Sketch,
) -> Result<bool, HostError> {
    let Some(handle) = ctx.hosts.get(host) else {
        return Ok(false);
    };
    let pool = handle.pool(&volume.1).await?;
    let name = drover_core::identity::volume_name(namespace, &volume.0);
    Ok(pool.is_some_and(|pool| pool.volumes.contains(&name)))
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
