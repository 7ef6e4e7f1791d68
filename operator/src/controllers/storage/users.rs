//! Who would lose something with a volume: libvirt asks nobody.

use std::collections::HashSet;
use std::sync::Arc;

use drover_core::desired::volume::{DesiredVolume, name_in_pool};
use drover_core::identity::is_record;
use drover_core::observed::pool::ObservedPool;
use kube::ResourceExt;

use super::is_shared;
use crate::ctx::Ctx;
use crate::hosts::volumes::PoolOnHost;
use crate::hosts::{HostError, HostHandle};

/// The domains whose disks it is, or are based on it, on every host that sees it, and the volumes that
/// are based on it, Drover's and others', in words.
///
/// # Errors
/// When one of the hosts cannot be asked.
pub(in crate::controllers) async fn users(
    ctx: &Ctx,
    pool: &PoolOnHost<'_>,
    carriers: &[Arc<HostHandle>],
    seen: &ObservedPool,
    desired: &DesiredVolume,
    path: Option<&str>,
) -> Result<Vec<String>, HostError> {
    let mut users = Vec::new();
    for host in carriers {
        let domains = host.all_domains().await?;
        let using = domains.iter().filter(|domain| {
            domain
                .definitions()
                .any(|found| found.uses(&desired.pool, &desired.volume_name, path))
        });
        users.extend(using.map(|domain| match carriers.len() {
            1 => format!("domain {}", domain.name),
            _ => format!("domain {} of {}", domain.name, host.name),
        }));
        let holds = &host.holds;
        if holds.has_volume(&desired.pool, &desired.volume_name) {
            users.push("a copy that is being made of it".to_owned());
        }
    }
    if let Some(path) = path {
        users.extend(based_on(ctx, pool, seen, path).await?);
    }
    Ok(users)
}

// What a Volume of Drover's is based on, its status says; of the others libvirt is asked.
async fn based_on(
    ctx: &Ctx,
    pool: &PoolOnHost<'_>,
    seen: &ObservedPool,
    path: &str,
) -> Result<Vec<String>, HostError> {
    let mut users = Vec::new();
    let mut known = HashSet::new();
    let shared = is_shared(ctx, pool.name);
    for volume in ctx.cache.volumes.all() {
        let Some(status) = volume.status.as_ref() else {
            continue;
        };
        let here = shared || status.host.as_ref() == Some(&pool.host.name);
        if volume.spec.pool != pool.name || !here || status.key.is_none() {
            continue;
        }
        known.extend(name_in_pool(&volume).ok());
        if status.backing.iter().any(|base| base.key == path) {
            let namespace = volume.namespace().unwrap_or_default();
            users.push(format!("Volume {namespace}/{}", volume.name_any()));
        }
    }
    for name in seen.volumes.iter().filter(|name| !is_record(name)) {
        if !known.contains(name) && pool.backing(name).await?.as_deref() == Some(path) {
            users.push(format!("volume {name} of the pool"));
        }
    }
    Ok(users)
}
