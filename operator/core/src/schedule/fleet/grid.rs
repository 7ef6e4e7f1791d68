//! The hosts, ordered by what is free on them.
//!
//! Hosts with the same room are one entry. The entries of hosts of about the same size are a class; in it
//! those of the same free CPUs are a row, in the order of their free memory. So the best of a row is at
//! one place of it, and the others become worse to both sides of that.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

use super::super::score::{Room, Weights, crowd, share};
use super::bits::Bits;
use super::hash::{Mixed, Mixer};

// 64 MiB: what the sizes of memory are told apart by.
const MEMORY_UNIT: u32 = 26;

// Amounts below this have a bucket each; beyond, half as many share each doubling.
const EXACT: u64 = 128;

/// Hosts with the same room.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) room: Room,
    /// By their places on the ring; most are alone.
    pub(super) hosts: SmallVec<[(u64, u32); 1]>,
    class: u32,
}

/// An entry in its row: with its host, if that is the only one, so that the entry need not be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// The share of the memory that is free.
    pub(super) memory: u32,
    // Of the room, so that a row finds its entry without a table of all rooms.
    mark: u32,
    pub(super) crowd: u32,
    pub(super) entry: u32,
    /// [`NONE`], if there are several.
    pub(super) slot: u32,
    pub(super) ring: u64,
}

impl Item {
    // Of an entry that is still to be found, or of one that is known.
    fn new(room: &Room, entry: u32) -> Self {
        let mut mixer = Mixer::default();
        room.hash(&mut mixer);
        Self {
            memory: share(room.memory, room.all_memory) as u32,
            mark: mixer.finish() as u32,
            crowd: crowd(room.machines) as u32,
            entry,
            slot: NONE,
            ring: 0,
        }
    }

    fn with(self, hosts: &[(u64, u32)]) -> Self {
        let (ring, slot) = match hosts {
            [only] => *only,
            _ => (0, NONE),
        };
        Self { slot, ring, ..self }
    }

    fn key(&self) -> (u32, u32) {
        (self.memory, self.mark)
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
    // At least what its hosts score as they are, as the order of its class has it.
    most: i64,
}

impl Row {
    const EMPTY: Self = Self {
        items: Vec::new(),
        cpus: (u64::MAX, 0),
        shares: (u32::MAX, 0),
        memory: (u32::MAX, 0),
        crowd: 0,
        most: i64::MIN,
    };

    // At least what its hosts score as they are.
    fn most(&self, weights: &Weights) -> i64 {
        let range = |(least, most): (u32, u32)| (i64::from(least), i64::from(most));
        match self.items.is_empty() {
            true => i64::MIN,
            false => weights.before(
                range(self.shares),
                range(self.memory),
                i64::from(self.crowd),
            ),
        }
    }

    // Where the entry of this item is that `is` it, or else belongs.
    fn find(&self, item: &Item, is: impl Fn(u32) -> bool) -> Result<usize, usize> {
        let from = self.items.partition_point(|it| it.key() < item.key());
        let same = self.items[from..].iter();
        let mut same = same.take_while(|it| it.key() == item.key());
        same.position(|it| is(it.entry))
            .map(|at| from + at)
            .ok_or(from)
    }

    fn add(&mut self, at: usize, item: Item, room: &Room) {
        let (cpus, free) = (room.cpus, share(room.cpus, room.all_cpus) as u32);
        if self.items.is_empty() {
            (self.cpus, self.shares, self.crowd) = ((cpus, cpus), (free, free), 0);
        }
        self.cpus = (self.cpus.0.min(cpus), self.cpus.1.max(cpus));
        self.shares = (self.shares.0.min(free), self.shares.1.max(free));
        self.crowd = self.crowd.max(item.crowd);
        self.items.insert(at, item);
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
    /// The rows that have some, with what their hosts score at most as they are: the best first.
    pub(super) order: Vec<(i64, u32)>,
    /// The least and the most that one has had since there was none.
    pub(super) cpus: (u64, u64),
    pub(super) memory: (u64, u64),
}

impl Class {
    const EMPTY: Self = Self {
        entries: 0,
        hosts: Bits::EMPTY,
        rows: Vec::new(),
        order: Vec::new(),
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
    }

    // Puts a row that has changed where it belongs.
    fn reorder(&mut self, number: usize, weights: &Weights) {
        let row = &mut self.rows[number];
        let most = row.most(weights);
        let before = std::mem::replace(&mut row.most, most);
        if before == most {
            return;
        }
        let number = number as u32;
        let order = &mut self.order;
        let place = |order: &[(i64, u32)], it| order.partition_point(|before| *before > it);
        if before != i64::MIN {
            order.remove(place(order, (before, number)));
        }
        if most != i64::MIN {
            order.insert(place(order, (most, number)), (most, number));
        }
    }
}

/// The hosts, ordered by what is free on them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grid {
    weights: Weights,
    pub(super) classes: Vec<Class>,
    class_of: HashMap<(usize, usize, u32), u32, Mixed>,
    pub(super) entries: Vec<Entry>,
    unused: Vec<u32>,
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

// What hosts of a class have in common.
fn class_key(room: &Room) -> (usize, usize, u32) {
    (
        bucket(room.all_cpus),
        bucket(room.all_memory >> MEMORY_UNIT),
        room.kind,
    )
}

impl Grid {
    /// Without hosts; these weights say which of them are the better ones.
    pub(crate) fn new(weights: Weights) -> Self {
        Self {
            weights,
            ..Self::default()
        }
    }

    /// Puts a host where its room belongs.
    pub(crate) fn place(&mut self, slot: u32, ring: u64, room: Room) {
        let index = slot as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, Place::NOWHERE);
        }
        let before = self.places[index];
        let mut class = NONE;
        if before.entry != NONE {
            let was = &self.entries[before.entry as usize].room;
            if *was == room {
                return;
            }
            if class_key(was) == class_key(&room) {
                class = before.class;
            }
            self.take_out(slot, ring, before.entry);
        }
        if class == NONE {
            class = self.class(&room);
        }
        let item = self.add(slot, ring, room, class);
        self.places[index] = Place {
            entry: item.entry,
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

    // Adds a host to the entry of its room: a new one, if there is none.
    fn add(&mut self, slot: u32, ring: u64, room: Room, class: u32) -> Item {
        let found = &mut self.classes[class as usize];
        found.widen(&room);
        let number = row(room.cpus);
        let row = &mut found.rows[number];
        let entries = &mut self.entries;
        let mut item = Item::new(&room, NONE);
        match row.find(&item, |entry| entries[entry as usize].room == room) {
            Ok(at) => {
                item = row.items[at];
                let hosts = &mut entries[item.entry as usize].hosts;
                let among = hosts.partition_point(|it| *it < (ring, slot));
                hosts.insert(among, (ring, slot));
                row.items[at] = item.with(hosts);
            }
            Err(at) => {
                found.entries += 1;
                item.entry = self.unused.pop().unwrap_or(entries.len() as u32);
                row.add(at, item.with(&[(ring, slot)]), &room);
                let hosts = SmallVec::from_buf([(ring, slot)]);
                let entry = Entry { room, hosts, class };
                match entries.get_mut(item.entry as usize) {
                    Some(it) => *it = entry,
                    None => entries.push(entry),
                }
                found.reorder(number, &self.weights);
            }
        }
        item
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

    fn take_out(&mut self, slot: u32, ring: u64, entry: u32) {
        let Entry { room, hosts, class } = &mut self.entries[entry as usize];
        let class = &mut self.classes[*class as usize];
        let (number, item) = (row(room.cpus), Item::new(room, entry));
        let row = &mut class.rows[number];
        let found = row.find(&item, |it| it == entry);
        let at = hosts.partition_point(|it| *it < (ring, slot));
        hosts.remove(at);
        if !hosts.is_empty() {
            if let Ok(at) = found {
                row.items[at] = item.with(hosts);
            }
            return;
        }
        if let Ok(at) = found {
            row.items.remove(at);
        }
        row.measure();
        class.entries -= 1;
        class.reorder(number, &self.weights);
        self.unused.push(entry);
    }

    fn class(&mut self, room: &Room) -> u32 {
        let key = class_key(room);
        let next = self.classes.len() as u32;
        let class = *self.class_of.entry(key).or_insert(next);
        if class == next {
            self.classes.push(Class::EMPTY);
        }
        class
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
    use std::cmp::Reverse;
    use std::collections::BTreeMap;

    use super::{Class, EXACT, Grid, Item, Room, Weights, bucket};

    // Few different ones, some of a class of their own, and some of one share of the memory.
    fn room(dice: u64) -> Room {
        Room {
            cpus: dice % 3,
            memory: (dice >> 2) % 5,
            all_cpus: 4,
            all_memory: 1 << 40,
            machines: (dice >> 5) as u32 % 2,
            kind: (dice >> 6) as u32 % 2,
        }
    }

    fn in_order(grid: &Grid) -> bool {
        let rows = grid.classes.iter().flat_map(|class| &class.rows);
        rows.into_iter()
            .all(|row| row.items.is_sorted_by_key(Item::key))
    }

    // Each row that has some is in the order, once.
    fn is_ranked(class: &Class) -> bool {
        let rows = (0_u32..).zip(&class.rows);
        let rows = rows.filter(|(_, row)| !row.items.is_empty());
        let mut ranked: Vec<_> = rows
            .map(|(number, row)| (row.most(&Weights::DEFAULT), number))
            .collect();
        ranked.sort_by_key(|it| Reverse(*it));
        class.order == ranked
    }

    #[test]
    fn hosts_of_a_room_are_one_entry_whatever_moves() {
        let (mut grid, mut there, mut dice) = (Grid::default(), BTreeMap::new(), 7_u64);
        for _ in 0..3_000 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (slot, room) = ((dice >> 40) as u32 % 30, room(dice >> 50));
            let ring = u64::from(slot ^ 5);
            if dice >> 33 & 3 == 0 {
                there.remove(&slot);
                grid.remove(slot, ring);
            } else {
                there.insert(slot, room);
                grid.place(slot, ring, room);
            }
            assert!((0..30).all(|slot| grid.room(slot) == there.get(&slot)));
            let mut entries = 0;
            for (room, hosts) in grid.rooms() {
                let of: Vec<_> = hosts.iter().map(|(_, slot)| there.get(slot)).collect();
                let all = there.values().filter(|it| *it == room).count();
                assert!(hosts.is_sorted() && of.iter().all(|it| *it == Some(room)));
                assert_eq!(hosts.len(), all);
                entries += 1;
            }
            let rows = grid.classes.iter().flat_map(|class| &class.rows);
            assert_eq!(rows.map(|row| row.items.len()).sum::<usize>(), entries);
            let mut classes = grid.classes.iter();
            assert!(in_order(&grid) && classes.all(is_ranked));
        }
    }

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
