//! A place is written, or known not to be, before the next one is decided on.

use std::time::Duration;

use drover_crds::{VirtualMachine, VirtualMachineStatus};
use kube::ResourceExt;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::reconcile::write::{self, Object};

// How long to wait for an API server that does not answer.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Writes a machine's status onto the version of it that was read; whether it was, and not somebody else
/// who wrote meanwhile. While nobody knows, it is written once more: what was sent before comes too late
/// then, or is what somebody else has written.
///
/// # Errors
/// When the API server says no.
pub(super) async fn write(
    ctx: &Ctx,
    machine: &VirtualMachine,
    status: &VirtualMachineStatus,
) -> Result<bool, Error> {
    let (mut pause, mut doubtful) = (FIRST_PAUSE, false);
    loop {
        let error = match write::status(&ctx.client, machine, status, true).await {
            Ok(written) => {
                ctx.cache.machines.wrote(written);
                return Ok(true);
            }
            Err(error) => error,
        };
        if write::is_conflict(&error) || write::is_gone(&error) {
            if doubtful {
                read(ctx, machine).await;
            }
            return Ok(false);
        }
        if !write::is_doubtful(&error) {
            return Err(error.into());
        }
        doubtful = true;
        tracing::warn!(%error, machine = machine.name_any(), "nobody knows whether a place was written");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

// What was written counts at the next decision, whenever the watch tells of it.
async fn read(ctx: &Ctx, machine: &VirtualMachine) {
    let namespace = machine.namespace().unwrap_or_default();
    let api = VirtualMachine::api(&ctx.client, &namespace);
    let mut pause = FIRST_PAUSE;
    loop {
        match api.get_opt(&machine.name_any()).await {
            Ok(Some(newest)) => return ctx.cache.machines.wrote(newest),
            Err(error) if write::is_doubtful(&error) => {}
            Ok(None) | Err(_) => return,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
