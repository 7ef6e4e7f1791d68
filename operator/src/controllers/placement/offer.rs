//! What a host has to offer: as it was seen there, or as its object tells.

use drover_core::desired::host::DesiredHost;
use drover_core::schedule::Guest;
use drover_crds::{Host, Quantity, condition};

use crate::controllers::host::duplicate_of;
use crate::ctx::Ctx;
use crate::hosts::HostHandle;

/// What a host has to offer.
#[derive(Debug, Default)]
pub(super) struct Offer {
    pub(super) reachable: bool,
    /// Another Host stands for the same machine.
    pub(super) duplicate: bool,
    pub(super) guests: Vec<Guest>,
    pub(super) cpus: u64,
    pub(super) memory: u64,
}

impl Offer {
    /// As it was seen there.
    pub(super) fn seen(ctx: &Ctx, name: &str, handle: &HostHandle, desired: &DesiredHost) -> Self {
        let Some(facts) = handle.read(|inventory| inventory.facts.clone()) else {
            return Self::default();
        };
        let guests = facts.capabilities.guests.iter();
        let guests = guests.map(|(architecture, domains)| Guest {
            architecture: architecture.clone(),
            domain_types: domains.clone(),
            ..Guest::default()
        });
        Self {
            reachable: handle.is_up(),
            duplicate: duplicate_of(ctx, name, &facts).is_some(),
            guests: guests.collect(),
            cpus: desired.allocatable_cpus(facts.cpus),
            memory: desired.allocatable_memory(facts.memory),
        }
    }

    /// As its object tells, with rounded amounts.
    pub(super) fn told(host: &Host) -> Self {
        let Some(status) = &host.status else {
            return Self::default();
        };
        let allocatable = status.allocatable.as_ref();
        let amount = |text: &str| Quantity::from(text).bytes().unwrap_or(0);
        let guests = status.architecture.iter().map(|architecture| Guest {
            architecture: architecture.clone(),
            ..Guest::default()
        });
        Self {
            reachable: condition::is_true(&status.conditions, "Connected"),
            duplicate: false,
            guests: guests.collect(),
            cpus: allocatable.map_or(0, |it| amount(&it.cpu)),
            memory: allocatable.map_or(0, |it| amount(&it.memory)),
        }
    }
}
