//! What the operator that led before this one may still be about to write.

use std::time::Duration;

use drover_crds::{VirtualMachine, VirtualMachineStatus};
use futures::StreamExt;
use kube::ResourceExt;

use crate::ctx::Ctx;
use crate::reconcile::write::{self, Object};

/// How many machines are written at once.
const AT_ONCE: usize = 16;
/// How long to wait for an API server that does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Lets what another operator has decided come too late: each machine that it may be placing is written
/// once before this one places any. Two that did not know of one another could fill the same room twice.
pub async fn outdate_placements(ctx: &Ctx) {
    let waiting = ctx.cache.machines.all().into_iter();
    let waiting = waiting.filter(|machine| may_be_placed(machine));
    futures::stream::iter(waiting)
        .for_each_concurrent(AT_ONCE, |machine| outdate(ctx, (*machine).clone()))
        .await;
}

// Nothing is placed before it has the finalizer. One that has given its place up may be given it back, and
// one that makes room may be let off.
fn may_be_placed(machine: &VirtualMachine) -> bool {
    let waits =
        machine.host().is_none() || machine.has_freed_place() || machine.preempted_by().is_some();
    waits && machine.metadata.deletion_timestamp.is_none() && write::has_finalizer(machine)
}

// Otherwise than it was, which is what makes it a write: the placement that it would have been is void. Of
// one that is bound the placement stays.
fn otherwise(machine: &VirtualMachine) -> VirtualMachineStatus {
    let mut status = machine.status.clone().unwrap_or_default();
    if status.host.is_none() {
        status.epoch = Some(status.epoch.unwrap_or(0) + 1);
        return status;
    }
    let mut conditions = status.conditions.iter_mut();
    if let Some(scheduled) = conditions.find(|it| it.type_ == "Scheduled") {
        let later = scheduled.last_transition_time.0 + Duration::from_secs(1);
        scheduled.last_transition_time.0 = later.max(jiff::Timestamp::now());
    }
    status
}

// Until it is written, placed by the other one, or gone.
async fn outdate(ctx: &Ctx, mut machine: VirtualMachine) {
    while may_be_placed(&machine) {
        let status = otherwise(&machine);
        let error = match write::status(&ctx.client, &machine, &status, true).await {
            Ok(written) => return ctx.cache.machines.wrote(written),
            Err(error) if write::is_gone(&error) => return,
            Err(error) => error,
        };
        if !write::is_conflict(&error) {
            tracing::warn!(%error, "a machine that waits for a place cannot be written");
            tokio::time::sleep(PAUSE).await;
        }
        let namespace = machine.namespace().unwrap_or_default();
        let api = VirtualMachine::api(&ctx.client, &namespace);
        match api.get_opt(&machine.name_any()).await {
            Ok(Some(newest)) => machine = newest,
            Ok(None) => return,
            // As it was, until it can be asked for.
            Err(_) => {}
        }
    }
    ctx.cache.machines.wrote(machine);
}
