//! Places that are given up and taken again: the machine stays bound to its host, where its disks are.

use drover_core::desired::machine::DesiredMachine;
use drover_core::plan::Verdict;
use drover_crds::condition::{self, Entry, Reason, Status};
use drover_crds::{VirtualMachine, VirtualMachineStatus};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Placed, request, settled};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::reconcile::Key;

/// Gives a machine its place on its host back, if there is room for it. That is written before it
/// starts.
///
/// # Errors
/// When the API server says no.
pub async fn retake(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    host: &str,
) -> Result<Placed, Error> {
    let _turn = ctx.placing.turn(desired.placement.priority).await;
    if !is_newest(ctx, key, machine) {
        return Ok(Placed::Raced);
    }
    let request = request::request(ctx, desired);
    if let Err(why) = ctx.memory.fleet.retake(ctx, desired, request, host) {
        let message = format!("it has given its place on {host} up: {why}");
        return Ok(Placed::Waiting(Verdict::new(
            Reason::Unschedulable,
            message,
        )));
    }
    let status = machine.status.clone().unwrap_or_default();
    let scheduled = Entry::new("Scheduled", Status::True, "Placed", "");
    write_place(ctx, machine, status, scheduled).await
}

/// Whether nobody has written a machine since it was read, now that it is its turn.
pub(super) fn is_newest(ctx: &Ctx, key: &Key, machine: &VirtualMachine) -> bool {
    let newest = ctx.cache.machines.get(&key.namespace, &key.name);
    newest.is_some_and(|it| it.resource_version() == machine.resource_version())
}

/// Writes how a machine is placed, and nothing else, onto the version of it that was read.
pub(super) async fn write_place(
    ctx: &Ctx,
    machine: &VirtualMachine,
    status: VirtualMachineStatus,
    scheduled: Entry,
) -> Result<Placed, Error> {
    let (generation, now) = (status.observed_generation, Timestamp::now());
    let status = VirtualMachineStatus {
        conditions: condition::with(&status.conditions, generation, now, scheduled),
        ..status
    };
    Ok(match settled::write(ctx, machine, &status).await? {
        true => Placed::Bound,
        false => Placed::Raced,
    })
}
