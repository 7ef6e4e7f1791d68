//! The hosts, ordered by what is free on them.
//!
//! Hosts with the same room are one entry. The entries of hosts of about the same size are a class; in it
//! those of the same free CPUs are a row, in the order of their free memory. So the best of a row is at
//! one place of it, and the others become worse to both sides of that.

use std::collections::HashMap;

use super::super::score::{Room, crowd, share};
use super::bits::Bits;
use super::hash::Mixed;

// 64 MiB: what the sizes of memory are told apart by.
const MEMORY_UNIT: u32 = 26;

// Amounts below this have a bucket each; beyond, half as many share each doubling.
const EXACT: u64 = 128;

/// Hosts with the same room.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) room: Room,
    /// By their places on the ring.
    pub(super) hosts: Vec<(u64, u32)>,
    class: u32,
}

/// An entry in its row: with its host, if that is the only one, so that the entry need not be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// The share of the memory that is free.
    pub(super) memory: u32,
    pub(super) crowd: u32,
    pub(super) entry: u32,
    /// [`NONE`], if there are several.
    pub(super) slot: u32,
    pub(super) ring: u64,
}

impl Item {
    fn new(room: &Room, entry: u32, hosts: &[(u64, u32)]) -> Self {
        let (ring, slot) = match hosts {
            [only] => *only,
            _ => (0, NONE),
        };
        Self {
            memory: share(room.memory, room.all_memory) as u32,
            crowd: crowd(room.machines) as u32,
            entry,
            slot,
            ring,
        }
    }

    fn key(&self) -> (u32, u32) {
        (self.memory, self.entry)
    }
}

/// Entries of about the same free CPUs.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// In the order of their free memory.
    pub(super) items: Vec<Item>,
    /// The least and the most that was free since it was empty.
    pub(super) cpus: (u64, u64),
    /// The same, as shares.
    pub(super) shares: (u32, u32),
    /// The least and the most share that is free.
    pub(super) memory: (u32, u32),
    /// The most since it was empty.
    pub(super) crowd: u32,
}

impl Row {
    const EMPTY: Self = Self {
        items: Vec::new(),
        cpus: (u64::MAX, 0),
        shares: (u32::MAX, 0),
        memory: (u32::MAX, 0),
        crowd: 0,
    };

    // In the place of what was known of the entry.
    fn put(&mut self, item: Item, room: &Room) {
        let (cpus, free) = (room.cpus, share(room.cpus, room.all_cpus) as u32);
        if self.items.is_empty() {
            (self.cpus, self.shares, self.crowd) = ((cpus, cpus), (free, free), 0);
        }
        self.cpus = (self.cpus.0.min(cpus), self.cpus.1.max(cpus));
        self.shares = (self.shares.0.min(free), self.shares.1.max(free));
        self.crowd = self.crowd.max(item.crowd);
        match self.items.binary_search_by_key(&item.key(), Item::key) {
            Ok(at) => self.items[at] = item,
            Err(at) => self.items.insert(at, item),
        }
        self.measure();
    }

    fn leave(&mut self, item: &Item) {
        if let Ok(at) = self.items.binary_search_by_key(&item.key(), Item::key) {
            self.items.remove(at);
        }
        self.measure();
    }

    fn measure(&mut self) {
        if let Some((first, last)) = self.items.first().zip(self.items.last()) {
            self.memory = (first.memory, last.memory);
        }
    }
}

/// Hosts of about the same size.
#[derive(Debug, Clone)]
pub(super) struct Class {
    entries: u32,
    pub(super) hosts: Bits,
    /// By [`row`].
    pub(super) rows: Vec<Row>,
    /// The rows that have some.
    pub(super) used: Bits,
    /// The least and the most that one has had since there was none.
    pub(super) cpus: (u64, u64),
    pub(super) memory: (u64, u64),
}

impl Class {
    const EMPTY: Self = Self {
        entries: 0,
        hosts: Bits::EMPTY,
        rows: Vec::new(),
        used: Bits::EMPTY,
        cpus: (u64::MAX, 0),
        memory: (u64::MAX, 0),
    };

    fn widen(&mut self, room: &Room) {
        if self.entries == 0 {
            (self.cpus, self.memory) = (Self::EMPTY.cpus, Self::EMPTY.memory);
        }
        let wider = |(low, high): (u64, u64), all: u64| (low.min(all), high.max(all));
        self.cpus = wider(self.cpus, room.all_cpus);
        self.memory = wider(self.memory, room.all_memory);
        let row = row(room.cpus);
        if self.rows.len() <= row {
            self.rows.resize(row + 1, Row::EMPTY);
        }
        self.used.insert(row as u32);
    }
}

/// The hosts, ordered by what is free on them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grid {
    pub(super) classes: Vec<Class>,
    class_of: HashMap<(usize, usize, u32), u32, Mixed>,
    pub(super) entries: Vec<Entry>,
    unused: Vec<u32>,
    entry_of: HashMap<Room, u32, Mixed>,
    // By slot.
    places: Vec<Place>,
    /// Rises when a host comes into a class.
    pub(super) moves: u64,
}

/// No entry, and no host.
pub(super) const NONE: u32 = u32::MAX;

/// Where a host is, with what can be said of it without its entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    // `NONE`: it is not in the grid.
    entry: u32,
    pub(super) class: u32,
    /// The shares that are free.
    pub(super) cpus: u32,
    pub(super) memory: u32,
    pub(super) crowd: u32,
}

impl Place {
    const NOWHERE: Self = Self {
        entry: NONE,
        class: NONE,
        cpus: 0,
        memory: 0,
        crowd: 0,
    };
}

fn bucket(amount: u64) -> usize {
    if amount < EXACT {
        return amount as usize;
    }
    let exponent = 63 - amount.leading_zeros();
    let half = EXACT.trailing_zeros() - 1;
    let within = (amount >> (exponent - half)) & (EXACT / 2 - 1);
    let doublings = u64::from(exponent - half - 1);
    (EXACT + doublings * (EXACT / 2) + within) as usize
}

/// Where a host of so many free CPUs is.
pub(super) fn row(cpus: u64) -> usize {
    bucket(cpus)
}

impl Grid {
    /// Puts a host where its room belongs.
    pub(crate) fn place(&mut self, slot: u32, ring: u64, room: Room) {
        let index = slot as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, Place::NOWHERE);
        }
        let before = self.places[index];
        if before.entry != NONE {
            if self.entries[before.entry as usize].room == room {
                return;
            }
            self.take_out(slot, ring, before.entry);
        }
        let entry = match self.entry_of.get(&room) {
            Some(entry) => *entry,
            None => self.enter(room),
        };
        let hosts = &mut self.entries[entry as usize].hosts;
        let at = hosts.partition_point(|it| *it < (ring, slot));
        hosts.insert(at, (ring, slot));
        let (class, item) = self.put(entry);
        self.places[index] = Place {
            entry,
            class,
            cpus: share(room.cpus, room.all_cpus) as u32,
            memory: item.memory,
            crowd: item.crowd,
        };
        if before.class != class {
            self.leave_class(slot, before.class);
            self.classes[class as usize].hosts.insert(slot);
            self.moves += 1;
        }
    }

    /// Takes a host out.
    pub(crate) fn remove(&mut self, slot: u32, ring: u64) {
        let Some(place) = self.places.get_mut(slot as usize) else {
            return;
        };
        let before = std::mem::replace(place, Place::NOWHERE);
        if before.entry != NONE {
            self.take_out(slot, ring, before.entry);
            self.leave_class(slot, before.class);
        }
    }

    fn leave_class(&mut self, slot: u32, class: u32) {
        if let Some(class) = self.classes.get_mut(class as usize) {
            class.hosts.remove(slot);
        }
    }

    // Says in its row what an entry has become.
    fn put(&mut self, entry: u32) -> (u32, Item) {
        let Entry { room, hosts, class } = &self.entries[entry as usize];
        let item = Item::new(room, entry, hosts);
        let row = &mut self.classes[*class as usize].rows[row(room.cpus)];
        if hosts.len() <= 2 {
            row.put(item, room);
        }
        (*class, item)
    }

    fn take_out(&mut self, slot: u32, ring: u64, entry: u32) {
        let Entry { room, hosts, class } = &mut self.entries[entry as usize];
        let at = hosts.partition_point(|it| *it < (ring, slot));
        hosts.remove(at);
        if !hosts.is_empty() {
            self.put(entry);
            return;
        }
        let class = &mut self.classes[*class as usize];
        class.entries -= 1;
        let row = row(room.cpus);
        class.rows[row].leave(&Item::new(room, entry, &[]));
        let used = !class.rows[row].items.is_empty();
        class.used.set(row as u32, used);
        self.entry_of.remove(room);
        self.unused.push(entry);
    }

    fn class(&mut self, room: &Room) -> u32 {
        let key = (
            bucket(room.all_cpus),
            bucket(room.all_memory >> MEMORY_UNIT),
            room.kind,
        );
        let next = self.classes.len() as u32;
        let class = *self.class_of.entry(key).or_insert(next);
        if class == next {
            self.classes.push(Class::EMPTY);
        }
        class
    }

    fn enter(&mut self, room: Room) -> u32 {
        let class = self.class(&room);
        let entry = self.unused.pop().unwrap_or(self.entries.len() as u32);
        let found = &mut self.classes[class as usize];
        found.widen(&room);
        found.entries += 1;
        self.entry_of.insert(room, entry);
        match self.entries.get_mut(entry as usize) {
            // Keeps what the list of hosts has taken.
            Some(it) => (it.room, it.class) = (room, class),
            None => self.entries.push(Entry {
                room,
                hosts: Vec::new(),
                class,
            }),
        }
        entry
    }

    /// Each room that some hosts have, with these hosts.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = (&Room, &[(u64, u32)])> {
        let used = self.entries.iter().filter(|it| !it.hosts.is_empty());
        used.map(|it| (&it.room, it.hosts.as_slice()))
    }

    /// The room of a host.
    pub(crate) fn room(&self, slot: u32) -> Option<&Room> {
        let place = self.where_is(slot)?;
        Some(&self.entries[place.entry as usize].room)
    }

    /// Where a host is.
    pub(super) fn where_is(&self, slot: u32) -> Option<&Place> {
        self.places.get(slot as usize).filter(|it| it.entry != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::{EXACT, bucket};

    #[test]
    fn buckets_grow_with_the_amounts_without_a_gap() {
        let mut last = 0;
        for amount in 1..8 * EXACT {
            let at = bucket(amount);
            assert!(at == last || at == last + 1, "{amount}: {at} after {last}");
            last = at;
        }
        for shift in 0..56 {
            assert_eq!(bucket(EXACT << (shift + 1)), bucket(EXACT << shift) + 64);
        }
        assert_eq!(bucket(u64::MAX), bucket(1 << 63) + 63);
    }
}
