//! A machine whose object is being deleted: the guest goes first.

use std::sync::Arc;
use std::time::Duration;

use drover_core::desired::machine::{DesiredMachine, MachineDeletionPolicy};
use drover_core::plan::Verdict;
use drover_core::plan::machine::Step;
use drover_crds::VirtualMachine;
use drover_crds::condition::Reason;
use serde_json::json;

use super::look::{Look, Subject};
use super::needs::owned_by;
use super::{MOST_STEPS, Outcome, bound, hint_volumes, reachable, refusal, seed, tell};
use crate::controllers::report::Unwanted;
use crate::controllers::{placement, report, sightings};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::{HostError, HostHandle};
use crate::reconcile::{Again, Key, write};

/// Removes what the machine is on its host, and then lets its object go.
pub(super) async fn delete(
    ctx: &Ctx,
    key: &Key,
    machine: &Arc<VirtualMachine>,
    desired: &DesiredMachine,
) -> Result<Again, Error> {
    if !write::has_finalizer(&**machine) {
        return Ok(Again::WhenHinted);
    }
    match report::is_unwanted(ctx, &**machine).await? {
        Unwanted::Yes => {}
        Unwanted::KindWithdrawn => {
            // The garbage collector would take the disks of a machine that is off.
            disown(ctx, machine, desired).await?;
            return report::let_go(ctx, key, &**machine).await;
        }
        Unwanted::Another => return Ok(Again::Failed),
    }
    let place = match place(ctx, machine, desired).await {
        Ok(place) => place,
        Err(verdict) => return tell(ctx, key, machine, Outcome::of(verdict)).await,
    };
    if let Some((host, epoch)) = place {
        let mut outcome = remove(ctx, machine, desired, &host, epoch).await?;
        let mut gone = outcome
            .plan
            .as_ref()
            .is_some_and(|plan| plan.step.is_none())
            && outcome.verdict.reason == Reason::Deleting
            && outcome.again == Again::WhenHinted;
        if gone && let Err(error) = remove_seeds(ctx, desired, &host).await {
            outcome.verdict = refusal(&error, None);
            outcome.again = Again::Failed;
            gone = false;
        }
        if !gone {
            outcome
                .interfaces
                .clone_from(&machine.status.clone().unwrap_or_default().interfaces);
            return tell(ctx, key, machine, outcome).await;
        }
        // Nobody knew which of several counted: all of them go.
        if bound(machine).is_none() && !sightings::copies(ctx, desired).await.is_empty() {
            return Ok(Again::After(Duration::ZERO));
        }
    }
    ctx.memory.forget_machine(desired.uuid);
    ctx.memory.reset_looks(key);
    ctx.memory.guests.forget(desired.uuid);
    let again = report::let_go(ctx, key, &**machine).await?;
    hint_volumes(ctx, desired);
    Ok(again)
}

// Where the machine is: where it is bound, or where it is found without being bound.
async fn place(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Result<Option<(Arc<HostHandle>, i64)>, Verdict> {
    if let Some((host, epoch)) = bound(machine) {
        return reachable(ctx, &host).map(|handle| Some((handle, epoch)));
    }
    if let Some(host) = sightings::copies(ctx, desired).await.first() {
        return reachable(ctx, host).map(|handle| Some((handle, 1)));
    }
    match placement::choose(ctx, desired).await {
        Err(verdict) if verdict.reason == Reason::WaitingForHosts => Err(verdict),
        _ => Ok(None),
    }
}

async fn remove(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    host: &HostHandle,
    epoch: i64,
) -> Result<Outcome, Error> {
    let mut outcome = Outcome::of(Verdict::new(Reason::Deleting, ""));
    if desired.deletion_policy == MachineDeletionPolicy::Orphan {
        disown(ctx, machine, desired).await?;
    }
    let subject = Subject::deleted(ctx, host, desired, epoch);
    for _ in 0..MOST_STEPS {
        let Look { domain, plan, .. } = match subject.look().await {
            Ok(look) => look,
            Err(error) => return Ok(Outcome::failed(&error, None)),
        };
        outcome.domain = domain;
        let step = outcome.follow(plan);
        let Some(step) = step else { return Ok(outcome) };
        if let Err(error) = subject.take(outcome.domain.as_deref(), &step).await
            && !error.rpc().is_some_and(drover_rpc::Error::outcome_unknown)
        {
            outcome.verdict = refusal(&error, Some(&step));
            // A guest that cannot be asked is given its time all the same.
            let asked = matches!(step, Step::Shutdown(_)) && !error.is_unreachable();
            outcome.again = if asked {
                Again::After(Duration::from_secs(1))
            } else {
                report::unsettled(outcome.verdict.reason)
            };
            return Ok(outcome);
        }
    }
    outcome.again = Again::Failed;
    Ok(outcome)
}

// What only the domain had a use for.
async fn remove_seeds(
    ctx: &Ctx,
    desired: &DesiredMachine,
    host: &HostHandle,
) -> Result<(), HostError> {
    if desired.observe || desired.deletion_policy == MachineDeletionPolicy::Orphan {
        return Ok(());
    }
    seed::Work::new(ctx, host, desired).remove().await
}

// The volumes of a machine that stays must not go with its object.
async fn disown(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Result<(), Error> {
    for disk in desired.disks.iter().filter(|disk| disk.template.is_some()) {
        let Some(name) = &disk.volume else { continue };
        let Some(volume) = ctx.cache.volumes.get(&desired.namespace, name) else {
            continue;
        };
        if owned_by(&volume, machine) {
            let body = json!({"metadata": {"ownerReferences": null}});
            write::merge(&ctx.client, &*volume, &body).await?;
        }
    }
    Ok(())
}
