//! Whether a volume may be made in a pool: whether the pool has volumes of that kind, and room.

use drover_core::desired::pool::{DesiredPool, Limits, Making, making};
use drover_core::desired::volume::DesiredVolume;
use drover_core::observed::pool::ObservedPool;
use drover_core::plan::Verdict;
use drover_core::xml::type_word;
use drover_crds::StoragePool;
use drover_crds::condition::Reason;
use drover_crds::volume::VolumeFormat;

use crate::controllers::storage::is_shared;
use crate::ctx::Ctx;

/// Lets a volume be made, or says why not. What is there is there.
pub(super) fn allow(
    ctx: &Ctx,
    desired: &DesiredVolume,
    pool: &StoragePool,
    seen: &ObservedPool,
    host: &str,
) -> Result<(), Verdict> {
    if desired.existing || seen.volumes.contains(&desired.ready_name()) {
        return Ok(());
    }
    let (name, type_) = (&desired.pool, pool.spec.type_);
    let refused = |message| Err(Verdict::new(Reason::NotSupported, message));
    match making(type_) {
        Making::Found => {
            let word = type_word(type_);
            return refused(format!(
                "spec.pool: {name} is of type {word}, where volumes are there already: name one by \
                 spec.existing"
            ));
        }
        Making::Blocks if desired.format == VolumeFormat::Qcow2 => {
            let word = type_word(type_);
            return refused(format!(
                "spec.format: qcow2 is for pools of files, {name} is of type {word}: raw is needed"
            ));
        }
        Making::Blocks | Making::Files => {}
    }
    fits(ctx, pool, seen, host, desired.capacity, &desired.uid)
        .map_err(|why| Verdict::new(Reason::NotRealized, format!("pool {name} on {host}: {why}")))
}

/// How much more may be promised in a pool of a host, in bytes, beside what its Volumes are.
pub(in crate::controllers) fn room(
    ctx: &Ctx,
    pool: &StoragePool,
    seen: &ObservedPool,
    host: &str,
) -> u64 {
    let limits = DesiredPool::parse(pool, &ctx.fleet).limits;
    if limits == Limits::default() {
        return u64::MAX;
    }
    let size = (seen.capacity, seen.available);
    limits.room(size, promised(ctx, &seen.name, host, ""))
}

// Whether so much more may be promised in a pool of a host, beside what its Volumes but this one are.
fn fits(
    ctx: &Ctx,
    pool: &StoragePool,
    seen: &ObservedPool,
    host: &str,
    capacity: u64,
    but: &str,
) -> Result<(), String> {
    let limits = DesiredPool::parse(pool, &ctx.fleet).limits;
    if limits == Limits::default() {
        return Ok(());
    }
    let size = (seen.capacity, seen.available);
    limits.allow(capacity, size, promised(ctx, &seen.name, host, but))
}

// What the other Volumes that are in the pool may come to take.
fn promised(ctx: &Ctx, pool: &str, host: &str, but: &str) -> u64 {
    let (volumes, shared) = (ctx.cache.volumes.all(), is_shared(ctx, pool));
    let others = volumes.iter().filter(|volume| {
        volume.metadata.uid.as_deref() != Some(but)
            && volume.spec.pool == pool
            && (shared || volume.host().is_some_and(|on| on == host))
    });
    let sizes = others.filter_map(|volume| volume.spec.capacity.bytes());
    sizes.fold(0, u64::saturating_add)
}
