//! A Volume that is copied: whether it is there and whole, how it is copied now, and what an attempt
//! that was cut off has left.

use std::sync::Arc;

use drover_core::completion::Completion;
use drover_core::desired::volume::{DesiredVolume, Origin};
use drover_core::plan::Verdict;
use drover_core::plan::clone::{Original, Wanted, Way, way, writers};
use drover_crds::Volume;
use drover_crds::condition::{self, Reason};
use drover_crds::volume::{Consistency, VolumeFormat};
use kube::ResourceExt;
use uuid::Uuid;

use super::{Base, Outcome, PROGRESS, Work, carriers, pool_on, shared};
use crate::controllers::image;
use crate::ctx::Ctx;
use crate::hosts::holds::{Held, Hold};
use crate::hosts::mirror::LiveDisk;
use crate::hosts::volumes::PoolOnHost;
use crate::hosts::{HostError, HostHandle};
use crate::import::clone::Clone;
use crate::import::transfer::Target;
use crate::reconcile::{Again, Key};

/// A Volume that is to be copied, as it was found on its host.
struct Found {
    handle: Arc<HostHandle>,
    uuid: Uuid,
    original: Original,
}

/// Begins to copy a Volume, or says why not yet. `wanted` says what the copy is to be.
pub(in crate::controllers) async fn begin(
    work: &Work<'_>,
    key: &Key,
    origin: &Origin,
    wanted: Wanted,
) -> Outcome {
    let ctx = work.ctx;
    let prepared = prepare(work, origin, wanted).await;
    let held = prepared.and_then(|(found, way)| {
        let hold = hold(&found, &way, &origin.volume)?;
        Ok((found, way, hold))
    });
    match held {
        Ok((found, way, hold)) => {
            let format = wanted.format.unwrap_or(found.original.format);
            let clone = Clone {
                fleet: ctx.fleet.clone(),
                uuid: found.uuid,
                original: found.original,
                way,
                hold,
                target: Target {
                    capacity: wanted.capacity.unwrap_or(0),
                    ..work.target(key)
                },
                format,
                hints: ctx.hints.clone(),
                metrics: Arc::clone(&ctx.metrics),
            };
            clone.start(&ctx.jobs);
            work.importing(None)
        }
        Err(outcome) => {
            // Nothing was begun.
            ctx.memory.set_progress(work.job, None);
            let again = match outcome.again {
                Again::WhenHinted => Again::Failed,
                again => again,
            };
            Outcome { again, ..*outcome }
        }
    }
}

/// Begins to copy what is raw, in the same pool, byte for byte.
pub(in crate::controllers) fn relay(work: &Work<'_>, key: &Key, base: &Base) {
    let ctx = work.ctx;
    let original = Original {
        pool: work.desired.pool.clone(),
        volume: base.volume.clone(),
        path: base.key.clone(),
        capacity: base.capacity,
        format: VolumeFormat::Raw,
        existing: false,
    };
    let clone = Clone {
        fleet: ctx.fleet.clone(),
        uuid: work.uuid,
        original,
        way: Way::Relay,
        hold: None,
        target: work.target(key),
        format: VolumeFormat::Raw,
        hints: ctx.hints.clone(),
        metrics: Arc::clone(&ctx.metrics),
    };
    clone.start(&ctx.jobs);
}

// QEMU makes one copy of a disk at a time.
fn hold(found: &Found, way: &Way, name: &str) -> Result<Option<Hold>, Box<Outcome>> {
    let Way::Mirror(writer, _) = way else {
        return Ok(None);
    };
    let disk = Held::Disk(writer.uuid, writer.target.clone());
    match found.handle.holds.hold_alone(disk) {
        Some(hold) => Ok(Some(hold)),
        None => {
            let message = format!("another copy of Volume {name} comes first");
            let verdict = Verdict::new(Reason::Importing, message);
            Err(Box::new(Outcome {
                again: Again::After(PROGRESS),
                ..Outcome::of(verdict)
            }))
        }
    }
}

async fn prepare(
    work: &Work<'_>,
    origin: &Origin,
    wanted: Wanted,
) -> Result<(Found, Way), Box<Outcome>> {
    let said = |verdict| Box::new(Outcome::of(verdict));
    let failed = |error: HostError| Box::new(Outcome::failed(&error));
    let ctx = work.ctx;
    let found = find(ctx, &work.desired.namespace, origin).await?;
    let (here, there) = (&work.handle.name, &found.handle.name);
    if here != there {
        let message = format!(
            "spec.host: must be {there}, where Volume {} is: it is copied only there; got {here}",
            origin.volume
        );
        return Err(said(Verdict::new(Reason::SourceRefused, message)));
    }
    elsewhere(ctx, &found, &origin.volume).await?;
    let domains = found.handle.all_domains().await.map_err(failed)?;
    let domains = domains.iter().map(AsRef::as_ref);
    let writers = writers(domains, &ctx.fleet, &found.original);
    let way = way(origin, &found.original, wanted, &writers).map_err(said)?;
    Ok((found, way))
}

// What runs with a volume of a Shared pool on another host than the one that copies it would write into
// it meanwhile.
async fn elsewhere(ctx: &Ctx, found: &Found, name: &str) -> Result<(), Box<Outcome>> {
    for host in carriers(ctx, &found.original.pool, &found.handle) {
        if host.name == found.handle.name {
            continue;
        }
        let domains = host.all_domains().await;
        let domains = domains.map_err(|error| Box::new(Outcome::failed(&error)))?;
        let domains = domains.iter().map(AsRef::as_ref);
        if let Some(writer) = writers(domains, &ctx.fleet, &found.original).first() {
            let message = format!(
                "Volume {name} is copied by {}, which writes into its pool, and {} runs with it on {}: \
                 it is copied when that is off",
                found.handle.name, writer.domain, host.name
            );
            let verdict = Verdict::new(Reason::SourceUnavailable, message);
            return Err(Box::new(Outcome::of(verdict)));
        }
    }
    Ok(())
}

fn unavailable(name: &str, why: &str) -> Box<Outcome> {
    let message = format!("Volume {name} {why}");
    Box::new(Outcome::of(Verdict::new(
        Reason::SourceUnavailable,
        message,
    )))
}

/// The Volume, if its object tells that it is whole, and where.
///
/// # Errors
/// Why not.
fn object(ctx: &Ctx, namespace: &str, name: &str) -> Result<(Arc<Volume>, String), Box<Outcome>> {
    let Some(volume) = ctx.cache.volumes.get(namespace, name) else {
        return Err(unavailable(name, "does not exist"));
    };
    if volume.metadata.deletion_timestamp.is_some() {
        return Err(unavailable(name, "is being deleted"));
    }
    let status = volume.status.clone().unwrap_or_default();
    let current = status.observed_generation == volume.metadata.generation;
    let ready = condition::find(&status.conditions, "Ready");
    match (ready, shared::host_of(ctx, &volume)) {
        (Some(ready), Some(host)) if ready.status == "True" && current => Ok((volume, host)),
        (Some(ready), _) if ready.status != "True" => {
            let why = format!("is not ready: {}: {}", ready.reason, ready.message);
            Err(unavailable(name, &why))
        }
        _ => Err(unavailable(name, "is being made")),
    }
}

// How it is kept its record says, not what is in it.
async fn find(ctx: &Ctx, namespace: &str, origin: &Origin) -> Result<Found, Box<Outcome>> {
    let name = &origin.volume;
    let failed = |error: HostError| Box::new(Outcome::failed(&error));
    let said = |verdict| Box::new(Outcome::of(verdict));
    let (volume, host) = object(ctx, namespace, name)?;
    let Some(pool) = ctx.cache.pools.get("", &volume.spec.pool) else {
        return Err(unavailable(name, "is in a StoragePool that does not exist"));
    };
    let desired = DesiredVolume::parse(&volume, &ctx.fleet, Some(pool.spec.type_));
    let desired = desired.map_err(|invalid| unavailable(name, &invalid.to_string()))?;
    let (handle, seen) = pool_on(ctx, &pool, &host).await.map_err(said)?;
    handle
        .refresh_pool(&desired.pool, seen.uuid)
        .await
        .map_err(failed)?;
    let place = PoolOnHost {
        host: &handle,
        name: &desired.pool,
        uuid: seen.uuid,
    };
    let mut format = desired.format;
    if !desired.existing {
        let record = place.record(&desired.ready_name()).await.map_err(failed)?;
        let Some(record) = record else {
            return Err(unavailable(name, "is not whole: its record is gone"));
        };
        format = Completion::parse(&record).format.unwrap_or(format);
    }
    let facts = place.facts_as(&desired.volume_name, format).await;
    let Some(facts) = facts.map_err(failed)? else {
        return Err(unavailable(name, "is gone"));
    };
    let original = Original {
        pool: desired.pool,
        volume: desired.volume_name,
        path: facts.key,
        capacity: facts.capacity,
        format,
        existing: desired.existing,
    };
    let uuid = seen.uuid;
    Ok(Found {
        handle,
        uuid,
        original,
    })
}

/// Ends what an attempt that was cut off has left: a running domain that still writes the copy at
/// `path`, and a guest whose file systems may be held still. A machine whose CPUs stand still goes on
/// as its own spec says.
///
/// # Errors
/// When the host cannot be asked.
pub(super) async fn mend(work: &Work<'_>, path: Option<&str>) -> Result<(), HostError> {
    let Some(origin) = work.desired.source.origin() else {
        return Ok(());
    };
    let host = work.handle.as_ref();
    let source = source(work, origin);
    for domain in host.all_domains().await? {
        let Some(live) = &domain.live else { continue };
        let all = [domain.as_ref()];
        let writes = source
            .as_ref()
            .is_some_and(|source| !writers(all, "", source).is_empty());
        let mut copying = false;
        for disk in &live.disks {
            if path.is_none() || disk.mirror.as_deref() != path {
                continue;
            }
            copying = true;
            let disk = LiveDisk {
                host,
                domain: &domain.name,
                uuid: domain.uuid,
                target: &disk.target,
            };
            tracing::info!(host = host.name, domain = disk.domain, "a copy is given up");
            disk.end().await?;
        }
        let frozen = origin.consistency == Some(Consistency::Frozen);
        if frozen && live.agent && (writes || copying) {
            let disk = LiveDisk {
                host,
                domain: &domain.name,
                uuid: domain.uuid,
                target: "",
            };
            if let Err(error) = disk.thaw().await {
                tracing::warn!(%error, "a guest's file systems may be held still");
            }
        }
    }
    Ok(())
}

// What its object alone tells of it, whole or not.
fn source(work: &Work<'_>, origin: &Origin) -> Option<Original> {
    let ctx = work.ctx;
    let namespace = &work.desired.namespace;
    let volume = ctx.cache.volumes.get(namespace, &origin.volume)?;
    let desired = DesiredVolume::parse(&volume, &ctx.fleet, None).ok()?;
    let key = volume.status.as_ref().and_then(|it| it.key.clone());
    Some(Original {
        pool: desired.pool,
        volume: desired.volume_name,
        path: key.unwrap_or_default(),
        capacity: 0,
        format: desired.format,
        existing: desired.existing,
    })
}

/// Where a copy of a Volume can be: on the host that has it.
///
/// # Errors
/// Why there is no such host yet.
pub(in crate::controllers) fn host_of(
    ctx: &Ctx,
    namespace: &str,
    name: &str,
) -> Result<String, Verdict> {
    let waits = |why: &str| {
        let message = format!("Volume {name} {why}");
        Err(Verdict::new(Reason::SourceUnavailable, message))
    };
    match ctx.cache.volumes.get(namespace, name) {
        None => waits("does not exist"),
        Some(volume) => match shared::host_of(ctx, &volume) {
            Some(host) => Ok(host),
            None => waits("is not on a host yet"),
        },
    }
}

/// Asks for a look at the Volumes and images that are copies of this one and not made yet, and at
/// machines without a place that are to have such.
pub(in crate::controllers) fn hint_copies(ctx: &Ctx, namespace: &str, name: &str) {
    for volume in ctx.cache.volumes.all() {
        let source = volume.spec.source.as_ref();
        let origin = source.and_then(|source| source.volume.as_ref());
        let made = volume.status.as_ref().is_some_and(|it| it.key.is_some());
        let here = volume.metadata.namespace.as_deref() == Some(namespace);
        if here && !made && origin.is_some_and(|origin| origin.name == name) {
            ctx.hints.hint(Key::volume(namespace, &volume.name_any()));
        }
    }
    image::hint_images(ctx, namespace, name);
    for machine in ctx.cache.machines.all() {
        let here = machine.metadata.namespace.as_deref() == Some(namespace);
        let mut sources = machine.spec.disks.iter().filter_map(|disk| {
            let source = disk.volume_template.as_ref()?.source.as_ref()?;
            source.volume.as_ref()
        });
        if here && machine.host().is_none() && sources.any(|origin| origin.name == name) {
            ctx.hints.hint(Key::of_machine(&machine));
        }
    }
}
