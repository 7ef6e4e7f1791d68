//! The machines that are bound, by their UIDs.

use std::collections::HashMap;

use super::hash::Mixed;
use super::slab::Slab;
use super::taken::Parts;
use super::uid::Uid;

/// No slot, and no record.
pub(crate) const NONE: u32 = u32::MAX;

/// A machine that is bound.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) uid: Uid,
    // Another one whose UID has the same hash.
    next: u32,
    pub(crate) labels: u32,
    /// Where it is: on two hosts while it moves.
    pub(crate) slots: [u32; 2],
    pub(crate) priority: i32,
    pub(crate) preemption: bool,
    /// Whether it takes anything: one that is off may have given its place up.
    pub(crate) occupies: bool,
    pub(crate) parts: Parts,
}

impl Record {
    pub(crate) fn new(uid: Uid, labels: u32, parts: Parts) -> Self {
        Self {
            uid,
            next: NONE,
            labels,
            slots: [NONE; 2],
            priority: 0,
            preemption: false,
            occupies: true,
            parts,
        }
    }

    pub(crate) fn on(&self) -> impl Iterator<Item = u32> + use<> {
        self.slots.into_iter().filter(|slot| *slot != NONE)
    }

    pub(crate) fn keeps_away(&self) -> &[u32] {
        self.parts
            .rare
            .as_ref()
            .map_or(&[], |rare| &rare.keeps_away)
    }
}

/// All that are bound.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machines {
    pub(crate) records: Slab<Record>,
    first: HashMap<u64, u32, Mixed>,
}

impl Machines {
    pub(crate) fn get(&self, at: u32) -> Option<&Record> {
        self.records.get(at)
    }

    pub(crate) fn find(&self, uid: &Uid) -> Option<u32> {
        let mut at = *self.first.get(&uid.hash())?;
        loop {
            let record = self.get(at)?;
            if record.uid == *uid {
                return Some(at);
            }
            at = record.next;
        }
    }

    /// Adds one that is not there.
    pub(crate) fn add(&mut self, mut record: Record) -> u32 {
        let hash = record.uid.hash();
        let at = self.records.next();
        record.next = self.first.insert(hash, at).unwrap_or(NONE);
        self.records.add(record)
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, at: u32) -> Option<Record> {
        let record = self.records.remove(at)?;
        let hash = record.uid.hash();
        let mut before = self.first.get(&hash).copied().unwrap_or(NONE);
        if before == at {
            match record.next {
                NONE => self.first.remove(&hash),
                next => self.first.insert(hash, next),
            };
            return Some(record);
        }
        while let Some(it) = self.records.get_mut(before) {
            if it.next == at {
                it.next = record.next;
                break;
            }
            before = it.next;
        }
        Some(record)
    }
}
