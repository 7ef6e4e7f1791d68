//! What a host has to offer: as it was seen there, or as its object tells.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use drover_core::desired::host::DesiredHost;
use drover_core::host_devices::HostDevices;
use drover_core::observed::node_device::Address;
use drover_core::schedule::{Guest, HugepageRoom};
use drover_crds::host::{OfferedDevice, Resources};
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
    pub(super) guests: Arc<[Guest]>,
    pub(super) cpu_class: u32,
    pub(super) cpus: u64,
    pub(super) memory: u64,
    pub(super) hugepages: Vec<HugepageRoom>,
    /// How many devices there are of each resource that others have not.
    pub(super) devices: BTreeMap<String, u64>,
}

impl Offer {
    /// As it was seen there. `twin`: another Host may stand for the same machine; `taken`: devices that
    /// others have.
    pub(super) fn seen(
        ctx: &Ctx,
        handle: &HostHandle,
        desired: &DesiredHost,
        twin: bool,
        taken: &HashSet<Address>,
    ) -> Self {
        let Some(facts) = handle.read(|inventory| inventory.facts.clone()) else {
            return Self::default();
        };
        Self {
            reachable: handle.is_up(),
            duplicate: twin && duplicate_of(ctx, &handle.name, &facts).is_some(),
            guests: Arc::clone(&facts.guests),
            cpu_class: facts.cpu_class,
            cpus: desired.allocatable_cpus(facts.cpus),
            memory: desired.allocatable_memory(facts.ordinary_memory()),
            hugepages: facts.capabilities.hugepages.clone(),
            devices: devices(handle, &desired.devices).count_without(taken),
        }
    }

    /// As its object tells, with rounded amounts. What it does not tell is taken to be there.
    pub(super) fn told(host: &Host) -> Self {
        let Some(status) = &host.status else {
            return Self::default();
        };
        let allocatable = status.allocatable.as_ref();
        let own = status.architecture.iter();
        let further = status.guest_architectures.iter();
        let further = further.filter(|it| Some(*it) != status.architecture.as_ref());
        let guests = own.chain(further).map(|architecture| Guest {
            architecture: architecture.clone(),
            efi: true,
            secure_boot: true,
            tpm: true,
            ..Guest::default()
        });
        Self {
            reachable: condition::is_true(&status.conditions, "Connected"),
            guests: guests.collect(),
            cpus: allocatable.map_or(0, |it| amount(&it.cpu)),
            memory: allocatable.map_or(0, |it| amount(&it.memory)),
            hugepages: allocatable.map_or_else(Vec::new, pages),
            devices: allocatable.map_or_else(BTreeMap::new, told_devices),
            ..Self::default()
        }
    }
}

/// The devices of a host that its machines may be given of those that its Host offers, as far as it has
/// been asked.
pub fn devices(handle: &HostHandle, offered: &[OfferedDevice]) -> HostDevices {
    let there = handle.read(|inventory| inventory.devices.value.clone());
    HostDevices::new(offered, there.as_deref().map_or(&[][..], Vec::as_slice))
}

fn told_devices(told: &Resources) -> BTreeMap<String, u64> {
    let counts = told.devices.iter();
    counts
        .map(|(resource, count)| (resource.clone(), amount(count)))
        .collect()
}

fn pages(told: &Resources) -> Vec<HugepageRoom> {
    let pages = told.hugepages.iter().map(|(page, all)| HugepageRoom {
        page: amount(page),
        cell: 0,
        amount: amount(all),
    });
    pages.collect()
}

fn amount(text: &str) -> u64 {
    Quantity::from(text).bytes().unwrap_or(0)
}

/// Huge pages, as a Host tells of them: how much there is of each size.
pub fn hugepages(rooms: &[HugepageRoom]) -> BTreeMap<String, String> {
    let mut sums: BTreeMap<u64, u64> = BTreeMap::new();
    for room in rooms {
        let sum = sums.entry(room.page).or_default();
        *sum = sum.saturating_add(room.amount);
    }
    let bytes = drover_crds::quantity::bytes;
    let sums = sums.into_iter();
    sums.map(|(page, sum)| (bytes(page), bytes(sum))).collect()
}
