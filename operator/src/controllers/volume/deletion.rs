//! A volume whose object is being deleted.

use drover_core::completion::Completion;
use drover_core::desired::volume::DesiredVolume;
use drover_core::plan::Verdict;
use drover_crds::condition::Reason;
use drover_crds::{VirtualMachine, Volume};
use kube::ResourceExt;

use super::{tell, users};
use crate::controllers::report::{self, Unwanted};
use crate::controllers::storage::{Outcome, Work};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::reconcile::{Again, Key};

/// Removes the volume's data as its policy says, and then lets its object go.
pub(super) async fn delete(
    ctx: &Ctx,
    key: &Key,
    volume: &Volume,
    desired: &DesiredVolume,
    host: Option<&str>,
) -> Result<Again, Error> {
    let job = super::job(ctx, desired, host.unwrap_or_default());
    ctx.jobs.cancel(&job);
    match report::is_unwanted(ctx, volume).await? {
        Unwanted::Yes => {}
        Unwanted::KindWithdrawn => return report::let_go(ctx, key, volume).await,
        Unwanted::Another => return Ok(Again::Failed),
    }
    let waiting = users(ctx, volume);
    let waiting = waiting.iter().find(|machine| {
        machine.metadata.deletion_timestamp.is_none() && !is_made_again(volume, machine)
    });
    let outcome = match (waiting, host) {
        (Some(machine), _) => {
            let message = format!("machine {} uses it", machine.name_any());
            Outcome::of(Verdict::new(Reason::InUse, message))
        }
        (None, None) => Outcome::of(Verdict::new(Reason::Deleting, "")),
        (None, Some(host)) => remove(ctx, volume, desired, host, &job).await,
    };
    if outcome.is_gone() {
        ctx.memory.set_progress(&job, None);
        let again = report::let_go(ctx, key, volume).await?;
        ctx.hints.hint(Key::pool(&desired.pool));
        return Ok(again);
    }
    let again = report::unsettled(outcome.verdict.reason);
    tell(ctx, key, volume, None, outcome).await?;
    Ok(again)
}

// Whether the machine that it was made with is gone, and this is another one of its name: that one waits
// for a Volume of its own.
fn is_made_again(volume: &Volume, machine: &VirtualMachine) -> bool {
    let (name, uid) = (volume.name_any(), machine.uid());
    let owners = volume.owner_references();
    let owned = owners.iter().any(|owner| Some(&owner.uid) == uid.as_ref());
    let made = machine.spec.disks.iter().any(|disk| {
        disk.volume_template.is_some() && format!("{}-{}", machine.name_any(), disk.name) == name
    });
    made && !owned && !owners.is_empty()
}

async fn remove(
    ctx: &Ctx,
    volume: &Volume,
    desired: &DesiredVolume,
    host: &str,
    job: &str,
) -> Outcome {
    let Some(handle) = ctx.hosts.get(host) else {
        return Outcome::of(Verdict::new(
            Reason::Deleting,
            format!("Host {host} is not there"),
        ));
    };
    let pool = match handle.pool(&desired.pool).await {
        Ok(Some(pool)) if pool.active => pool,
        // Without its pool it cannot be reached any more.
        Ok(_) => return Outcome::of(Verdict::new(Reason::Deleting, "")),
        Err(error) => return Outcome::failed(&error),
    };
    if let Err(error) = handle.refresh_pool(&desired.pool, pool.uuid).await {
        return Outcome::failed(&error);
    }
    let work = Work {
        ctx,
        desired,
        handle: &handle,
        uuid: pool.uuid,
        job,
        base: None,
        known: Completion::default(),
    };
    let status = volume.status.as_ref();
    let was_ready = status.is_some_and(|status| status.key.is_some());
    work.remove(was_ready).await
}
