//! Networks.

use std::sync::atomic::{AtomicBool, Ordering};

use drover_core::desired::network::DesiredNetwork;
use drover_core::observed::network::ObservedNetwork;
use drover_core::plan::Verdict;
use drover_core::plan::network::{Step, plan, plan_deletion};
use drover_core::reservations::{Reservation, Ruling};
use drover_crds::condition::Reason;
use drover_crds::{HostState, Network, NetworkStatus};
use futures::FutureExt;

use super::report::{self, Report, Unwanted};
use super::reservations;
use super::sites::{self, Asking, Removal, Share};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::{HostError, HostHandle};
use crate::reconcile::{Again, Key};

/// More than a Network can declare by itself.
const MOST_DECLARED: usize = 1_024;

/// Looks at one Network.
///
/// # Errors
/// When the API server says no.
pub async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    let Some(network) = ctx.cache.networks.get("", &key.name) else {
        ctx.memory.rulings.forget(&key.name);
        return Ok(Again::WhenHinted);
    };
    let mut desired = DesiredNetwork::parse(&network, &ctx.fleet)?;
    if network.metadata.deletion_timestamp.is_some() {
        return delete(ctx, key, &network, &desired).await;
    }
    let network = report::ensure_finalizer(ctx, &ctx.cache.networks, network).await?;
    let before = network.status.clone().unwrap_or_default();
    let ruling = reservations::decide(ctx, &desired);
    desired.reservations.clone_from(&ruling.reservations);
    let hosts = sites::selected(ctx, desired.host_selector.as_ref());
    let asked = hosts.iter().map(|(name, host)| {
        (
            name.clone(),
            share(ctx, name, host, &desired, &ruling).boxed(),
        )
    });
    let mut asking = Asking::new(asked);
    if asking.for_a_while().await {
        return finish(ctx, key, &network, asking.all().await, false).await;
    }
    finish(ctx, key, &network, asking.meanwhile(&before.hosts), true).await?;
    let shares = asking.all().await;
    let network = ctx.cache.networks.get("", &key.name).unwrap_or(network);
    finish(ctx, key, &network, shares, false).await
}

// Machines of this host that wait for what has changed do not wait for the other hosts too.
async fn share(
    ctx: &Ctx,
    name: &str,
    host: &HostHandle,
    desired: &DesiredNetwork,
    ruling: &Ruling,
) -> Share {
    let changed = AtomicBool::new(false);
    let realized = realize(host, desired, Some((ruling, &changed))).await;
    if changed.into_inner() {
        reservations::hint_waiting(ctx, ruling, name);
    }
    match realized {
        Ok((state, verdict)) => Share::new(state, verdict),
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

// Takes the plan's steps on one host until there is nothing more to do. Whether anything was done is
// noted. Without a ruling the network is on its way out.
async fn realize(
    host: &HostHandle,
    desired: &DesiredNetwork,
    wanted: Option<(&Ruling, &AtomicBool)>,
) -> Result<(HostState, Verdict), HostError> {
    let mut desired = desired.clone();
    let has = host.network(&desired.name).await?;
    let has = has.map_or(0, |network| network.config.items.len());
    // Each address, name and service that comes or goes is a step of its own.
    for _ in 0..MOST_DECLARED + has + desired.reservations.len() {
        let observed = host.network(&desired.name).await?;
        if let (Some((ruling, _)), Some(observed)) = (wanted, &observed) {
            desired.reservations = kept(host, &desired, ruling, observed).await?;
        }
        let decide = |observed: Option<&ObservedNetwork>, users: &[String]| match wanted {
            Some(_) => plan(&desired, observed, users),
            None => plan_deletion(&desired, observed, users),
        };
        let mut plan = decide(observed.as_deref(), &[]);
        // Only a stop does anything to guests.
        if plan.step == Some(Step::Destroy) {
            plan = decide(observed.as_deref(), &users(host, &desired.name).await?);
        }
        let Some(step) = plan.step else {
            if plan.verdict.reason == Reason::Realized
                && let Some(device) = host.missing_device(&desired.devices()).await?
            {
                let message = format!("there is no device {device} on the host");
                plan.verdict = Verdict::new(Reason::NotRealized, message);
            }
            let active = observed.as_ref().is_some_and(|network| network.active);
            let mut state = sites::state(&host.name, active, &plan.verdict);
            state.bridge = observed.and_then(|network| network.bridge().cloned());
            return Ok((state, plan.verdict));
        };
        let name = step.name();
        tracing::info!(host = host.name, network = desired.name, name, "step");
        let done = host.step_network(step, &desired.name, desired.uuid).await;
        if let Some((_, changed)) = wanted {
            changed.store(true, Ordering::Relaxed);
        }
        done?;
    }
    let verdict = Verdict::new(Reason::Creating, "it is not settled yet");
    Ok((sites::state(&host.name, false, &verdict), verdict))
}

/// What a host is to keep: for the machines that are declared, and for those of which it has more than
/// anybody has said.
pub(crate) async fn kept(
    host: &HostHandle,
    desired: &DesiredNetwork,
    ruling: &Ruling,
    observed: &ObservedNetwork,
) -> Result<Vec<Reservation>, HostError> {
    let mut kept = ruling.reservations.clone();
    let fixed = desired.subnets.iter().flat_map(|subnet| &subnet.hosts);
    let fixed = fixed.filter_map(|host| host.mac.as_deref());
    let known: Vec<&str> = kept
        .iter()
        .map(|kept| kept.mac.as_str())
        .chain(fixed)
        .collect();
    if desired.managed && observed.keeps_more_than(&known) {
        let domains = host.all_domains().await?;
        kept.extend(drover_core::reservations::left(
            desired, ruling, observed, &domains,
        ));
    }
    Ok(kept)
}

/// The running domains that are in a network: machines by their objects' names, others by their own.
pub(crate) async fn users(host: &HostHandle, name: &str) -> Result<Vec<String>, HostError> {
    let domains = host.all_domains().await?;
    let inside = domains.iter().filter(|domain| {
        let mut live = domain.live.iter();
        live.any(|live| {
            let mut nics = live.interfaces.iter();
            nics.any(|nic| nic.network.as_deref() == Some(name))
        })
    });
    let mut names: Vec<String> = inside
        .map(|domain| match domain.mark() {
            Some(mark) => format!("{}/{}", mark.namespace, mark.name),
            None => domain.name.clone(),
        })
        .collect();
    names.sort();
    Ok(names)
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
        let done = realize(&host, desired, None).await;
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
