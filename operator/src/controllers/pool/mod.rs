//! Storage pools.

mod login;
mod shared;

use drover_core::desired::pool::DesiredPool;
use drover_core::identity::POOL_MARKER;
use drover_core::observed::pool::ObservedPool;
use drover_core::plan::Verdict;
use drover_core::plan::pool::{Unmarked, plan, plan_deletion};
use drover_core::plan::shared::Agreement;
use drover_core::xml::pool_xml;
use drover_crds::condition::Reason;
use drover_crds::storage_pool::PoolScope;
use drover_crds::{HostState, StoragePool, StoragePoolStatus, quantity};
use futures::FutureExt;

use super::report::{self, Report, Unwanted};
use super::sites::{self, Asking, MOST_STEPS, Removal, Share};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::secrets::HostSecret;
use crate::hosts::{HostError, HostHandle};
use crate::reconcile::{Again, Key};

/// Looks at one StoragePool.
///
/// # Errors
/// When the API server says no.
pub async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    let Some(pool) = ctx.cache.pools.get("", &key.name) else {
        return Ok(Again::WhenHinted);
    };
    let mut desired = DesiredPool::parse(&pool, &ctx.fleet);
    if pool.metadata.deletion_timestamp.is_some() {
        return delete(ctx, key, &pool, &desired).await;
    }
    let pool = report::ensure_finalizer(ctx, &ctx.cache.pools, pool).await?;
    let before = pool.status.clone().unwrap_or_default();
    let hosts = sites::selected(ctx, desired.host_selector.as_ref());
    let secret = match login::read(ctx, &pool, &mut desired).await {
        Ok(secret) => secret,
        Err((verdict, again)) => {
            let shares = hosts.iter().map(|(name, _)| {
                let had = before.hosts.iter().find(|state| state.name == *name);
                Share::without(name, &verdict, had)
            });
            let found = (shares.collect(), shared::agreed(&before));
            let later = finish(ctx, key, &pool, found, false).await?;
            return Ok(report::sooner(later, again));
        }
    };
    let asked = hosts.iter().map(|(name, host)| {
        let had = before.hosts.iter().find(|state| state.name == *name);
        let share = share(name, host, (&desired, secret.as_ref()), had);
        (name.clone(), share.boxed())
    });
    let mut asking = Asking::new(asked);
    if !asking.for_a_while().await {
        let found = (asking.meanwhile(&before.hosts), shared::agreed(&before));
        finish(ctx, key, &pool, found, true).await?;
    }
    let shares = asking.all().await;
    let pool = ctx.cache.pools.get("", &key.name).unwrap_or(pool);
    let wanted = (&desired, secret.as_ref());
    let found = shared::settle(&ctx.fleet, wanted, &before, &hosts, shares).await;
    finish(ctx, key, &pool, found, false).await
}

// A pool, and what its hosts are given to log on.
type Wanted<'a> = (&'a DesiredPool, Option<&'a HostSecret>);

async fn share(
    name: &str,
    host: &HostHandle,
    wanted: Wanted<'_>,
    had: Option<&HostState>,
) -> Share {
    // Its size is known of one that was, and stays known while its host is away.
    let was_realized = had.is_some_and(|state| state.capacity.is_some());
    match realize(host, wanted, was_realized).await {
        Ok(share) => share,
        Err(error) => Share::unknown(name, sites::refusal(name, &wanted.0.name, &error), had),
    }
}

async fn finish(
    ctx: &Ctx,
    key: &Key,
    pool: &StoragePool,
    (shares, agreement): (Vec<Share>, Agreement),
    at_once: bool,
) -> Result<Again, Error> {
    let before = &pool.status.clone().unwrap_or_default();
    let mut status = StoragePoolStatus {
        writer: agreement.writer,
        marker: agreement.marker,
        ..before.clone()
    };
    let shared = pool.spec.scope == PoolScope::Shared;
    if let Some((capacity, available)) = size(&shares, shared) {
        status.capacity = Some(rounded(capacity));
        if moved(before.available.as_deref(), available, capacity) {
            status.available = Some(rounded(available));
        }
    }
    let verdicts: Vec<_> = shares
        .iter()
        .map(|share| (share.state.name.clone(), share.verdict.clone()))
        .collect();
    status.hosts = shares.into_iter().map(|share| share.state).collect();
    // What may be in it may be another now.
    let edited = before.observed_generation != pool.metadata.generation;
    let changed = edited || status.hosts != before.hosts || status.writer != before.writer;
    let verdict = sites::overall(&verdicts);
    let failed = matches!(
        verdict.reason,
        Reason::NotRealized | Reason::Creating | Reason::VolumeMissing
    );
    let report = Report {
        key,
        object: pool,
        before,
        status,
        verdict,
        others: Vec::new(),
    };
    let again = match at_once {
        true => report::at_once(ctx, &ctx.cache.pools, report).await?,
        false => report::report(ctx, &ctx.cache.pools, report).await?,
    };
    if changed || ctx.memory.was_in_doubt(key) {
        ctx.hints.hint_everything();
    }
    Ok(if failed { Again::Failed } else { again })
}

// That of all its hosts together, or of the storage that all of them see.
fn size(shares: &[Share], shared: bool) -> Option<(u64, u64)> {
    let mut sizes = shares.iter().filter_map(|share| share.size);
    if shared {
        return sizes.next();
    }
    let add = |sum: (u64, u64), size: (u64, u64)| (sum.0 + size.0, sum.1 + size.1);
    let sizes: Vec<_> = sizes.collect();
    (sizes.len() == shares.len()).then(|| sizes.into_iter().fold((0, 0), add))
}

// Whole GiB, so that the status does not follow every file; MiB below ten of them.
fn rounded(bytes: u64) -> String {
    let unit: u64 = if bytes >= 10 << 30 { 1 << 30 } else { 1 << 20 };
    quantity::bytes(bytes / unit * unit)
}

// Whether it has changed by more than a twentieth of all.
fn moved(before: Option<&str>, available: u64, capacity: u64) -> bool {
    let before = before.and_then(|text| quantity::Quantity::from(text).value().ok());
    before.is_none_or(|before| {
        (before - i128::from(available)).unsigned_abs() * 20 > u128::from(capacity)
    })
}

// Takes the plan's steps on one host until there is nothing more to do.
async fn realize(
    host: &HostHandle,
    (desired, secret): Wanted<'_>,
    was_realized: bool,
) -> Result<Share, HostError> {
    if let Some(secret) = secret {
        host.give_secret(secret).await?;
    }
    let xml = pool_xml(desired).unwrap_or_default();
    let unmarked = match (was_realized, desired.shared) {
        (true, _) => Unmarked::Lost,
        (false, true) => Unmarked::Unseen,
        (false, false) => Unmarked::New,
    };
    for round in 0..MOST_STEPS {
        let observed = host.pool(&desired.name).await?;
        let plan = plan(desired, observed.as_deref(), unmarked);
        if round == 0 && plan.verdict.reason == Reason::VolumeMissing {
            // Nothing tells that its storage is mounted again.
            host.refresh_pool(&desired.name, desired.uuid).await?;
            continue;
        }
        let Some(step) = plan.step else {
            let active = observed.as_ref().is_some_and(|pool| pool.active);
            let mut state = sites::state(&host.name, active, &plan.verdict);
            let marker = marker(host, desired, observed.as_deref()).await?;
            let size = observed.map(|pool| (pool.capacity, pool.available));
            let realized = was_realized || plan.verdict.reason == Reason::Realized;
            let shown = size.filter(|_| realized);
            state.capacity = shown.map(|(capacity, _)| rounded(capacity));
            return Ok(Share {
                state,
                verdict: plan.verdict,
                size,
                marker,
            });
        };
        tracing::info!(host = host.name, pool = desired.name, ?step, "step");
        host.step_pool(step, desired, &xml).await?;
    }
    let verdict = Verdict::new(Reason::Creating, "it is not settled yet");
    Ok(Share::unknown(&host.name, verdict, None))
}

// What the marker of a Shared pool says there.
async fn marker(
    host: &HostHandle,
    desired: &DesiredPool,
    observed: Option<&ObservedPool>,
) -> Result<Option<String>, HostError> {
    let seen = observed
        .filter(|pool| pool.active && pool.volumes.iter().any(|volume| volume == POOL_MARKER));
    match seen {
        Some(pool) if desired.shared && desired.is_marked() => {
            host.marker(&pool.name, pool.uuid).await
        }
        _ => {
            host.write(|inventory| inventory.markers.remove(&desired.name));
            Ok(None)
        }
    }
}

async fn remove(host: &HostHandle, desired: &DesiredPool) -> Result<Verdict, HostError> {
    for round in 0..MOST_STEPS {
        let observed = host.pool(&desired.name).await?;
        let ours = observed
            .as_ref()
            .is_some_and(|pool| pool.uuid == desired.uuid && pool.active);
        if round == 0 && ours && desired.delete {
            // Nothing tells of files that came since.
            host.refresh_pool(&desired.name, desired.uuid).await?;
            continue;
        }
        let plan = plan_deletion(desired, observed.as_deref());
        let Some(step) = plan.step else {
            let logs_on = desired.source.auth_secret_ref.is_some();
            if logs_on && desired.delete && plan.verdict.reason == Reason::Deleting {
                host.take_secret(desired.secret_uuid).await?;
            }
            return Ok(plan.verdict);
        };
        tracing::info!(host = host.name, pool = desired.name, ?step, "step");
        host.step_pool(step, desired, "").await?;
    }
    Ok(Verdict::new(Reason::RetryLater, "it is not settled yet"))
}

async fn delete(
    ctx: &Ctx,
    key: &Key,
    pool: &StoragePool,
    desired: &DesiredPool,
) -> Result<Again, Error> {
    match report::is_unwanted(ctx, pool).await? {
        Unwanted::Yes => {}
        Unwanted::KindWithdrawn => return report::let_go(ctx, key, pool).await,
        Unwanted::Another => return Ok(Again::Failed),
    }
    let before = pool.status.clone().unwrap_or_default();
    let users: Vec<String> = ctx
        .cache
        .volumes
        .all()
        .iter()
        .filter(|volume| volume.spec.pool == key.name)
        .map(|volume| sites::full_name(&**volume))
        .collect();
    let mut removal = Removal::new(&desired.name, &before.hosts, &users);
    for (name, host) in removal.hosts(ctx) {
        removal.heard(&name, remove(&host, desired).await);
    }
    let verdict = removal.verdict();
    if verdict.reason == Reason::Deleting {
        return report::let_go(ctx, key, pool).await;
    }
    let again = report::unsettled(verdict.reason);
    let status = before.clone();
    let report = Report {
        key,
        object: pool,
        before: &before,
        status,
        verdict,
        others: Vec::new(),
    };
    report::report(ctx, &ctx.cache.pools, report).await?;
    Ok(again)
}
