//! The domains that a label divides the hosts into.

use std::collections::HashMap;
use std::sync::Arc;

use super::bits::Bits;
use super::hash::Named;

/// No domain.
pub(crate) const NONE: u32 = u32::MAX;

// A topology of at most so many domains keeps the hosts of each as a set.
const DENSE: usize = 64;

/// The domains of one label.
#[derive(Debug, Clone)]
pub(crate) struct Topology {
    pub(crate) key: Arc<str>,
    numbers: HashMap<Arc<str>, u32, Named>,
    // By slot.
    domains: Vec<u32>,
    // By domain, in no order.
    members: Vec<Vec<u32>>,
    // By domain, while there are few.
    sets: Vec<Bits>,
    /// The hosts that have the label.
    pub(crate) present: Bits,
    /// Rises when a host comes into a domain, or leaves one.
    pub(crate) moves: u64,
}

impl Topology {
    pub(crate) fn new(key: Arc<str>) -> Self {
        Self {
            key,
            numbers: HashMap::default(),
            domains: Vec::new(),
            members: Vec::new(),
            sets: Vec::new(),
            present: Bits::default(),
            moves: 0,
        }
    }

    /// The domain of a host.
    pub(crate) fn domain(&self, slot: u32) -> u32 {
        self.domains.get(slot as usize).copied().unwrap_or(NONE)
    }

    /// Whether [`Self::set`] can be asked.
    pub(crate) fn is_dense(&self) -> bool {
        self.members.len() <= DENSE
    }

    /// The domains that a host is in, or has been.
    pub(crate) fn domains(&self) -> std::ops::Range<u32> {
        0..self.members.len() as u32
    }

    /// The hosts of a domain, if the topology is dense.
    pub(crate) fn set(&self, domain: u32) -> Option<&Bits> {
        self.sets.get(domain as usize)
    }

    /// The hosts of a domain.
    pub(crate) fn members(&self, domain: u32) -> &[u32] {
        self.members.get(domain as usize).map_or(&[], Vec::as_slice)
    }

    /// Takes the hosts of a domain out of a set.
    pub(crate) fn take_out(&self, domain: u32, hosts: &mut Bits) {
        match self.set(domain) {
            Some(set) => hosts.take_out(set),
            None => self
                .members(domain)
                .iter()
                .for_each(|slot| hosts.remove(*slot)),
        }
    }

    /// Adds the hosts of a domain to a set.
    pub(crate) fn join(&self, domain: u32, hosts: &mut Bits) {
        match self.set(domain) {
            Some(set) => hosts.join(set),
            None => self
                .members(domain)
                .iter()
                .for_each(|slot| hosts.insert(*slot)),
        }
    }

    /// Puts a host into the domain that its label says.
    pub(crate) fn put(&mut self, slot: u32, value: Option<&Arc<str>>) {
        let index = slot as usize;
        if self.domains.len() <= index {
            self.domains.resize(index + 1, NONE);
        }
        let domain = value.map_or(NONE, |value| self.number(value));
        let before = std::mem::replace(&mut self.domains[index], domain);
        if before == domain {
            return;
        }
        self.moves += 1;
        self.present.set(slot, domain != NONE);
        if before != NONE {
            let members = &mut self.members[before as usize];
            if let Some(at) = members.iter().position(|it| *it == slot) {
                members.swap_remove(at);
            }
            if let Some(set) = self.sets.get_mut(before as usize) {
                set.remove(slot);
            }
        }
        if domain != NONE {
            self.members[domain as usize].push(slot);
            if let Some(set) = self.sets.get_mut(domain as usize) {
                set.insert(slot);
            }
        }
    }

    fn number(&mut self, value: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.members.len() as u32;
        self.numbers.insert(Arc::clone(value), number);
        self.members.push(Vec::new());
        if self.is_dense() {
            self.sets.push(Bits::default());
        } else {
            self.sets = Vec::new();
        }
        number
    }
}
