//! Networks.

use drover_core::desired::network::DesiredNetwork;
use drover_core::plan::Verdict;
use drover_core::plan::network::{plan, plan_deletion};
use drover_core::xml::network_xml;
use drover_crds::condition::Reason;
use drover_crds::{HostState, Network, NetworkStatus};
use futures::FutureExt;

use super::report::{self, Report, Unwanted};
use super::sites::{self, Asking, MOST_STEPS, Removal, Share};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::{HostError, HostHandle};
use crate::reconcile::{Again, Key};

/// Looks at one Network.
///
/// # Errors
/// When the API server says no.
pub async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    let Some(network) = ctx.cache.networks.get("", &key.name) else {
        return Ok(Again::WhenHinted);
    };
    let desired = DesiredNetwork::parse(&network, &ctx.fleet)?;
    if network.metadata.deletion_timestamp.is_some() {
        return delete(ctx, key, &network, &desired).await;
    }
    let network = report::ensure_finalizer(ctx, &ctx.cache.networks, network).await?;
    let before = network.status.clone().unwrap_or_default();
    let xml = network_xml(&desired);
    let hosts = sites::selected(ctx, desired.host_selector.as_ref());
    let asked = hosts
        .iter()
        .map(|(name, host)| (name.clone(), share(name, host, &desired, &xml).boxed()));
    let mut asking = Asking::new(asked);
    if asking.for_a_while().await {
        return finish(ctx, key, &network, asking.all().await, false).await;
    }
    finish(ctx, key, &network, asking.meanwhile(&before.hosts), true).await?;
    let shares = asking.all().await;
    let network = ctx.cache.networks.get("", &key.name).unwrap_or(network);
    finish(ctx, key, &network, shares, false).await
}

async fn share(name: &str, host: &HostHandle, desired: &DesiredNetwork, xml: &str) -> Share {
    match realize(host, desired, xml, false).await {
        Ok((state, verdict)) => Share {
            state,
            verdict,
            size: None,
        },
        Err(error) => Share::unknown(name, sites::refusal(name, &desired.name, &error), None),
    }
}

async fn finish(
    ctx: &Ctx,
    key: &Key,
    network: &Network,
    shares: Vec<Share>,
    at_once: bool,
) -> Result<Again, Error> {
    let before = &network.status.clone().unwrap_or_default();
    let verdicts: Vec<_> = shares
        .iter()
        .map(|share| (share.state.name.clone(), share.verdict.clone()))
        .collect();
    let hosts: Vec<_> = shares.into_iter().map(|share| share.state).collect();
    let changed = before.hosts != hosts;
    let status = NetworkStatus {
        hosts,
        ..before.clone()
    };
    let verdict = sites::overall(&verdicts);
    let failed = matches!(verdict.reason, Reason::NotRealized | Reason::Creating);
    let report = Report {
        key,
        object: network,
        before,
        status,
        verdict,
        others: Vec::new(),
    };
    let again = match at_once {
        true => report::at_once(ctx, &ctx.cache.networks, report).await?,
        false => report::report(ctx, &ctx.cache.networks, report).await?,
    };
    if changed || ctx.memory.was_in_doubt(key) {
        ctx.hints.hint_everything();
    }
    Ok(if failed { Again::Failed } else { again })
}

// Takes the plan's steps on one host until there is nothing more to do.
async fn realize(
    host: &HostHandle,
    desired: &DesiredNetwork,
    xml: &str,
    deleting: bool,
) -> Result<(HostState, Verdict), HostError> {
    for _ in 0..MOST_STEPS {
        let observed = host.network(&desired.name).await?;
        let in_use = match &observed {
            Some(network) if network.active => used(host, &desired.name).await?,
            _ => false,
        };
        let plan = match deleting {
            false => plan(desired, observed.as_deref(), in_use),
            true => plan_deletion(desired, observed.as_deref(), in_use),
        };
        let Some(step) = plan.step else {
            let active = observed.as_ref().is_some_and(|network| network.active);
            let mut state = sites::state(&host.name, active, &plan.verdict);
            state.bridge = observed.and_then(|network| network.definition.bridge.clone());
            return Ok((state, plan.verdict));
        };
        tracing::info!(host = host.name, network = desired.name, ?step, "step");
        host.step_network(step, &desired.name, desired.uuid, xml)
            .await?;
    }
    let verdict = Verdict::new(Reason::Creating, "it is not settled yet");
    Ok((sites::state(&host.name, false, &verdict), verdict))
}

// Whether a running domain is in it.
async fn used(host: &HostHandle, name: &str) -> Result<bool, HostError> {
    let domains = host.all_domains().await?;
    let mut live = domains.iter().filter_map(|domain| domain.live.as_ref());
    Ok(live.any(|live| {
        live.interfaces
            .iter()
            .any(|nic| nic.network.as_deref() == Some(name))
    }))
}

async fn delete(
    ctx: &Ctx,
    key: &Key,
    network: &Network,
    desired: &DesiredNetwork,
) -> Result<Again, Error> {
    match report::is_unwanted(ctx, network).await? {
        Unwanted::Yes => {}
        Unwanted::KindWithdrawn => return report::let_go(ctx, key, network).await,
        Unwanted::Another => return Ok(Again::Failed),
    }
    let before = network.status.clone().unwrap_or_default();
    let users: Vec<String> = ctx
        .cache
        .machines
        .all()
        .iter()
        .filter(|machine| {
            let mut interfaces = machine.spec.interfaces.iter();
            interfaces.any(|nic| nic.network == key.name)
        })
        .map(|machine| sites::full_name(&**machine))
        .collect();
    let mut removal = Removal::new(&desired.name, &before.hosts, &users);
    for (name, host) in removal.hosts(ctx) {
        let done = realize(&host, desired, "", true).await;
        removal.heard(&name, done.map(|(_, verdict)| verdict));
    }
    let verdict = removal.verdict();
    if verdict.reason == Reason::Deleting {
        return report::let_go(ctx, key, network).await;
    }
    let again = report::unsettled(verdict.reason);
    let status = before.clone();
    let report = Report {
        key,
        object: network,
        before: &before,
        status,
        verdict,
        others: Vec::new(),
    };
    report::report(ctx, &ctx.cache.networks, report).await?;
    Ok(again)
}
