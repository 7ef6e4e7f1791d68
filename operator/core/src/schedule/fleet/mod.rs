//! The hosts and the machines on them, in a form that answers quickly.
//!
//! What a decision needs is kept as it changes, and not looked for: the hosts that have what a machine
//! wants of hosts ([`shape`]), the hosts by what is free on them ([`grid`]), and how many machines that a
//! term is about are in each domain ([`terms`], [`topology`]).

pub(crate) mod bits;
mod caches;
pub(crate) mod grid;
pub(crate) mod hash;
pub(crate) mod host;
mod kept;
pub(crate) mod machines;
mod rank;
pub(crate) mod search;
pub(crate) mod shape;
pub(crate) mod slab;
pub(crate) mod taken;
pub(crate) mod tally;
pub(crate) mod terms;
pub(crate) mod topology;
pub(crate) mod uid;

use std::collections::HashMap;
use std::sync::Arc;

use self::grid::Grid;
use self::hash::{Mixed, ring};
use self::host::{Facts, Keep, Slot};
use self::kept::Kept;
use self::machines::{Machines, Record};
use self::search::Scratch;
use self::shape::Shapes;
use self::taken::{Taken, parts};
use self::terms::{Said, Terms};
use self::topology::Topology;
use self::uid::Uid;
use super::candidate::Candidate;
use super::event::{Aspect, Event, HostId};
use super::request::Machine;
use super::score::{Room, Weights};

/// How a machine counts where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// It takes what it takes.
    All,
    /// It takes nothing, and is there for affinity and spread alone: it is off, and has given its place
    /// up.
    Labels,
}

/// Storage that several hosts see.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shared {
    room: u64,
    taken: u64,
}

/// The hosts and the machines on them.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    pub(super) weights: Weights,
    pub(super) slots: Vec<Slot>,
    by_name: HashMap<Arc<str>, u32, Mixed>,
    unused: Vec<u32>,
    pub(super) hosts: usize,
    pub(super) grid: Grid,
    pub(super) shapes: Shapes,
    pub(super) topologies: Vec<Topology>,
    pub(super) terms: Terms,
    pub(super) machines: Machines,
    // By the numbers of their names.
    shared: HashMap<u32, Shared, Mixed>,
    kept: Kept,
    pub(super) scratch: Scratch,
    // Rises with every change of a host.
    pub(super) age: u64,
}

// Rooms that score alike are told apart by nothing else.
fn scored(weights: &Weights, room: Room) -> Room {
    let machines = if weights.crowd == 0 { 0 } else { room.machines };
    Room { machines, ..room }
}

impl Fleet {
    /// A fleet without hosts, whose machines are placed by these weights.
    #[must_use]
    pub fn new(weights: Weights) -> Self {
        Self {
            weights,
            grid: Grid::new(weights),
            ..Self::default()
        }
    }

    /// A fleet of these hosts, placed by the default weights.
    #[must_use]
    pub fn of(hosts: &[Candidate]) -> Self {
        let mut fleet = Self::default();
        for host in hosts {
            fleet.upsert_host(host);
        }
        fleet
    }

    /// How many hosts there are.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts
    }

    /// How many machines are bound.
    #[must_use]
    pub fn machines(&self) -> usize {
        self.machines.records.len()
    }

    fn slot(&mut self, name: &str) -> u32 {
        if let Some(slot) = self.by_name.get(name) {
            return *slot;
        }
        let kept = self.kept.text(name);
        let made = Slot {
            ring: ring(name),
            name: Arc::clone(&kept),
            facts: None,
            taken: Taken::default(),
            machines: Vec::new(),
        };
        let slot = self.unused.pop().unwrap_or(self.slots.len() as u32);
        self.by_name.insert(kept, slot);
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = made,
            None => self.slots.push(made),
        }
        slot
    }

    // A name without a host and without machines is forgotten.
    fn forget_name(&mut self, slot: u32) {
        let host = &self.slots[slot as usize];
        if host.facts.is_none() && host.machines.is_empty() {
            self.by_name.remove(&host.name);
            self.unused.push(slot);
        }
    }

    /// Adds a host, or says anew what is known of it. What its machines take stays. Tells what has
    /// changed, if anything.
    pub fn upsert_host(&mut self, candidate: &Candidate) -> Option<Event> {
        self.kept.sweep();
        let consents = self.kept.consents.len();
        let facts = Facts::of(candidate, &mut self.kept);
        if self.kept.consents.len() > consents {
            // What was asked of the others does not say whether this one lets a namespace in.
            self.shapes.forget();
        }
        let slot = self.slot(&candidate.name);
        let before = self.slots[slot as usize].facts.take();
        if before.as_ref() == Some(&facts) {
            self.slots[slot as usize].facts = before;
            return None;
        }
        self.hosts += usize::from(before.is_none());
        let changed = before.map(|before| Aspect::between(&before, &facts));
        self.put(slot, Some(facts), changed.as_deref());
        let host = HostId(slot);
        Some(match changed {
            Some(changed) => Event::HostChanged { host, changed },
            None => Event::HostAdded { host },
        })
    }

    /// Takes a host out. Machines that are bound to it count there again when it comes back.
    pub fn remove_host(&mut self, name: &str) -> Option<Event> {
        let slot = *self.by_name.get(name)?;
        self.slots[slot as usize].facts.take()?;
        self.hosts -= 1;
        self.put(slot, None, None);
        let host = HostId(slot);
        self.forget_name(slot);
        Some(Event::HostRemoved { host })
    }

    // What was known of the host is gone already; `changed` says in what it differs, if it was known.
    fn put(&mut self, slot: u32, facts: Option<Facts>, changed: Option<&[Aspect]>) {
        self.age += 1;
        let only = |aspect: Aspect| changed.is_some_and(|all| all.iter().all(|it| *it == aspect));
        let host = &mut self.slots[slot as usize];
        host.facts = facts;
        let room = host.facts.as_ref();
        let room = room.map(|facts| scored(&self.weights, host.taken.room(facts)));
        match room {
            Some(room) => self.grid.place(slot, host.ring, room),
            None => self.grid.remove(slot, host.ring),
        }
        if !only(Aspect::Capacity) {
            self.shapes
                .put(&self.weights, slot, &self.slots[slot as usize]);
        }
        if changed.is_none_or(|all| all.contains(&Aspect::Labels)) {
            self.put_domains(slot);
        }
    }

    // The machines that are there move with the host to its new domains.
    fn put_domains(&mut self, slot: u32) {
        self.count_all(slot, false);
        let host = &self.slots[slot as usize];
        for topology in &mut self.topologies {
            let labels = host.facts.iter().flat_map(|facts| &facts.labels);
            let value = labels.clone().find(|(key, _)| *key == topology.key);
            topology.put(slot, value.map(|(_, value)| value));
        }
        self.count_all(slot, true);
    }

    fn count_all(&mut self, slot: u32, comes: bool) {
        let at = (slot, self.topologies.as_slice());
        for machine in &self.slots[slot as usize].machines {
            if let Some(record) = self.machines.get(*machine) {
                self.terms
                    .count(record.labels, record.keeps_away(), comes, at);
            }
        }
    }

    /// Says what may be promised in a pool that several hosts see, in bytes; nothing: it is no longer
    /// shared. What is promised in it counts once, wherever the machines are.
    pub fn set_shared_pool(&mut self, name: &str, room: Option<u64>) -> Option<Event> {
        let number = self.kept.number(name);
        match room {
            None => drop(self.shared.remove(&number)),
            Some(room) => {
                let records = self.machines.records.iter().map(|(_, record)| record);
                let records = records.filter(|record| record.occupies);
                let amounts = records.filter_map(|it| host::amount(&it.parts.pools, number));
                let taken = amounts.fold(0, u64::saturating_add);
                self.shared.insert(number, Shared { room, taken });
            }
        }
        Some(Event::PoolGrown {
            pool: name.to_owned(),
        })
    }

    pub(super) fn is_shared(&self, name: &str) -> bool {
        let number = self.kept.numbers.get(name);
        number.is_some_and(|number| self.shared.contains_key(number))
    }

    /// The number of the name of a pool or of devices; no host has any, if there is none.
    pub(super) fn number_of(&self, name: &str) -> u32 {
        self.kept.numbers.get(name).copied().unwrap_or(u32::MAX)
    }

    /// What is free in a pool on a host, in bytes.
    pub(super) fn free_pool(&self, slot: &Slot, facts: &Facts, name: u32) -> u64 {
        match self.shared.get(&name) {
            Some(shared) => shared.room.saturating_sub(shared.taken),
            None => slot.taken.free_pool(facts, name),
        }
    }

    /// Binds a machine to the hosts that it is on: two, while it moves. One that was bound before is
    /// bound anew; tells what it has freed. A host need not be known yet.
    pub fn bind(&mut self, machine: &Machine, hosts: &[&str], counts: Counts) -> Option<Event> {
        let uid = Uid::new(&machine.uid);
        let freed = self.release_uid(&uid);
        self.kept.sweep();
        self.terms.forget_idle();
        let own = &machine.namespace;
        let terms = machine.anti_affinity.iter();
        let terms = terms.map(|term| self.term(&Said::of(term, own))).collect();
        let parts = parts(&machine.usage, terms, |name| self.kept.number(name));
        let labels = self
            .terms
            .label_set(own, &machine.labels, |it| self.kept.text(it));
        let mut record = Record::new(uid, labels, parts);
        record.priority = machine.priority;
        record.preemption = machine.preemption;
        record.occupies = counts == Counts::All;
        for (place, host) in record.slots.iter_mut().zip(hosts) {
            *place = self.slot(host);
        }
        if record.slots[0] == record.slots[1] {
            record.slots[1] = machines::NONE;
        }
        self.enter(record);
        freed
    }

    /// Puts a record where it says that it is.
    pub(super) fn enter(&mut self, record: Record) {
        self.terms.hold(record.keeps_away(), true);
        self.count_shared(&record, true);
        self.terms.join(record.labels, record.on(), true);
        let slots = record.slots;
        let at = self.machines.add(record);
        for slot in slots.into_iter().filter(|slot| *slot != machines::NONE) {
            self.slots[slot as usize].machines.push(at);
            self.count(slot, at, true);
        }
    }

    /// Takes a record out.
    pub(super) fn leave(&mut self, at: u32) -> Option<Record> {
        let on = self.machines.get(at)?.slots;
        for slot in on.into_iter().filter(|slot| *slot != machines::NONE) {
            self.count(slot, at, false);
            let machines = &mut self.slots[slot as usize].machines;
            if let Some(among) = machines.iter().position(|it| *it == at) {
                machines.swap_remove(among);
            }
            self.forget_name(slot);
        }
        let record = self.machines.remove(at)?;
        self.terms.join(record.labels, record.on(), false);
        self.terms.hold(record.keeps_away(), false);
        self.count_shared(&record, false);
        Some(record)
    }

    fn count_shared(&mut self, record: &Record, comes: bool) {
        if self.shared.is_empty() || !record.occupies {
            return;
        }
        for (name, amount) in &record.parts.pools {
            if let Some(shared) = self.shared.get_mut(name) {
                shared.taken = match comes {
                    true => shared.taken.saturating_add(*amount),
                    false => shared.taken.saturating_sub(*amount),
                };
            }
        }
    }

    fn count(&mut self, slot: u32, at: u32, comes: bool) {
        let Some(record) = self.machines.get(at) else {
            return;
        };
        let topologies = self.topologies.as_slice();
        self.terms.count(
            record.labels,
            record.keeps_away(),
            comes,
            (slot, topologies),
        );
        if !record.occupies {
            return;
        }
        let host = &mut self.slots[slot as usize];
        match comes {
            true => host.taken.add(&record.parts),
            false => host.taken.subtract(&record.parts),
        }
        if let Some(facts) = &host.facts {
            let room = scored(&self.weights, host.taken.room(facts));
            self.grid.place(slot, host.ring, room);
        }
    }

    /// Takes a machine off its hosts. Tells what was freed, if it was bound.
    pub fn release(&mut self, uid: &str) -> Option<Event> {
        self.release_uid(&Uid::new(uid))
    }

    fn release_uid(&mut self, uid: &Uid) -> Option<Event> {
        let at = self.machines.find(uid)?;
        let record = self.leave(at)?;
        self.freed(&record)
    }
}
