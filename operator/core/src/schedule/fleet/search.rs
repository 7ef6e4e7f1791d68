//! The search for the best host: row after row of the grid, the most promising first, until what is left
//! cannot be better. It is exact: what is left out is below the best by a bound.

use super::super::score::{Room, Weights, share};
use super::bits::Bits;
use super::grid::{Class, Grid, Item, NONE, Row, row};
use super::rank::{Bound, Ranks, Rows};

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

// Fewer hosts than these are looked at one by one.
const FEW: usize = 32;

// So many hosts that are not asked for are passed over before the others are looked at one by one.
const PATIENCE: usize = 256;

// What a share of a difference can differ by from a difference of shares, and a bit more.
const SLACK: i64 = 2;

// A range of shares.
type Range = (i64, i64);

/// The hosts of a class, as a machine sees them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct View {
    vcpus: u64,
    all_cpus: (u64, u64),
    // What the machine takes.
    pub(super) cpus: Range,
    memory: Range,
    /// By how much at most it raises what a host scores.
    pub(super) raised: i64,
}

impl View {
    fn new(class: &Class, ask: &Ask, weights: &Weights) -> Self {
        let part = |asked: u64, (least, most): (u64, u64)| {
            let of_most = share(asked, most);
            let of_least = if least == most {
                of_most
            } else {
                share(asked, least)
            };
            (of_most, of_least)
        };
        let cpus = part(ask.vcpus, class.cpus);
        let memory = part(ask.memory, class.memory);
        Self {
            vcpus: ask.vcpus,
            all_cpus: class.cpus,
            cpus,
            memory,
            raised: weights.raised(cpus, memory, SLACK),
        }
    }

    pub(super) fn left((least, most): (u32, u32), part: Range) -> Range {
        let least = i64::from(least) - part.1 - SLACK;
        (least.max(0), i64::from(most) - part.0 + SLACK)
    }

    pub(super) fn memory_left(&self, free: (u32, u32)) -> Range {
        Self::left(free, self.memory)
    }

    // Exact, if all of them have the same.
    fn cpus_left(&self, row: &Row) -> Range {
        let left = |free: u64, all: u64| share(free.saturating_sub(self.vcpus), all);
        let least = left(row.cpus.0, self.all_cpus.1);
        if row.cpus.0 == row.cpus.1 && self.all_cpus.0 == self.all_cpus.1 {
            return (least, least);
        }
        (least, left(row.cpus.1, self.all_cpus.0))
    }
}

/// What a search keeps, so that the next one need not ask for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    /// Those that fit, and those of them that are looked at.
    pub(crate) hosts: [Bits; 2],
    // By class: of those that have some of the hosts.
    views: Vec<View>,
    ranks: Ranks,
    // By class: whether some of the hosts that are looked for are there, if that is known.
    meets: Vec<Option<bool>>,
}

/// A search for the best host.
pub(crate) struct Search<'a, J> {
    pub(crate) grid: &'a Grid,
    pub(crate) weights: &'a Weights,
    pub(crate) ask: Ask,
    pub(crate) judge: &'a J,
    pub(crate) best: Option<Best>,
    // Of all that are looked for.
    classes: &'a [u32],
    scratch: &'a mut Scratch,
    ranked: bool,
    // Hosts that were passed over, since they are not asked for.
    passed: usize,
}

impl<'a, J: Judge> Search<'a, J> {
    pub(crate) fn new(
        grid: &'a Grid,
        weights: &'a Weights,
        ask: Ask,
        judge: &'a J,
        classes: &'a [u32],
        scratch: &'a mut Scratch,
    ) -> Self {
        scratch.views.resize(grid.classes.len(), View::default());
        for class in classes {
            let at = *class as usize;
            scratch.views[at] = View::new(&grid.classes[at], &ask, weights);
        }
        Self {
            grid,
            weights,
            ask,
            judge,
            classes,
            best: None,
            scratch,
            ranked: false,
            passed: 0,
        }
    }

    /// Looks among these hosts, each of which scores so much beside. They are `all`, if each class has some
    /// of them.
    pub(crate) fn among(
        &mut self,
        hosts: &Bits,
        all: bool,
        known: i64,
        ring_of: impl Fn(u32) -> u64,
    ) {
        if !hosts.more_than(FEW) || !self.by_rows(hosts, all, known) {
            for slot in hosts.iter() {
                self.one(slot, known, ring_of(slot));
            }
        }
    }

    // Nothing is settled if too many others are in the way.
    fn by_rows(&mut self, hosts: &Bits, all: bool, known: i64) -> bool {
        if !self.ranked {
            self.rank();
        }
        self.passed = 0;
        let mut patience = PATIENCE;
        let known_to_meet = all.then_some(true);
        self.scratch
            .meets
            .iter_mut()
            .for_each(|it| *it = known_to_meet);
        let above = known + self.judge.most();
        let mut next = 0;
        while let Some((bound, class, row)) = self.nth(next, above) {
            next += 1;
            // One of those before may have been better than it promised.
            if self.hopeless(bound + above) {
                continue;
            }
            let view = self.scratch.views[class as usize];
            let meets = &mut self.scratch.meets[class as usize];
            let class = &self.grid.classes[class as usize];
            if *meets.get_or_insert_with(|| class.hosts.meets(hosts)) {
                self.row(&class.rows[row as usize], &view, hosts, known);
            }
            if self.passed > patience {
                patience = hosts.count() * 2;
                if self.passed > patience {
                    return false;
                }
            }
        }
        true
    }

    // The row that is the most promising but so many; `above` is what hosts can score beside. What is
    // hopeless now stays so: the best only becomes better, and what hosts score beside less.
    fn nth(&mut self, at: usize, above: i64) -> Option<Bound> {
        let least = self.best.map(|best| best.score - above);
        let (ranks, rows) = self.ranks();
        ranks.nth(at, least, &rows)
    }

    fn ranks(&mut self) -> (&mut Ranks, Rows<'_>) {
        let rows = Rows {
            grid: self.grid,
            weights: self.weights,
            views: &self.scratch.views,
            from: row(self.ask.vcpus) as u32,
        };
        (&mut self.scratch.ranks, rows)
    }

    /// Whether none of the hosts can be the best that score at most so much beside.
    pub(crate) fn is_over(&self, known: i64) -> bool {
        self.ranked && self.hopeless(self.scratch.ranks.most + known + self.judge.most())
    }

    fn rank(&mut self) {
        self.ranked = true;
        let count = self.scratch.views.len();
        self.scratch.meets.clear();
        self.scratch.meets.resize(count, None);
        let classes = self.classes;
        let (ranks, rows) = self.ranks();
        ranks.begin(classes, &rows);
    }

    fn one(&mut self, slot: u32, known: i64, ring: u64) {
        if self.best.is_some() && self.hopeless(self.most_of(slot) + known + self.judge.most()) {
            return;
        }
        let Some(room) = self.grid.room(slot).filter(|room| self.fits(room)) else {
            return;
        };
        let score = known + self.weights.of_room(room, self.ask.vcpus, self.ask.memory);
        if !self.hopeless(score + self.judge.most()) {
            self.take(score + self.judge.extra(slot), ring, slot);
        }
    }

    fn most_of(&self, slot: u32) -> i64 {
        let Some(place) = self.grid.where_is(slot) else {
            return i64::MIN / 2;
        };
        let view = &self.scratch.views[place.class as usize];
        let cpus = View::left((place.cpus, place.cpus), view.cpus);
        let memory = view.memory_left((place.memory, place.memory));
        self.weights.bound(cpus, memory, i64::from(place.crowd))
    }

    fn fits(&self, room: &Room) -> bool {
        room.cpus >= self.ask.vcpus && room.memory >= self.ask.memory
    }

    fn is_better(&self, score: i64, distance: u64) -> bool {
        self.best.is_none_or(|best| {
            score > best.score || (score == best.score && distance < best.distance)
        })
    }

    fn take(&mut self, score: i64, ring: u64, slot: u32) {
        let distance = ring.wrapping_sub(self.ask.ring);
        if self.is_better(score, distance) && self.judge.admits(slot) {
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

    // From the best place of a row to both sides, until it can only be worse.
    fn row(&mut self, row: &Row, view: &View, hosts: &Bits, known: i64) {
        let cpus = view.cpus_left(row);
        let (least, most) = view.memory_left(row.memory);
        let above = known + self.judge.most();
        let left = |item: &Item| view.memory_left((item.memory, item.memory));
        let crowd = i64::from(row.crowd);
        let items = &row.items;
        let from = items.partition_point(|item| left(item).1 < 0);
        let level = self.weights.likes_memory();
        let best = items.partition_point(|item| level && left(item).1 < cpus.0);
        let (below, beyond) = items.split_at(best.max(from));
        for item in beyond {
            let memory = left(item);
            let bound = self.weights.bound(cpus, (memory.0, most), crowd);
            if self.hopeless(bound + above) {
                break;
            }
            self.item(item, cpus, memory, hosts, known);
        }
        for item in below[from..].iter().rev() {
            let memory = left(item);
            let bound = self.weights.bound(cpus, (least, memory.1), crowd);
            if self.hopeless(bound + above) {
                break;
            }
            self.item(item, cpus, memory, hosts, known);
        }
    }

    fn item(&mut self, item: &Item, cpus: Range, memory: Range, hosts: &Bits, known: i64) {
        let above = known + self.judge.most();
        let bound = self.weights.bound(cpus, memory, i64::from(item.crowd));
        if self.hopeless(bound + above) {
            return;
        }
        let only = item.slot != NONE;
        if only && !hosts.contains(item.slot) {
            self.passed += 1;
            return;
        }
        let distance = item.ring.wrapping_sub(self.ask.ring);
        if only && !self.is_better(bound + above, distance) {
            return;
        }
        let entry = &self.grid.entries[item.entry as usize];
        if !self.fits(&entry.room) {
            return;
        }
        let Ask { vcpus, memory, .. } = self.ask;
        let score = self.weights.of_room(&entry.room, vcpus, memory);
        if self.hopeless(score + above) {
            return;
        }
        if only {
            let extra = self.judge.extra(item.slot);
            self.take(score + known + extra, item.ring, item.slot);
        } else {
            self.members(&entry.hosts, hosts, score + known);
        }
    }

    // From where the machine is on the ring: the first is the nearest.
    fn members(&mut self, members: &[(u64, u32)], hosts: &Bits, score: i64) {
        let start = members.partition_point(|(ring, _)| *ring < self.ask.ring);
        let (before, after) = members.split_at(start);
        let even = self.judge.is_even();
        for (ring, slot) in after.iter().chain(before) {
            if !hosts.contains(*slot) {
                self.passed += 1;
                continue;
            }
            let distance = ring.wrapping_sub(self.ask.ring);
            if even && !self.is_better(score, distance) {
                return;
            }
            self.take(score + self.judge.extra(*slot), *ring, *slot);
        }
    }
}
