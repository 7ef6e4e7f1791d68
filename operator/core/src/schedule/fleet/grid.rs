//! The hosts, ordered by what is free on them.
//!
//! Hosts with the same room are one entry. Entries of about the same free CPUs and memory share a cell;
//! the cells of hosts of about the same size are a class of 64 rows (CPUs) by 64 columns (memory), whose
//! widths grow with the amounts: near nothing, where a packed fleet is, each CPU has a row. A search
//! leaves out rows and cells whose bound is below the best that it has, so that it is exact.

use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;

use super::super::score::{Room, Weights, crowd, share};
use super::bits::Bits;
use super::hash::Mixed;

// 64 MiB: the unit of the columns.
const MEMORY_UNIT: u32 = 26;

/// What a machine asks of a host, as the grid knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) vcpus: u64,
    pub(crate) memory: u64,
    /// Where the machine is on the ring.
    pub(crate) ring: u64,
}

/// What the grid does not know of a host.
pub(crate) trait Judge {
    /// Whether the host fits in all else.
    fn admits(&self, slot: u32) -> bool;
    /// What else it scores.
    fn extra(&self, slot: u32) -> i64;
    /// Most that [`Self::extra`] says; the same for every host if it `is_even`.
    fn most(&self) -> i64;
    /// Whether every host scores the same beyond what the grid knows.
    fn is_even(&self) -> bool;
}

/// The best host that a search has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Best {
    pub(crate) score: i64,
    /// How far the host is from the machine on the ring: the nearest of equals wins.
    pub(crate) distance: u64,
    pub(crate) slot: u32,
}

#[derive(Debug, Clone)]
struct Entry {
    room: Room,
    // By their places on the ring.
    hosts: Vec<(u64, u32)>,
    class: u32,
    // Its place in the cell.
    at: u32,
}

#[derive(Debug, Clone, Default)]
struct Cell {
    entries: Vec<(Room, u32)>,
    // Since it was empty: to know it of those that are there is not worth the while.
    most_machines: u32,
}

#[derive(Debug, Clone, Default)]
struct Row {
    used: u64,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone)]
struct Class {
    used: u64,
    rows: Vec<Row>,
    cpus: (u64, u64),
    memory: (u64, u64),
}

/// The hosts, ordered by what is free on them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grid {
    classes: Vec<Class>,
    class_of: HashMap<(u8, u8), u32, Mixed>,
    entries: Vec<Entry>,
    unused: Vec<u32>,
    entry_of: HashMap<Room, u32, Mixed>,
    // By slot; `NONE`: not in the grid.
    slots: Vec<u32>,
}

const NONE: u32 = u32::MAX;

// Four buckets to a doubling.
fn bucket(amount: u64) -> u8 {
    if amount < 4 {
        return amount as u8;
    }
    let exponent = 63 - amount.leading_zeros();
    let bucket = (exponent - 1) * 4 + ((amount >> (exponent - 2)) & 3) as u32;
    bucket.min(63) as u8
}

// The least and the most of a bucket.
fn range(bucket: u8) -> (u64, u64) {
    let low = |bucket: u8| match bucket {
        0..4 => u64::from(bucket),
        _ => (4 + u64::from(bucket & 3)) << (bucket / 4 - 1),
    };
    let high = if bucket < 63 {
        low(bucket + 1) - 1
    } else {
        u64::MAX
    };
    (low(bucket), high)
}

fn row(cpus: u64) -> u8 {
    bucket(cpus)
}

fn column(memory: u64) -> u8 {
    bucket(memory >> MEMORY_UNIT)
}

fn columns(bucket: u8) -> (u64, u64) {
    let (low, high) = range(bucket);
    let high = if bucket < 63 {
        ((high + 1) << MEMORY_UNIT) - 1
    } else {
        u64::MAX
    };
    (low << MEMORY_UNIT, high)
}

// The places of the bits.
fn places(mut bits: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        (bits != 0).then(|| {
            let at = bits.trailing_zeros();
            bits &= bits - 1;
            at as u8
        })
    })
}

impl Class {
    fn new() -> Self {
        Self {
            used: 0,
            rows: vec![Row::default(); 64],
            cpus: (u64::MAX, 0),
            memory: (u64::MAX, 0),
        }
    }

    fn widen(&mut self, room: &Room) {
        if self.used == 0 {
            (self.cpus, self.memory) = ((u64::MAX, 0), (u64::MAX, 0));
        }
        let wider = |(low, high): (u64, u64), all: u64| (low.min(all), high.max(all));
        self.cpus = wider(self.cpus, room.all_cpus);
        self.memory = wider(self.memory, room.all_memory);
    }
}

// What can be left, in shares, of an amount in a range, once so much is taken from it: one more at both
// ends, since a bound need not be exact.
fn left((low, high): (u64, u64), asked: u64, all: (u64, u64)) -> (i64, i64) {
    let low = low.saturating_sub(asked);
    let high = high.min(all.1).saturating_sub(asked);
    (share(low, all.1) - 1, share(high, all.0) + 1)
}

impl Grid {
    /// Puts a host where its room belongs.
    pub(crate) fn place(&mut self, slot: u32, ring: u64, room: Room) {
        let index = slot as usize;
        if self.slots.len() <= index {
            self.slots.resize(index + 1, NONE);
        }
        let before = self.slots[index];
        if before != NONE {
            if self.entries[before as usize].room == room {
                return;
            }
            self.remove(slot, ring);
        }
        let entry = match self.entry_of.get(&room) {
            Some(entry) => *entry,
            None => self.enter(room),
        };
        let hosts = &mut self.entries[entry as usize].hosts;
        let at = hosts.partition_point(|it| *it < (ring, slot));
        hosts.insert(at, (ring, slot));
        self.slots[index] = entry;
    }

    /// Takes a host out.
    pub(crate) fn remove(&mut self, slot: u32, ring: u64) {
        let Some(entry) = self
            .slots
            .get(slot as usize)
            .copied()
            .filter(|it| *it != NONE)
        else {
            return;
        };
        self.slots[slot as usize] = NONE;
        let hosts = &mut self.entries[entry as usize].hosts;
        let at = hosts.partition_point(|it| *it < (ring, slot));
        hosts.remove(at);
        if hosts.is_empty() {
            self.leave(entry);
        }
    }

    fn class(&mut self, room: &Room) -> u32 {
        let key = (row(room.all_cpus), column(room.all_memory));
        let next = self.classes.len() as u32;
        let class = *self.class_of.entry(key).or_insert(next);
        if class == next {
            self.classes.push(Class::new());
        }
        class
    }

    fn enter(&mut self, room: Room) -> u32 {
        let class = self.class(&room);
        let entry = self.unused.pop().unwrap_or(self.entries.len() as u32);
        let found = &mut self.classes[class as usize];
        found.widen(&room);
        let (row, column) = (row(room.cpus), column(room.memory));
        found.used |= 1 << row;
        let row = &mut found.rows[usize::from(row)];
        row.used |= 1 << column;
        if row.cells.len() <= usize::from(column) {
            row.cells
                .resize_with(usize::from(column) + 1, Cell::default);
        }
        let cell = &mut row.cells[usize::from(column)];
        cell.most_machines = cell.most_machines.max(room.machines);
        let at = cell.entries.len() as u32;
        cell.entries.push((room, entry));
        self.entry_of.insert(room, entry);
        let made = Entry {
            room,
            hosts: Vec::new(),
            class,
            at,
        };
        match self.entries.get_mut(entry as usize) {
            // Keeps what the list of hosts has taken.
            Some(it) => (it.room, it.class, it.at) = (room, class, at),
            None => self.entries.push(made),
        }
        entry
    }

    fn leave(&mut self, entry: u32) {
        let Entry {
            room, class, at, ..
        } = &self.entries[entry as usize];
        let (room, class, at) = (*room, *class as usize, *at as usize);
        let (row_at, column) = (row(room.cpus), column(room.memory));
        let found = &mut self.classes[class];
        let row = &mut found.rows[usize::from(row_at)];
        let cell = &mut row.cells[usize::from(column)];
        cell.entries.swap_remove(at);
        if let Some((_, moved)) = cell.entries.get(at) {
            self.entries[*moved as usize].at = at as u32;
        }
        if cell.entries.is_empty() {
            cell.most_machines = 0;
            row.used &= !(1 << column);
        }
        if row.used == 0 {
            found.used &= !(1 << row_at);
        }
        self.entry_of.remove(&room);
        self.unused.push(entry);
    }

    /// Each room that some hosts have, with these hosts.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = (&Room, &[(u64, u32)])> {
        let used = self.entries.iter().filter(|it| !it.hosts.is_empty());
        used.map(|it| (&it.room, it.hosts.as_slice()))
    }

    /// The room of a host.
    pub(crate) fn room(&self, slot: u32) -> Option<&Room> {
        let entry = self.slots.get(slot as usize).filter(|it| **it != NONE)?;
        Some(&self.entries[*entry as usize].room)
    }
}

/// A search for the best host.
pub(crate) struct Search<'a, J> {
    pub(crate) grid: &'a Grid,
    pub(crate) weights: &'a Weights,
    pub(crate) ask: Ask,
    pub(crate) judge: &'a J,
    pub(crate) best: Option<Best>,
    ranked: Option<Ranked<'a>>,
}

// Fewer hosts than these are looked at one by one.
const FEW: usize = 32;

// The cells that a machine could fit in, by their bounds: as far as they were asked for in order.
struct Ranked<'a> {
    cells: Vec<&'a Cell>,
    heap: BinaryHeap<(i64, u32)>,
    sorted: Vec<(i64, Range<usize>)>,
    // The entries of the sorted cells with their scores, but those that could not be the best.
    scored: Vec<(i64, u32)>,
}

impl<'a, J: Judge> Search<'a, J> {
    pub(crate) fn new(grid: &'a Grid, weights: &'a Weights, ask: Ask, judge: &'a J) -> Self {
        Self {
            grid,
            weights,
            ask,
            judge,
            best: None,
            ranked: None,
        }
    }

    /// Looks among these hosts, each of which scores so much beside.
    pub(crate) fn among(&mut self, hosts: &Bits, known: i64, ring_of: impl Fn(u32) -> u64) {
        if !hosts.more_than(FEW) {
            for slot in hosts.iter() {
                self.one(slot, known, ring_of(slot));
            }
            return;
        }
        let mut ranked = self.ranked.take().unwrap_or_else(|| self.rank());
        self.again(&ranked, hosts, known);
        let above = known + self.judge.most();
        while let Some((bound, cell)) = ranked.heap.peek().copied() {
            if self.hopeless(bound + above) {
                break;
            }
            ranked.heap.pop();
            let from = ranked.scored.len();
            let cell = ranked.cells[cell as usize];
            self.cell(cell, &mut ranked.scored, hosts, known);
            ranked.sorted.push((bound, from..ranked.scored.len()));
        }
        self.ranked = Some(ranked);
    }

    // What other hosts were looked for in.
    fn again(&mut self, ranked: &Ranked<'_>, hosts: &Bits, known: i64) {
        let above = known + self.judge.most();
        for (bound, entries) in &ranked.sorted {
            if self.hopeless(bound + above) {
                return;
            }
            for (score, entry) in &ranked.scored[entries.clone()] {
                if !self.hopeless(score + above) {
                    let members = &self.grid.entries[*entry as usize].hosts;
                    self.members(members, hosts, score + known);
                }
            }
        }
    }

    /// Whether none of the hosts can be the best that score at most so much beside.
    pub(crate) fn is_over(&self, known: i64) -> bool {
        let Some(ranked) = &self.ranked else {
            return false;
        };
        let first = ranked.sorted.first().map(|(bound, _)| *bound);
        let most = first.or_else(|| ranked.heap.peek().map(|(bound, _)| *bound));
        self.hopeless(most.unwrap_or(i64::MIN / 2) + known + self.judge.most())
    }

    fn rank(&self) -> Ranked<'a> {
        let mut cells = Vec::with_capacity(512);
        let mut bounds = Vec::with_capacity(512);
        for class in self.grid.classes.iter().filter(|class| class.used != 0) {
            self.class(class, |bound, cell| {
                bounds.push((bound, cells.len() as u32));
                cells.push(cell);
            });
        }
        Ranked {
            cells,
            heap: bounds.into(),
            sorted: Vec::new(),
            scored: Vec::new(),
        }
    }

    fn one(&mut self, slot: u32, known: i64, ring: u64) {
        let Some(room) = self.grid.room(slot).filter(|room| self.fits(room)) else {
            return;
        };
        if self.judge.admits(slot) {
            let score = self.weights.of_room(room, self.ask.vcpus, self.ask.memory);
            self.take(score + known + self.judge.extra(slot), ring, slot);
        }
    }

    fn fits(&self, room: &Room) -> bool {
        room.cpus >= self.ask.vcpus && room.memory >= self.ask.memory
    }

    fn take(&mut self, score: i64, ring: u64, slot: u32) {
        let distance = ring.wrapping_sub(self.ask.ring);
        let better = self.best.is_none_or(|best| {
            score > best.score || (score == best.score && distance < best.distance)
        });
        if better {
            self.best = Some(Best {
                score,
                distance,
                slot,
            });
        }
    }

    fn hopeless(&self, bound: i64) -> bool {
        self.best.is_some_and(|best| bound < best.score)
    }

    fn class(&self, class: &'a Class, mut found: impl FnMut(i64, &'a Cell)) {
        let Ask { vcpus, memory, .. } = self.ask;
        let from = column(memory);
        for at in places(class.used & (u64::MAX << row(vcpus))) {
            let row = &class.rows[usize::from(at)];
            let cpus = left(range(at), vcpus, class.cpus);
            for column in places(row.used & (u64::MAX << from)) {
                let cell = &row.cells[usize::from(column)];
                let memory = left(columns(column), memory, class.memory);
                let bound = self.weights.bound(cpus, memory, crowd(cell.most_machines));
                found(bound, cell);
            }
        }
    }

    // What could not be the best now can never be: each part scores less beside than the one before.
    fn cell(&mut self, cell: &Cell, scored: &mut Vec<(i64, u32)>, hosts: &Bits, known: i64) {
        for (room, entry) in &cell.entries {
            if !self.fits(room) {
                continue;
            }
            let Ask { vcpus, memory, .. } = self.ask;
            let score = self.weights.of_room(room, vcpus, memory);
            if self.hopeless(score + known + self.judge.most()) {
                continue;
            }
            scored.push((score, *entry));
            let members = &self.grid.entries[*entry as usize].hosts;
            self.members(members, hosts, score + known);
        }
    }

    // From where the machine is on the ring: the first is the nearest.
    fn members(&mut self, members: &[(u64, u32)], hosts: &Bits, score: i64) {
        let start = members.partition_point(|(ring, _)| *ring < self.ask.ring);
        let (before, after) = members.split_at(start);
        for (ring, slot) in after.iter().chain(before) {
            if hosts.contains(*slot) && self.judge.admits(*slot) {
                self.take(score + self.judge.extra(*slot), *ring, *slot);
                if self.judge.is_even() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bucket, columns, range};

    #[test]
    fn buckets_are_ranges_without_a_gap() {
        for at in 0..64 {
            let (low, high) = range(at);
            assert_eq!((bucket(low), bucket(high)), (at, at));
            if at > 0 {
                assert_eq!(range(at - 1).1 + 1, low);
                assert_eq!(columns(at - 1).1 + 1, columns(at).0);
            }
        }
        assert_eq!(range(63).1, u64::MAX);
    }
}
