//! Pools whose storage several hosts see: through which of them it is written, and whom else to ask.

use std::collections::BTreeSet;
use std::sync::Arc;

use drover_core::plan::Verdict;
use drover_crds::condition::Reason;
use drover_crds::storage_pool::PoolScope;
use drover_crds::{StoragePool, Volume};
use kube::ResourceExt;

use crate::controllers::sightings::confirmed_off;
use crate::controllers::sites;
use crate::ctx::Ctx;
use crate::hosts::HostHandle;

/// Whether a pool's hosts see the same storage.
pub(in crate::controllers) fn is_shared(ctx: &Ctx, pool: &str) -> bool {
    let pool = ctx.cache.pools.get("", pool);
    pool.is_some_and(|pool| pool.spec.scope == PoolScope::Shared)
}

/// The host that writes what belongs to `host` in a pool: itself, or the one that writes for all.
pub(in crate::controllers) fn writer_for(
    pool: &StoragePool,
    host: &str,
) -> Result<String, Verdict> {
    if pool.spec.scope == PoolScope::Local {
        return Ok(host.to_owned());
    }
    writer(pool).ok_or_else(|| {
        let name = pool.name_any();
        let message = format!("pool {name} has no host yet that writes into it");
        Verdict::new(Reason::NotRealized, message)
    })
}

/// The host that writes into a Shared pool.
pub(in crate::controllers) fn writer(pool: &StoragePool) -> Option<String> {
    pool.status.as_ref()?.writer.clone()
}

/// The host that has a Volume, or through which it is written and read.
pub(in crate::controllers) fn host_of(ctx: &Ctx, volume: &Volume) -> Option<String> {
    let pool = ctx.cache.pools.get("", &volume.spec.pool);
    match pool.filter(|pool| pool.spec.scope == PoolScope::Shared) {
        Some(pool) => writer(&pool),
        None => volume.host().cloned(),
    }
}

/// All that see what `host` has in a pool, but those of which a person has said that they are off.
pub(in crate::controllers) fn carriers(
    ctx: &Ctx,
    pool: &str,
    host: &Arc<HostHandle>,
) -> Vec<Arc<HostHandle>> {
    let pool = ctx.cache.pools.get("", pool);
    let Some(pool) = pool.filter(|pool| pool.spec.scope == PoolScope::Shared) else {
        return vec![Arc::clone(host)];
    };
    let selected = sites::selected(ctx, pool.spec.host_selector.as_ref());
    let had = pool.status.as_ref().map_or(&[][..], |it| &it.hosts);
    let names = selected.into_iter().map(|(name, _)| name);
    let mut names: BTreeSet<String> = names.collect();
    names.extend(had.iter().map(|state| state.name.clone()));
    names.insert(host.name.clone());
    let on = |name: &String| {
        let object = ctx.cache.hosts.get("", name);
        object.is_some_and(|object| !confirmed_off(&object))
    };
    let handles = names.iter().filter(|name| on(name));
    handles.filter_map(|name| ctx.hosts.get(name)).collect()
}
