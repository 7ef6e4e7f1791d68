//! What is taken of a host by the machines that are bound to it.

use super::super::request::{Hugepages, Usage};
use super::super::score::Room;
use super::host::{Amounts, Facts, Few, amount};

/// What machines take of a host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    pub(crate) vcpus: u64,
    pub(crate) memory: u64,
    pub(crate) machines: u32,
    pools: Few<1>,
    devices: Few<1>,
    hugepages: Vec<Hugepages>,
}

fn add(all: &mut Few<1>, name: u32, more: u64) {
    match all.iter_mut().find(|(it, _)| *it == name) {
        Some((_, sum)) => *sum = sum.saturating_add(more),
        None => {
            all.reserve_exact(1);
            all.push((name, more));
        }
    }
}

fn subtract(all: &mut Few<1>, name: u32, less: u64) {
    if let Some(at) = all.iter().position(|(it, _)| *it == name) {
        all[at].1 = all[at].1.saturating_sub(less);
        if all[at].1 == 0 {
            all.swap_remove(at);
        }
    }
}

/// What one machine takes, as the fleet keeps it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) vcpus: u64,
    pub(crate) memory: u64,
    pub(crate) pools: Few<1>,
    pub(crate) rare: Option<Box<Rare>>,
}

/// What few machines take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rare {
    pub(crate) hugepages: Option<Hugepages>,
    pub(crate) devices: Amounts,
    /// The machines that it keeps away, by the numbers of the terms.
    pub(crate) keeps_away: Box<[u32]>,
}

impl Taken {
    pub(crate) fn add(&mut self, parts: &Parts) {
        self.vcpus = self.vcpus.saturating_add(parts.vcpus);
        self.memory = self.memory.saturating_add(parts.memory);
        self.machines = self.machines.saturating_add(1);
        parts
            .pools
            .iter()
            .for_each(|(name, it)| add(&mut self.pools, *name, *it));
        let Some(rare) = &parts.rare else { return };
        rare.devices
            .iter()
            .for_each(|(name, it)| add(&mut self.devices, *name, *it));
        if let Some(pages) = rare.hugepages {
            let same = |it: &&mut Hugepages| (it.page, it.cell) == (pages.page, pages.cell);
            match self.hugepages.iter_mut().find(same) {
                Some(sum) => sum.amount = sum.amount.saturating_add(pages.amount),
                None => self.hugepages.push(pages),
            }
        }
    }

    pub(crate) fn subtract(&mut self, parts: &Parts) {
        self.vcpus = self.vcpus.saturating_sub(parts.vcpus);
        self.memory = self.memory.saturating_sub(parts.memory);
        self.machines = self.machines.saturating_sub(1);
        parts
            .pools
            .iter()
            .for_each(|(name, it)| subtract(&mut self.pools, *name, *it));
        let Some(rare) = &parts.rare else { return };
        rare.devices
            .iter()
            .for_each(|(name, it)| subtract(&mut self.devices, *name, *it));
        if let Some(pages) = rare.hugepages {
            let same = |it: &Hugepages| (it.page, it.cell) == (pages.page, pages.cell);
            if let Some(at) = self.hugepages.iter().position(same) {
                self.hugepages[at].amount = self.hugepages[at].amount.saturating_sub(pages.amount);
                if self.hugepages[at].amount == 0 {
                    self.hugepages.swap_remove(at);
                }
            }
        }
    }

    /// What is left of CPUs and memory.
    pub(crate) fn room(&self, facts: &Facts) -> Room {
        let foreign = &facts.foreign;
        let left =
            |all: u64, taken: u64, foreign: u64| all.saturating_sub(taken).saturating_sub(foreign);
        Room {
            cpus: left(facts.cpus, self.vcpus, foreign.cpus),
            memory: left(facts.memory, self.memory, foreign.memory),
            all_cpus: facts.cpus,
            all_memory: facts.memory,
            machines: self.machines(facts),
            kind: facts.kind,
        }
    }

    pub(crate) fn machines(&self, facts: &Facts) -> u32 {
        self.machines.saturating_add(facts.foreign.machines)
    }

    pub(crate) fn free_devices(&self, facts: &Facts, name: u32) -> u64 {
        let all = amount(&facts.devices, name).unwrap_or(0);
        all.saturating_sub(amount(&self.devices, name).unwrap_or(0))
    }

    pub(crate) fn free_pool(&self, facts: &Facts, name: u32) -> u64 {
        let all = amount(&facts.pools, name).unwrap_or(0);
        all.saturating_sub(amount(&self.pools, name).unwrap_or(0))
    }

    /// What is free of the cell, if one is named, and never more than is free of all: what is taken of
    /// any cell may be of this one.
    pub(crate) fn free_hugepages(&self, facts: &Facts, page: u64, cell: Option<u32>) -> u64 {
        let all = |cell: Option<u32>| {
            let of = facts.hugepages.iter();
            let of = of.filter(|it| it.page == page && cell.is_none_or(|cell| cell == it.cell));
            of.fold(0_u64, |sum, it| sum.saturating_add(it.amount))
        };
        let taken = |cell: Option<u32>| {
            let of = self.hugepages.iter();
            let of = of.filter(|it| it.page == page && (cell.is_none() || cell == it.cell));
            of.fold(0_u64, |sum, it| sum.saturating_add(it.amount))
        };
        let free = |cell: Option<u32>| all(cell).saturating_sub(taken(cell));
        free(cell).min(free(None))
    }
}

/// The parts of a usage.
pub(crate) fn parts(
    usage: &Usage,
    keeps_away: Vec<u32>,
    mut number: impl FnMut(&str) -> u32,
) -> Parts {
    let mut amount =
        |(name, amount): &(String, u64)| (*amount != 0).then(|| (number(name), *amount));
    let pools = usage.pools.iter().filter_map(&mut amount).collect();
    let rare = usage.hugepages.is_some() || !usage.devices.is_empty() || !keeps_away.is_empty();
    let rare = rare.then(|| {
        Box::new(Rare {
            hugepages: usage.hugepages,
            devices: usage.devices.iter().filter_map(&mut amount).collect(),
            keeps_away: keeps_away.into(),
        })
    });
    Parts {
        vcpus: usage.vcpus,
        memory: usage.memory,
        pools,
        rare,
    }
}
