//! Where data is kept.

use std::sync::Arc;

use drover_core::desired::host::DesiredHost;
use drover_core::desired::pool::DesiredPool;
use drover_core::observed::pool::ObservedPool;
use drover_core::plan::Verdict;
use drover_crds::StoragePool;
use drover_crds::condition::Reason;

use super::{Outcome, writer_for};
use crate::controllers::placement::namespace_labels;
use crate::ctx::Ctx;
use crate::hosts::HostHandle;

/// A pool on a host, or on the one that writes for it, if it is as it should be there.
pub(in crate::controllers) async fn pool_on(
    ctx: &Ctx,
    pool: &StoragePool,
    host: &str,
) -> Result<(Arc<HostHandle>, Arc<ObservedPool>), Verdict> {
    let name = pool.metadata.name.as_deref().unwrap_or_default();
    let host = &writer_for(pool, host)?;
    let Some(handle) = ctx.hosts.get(host) else {
        return Err(Verdict::new(
            Reason::HostUnreachable,
            format!("Host {host} is not there"),
        ));
    };
    if let Err(error) = handle.client() {
        return Err(Verdict::new(Reason::HostUnreachable, error.to_string()));
    }
    let status = pool.status.clone().unwrap_or_default();
    let state = status.hosts.iter().find(|state| state.name == *host);
    if state.is_none_or(|state| state.state != "Active") {
        let why = state
            .and_then(|state| state.message.clone())
            .unwrap_or_default();
        let message = format!("pool {name} is not ready on {host}: {why}");
        return Err(Verdict::new(
            Reason::NotRealized,
            message.trim_end_matches(": "),
        ));
    }
    match handle.pool(name).await {
        Ok(Some(observed)) => Ok((handle, observed)),
        Ok(None) => Err(Verdict::new(
            Reason::NotRealized,
            format!("pool {name} is not on {host}"),
        )),
        Err(error) => Err(Outcome::failed(&error).verdict),
    }
}

/// Whether a pool, or a host, is not for what is in a namespace.
pub(in crate::controllers) fn closed_to(
    ctx: &Ctx,
    namespace: &str,
    pool: &StoragePool,
    host: &str,
) -> Option<Verdict> {
    let labels = namespace_labels(ctx, namespace);
    let closed = |what: String| {
        let message = format!("{what} is not open to namespace {namespace}");
        Some(Verdict::new(Reason::NotRealized, message))
    };
    if !DesiredPool::parse(pool, &ctx.fleet).consent.allows(&labels) {
        let name = pool.metadata.name.as_deref().unwrap_or_default();
        return closed(format!("StoragePool {name}"));
    }
    let open = ctx.cache.hosts.get("", host).is_some_and(|host| {
        DesiredHost::parse(&host.spec).is_ok_and(|host| host.consent.allows(&labels))
    });
    match open {
        true => None,
        false => closed(format!("Host {host}")),
    }
}
