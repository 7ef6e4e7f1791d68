//! Who has which address in a network: decided where the network is looked at, and known where its
//! machines are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use drover_core::desired::machine::DesiredMachine;
use drover_core::desired::network::DesiredNetwork;
use drover_core::plan::Verdict;
use drover_core::reservations::{Claim, Ruling};
use drover_crds::VirtualMachine;
use drover_crds::condition::Reason;

use crate::ctx::Ctx;
use crate::hosts::HostHandle;
use crate::reconcile::Key;

/// What was decided last, by network. Losing it costs time, never data.
#[derive(Debug, Default)]
pub struct Rulings(Mutex<HashMap<String, Arc<Ruling>>>);

impl Rulings {
    fn get(&self, network: &str) -> Option<Arc<Ruling>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(network).cloned()
    }

    fn all(&self) -> Vec<(String, Arc<Ruling>)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = known
            .iter()
            .map(|(name, ruling)| (name.clone(), Arc::clone(ruling)));
        all.collect()
    }

    fn set(&self, network: &str, ruling: Arc<Ruling>) -> Option<Arc<Ruling>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(network.to_owned(), ruling)
    }

    /// Whether a network keeps an address for this MAC address.
    #[must_use]
    pub fn keeps(&self, network: &str, mac: &str) -> bool {
        let ruling = self.get(network);
        ruling.is_some_and(|ruling| ruling.reservations.iter().any(|kept| kept.mac == mac))
    }

    /// Forgets a network.
    pub fn forget(&self, network: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(network);
    }
}

/// Decides on the claims of all machines. One that is being deleted has what it has until it is gone.
pub fn rule(ctx: &Ctx, network: &DesiredNetwork) -> Ruling {
    let machines = ctx.cache.machines.all();
    let claims = machines.iter();
    let claims = claims.flat_map(|machine| Claim::of(machine, &ctx.fleet, &network.name));
    Ruling::of(network, claims.collect())
}

/// Decides, and tells the machines of which it was decided otherwise before.
pub fn decide(ctx: &Ctx, network: &DesiredNetwork) -> Arc<Ruling> {
    let ruling = Arc::new(rule(ctx, network));
    let before = ctx.memory.rulings.set(&network.name, Arc::clone(&ruling));
    for (namespace, name) in ruling.differs_for(before.as_deref()) {
        ctx.hints.hint(Key::machine(namespace, name));
    }
    ruling
}

/// Asks for a look at the machines of a host that wait for what a network keeps for them.
pub fn hint_waiting(ctx: &Ctx, ruling: &Ruling, host: &str) {
    for (namespace, name) in ruling.keepers() {
        let machine = ctx.cache.machines.get(namespace, name);
        let status = machine.as_ref().and_then(|machine| machine.status.as_ref());
        let runs = status.and_then(|status| status.state.as_deref()) == Some("Running");
        let here = status.and_then(|status| status.host.as_deref()) == Some(host);
        if here && !runs {
            ctx.hints.hint(Key::machine(namespace, name));
        }
    }
}

/// Asks for a look at each network that has to decide on a machine anew. `machine` is none when it is
/// gone.
pub fn hint_networks(ctx: &Ctx, key: &Key, machine: Option<&VirtualMachine>) {
    let name = (key.namespace.clone(), key.name.clone());
    for (network, ruling) in ctx.memory.rulings.all() {
        let claims = machine.map(|machine| Claim::of(machine, &ctx.fleet, &network));
        if !ruling.knows(&name, &claims.unwrap_or_default()) {
            ctx.hints.hint(Key::network(&network));
        }
    }
}

/// What keeps a machine from what it asks of its networks: that it may not have it, or that its host
/// does not keep it yet.
pub async fn hindrance(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    host: &HostHandle,
) -> Option<Verdict> {
    let name = (desired.namespace.clone(), desired.name.clone());
    let mut looked = Vec::new();
    for interface in &desired.interfaces {
        let network = interface.network.as_str();
        if looked.contains(&network) {
            continue;
        }
        looked.push(network);
        let wait = |message: String| Some(Verdict::new(Reason::NetworkNotReady, message));
        let ruling = ctx.memory.rulings.get(network);
        let claims = Claim::of(machine, &ctx.fleet, network);
        let known = |ruling: &Arc<Ruling>| ruling.knows(&name, &claims);
        let Some(ruling) = ruling.clone().filter(known) else {
            ctx.hints.hint(Key::network(network));
            // A network may be long at a host that is slow. Who asks for no address needs none of it, as
            // long as nobody else has its MAC address.
            let asks = claims.iter().any(|claim| claim.ip.is_some());
            let free = ruling.is_none_or(|ruling| !ruling.has_another(&name, &claims));
            if !asks && free {
                continue;
            }
            return wait(format!(
                "Network {network} has not heard of the machine yet"
            ));
        };
        if let Some(refused) = ruling.refused(&name) {
            return Some(Verdict::new(Reason::InvalidSpec, refused.to_string()));
        }
        for kept in ruling.kept_for(&name) {
            let here = match host.network(network).await {
                Ok(here) => here,
                Err(error) => return wait(error.to_string()),
            };
            let ip = kept.ip.to_string();
            if !here.is_some_and(|here| here.keeps(&kept.mac, &ip)) {
                let host = &host.name;
                return wait(format!(
                    "Network {network} on {host} does not keep {ip} yet"
                ));
            }
        }
    }
    None
}
