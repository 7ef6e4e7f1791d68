//! What each host has of a machine, as far as this operator has heard.

use std::sync::Arc;

use drover_core::desired::machine::DesiredMachine;
use drover_core::observed::domain::ObservedDomain;
use drover_core::placement::{Purpose, Sight, Sighting};
use drover_crds::Host;
use drover_crds::common::CONFIRMED_OFF;
use drover_crds::condition;
use jiff::Timestamp;
use kube::ResourceExt;

use crate::ctx::Ctx;
use crate::hosts::HostHandle;

/// The hosts that have what goes with a machine, those that run it first.
pub async fn copies(ctx: &Ctx, desired: &DesiredMachine) -> Vec<String> {
    let seen = sightings(ctx, desired, None, Purpose::Deleting).await;
    let copies = drover_core::placement::copies(&seen.all());
    copies.into_iter().map(str::to_owned).collect()
}

/// What each host has of a machine that has anything of it, or may have: its name, whether it was
/// listed, whether it is off.
pub(super) struct Seen(Vec<(String, bool, bool, Sight)>);

impl Seen {
    pub(super) fn all(&self) -> Vec<Sighting<'_>> {
        let mut all = Vec::with_capacity(self.0.len());
        for (host, listed, off, sight) in &self.0 {
            all.push(Sighting {
                host,
                listed: *listed,
                off: *off,
                sight: *sight,
            });
        }
        all
    }
}

/// Hosts that answer are looked at; of the others what was last seen counts. Where the machine is not
/// bound, what was heard of a domain is not enough: it is looked at anew.
pub(super) async fn sightings(
    ctx: &Ctx,
    desired: &DesiredMachine,
    bound: Option<&str>,
    purpose: Purpose,
) -> Seen {
    ctx.hosts.ensure_all(&ctx.cache.hosts);
    let mut seen = Vec::new();
    // Whoever has nothing of it and can tell so says nothing: of thousands of hosts almost all.
    for handle in ctx.hosts.that_may_have(desired.uuid) {
        // Its object may have gone a moment ago.
        let Some(host) = ctx.cache.hosts.get("", &handle.name) else {
            continue;
        };
        let (listed, last) = handle.read(|inventory| {
            let known = inventory.domains.get(&desired.uuid);
            let last = known.map(|(name, slot)| (name.clone(), slot.value.clone()));
            (inventory.listed, last)
        });
        let anew = bound != Some(handle.name.as_str());
        let sight = match last {
            Some(last) => sight(&handle, desired, last, (anew, purpose)).await,
            None => Sight::Nothing,
        };
        if !listed || sight != Sight::Nothing {
            seen.push((handle.name.clone(), listed, confirmed_off(&host), sight));
        }
    }
    Seen(seen)
}

// Of a domain that was seen on a host before, `last`.
async fn sight(
    host: &HostHandle,
    desired: &DesiredMachine,
    (name, last): (String, Option<Arc<ObservedDomain>>),
    (anew, purpose): (bool, Purpose),
) -> Sight {
    if anew {
        host.mark_domain(desired.uuid, &name);
    }
    let domain = match host.domain(desired.uuid).await {
        Ok(None) => return Sight::Nothing,
        Ok(domain) => domain,
        Err(_) => last,
    };
    domain.map_or(Sight::Unseen, |domain| Sight::of(desired, &domain, purpose))
}

/// Whether a person has said that it is off. The word counts if it is younger than the loss of contact.
pub(super) fn confirmed_off(host: &Host) -> bool {
    let word = host.annotations().get(CONFIRMED_OFF);
    let Some(word) = word.and_then(|text| text.parse::<Timestamp>().ok()) else {
        return false;
    };
    let conditions = host
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions[..]);
    match condition::find(conditions, "Connected") {
        Some(connected) if connected.status == "True" => false,
        Some(connected) => word >= connected.last_transition_time.0,
        None => true,
    }
}
