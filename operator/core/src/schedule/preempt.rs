//! Which machines would have to go so that one more important finds a place.

use std::cmp::Reverse;

use super::event::{Event, HostId};
use super::fleet::Fleet;
use super::fleet::hash::ring;
use super::fleet::machines::{NONE, Record};
use super::fleet::uid::Uid;
use super::request::Request;

/// Machines that have to go from a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preemption {
    /// The host.
    pub host: String,
    /// The UIDs of the machines, in order.
    pub victims: Vec<String>,
}

/// A host for a machine that fits nowhere, and the machines that have to go from there. Only machines of
/// a lower priority that allow it go, and only for one that allows it. The host is the one whose most
/// important victim is the least so, then the one with the fewest; of equals, the first on the ring. The
/// fleet is left as it was. Nothing, if it fits somewhere as it is, or could not fit anywhere.
pub fn preempt(request: &Request, fleet: &mut Fleet) -> Option<Preemption> {
    if !request.machine.preemption {
        return None;
    }
    let prepared = fleet.prepare(request);
    if fleet.best(request, &prepared).is_some() {
        return None;
    }
    let hosts = fleet.shapes.get(prepared.shape)?.hosts.clone();
    let mut best: Option<(Cost, u32, Vec<String>)> = None;
    for slot in hosts.iter() {
        let Some((cost, victims)) = fleet.victims(request, slot) else {
            continue;
        };
        if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
            best = Some((cost, slot, victims));
        }
    }
    let (_, slot, mut victims) = best?;
    victims.sort();
    let host = fleet.slots[slot as usize].name.to_string();
    Some(Preemption { host, victims })
}

// The highest priority that goes, how many go, the sum of their priorities, and how far the host is.
type Cost = (i32, usize, i64, u64);

impl Fleet {
    /// Says whether a machine that is bound may be stopped for others; how it counts stays. Tells, if it may
    /// be and could not be before.
    pub fn let_stop(&mut self, uid: &str, may: bool) -> Option<Event> {
        let at = self.machines.find(&Uid::new(uid))?;
        let record = self.machines.records.get_mut(at)?;
        let before = std::mem::replace(&mut record.preemption, may);
        (may && !before).then(|| Event::MayStop {
            hosts: record.on().map(HostId).collect(),
            priority: record.priority,
        })
    }

    fn fits(&mut self, request: &Request, slot: u32) -> bool {
        // What others forbid has changed with them.
        let prepared = self.prepare(request);
        self.check(request, &prepared, slot).is_none()
    }

    // Those that may go from a host: not one that is moving, nor one that takes nothing.
    fn may_go(&self, request: &Request, slot: u32) -> Vec<u32> {
        let machines = self.slots[slot as usize].machines.iter().copied();
        let may = |at: &u32| {
            self.machines.get(*at).is_some_and(|it| {
                let settled = it.slots[1] == NONE && it.occupies;
                settled && it.preemption && it.priority < request.machine.priority
            })
        };
        machines.filter(may).collect()
    }

    // Whether CPUs and memory are enough without these.
    fn enough_without(&self, request: &Request, slot: u32, machines: &[u32]) -> bool {
        let Some(room) = self.grid.room(slot) else {
            return false;
        };
        let parts = machines.iter().filter_map(|at| self.machines.get(*at));
        let (cpus, memory) = parts.fold((room.cpus, room.memory), |(cpus, memory), it| {
            (
                cpus.saturating_add(it.parts.vcpus),
                memory.saturating_add(it.parts.memory),
            )
        });
        let usage = &request.machine.usage;
        usage.vcpus <= cpus && usage.memory <= memory
    }

    fn victims(&mut self, request: &Request, slot: u32) -> Option<(Cost, Vec<String>)> {
        let may_go = self.may_go(request, slot);
        if may_go.is_empty() || !self.enough_without(request, slot, &may_go) {
            return None;
        }
        let mut gone: Vec<Record> = may_go.into_iter().filter_map(|at| self.leave(at)).collect();
        let mut victims = Vec::new();
        let fits = self.fits(request, slot);
        // The important stay first, and of equals the small: so the fewest go.
        gone.sort_by(|a, b| {
            let key = |it: &Record| (Reverse(it.priority), it.parts.memory, it.parts.vcpus);
            key(a)
                .cmp(&key(b))
                .then_with(|| a.uid.to_string().cmp(&b.uid.to_string()))
        });
        for record in gone {
            let uid = record.uid.clone();
            self.enter(record);
            if fits && !self.fits(request, slot) {
                let at = self.machines.find(&uid);
                victims.extend(at.and_then(|at| self.leave(at)));
            }
        }
        let distance = self.slots[slot as usize]
            .ring
            .wrapping_sub(ring(&request.machine.uid));
        let priorities = victims.iter().map(|it| it.priority);
        let most = priorities.clone().max().unwrap_or(i32::MIN);
        let sum = priorities.map(i64::from).sum();
        let cost = (most, victims.len(), sum, distance);
        let uids = victims.iter().map(|it| it.uid.to_string()).collect();
        victims.into_iter().for_each(|it| self.enter(it));
        fits.then_some((cost, uids))
    }
}
