//! Machines that make room for more important ones. One that finds no room writes into the status of those
//! that have to go that they make room for it, and waits until their own looks have said that they are
//! off. Until it is placed they count with all that they take, for everybody but itself.

use std::sync::Arc;

use drover_core::desired::machine::DesiredMachine;
use drover_core::placement::{Claim, Other, claim, may_take_room};
use drover_core::plan::Verdict;
use drover_core::schedule::{Preemption, Request};
use drover_crds::VirtualMachine;
use drover_crds::condition::{Entry, Reason, Status, find};
use drover_crds::virtual_machine::{PLACE_FREED, PreemptedBy, VirtualMachineStatus};
use kube::ResourceExt;

use super::retake::{is_newest, write_place};
use super::{Chosen, Placed, bind};
use crate::controllers::sites::full_name;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::reconcile::{Again, Key};

type Machines = Vec<Arc<VirtualMachine>>;

fn of_uid(ctx: &Ctx, uid: &str) -> Machines {
    let mut all = ctx.memory.fleet.making_room(ctx);
    all.retain(|it| it.preempted_by().is_some_and(|by| by.uid == uid));
    all
}

/// Whether a machine that is not bound is to be placed with regard to those that make room for it.
pub(super) fn concerns(ctx: &Ctx, desired: &DesiredMachine) -> bool {
    may_stop(ctx, desired) || !of_uid(ctx, &desired.uid).is_empty()
}

// A command does what its person was told, and stops nobody else's machine.
fn may_stop(ctx: &Ctx, desired: &DesiredMachine) -> bool {
    may_take_room(desired) && !ctx.hosts.is_personal()
}

/// Places a machine anew, if need be where others have made room for it; if there is no room, says to
/// some that they are to make it.
pub(super) async fn place(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    (epoch, mut request): (i64, Request),
) -> Result<Placed, Error> {
    let victims = of_uid(ctx, &desired.uid);
    let (mut off, on): (Machines, Machines) = victims
        .into_iter()
        .partition(|it| it.preempted_by().is_some_and(|by| by.stopped));
    request.machine.preemption = may_stop(ctx, desired);
    if !request.machine.preemption {
        // Their room is their own again, as they see for themselves.
        hint_victims(ctx, key);
        off.clear();
    }
    let chosen = ctx.memory.fleet.choose_beside(ctx, desired, &request, &off);
    let (why, wanted) = match chosen {
        Ok(host) => {
            let chosen = Chosen::new(&host, epoch);
            return bind(ctx, key, machine, desired, chosen).await;
        }
        Err(refused) => refused,
    };
    let waits = |words: String| Ok(Placed::Waiting(Verdict::new(Reason::Unschedulable, words)));
    if !request.machine.preemption {
        return waits(why.to_string());
    }
    let (on, lost): (Machines, Machines) = on.into_iter().partition(|it| can_stop(ctx, it));
    if let Some(host) = on.first().and_then(|it| it.host()) {
        return waits(format!("{why}; {}", words(host, &on)));
    }
    let keep = wanted.as_ref().map(|it| it.host.as_str());
    for machine in off.iter().chain(&lost) {
        if machine.host().map(String::as_str) != keep {
            set(ctx, machine, None).await?;
        }
    }
    let Some(wanted) = wanted else {
        return waits(why.to_string());
    };
    let victims = bound_to(ctx, &wanted);
    if victims.is_empty() {
        // They go anyway.
        return waits(why.to_string());
    }
    let by = PreemptedBy {
        namespace: desired.namespace.clone(),
        name: desired.name.clone(),
        uid: desired.uid.clone(),
        stopped: false,
    };
    let mut all = true;
    for victim in &victims {
        all &= set(ctx, victim, Some(by.clone())).await?;
        tracing::info!(object = %key, victim = %Key::of_machine(victim), host = wanted.host, "makes room");
    }
    match all {
        true => waits(format!("{why}; {}", words(&wanted.host, &victims))),
        false => Ok(Placed::Raced),
    }
}

/// Where there would be room, and when, for a machine that fits nowhere, if these hosts were gone.
#[must_use]
pub fn foretell_room(ctx: &Ctx, desired: &DesiredMachine, without: &[&str]) -> Option<String> {
    if !may_take_room(desired) {
        return None;
    }
    let wanted = ctx.memory.fleet.explain_room(ctx, desired, without)?;
    let machines = bound_to(ctx, &wanted);
    Some(words(&wanted.host, &machines))
}

// Those that have to go, but for what goes anyway.
fn bound_to(ctx: &Ctx, wanted: &Preemption) -> Machines {
    let mut all = ctx.cache.machines.all();
    all.retain(|it| {
        let uuid = it.status.as_ref().and_then(|status| status.uuid.as_ref());
        it.host() == Some(&wanted.host)
            && uuid.is_some_and(|uuid| wanted.victims.contains(uuid))
            && it.metadata.deletion_timestamp.is_none()
    });
    all
}

// A host that does not answer stops nothing.
fn can_stop(ctx: &Ctx, machine: &VirtualMachine) -> bool {
    let host = machine.host().and_then(|host| ctx.hosts.get(host));
    host.is_some_and(|host| host.is_up())
}

/// Where there is room, and when: `on kvm-03 when shop/batch-1 has stopped`.
fn words(host: &str, machines: &[Arc<VirtualMachine>]) -> String {
    let mut names: Vec<String> = machines.iter().map(|it| full_name(&**it)).collect();
    names.sort();
    let has = match names.len() {
        1 => "has",
        _ => "have",
    };
    format!("on {host} when {} {has} stopped", names.join(", "))
}

// Writes for whom a machine makes room; whether nobody else wrote in between.
async fn set(
    ctx: &Ctx,
    machine: &VirtualMachine,
    preempted_by: Option<PreemptedBy>,
) -> Result<bool, Error> {
    let status = machine.status.clone().unwrap_or_default();
    let status = VirtualMachineStatus {
        preempted_by,
        ..status
    };
    let scheduled = scheduled(&status);
    let ends = status.preempted_by.is_none();
    let written = write_place(ctx, machine, status, scheduled).await?;
    if ends {
        // Others may tell it to stop again.
        ctx.memory.fleet.wake(ctx);
    }
    ctx.hints.hint(Key::of_machine(machine));
    Ok(matches!(written, Placed::Bound))
}

// As it was.
fn scheduled(status: &VirtualMachineStatus) -> Entry {
    let before = find(&status.conditions, "Scheduled");
    let freed = before.filter(|it| it.status == "False");
    match freed {
        Some(it) => Entry::new("Scheduled", Status::False, &it.reason, &it.message),
        None => Entry::new("Scheduled", Status::True, "Placed", ""),
    }
}

/// Asks for a look at those that make room for a machine.
pub fn hint_victims(ctx: &Ctx, key: &Key) {
    for machine in ctx.memory.fleet.making_room(ctx) {
        let by = machine.preempted_by();
        if by.is_some_and(|by| by.namespace == key.namespace && by.name == key.name) {
            ctx.hints.hint(Key::of_machine(&machine));
        }
    }
}

/// For whom a machine makes room, and whether it still does.
pub fn standing(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Option<(Claim, Key)> {
    let by = machine.preempted_by()?;
    let key = Key::machine(&by.namespace, &by.name);
    let there = ctx.cache.machines.get(&by.namespace, &by.name);
    let there = there.filter(|it| it.uid().as_ref() == Some(&by.uid));
    let waits = there.as_ref().filter(|it| {
        // One that is going still has its place.
        it.host().is_none() && it.metadata.deletion_timestamp.is_none()
    });
    let waits = waits.and_then(|it| ctx.desired(it).ok());
    let other = match (&there, &waits) {
        (_, Some(other)) => Other::Waits(other),
        // One that went elsewhere has left it its place.
        (Some(there), _) if there.host() == machine.host() => Other::Placed,
        _ => Other::Gone,
    };
    Some((claim(desired, other), key))
}

/// Lets a machine make room for nobody any more: its place has gone to the other one, or was never lost.
///
/// # Errors
/// When the API server says no.
pub async fn end(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Result<Again, Error> {
    let _turn = ctx.placing.turn(desired.placement.priority).await;
    if !is_newest(ctx, key, machine) {
        return Ok(Again::Failed);
    }
    let Some((claim, other)) = standing(ctx, machine, desired) else {
        return Ok(Again::Failed);
    };
    let status = machine.status.clone().unwrap_or_default();
    let stopped = status.preempted_by.as_ref().is_some_and(|by| by.stopped);
    let scheduled = match claim {
        Claim::Stands => return Ok(Again::After(std::time::Duration::ZERO)),
        Claim::Met if stopped => {
            let words = format!("its place has gone to {}/{}", other.namespace, other.name);
            Entry::new("Scheduled", Status::False, PLACE_FREED, words)
        }
        Claim::Met | Claim::Void => scheduled(&status),
    };
    let status = VirtualMachineStatus {
        preempted_by: None,
        ..status
    };
    let written = write_place(ctx, machine, status, scheduled).await?;
    if !matches!(written, Placed::Bound) {
        return Ok(Again::Failed);
    }
    ctx.memory.fleet.wake(ctx);
    // It may have to ask another one.
    ctx.hints.hint(other);
    Ok(Again::After(std::time::Duration::ZERO))
}

/// Whether a machine has just come to be off, or on, while it makes room: only then has it to be told at
/// once.
pub fn has_turned(before: Option<&PreemptedBy>, after: Option<&PreemptedBy>) -> bool {
    let stopped = |by: Option<&PreemptedBy>| by.is_some_and(|by| by.stopped);
    stopped(before) != stopped(after)
}
