//! What a host has to offer: as it was seen there, or as its object tells.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use drover_core::desired::host::DesiredHost;
use drover_core::host_devices::HostDevices;
use drover_core::observed::node_device::Address;
use drover_core::schedule::{Guest, HugepageRoom};
use drover_crds::host::Resources;
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
    devices: Devices,
}

// As they were seen, or how many there are.
#[derive(Debug)]
enum Devices {
    Seen(HostDevices),
    Told(BTreeMap<String, u64>),
}

impl Default for Devices {
    fn default() -> Self {
        Self::Told(BTreeMap::new())
    }
}

impl Offer {
    /// As it was seen there. `twin`: another Host may stand for the same machine.
    pub(super) fn seen(ctx: &Ctx, handle: &HostHandle, desired: &DesiredHost, twin: bool) -> Self {
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
            devices: Devices::Seen(devices(handle, desired)),
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
            devices: Devices::Told(allocatable.map_or_else(BTreeMap::new, told_devices)),
            ..Self::default()
        }
    }

    /// How many devices there are of each resource, without these.
    pub(super) fn devices_without(&self, taken: &HashSet<Address>) -> BTreeMap<String, u64> {
        match &self.devices {
            Devices::Seen(devices) => devices.count_without(taken),
            Devices::Told(counts) => counts.clone(),
        }
    }
}

/// The devices of a host that its machines may be given, as far as it has been asked.
pub fn devices(handle: &HostHandle, desired: &DesiredHost) -> HostDevices {
    let there = handle.read(|inventory| inventory.devices.value.clone());
    HostDevices::new(
        &desired.devices,
        there.as_deref().map_or(&[][..], Vec::as_slice),
    )
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
