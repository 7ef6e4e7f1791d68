//! What is taken of a host by domains that are no machines of it.

use std::collections::HashSet;

use drover_core::observed::domain::{Definition, ObservedDomain};
use drover_core::observed::node_device::Address;
use drover_core::schedule::{Foreign, HugepageRoom, Overhead, overhead};
use uuid::Uuid;

use crate::hosts::HostHandle;

/// What others take.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// CPUs, memory, and places.
    pub(super) taken: Foreign,
    // Huge pages, by their size; 0: the usual one.
    pages: Vec<(u64, u64)>,
    /// Devices of the host, also of those that are off: they may start.
    pub(super) devices: HashSet<Address>,
}

impl Others {
    /// What runs on a host and is no machine that is bound. One of the fleet that is off is only waiting
    /// for its object, unless it has given its place up.
    pub(super) fn on(
        handle: &HostHandle,
        fleet: &str,
        bound: &HashSet<Uuid>,
        freed: &HashSet<Uuid>,
    ) -> Self {
        let waits = |uuid: &Uuid, domain: &ObservedDomain| {
            let own = domain.mark().is_some_and(|it| it.fleet == fleet);
            own && !freed.contains(uuid)
        };
        let mut others = Self::default();
        handle.read(|inventory| {
            let domains = inventory.domains.iter();
            let domains = domains.filter(|(uuid, _)| !bound.contains(uuid));
            for (uuid, (_, slot)) in domains {
                let Some(domain) = slot.value.as_deref() else {
                    continue;
                };
                if !freed.contains(uuid) {
                    let all = domain.definitions().flat_map(|it| &it.host_devices);
                    others.devices.extend(all.map(|it| it.address.clone()));
                }
                let off = domain.inactive.as_ref().filter(|_| waits(uuid, domain));
                if let Some(taken) = domain.live.as_ref().or(off) {
                    others.add(taken);
                }
            }
        });
        others
    }

    fn add(&mut self, domain: &Definition) {
        let memory = domain.memory_kib << 10;
        let beside = overhead(Overhead {
            vcpus: domain.vcpus,
            memory,
            devices: domain.disks.len() + domain.interfaces.len() + domain.host_devices.len(),
            graphics: domain.has_screen(),
        });
        self.taken.memory = self.taken.memory.saturating_add(beside);
        self.taken.cpus = self.taken.cpus.saturating_add(u64::from(domain.vcpus));
        self.taken.machines = self.taken.machines.saturating_add(1);
        match domain.hugepages() {
            None => self.taken.memory = self.taken.memory.saturating_add(memory),
            Some(page) => self.pages.push((page, memory)),
        }
    }

    /// What they leave of the huge pages. Of which cell theirs are nobody knows.
    pub(super) fn leave(&self, mut all: Vec<HugepageRoom>) -> Vec<HugepageRoom> {
        let usual = all.iter().map(|room| room.page).min().unwrap_or(0);
        for (page, amount) in &self.pages {
            let page = if *page == 0 { usual } else { *page };
            let mut left = *amount;
            for room in all.iter_mut().filter(|room| room.page == page) {
                let taken = left.min(room.amount);
                room.amount -= taken;
                left -= taken;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use drover_core::schedule::HugepageRoom;

    use super::Others;

    const MIB: u64 = 1 << 20;

    #[test]
    fn huge_pages_of_others_are_not_there() {
        let room = |page, cell, amount| HugepageRoom { page, cell, amount };
        let others = Others {
            pages: vec![(0, 300 * MIB), (1 << 30, 1 << 30)],
            ..Others::default()
        };
        let all = vec![room(2 * MIB, 0, 200 * MIB), room(2 * MIB, 1, 200 * MIB)];
        let left: Vec<_> = others.leave(all).iter().map(|it| it.amount).collect();
        assert_eq!(left, [0, 100 * MIB]);
        assert!(others.leave(Vec::new()).is_empty());
    }
}
