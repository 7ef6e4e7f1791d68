//! Why one host does not fit, by what changes with every machine.

use smallvec::SmallVec;

use super::fleet::Fleet;
use super::limits::{Forbidden, Prepared};
use super::reasons::Reason;
use super::request::{Hugepages, Request};
use super::score::Room;

/// What a request takes by name, by the numbers of the names.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pools: SmallVec<[u32; 2]>,
    devices: SmallVec<[u32; 2]>,
}

/// What a host was found to lack, in the order in which it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Check {
    /// A limit, by its place among those of the request.
    Limit(usize, Forbidden),
    Cpu,
    Memory,
    Machines,
    Hugepages,
    /// By its place in the usage.
    Device(usize),
    /// By its place in the usage.
    Pool(usize),
}

impl Check {
    /// The amounts that a request asks for, beside CPUs and memory.
    pub(super) fn amounts(request: &Request) -> impl Iterator<Item = Self> {
        let usage = &request.machine.usage;
        let pages = usage.hugepages.map(|_| Self::Hugepages);
        let devices = (0..usage.devices.len()).map(Self::Device);
        let pools = (0..usage.pools.len()).map(Self::Pool);
        pages.into_iter().chain(devices).chain(pools)
    }

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Limit(..) => "machines of others",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Machines => "maxMachines",
            Self::Hugepages => "hugepages",
            Self::Device(_) => "devices",
            Self::Pool(_) => "pool room",
        }
    }

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

/// Which of CPUs and memory there is too little of, and how much is free.
pub(super) fn too_little(request: &Request, room: &Room) -> Option<(Check, u64)> {
    let usage = &request.machine.usage;
    if usage.vcpus > room.cpus {
        return Some((Check::Cpu, room.cpus));
    }
    (usage.memory > room.memory).then_some((Check::Memory, room.memory))
}

impl Fleet {
    /// What a host that has what the machine wants of hosts lacks.
    pub(super) fn check(&self, request: &Request, prepared: &Prepared, slot: u32) -> Option<Check> {
        let limits = prepared.limits.iter().enumerate();
        let mut forbidden = limits.filter_map(|(at, limit)| {
            let forbidden = self.forbidden(limit, slot)?;
            Some(Check::Limit(at, forbidden))
        });
        let room = || {
            self.grid
                .room(slot)
                .and_then(|room| too_little(request, room))
                .map(|(check, _)| check)
        };
        let rest = || self.short_of(request, &prepared.asked, slot);
        forbidden.next().or_else(room).or_else(rest)
    }

    pub(super) fn asked(&self, request: &Request) -> Asked {
        let usage = &request.machine.usage;
        let numbers =
            |all: &[(String, u64)]| all.iter().map(|(name, _)| self.number_of(name)).collect();
        Asked {
            pools: numbers(&usage.pools),
            devices: numbers(&usage.devices),
        }
    }

    /// What a host has too little of, beside CPUs and memory.
    pub(super) fn short_of(&self, request: &Request, of: &Asked, slot: u32) -> Option<Check> {
        let host = &self.slots[slot as usize];
        let facts = host.facts.as_ref()?;
        if host.taken.machines(facts) >= facts.max_machines {
            return Some(Check::Machines);
        }
        let mut amounts = Check::amounts(request);
        amounts.find(|check| {
            let asked = check.asked(request).unwrap_or(0);
            asked > self.free(request, of, *check, slot)
        })
    }

    /// What is free on a host of what a check is about.
    pub(super) fn free(&self, request: &Request, asked: &Asked, check: Check, slot: u32) -> u64 {
        let host = &self.slots[slot as usize];
        let Some(facts) = host.facts.as_ref() else {
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
            Check::Device(at) => host.taken.free_devices(facts, asked.devices[at]),
            Check::Pool(at) => self.free_pool(host, facts, asked.pools[at]),
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
