//! A running machine's addresses. No event tells of them, so they are looked for a few times after
//! a start.

use std::time::Duration;

use drover_core::desired::machine::DesiredMachine;
use drover_crds::VirtualMachine;
use drover_crds::virtual_machine::InterfaceStatus;

use super::Outcome;
use crate::ctx::Ctx;
use crate::hosts::HostHandle;
use crate::reconcile::{Again, Key};

// 1, 2, 4, 8, 16 seconds and then every 30: five minutes in all.
const MOST_LOOKS: u32 = 14;
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The interfaces with their addresses, and when to look for one that is missing.
pub(super) async fn look(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    host: &HostHandle,
    outcome: &Outcome,
) -> (Vec<InterfaceStatus>, Again) {
    let known = machine
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.interfaces[..]);
    let running = outcome
        .domain
        .as_ref()
        .is_some_and(|domain| domain.state.is_active());
    let was_running = machine
        .status
        .as_ref()
        .and_then(|status| status.state.as_ref())
        .is_some_and(|state| state == "Running");
    if !running || !was_running {
        ctx.memory.reset_looks(key);
    }
    let mut interfaces: Vec<InterfaceStatus> = desired
        .interfaces
        .iter()
        .map(|nic| {
            let same = |known: &&InterfaceStatus| known.name == nic.name && known.mac == nic.mac;
            let ips = known.iter().find(same).filter(|_| running && was_running);
            InterfaceStatus {
                name: nic.name.clone(),
                mac: nic.mac.clone(),
                ips: ips.map(|known| known.ips.clone()).unwrap_or_default(),
            }
        })
        .collect();
    if !running {
        return (interfaces, Again::WhenHinted);
    }
    let mut missing = false;
    for (nic, interface) in desired.interfaces.iter().zip(&mut interfaces) {
        if interface.ips.is_empty() && gives_addresses(ctx, &nic.network) {
            let leases = host.leases(&nic.network).await.unwrap_or_default();
            let ours = leases.into_iter().filter(|(mac, _)| *mac == nic.mac);
            interface.ips = ours.map(|(_, ip)| ip).collect();
            missing |= interface.ips.is_empty();
        }
    }
    if !missing {
        return (interfaces, Again::WhenHinted);
    }
    let looks = ctx.memory.count_look(key);
    if looks > MOST_LOOKS {
        return (interfaces, Again::WhenHinted);
    }
    let wait = Duration::from_secs(1 << (looks - 1).min(5)).min(LONGEST_WAIT);
    (interfaces, Again::After(wait))
}

fn gives_addresses(ctx: &Ctx, network: &str) -> bool {
    let network = ctx.cache.networks.get("", network);
    network.is_some_and(|network| {
        network
            .spec
            .subnets
            .iter()
            .any(|subnet| subnet.dhcp.is_some())
    })
}
