//! A running machine's addresses. No event tells of them, so they are looked for after a start until
//! one shows, then when its agent or its devices change, and at half the time of a lease.

use std::time::Duration;

use drover_core::addresses::{self, Seen};
use drover_core::desired::machine::{DesiredInterface, DesiredMachine};
use drover_crds::network::NetworkMode;
use drover_crds::virtual_machine::InterfaceStatus;
use drover_crds::{ManagementPolicy, VirtualMachine};
use tokio::time::Instant;

use super::Outcome;
use crate::ctx::{Ctx, Looks};
use crate::hosts::HostHandle;
use crate::reconcile::{Again, Key};

/// The interfaces with their addresses, and when to look for them again.
pub(super) async fn look(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    host: &HostHandle,
    outcome: &Outcome,
) -> (Vec<InterfaceStatus>, Again) {
    let status = machine.status.as_ref();
    let was_running = status.and_then(|status| status.state.as_deref()) == Some("Running");
    let known = status.filter(|_| was_running);
    let known = known.map_or(&[][..], |status| &status.interfaces[..]);
    let domain = outcome.domain.as_ref();
    let Some(domain) = domain.filter(|domain| domain.state.is_active()) else {
        ctx.memory.reset_looks(key);
        return (interfaces(ctx, desired, &[], &[], false), Again::WhenHinted);
    };
    if !was_running {
        ctx.memory.reset_looks(key);
    }
    let looks = ctx.memory.looks(key);
    let news = host.write(|inventory| inventory.readdressed.remove(&desired.uuid));
    let before = interfaces(ctx, desired, known, &[], true);
    let due = looks.due.is_some_and(|due| due <= Instant::now());
    let missing = |all: &[InterfaceStatus]| {
        let mut all = desired.interfaces.iter().zip(all);
        all.any(|(nic, known)| known.ips.is_empty() && is_spoken_to(ctx, nic))
    };
    // An operator that starts again knows what the status says, but not for how long it is so.
    let first = !looks.made && (missing(&before) || leased(ctx, desired, &before));
    if !news && !due && !first {
        return (before, again(looks.due));
    }
    let places = desired.interfaces.iter();
    let places = places.map(|nic| (nic.network.as_str(), nic.mac.as_str()));
    let places: Vec<_> = places.collect();
    let seen = host.addresses(domain, &places).await;
    // What is not seen any more when its time has come is gone.
    let kept = if due && !missing(&before) { &[] } else { known };
    let found = interfaces(ctx, desired, kept, &seen, true);
    let looks = next(&looks, desired, &seen, missing(&found));
    ctx.memory.set_looks(key, looks);
    (found, again(looks.due))
}

// Whether an interface has another address than the one that is kept for it: one that somebody has to
// renew.
fn leased(ctx: &Ctx, desired: &DesiredMachine, known: &[InterfaceStatus]) -> bool {
    let mut all = desired.interfaces.iter().zip(known);
    all.any(|(nic, known)| {
        let ip = known.ips.first();
        ip.is_some() && (!serves(ctx, nic) || ip != nic.ip_address.as_ref())
    })
}

// Whether somebody may tell of an address there: a DHCP server, or neighbours outside of the host.
fn is_spoken_to(ctx: &Ctx, nic: &DesiredInterface) -> bool {
    let network = ctx.cache.networks.get("", &nic.network);
    network.is_some_and(|network| {
        let mode = network.spec.mode;
        let outside = matches!(
            mode,
            NetworkMode::Bridge | NetworkMode::OVS | NetworkMode::Macvtap
        );
        let observed = network.spec.management_policy == ManagementPolicy::Observe;
        outside
            || observed
            || network
                .spec
                .subnets
                .iter()
                .any(|subnet| subnet.dhcp.is_some())
    })
}

fn again(due: Option<Instant>) -> Again {
    let now = Instant::now();
    due.map_or(Again::WhenHinted, |due| Again::After(due - now.min(due)))
}

fn next(looks: &Looks, desired: &DesiredMachine, seen: &[Seen], missing: bool) -> Looks {
    let macs: Vec<&str> = desired
        .interfaces
        .iter()
        .map(|nic| nic.mac.as_str())
        .collect();
    let (vain, wait) = match missing {
        true => (looks.vain + 1, addresses::wait(looks.vain + 1)),
        false => (0, None),
    };
    let renewal = addresses::renewal(&macs, seen);
    let wait = wait.into_iter().chain(renewal).min();
    Looks {
        made: true,
        vain,
        due: wait.map(|wait| Instant::now() + Duration::from_secs(wait)),
    }
}

// What is kept for an interface is known without a look, unless it had another one before, which it
// has until it asks anew.
fn interfaces(
    ctx: &Ctx,
    desired: &DesiredMachine,
    known: &[InterfaceStatus],
    seen: &[Seen],
    running: bool,
) -> Vec<InterfaceStatus> {
    let before = |nic: &DesiredInterface| {
        let mut same = known.iter();
        let same = same.find(|known| known.name == nic.name && known.mac == nic.mac);
        same.map(|known| known.ips.clone()).unwrap_or_default()
    };
    let all = desired.interfaces.iter().map(|nic| {
        let before = before(nic);
        let kept = nic
            .ip_address
            .iter()
            .filter(|ip| running && serves(ctx, nic) && (before.is_empty() || before.contains(ip)));
        let kept: Vec<String> = kept.cloned().collect();
        let found = addresses::of(&nic.mac, seen);
        let ips = [found, kept, before];
        let ips = ips.into_iter().find(|ips| !ips.is_empty());
        InterfaceStatus {
            name: nic.name.clone(),
            mac: nic.mac.clone(),
            ips: ips.unwrap_or_default(),
        }
    });
    all.collect()
}

// Whether the network keeps what the interface asks for.
fn serves(ctx: &Ctx, nic: &DesiredInterface) -> bool {
    ctx.memory.rulings.keeps(&nic.network, &nic.mac)
}
