//! Where a machine's disks are, or will be, by what is on its host alone: no status tells of it.

use drover_core::completion::Completion;
use drover_core::desired::machine::DesiredMachine;
use drover_core::desired::volume::format_word;
use drover_core::identity::READY_SUFFIX;
use drover_core::xml::{ResolvedBacking, ResolvedDisk};
use drover_crds::VirtualMachine;
use drover_crds::volume::VolumeFormat;

use super::needs::{Volumes, made_with, resolve};
use crate::controllers::image;
use crate::ctx::Ctx;
use crate::hosts::volumes::PoolOnHost;
use crate::hosts::{HostError, HostHandle};

/// Where a machine's disks will be, when what is made with it has been made.
pub(super) async fn foreseen(
    ctx: &Ctx,
    host: &HostHandle,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Result<Volumes, HostError> {
    let mut found = Volumes::default();
    for disk in &desired.disks {
        let Some(name) = &disk.volume else { continue };
        let known = ctx.cache.volumes.get(&desired.namespace, name);
        let template = disk.template.as_ref();
        let made = || template.map(|template| made_with(machine, template, name, None));
        if let Some(volume) = known.map(|volume| (*volume).clone()).or_else(made) {
            let mut place = resolve(ctx, disk, &volume);
            match volume.spec.existing.is_some() {
                // No status tells of it before it has been taken over.
                true if place.path.is_none() => place.path = path(host, &place).await?,
                false if place.backing.is_none() => look(host, &mut place).await?,
                _ => {}
            }
            found.disks.push(place);
        }
    }
    for (disk, name) in desired.images() {
        let mut place = ResolvedDisk {
            name: disk.name.clone(),
            pool: image::pool_of_medium(ctx, desired, disk).unwrap_or_default(),
            volume: name.volume_name(),
            ..ResolvedDisk::default()
        };
        look(host, &mut place).await?;
        // One that is not there yet nobody knows.
        found.disks.extend(place.backing.is_some().then_some(place));
    }
    Ok(found)
}

async fn path(host: &HostHandle, place: &ResolvedDisk) -> Result<Option<String>, HostError> {
    let Some(pool) = host.pool(&place.pool).await? else {
        return Ok(None);
    };
    let pool = PoolOnHost {
        host,
        name: &place.pool,
        uuid: pool.uuid,
    };
    let facts = pool.facts(&place.volume).await?;
    Ok(facts.map(|facts| facts.key))
}

// How a volume of Drover's is kept, and what it is based on, as its record says.
async fn look(host: &HostHandle, place: &mut ResolvedDisk) -> Result<(), HostError> {
    let record = format!("{}{READY_SUFFIX}", place.volume);
    let Some(seen) = host.pool(&place.pool).await? else {
        return Ok(());
    };
    if !seen.volumes.contains(&record) {
        return Ok(());
    }
    let pool = PoolOnHost {
        host,
        name: &place.pool,
        uuid: seen.uuid,
    };
    let known = Completion::parse(&pool.record(&record).await?.unwrap_or_default());
    if place.format.is_empty() {
        let format = known.format.unwrap_or(VolumeFormat::Raw);
        format_word(format).clone_into(&mut place.format);
    }
    let mut levels = Vec::new();
    if let Some((base, format)) = known.backing
        && let Some(facts) = pool.facts(&base).await?
    {
        levels.push(ResolvedBacking {
            path: facts.key,
            format: format_word(format).to_owned(),
        });
    }
    place.backing = Some(levels);
    Ok(())
}
