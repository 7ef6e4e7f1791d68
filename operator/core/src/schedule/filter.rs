//! Why one host does not fit, by what changes with every machine.

use super::fleet::Fleet;
use super::limits::{Forbidden, Prepared};
use super::reasons::Reason;
use super::request::{Hugepages, Request};

/// What a host was found to lack, in the order in which it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Check {
    /// A limit, by its place among those of the request.
    Limit(usize, Forbidden),
    Machines,
    Hugepages,
    /// By its place in the usage.
    Device(usize),
    /// By its place in the usage.
    Pool(usize),
    Cpu,
    Memory,
}

impl Check {
    /// How much was asked of it, if it is an amount.
    pub(super) fn asked(self, request: &Request) -> Option<u64> {
        let usage = &request.machine.usage;
        match self {
            Self::Limit(..) | Self::Machines => None,
            Self::Hugepages => usage.hugepages.map(|it| it.amount),
            Self::Device(at) => Some(usage.devices[at].1),
            Self::Pool(at) => Some(usage.pools[at].1),
            Self::Cpu => Some(usage.vcpus),
            Self::Memory => Some(usage.memory),
        }
    }
}

impl Fleet {
    /// What a host that has what the machine wants of hosts lacks.
    pub(super) fn check(&self, request: &Request, prepared: &Prepared, slot: u32) -> Option<Check> {
        let limits = prepared.limits.iter().enumerate();
        let mut forbidden = limits.filter_map(|(at, limit)| {
            let forbidden = self.forbidden(limit, slot)?;
            Some(Check::Limit(at, forbidden))
        });
        let short = || {
            let room = self.grid.room(slot)?;
            let usage = &request.machine.usage;
            if usage.vcpus > room.cpus {
                return Some(Check::Cpu);
            }
            (usage.memory > room.memory).then_some(Check::Memory)
        };
        forbidden
            .next()
            .or_else(|| self.short_of(request, slot))
            .or_else(short)
    }

    /// What a host has too little of, beside CPUs and memory.
    pub(super) fn short_of(&self, request: &Request, slot: u32) -> Option<Check> {
        let host = &self.slots[slot as usize];
        let facts = host.facts.as_deref()?;
        let usage = &request.machine.usage;
        if host.taken.machines(facts) >= facts.max_machines {
            return Some(Check::Machines);
        }
        let short =
            |check: Check, asked: u64| (asked > self.free(request, check, slot)).then_some(check);
        let pages = usage.hugepages;
        let pages = pages.and_then(|pages| short(Check::Hugepages, pages.amount));
        let devices = usage.devices.iter().enumerate();
        let mut devices = devices.filter_map(|(at, (_, asked))| short(Check::Device(at), *asked));
        let pools = usage.pools.iter().enumerate();
        let mut pools = pools.filter_map(|(at, (_, asked))| short(Check::Pool(at), *asked));
        pages.or_else(|| devices.next()).or_else(|| pools.next())
    }

    /// What is free on a host of what a check is about.
    pub(super) fn free(&self, request: &Request, check: Check, slot: u32) -> u64 {
        let host = &self.slots[slot as usize];
        let Some(facts) = host.facts.as_deref() else {
            return 0;
        };
        let usage = &request.machine.usage;
        match check {
            Check::Limit(..) => 0,
            Check::Machines => {
                let room = facts
                    .max_machines
                    .saturating_sub(host.taken.machines(facts));
                u64::from(room)
            }
            Check::Hugepages => usage.hugepages.map_or(0, |Hugepages { page, cell, .. }| {
                host.taken.free_hugepages(facts, page, cell)
            }),
            Check::Device(at) => host.taken.free_devices(facts, &usage.devices[at].0),
            Check::Pool(at) => self.free_pool(host, facts, &usage.pools[at].0),
            Check::Cpu => host.taken.room(facts).cpus,
            Check::Memory => host.taken.room(facts).memory,
        }
    }

    pub(super) fn reason_of(&self, request: &Request, prepared: &Prepared, check: Check) -> Reason {
        let usage = &request.machine.usage;
        match check {
            Check::Limit(at, forbidden) => self.reason(&prepared.limits[at], forbidden),
            Check::Machines => Reason::Machines,
            Check::Hugepages => Reason::Hugepages(usage.hugepages.map_or(0, |it| it.page)),
            Check::Device(at) => Reason::Device(usage.devices[at].0.clone()),
            Check::Pool(at) => Reason::PoolRoom(usage.pools[at].0.clone()),
            Check::Cpu => Reason::Cpu,
            Check::Memory => Reason::Memory,
        }
    }
}
