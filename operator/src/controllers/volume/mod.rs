//! Volumes.

mod deletion;
pub(super) mod room;
mod source;

use std::sync::Arc;

use drover_core::completion::Completion;
use drover_core::desired::machine::DesiredMachine;
use drover_core::desired::pool::DesiredPool;
use drover_core::desired::volume::{DesiredVolume, name_in_pool};
use drover_core::observed::pool::ObservedPool;
use drover_core::observed::volume::VolumeFacts;
use drover_core::plan::Verdict;
use drover_crds::condition::{self, Reason};
use drover_crds::storage_pool::PoolScope;
use drover_crds::{StoragePool, VirtualMachine, Volume, VolumeStatus, quantity};
use kube::ResourceExt;

use crate::controllers::placement::namespace_labels;
use crate::controllers::report::{self, Report};
use crate::controllers::storage::{self, Outcome, Work, clone, closed_to, pool_on};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::HostHandle;
use crate::reconcile::{Again, Key};

/// Looks at one Volume.
///
/// # Errors
/// When the API server says no.
pub async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    let Some(volume) = ctx.cache.volumes.get(&key.namespace, &key.name) else {
        ctx.hint_waiting();
        // A machine may wait for this name to be free.
        hint_users(ctx, key);
        clone::hint_copies(ctx, &key.namespace, &key.name);
        return Ok(Again::WhenHinted);
    };
    let pool = ctx.cache.pools.get("", &volume.spec.pool);
    let type_ = pool.map(|pool| pool.spec.type_);
    let desired = DesiredVolume::parse(&volume, &ctx.fleet, type_)?;
    let host = place(ctx, &volume);
    if volume.metadata.deletion_timestamp.is_some() {
        return deletion::delete(ctx, key, &volume, &desired, host.as_deref()).await;
    }
    let volume = report::ensure_finalizer(ctx, &ctx.cache.volumes, volume).await?;
    let Some(host) = host else {
        return tell(ctx, key, &volume, None, Outcome::of(unplaced(ctx, &volume))).await;
    };
    let outcome = match ready_pool(ctx, &desired, &host).await {
        Ok((handle, pool)) => settle(ctx, key, &volume, &desired, &handle, &pool).await,
        Err(verdict) => Outcome::of(verdict),
    };
    tell(ctx, key, &volume, Some(host), outcome).await
}

// The host that has it or is to have it; that of a Shared pool which writes there. What is copied from
// another one is where that one is.
pub(super) fn place(ctx: &Ctx, volume: &Volume) -> Option<String> {
    if storage::is_shared(ctx, &volume.spec.pool) {
        return storage::host_of(ctx, volume);
    }
    let there = data_on(ctx, volume);
    there.or_else(|| match origin(volume) {
        Some(_) => None,
        None => {
            let mut users = users(ctx, volume).into_iter();
            users.find_map(|machine| machine.host().cloned())
        }
    })
}

/// The host that has a Volume's data, or what it is copied from.
pub(super) fn data_on(ctx: &Ctx, volume: &Volume) -> Option<String> {
    let namespace = volume.namespace().unwrap_or_default();
    let copied = || clone::host_of(ctx, &namespace, origin(volume)?).ok();
    volume.host().cloned().or_else(copied)
}

/// The Volumes that those are copies of which are made with a machine.
pub(super) fn origins(machine: &DesiredMachine) -> impl Iterator<Item = &String> {
    let made = machine
        .disks
        .iter()
        .filter_map(|disk| disk.template.as_ref());
    made.filter_map(|template| Some(&template.source.as_ref()?.volume.as_ref()?.name))
}

/// That a machine can be placed where the Volumes are that its own are copies of.
///
/// # Errors
/// Which one is on no host yet.
pub(super) fn placed_origins(ctx: &Ctx, machine: &DesiredMachine) -> Result<(), Verdict> {
    for name in origins(machine) {
        clone::host_of(ctx, &machine.namespace, name)
            .map_err(|verdict| Verdict::new(Reason::VolumeNotReady, verdict.message))?;
    }
    Ok(())
}

fn unplaced(ctx: &Ctx, volume: &Volume) -> Verdict {
    let namespace = volume.namespace().unwrap_or_default();
    let origin = origin(volume).and_then(|origin| clone::host_of(ctx, &namespace, origin).err());
    origin.unwrap_or_else(|| {
        let message = match storage::is_shared(ctx, &volume.spec.pool) {
            true => "it is made when a host of its pool writes there",
            false => "it is made where the first machine that uses it is placed",
        };
        Verdict::new(Reason::Creating, message)
    })
}

// The Volume that it is a copy of.
fn origin(volume: &Volume) -> Option<&str> {
    let origin = volume.spec.source.as_ref()?.volume.as_ref()?;
    Some(&origin.name)
}

fn users(ctx: &Ctx, volume: &Volume) -> Vec<Arc<VirtualMachine>> {
    users_of(
        ctx,
        &volume.namespace().unwrap_or_default(),
        &volume.name_any(),
    )
}

fn users_of(ctx: &Ctx, namespace: &str, name: &str) -> Vec<Arc<VirtualMachine>> {
    let mut machines = ctx.cache.machines.all();
    machines.retain(|machine| {
        machine.metadata.namespace.as_deref() == Some(namespace)
            && volume_names(machine).any(|it| it == name)
    });
    machines
}

fn hint_users(ctx: &Ctx, key: &Key) {
    for machine in users_of(ctx, &key.namespace, &key.name) {
        ctx.hints.hint(Key::of_machine(&machine));
    }
}

/// The Volumes that a machine names, or that are made with it.
pub(super) fn volume_names(machine: &VirtualMachine) -> impl Iterator<Item = String> {
    let disks = machine.spec.disks.iter().filter_map(|disk| {
        let made = || format!("{}-{}", machine.name_any(), disk.name);
        let template = disk.volume_template.is_some().then(made);
        disk.volume.as_ref().map(|it| it.name.clone()).or(template)
    });
    let firmware = machine.spec.firmware.as_ref();
    let boot = firmware.and_then(|firmware| firmware.kernel_boot.as_ref());
    let kernels = boot.into_iter().flat_map(|boot| {
        let kernel = boot.kernel_volume.name.clone();
        std::iter::once(kernel).chain(boot.initrd_volume.as_ref().map(|it| it.name.clone()))
    });
    disks.chain(kernels)
}

// The pool on the host, if it is as it should be there.
async fn ready_pool(
    ctx: &Ctx,
    desired: &DesiredVolume,
    host: &str,
) -> Result<(Arc<HostHandle>, Arc<ObservedPool>), Verdict> {
    let name = desired.pool.as_str();
    let Some(pool) = ctx.cache.pools.get("", name) else {
        return Err(Verdict::new(
            Reason::NotRealized,
            format!("StoragePool {name} does not exist"),
        ));
    };
    if pool.spec.scope == PoolScope::Shared && desired.host.is_some() {
        let message = format!("spec.host: pool {name} is Shared: its volumes are of no host");
        return Err(Verdict::new(Reason::NotSupported, message));
    }
    if let Some(closed) = closed_to(ctx, &desired.namespace, &pool, host) {
        return Err(closed);
    }
    if let Some(refused) = not_adopted(ctx, desired, &pool, host) {
        return Err(refused);
    }
    let there = pool_on(ctx, &pool, host).await?;
    room::allow(ctx, desired, &pool, &there.1, host)?;
    Ok(there)
}

// What is there already is taken over with its pool's consent only, and by one Volume.
fn not_adopted(
    ctx: &Ctx,
    desired: &DesiredVolume,
    pool: &StoragePool,
    host: &str,
) -> Option<Verdict> {
    if !desired.existing {
        return None;
    }
    let labels = namespace_labels(ctx, &desired.namespace);
    if !DesiredPool::parse(pool, &ctx.fleet)
        .adoption
        .allows(&labels)
    {
        let message = format!(
            "spec.existing: spec.adoption of StoragePool {} does not let namespace {} take over \
             volume {}",
            desired.pool, desired.namespace, desired.volume_name
        );
        return Some(Verdict::new(Reason::AdoptionRefused, message));
    }
    let first = first_of(ctx, desired, host)?;
    let message = format!(
        "volume {} is taken over by Volume {first} already",
        desired.volume_name
    );
    Some(Verdict::new(Reason::NameConflict, message))
}

// The Volume that came before this one and takes over the same. Who has it keeps it: times of the
// API server are whole seconds.
fn first_of(ctx: &Ctx, desired: &DesiredVolume, host: &str) -> Option<String> {
    let age = |volume: &Volume| {
        let has_it = volume.status.as_ref().is_some_and(|it| it.key.is_some());
        let made = volume.metadata.creation_timestamp.clone();
        (!has_it, made.map(|time| time.0), volume.uid())
    };
    let all = ctx.cache.volumes.all();
    let same = all.iter().filter(|volume| {
        let existing = volume.spec.existing.as_ref();
        volume.spec.pool == desired.pool
            && existing.is_some_and(|existing| existing.name == desired.volume_name)
            && place(ctx, volume).is_none_or(|on| on == host)
    });
    let first = same.min_by_key(|volume| age(volume))?;
    (first.uid().as_ref() != Some(&desired.uid)).then(|| {
        let namespace = first.namespace().unwrap_or_default();
        format!("{namespace}/{}", first.name_any())
    })
}

// What one host has begun, no other one goes on with.
fn job(ctx: &Ctx, desired: &DesiredVolume, host: &str) -> String {
    match storage::is_shared(ctx, &desired.pool) {
        true => format!("{} by {host}", desired.uid),
        false => desired.uid.clone(),
    }
}

// Takes the plan's steps until there is nothing more to do but wait.
async fn settle(
    ctx: &Ctx,
    key: &Key,
    volume: &Volume,
    desired: &DesiredVolume,
    handle: &Arc<HostHandle>,
    pool: &ObservedPool,
) -> Outcome {
    let was_ready = volume.status.as_ref().is_some_and(|it| it.key.is_some());
    if is_settled(volume, desired, pool) {
        let backing = volume.status.as_ref().map(|status| status.backing.clone());
        return Outcome {
            backing: backing.unwrap_or_default(),
            ..Outcome::of(Verdict::new(Reason::Available, "it is there and whole"))
        };
    }
    if let Err(error) = handle.refresh_pool(&desired.pool, pool.uuid).await {
        return Outcome::failed(&error);
    }
    let base = match source::base(ctx, desired, handle, pool.uuid).await {
        Ok(base) => base,
        Err(_) if was_ready => None,
        Err(outcome) => return *outcome,
    };
    let job = job(ctx, desired, &handle.name);
    let work = Work {
        ctx,
        desired,
        handle,
        uuid: pool.uuid,
        job: &job,
        base: base.as_ref(),
        known: Completion::default(),
    };
    match work.settle(was_ready).await {
        Some(outcome) => outcome,
        None => source::fill(&work, key).await,
    }
}

// Nothing has to be asked: the pool still has all of it, and the spec is the one that was met.
fn is_settled(volume: &Volume, desired: &DesiredVolume, pool: &ObservedPool) -> bool {
    let status = volume.status.clone().unwrap_or_default();
    let met = status.observed_generation == volume.metadata.generation
        && condition::find(&status.conditions, "Ready").is_some_and(|ready| {
            ready.status == "True" && ready.reason == Reason::Available.as_str()
        });
    let listed = |name: &str| pool.volumes.iter().any(|volume| volume == name);
    let recorded = listed(&desired.owner_name()) && listed(&desired.ready_name());
    let based = status.backing.iter().all(|base| listed(&base.volume));
    met && listed(&desired.volume_name) && based && (desired.existing || recorded)
}

async fn tell(
    ctx: &Ctx,
    key: &Key,
    volume: &Volume,
    host: Option<String>,
    outcome: Outcome,
) -> Result<Again, Error> {
    let before = volume.status.clone().unwrap_or_default();
    let mut status = VolumeStatus {
        progress: outcome.progress,
        ..before.clone()
    };
    if let Some(host) = host {
        let shared = storage::is_shared(ctx, &volume.spec.pool);
        status.host = Some(host).filter(|_| !shared);
        status.volume_name = name_in_pool(volume).ok();
    }
    if outcome.verdict.reason == Reason::Available {
        if let Some(VolumeFacts { key, capacity }) = outcome.facts {
            (status.key, status.capacity) = (Some(key), Some(quantity::bytes(capacity)));
        }
        status.backing = outcome.backing;
    }
    let ready = outcome.verdict.reason == Reason::Available;
    let was_ready = condition::is_true(&before.conditions, "Ready");
    let verdict = outcome.verdict;
    let report = Report {
        key,
        object: volume,
        before: &before,
        status,
        verdict,
        others: Vec::new(),
    };
    let again = report::report(ctx, &ctx.cache.volumes, report).await?;
    // What is declared of it is a part of its machines' definitions.
    let seen = before.observed_generation;
    let edited = seen.is_some() && seen != volume.metadata.generation;
    if ctx.memory.was_in_doubt(key) || ready != was_ready || edited {
        hint_users(ctx, key);
        clone::hint_copies(ctx, &key.namespace, &key.name);
        ctx.hints.hint(Key::pool(&volume.spec.pool));
    }
    Ok(report::sooner(again, outcome.again))
}
