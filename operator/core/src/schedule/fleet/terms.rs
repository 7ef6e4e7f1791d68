//! How many machines that a term is about are in each domain.

use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::super::event::Labels;
use super::super::labels::Selector;
use super::super::request::Term;
use super::hash::{Mixed, Mixer, ring};
use super::slab::Slab;
use super::tally::{Counts, Tally, step};
use super::topology::{NONE, Topology};

/// A term, with what it is about in each domain.
#[derive(Debug, Clone)]
pub(crate) struct Counter {
    hash: u64,
    pub(crate) topology: u32,
    topology_key: String,
    selector: Selector,
    namespaces: Vec<String>,
    /// The machines that it selects.
    pub(crate) matching: Tally,
    /// The machines that keep those away.
    pub(crate) owners: Tally,
    // Machines that say it, wherever they are.
    holders: u32,
}

/// Labels that machines have in common.
#[derive(Debug, Clone)]
struct LabelSet {
    namespace: Arc<str>,
    labels: Arc<[(Arc<str>, Arc<str>)]>,
    // Machines, wherever they are.
    members: u32,
    // Machines by host.
    on: Counts,
    // The terms that select it.
    matching: Vec<u32>,
}

/// The terms that are known, and the labels of the machines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    counters: Slab<Counter>,
    by_hash: HashMap<u64, Vec<u32>, Mixed>,
    by_space: HashMap<u64, Vec<u32>, Mixed>,
    sets: Slab<LabelSet>,
    set_by_hash: HashMap<u64, Vec<u32>, Mixed>,
    set_by_space: HashMap<u64, Vec<u32>, Mixed>,
    // Terms that some machine keeps others away by.
    kept: usize,
    // Terms and label sets since the last time that idle ones were forgotten.
    added: usize,
}

// After so many new ones, terms and label sets that no machine has are forgotten.
const IDLE: usize = 16_384;

fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = Mixer::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What a term says, in a machine of a namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) topology_key: &'a str,
    pub(crate) selector: &'a Selector,
    namespaces: &'a [String],
    own: &'a str,
}

impl<'a> Said<'a> {
    pub(crate) fn of(term: &'a Term, own: &'a str) -> Self {
        Self {
            topology_key: &term.topology_key,
            selector: &term.selector,
            namespaces: &term.namespaces,
            own,
        }
    }

    pub(crate) fn new(topology_key: &'a str, selector: &'a Selector, own: &'a str) -> Self {
        Self {
            topology_key,
            selector,
            namespaces: &[],
            own,
        }
    }

    fn spaces(&self) -> impl Iterator<Item = &'a str> {
        let own = self.namespaces.is_empty().then_some(self.own);
        self.namespaces.iter().map(String::as_str).chain(own)
    }

    /// Whether it selects a machine.
    pub(crate) fn selects(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.spaces().any(|it| it == namespace) && self.selector.matches(labels)
    }

    fn hash(&self) -> u64 {
        let mut hasher = Mixer::default();
        (self.topology_key, self.selector).hash(&mut hasher);
        self.spaces().for_each(|it| it.hash(&mut hasher));
        hasher.finish()
    }

    fn is(&self, counter: &Counter) -> bool {
        counter.topology_key == self.topology_key
            && counter.selector == *self.selector
            && self
                .spaces()
                .eq(counter.namespaces.iter().map(String::as_str))
    }
}

impl Counter {
    fn selects(&self, set: &LabelSet) -> bool {
        let label = |key: &str| {
            let found = set.labels.iter().find(|(it, _)| **it == *key);
            found.map(|(_, value)| &**value)
        };
        self.namespaces.iter().any(|it| **it == *set.namespace) && self.selector.selects(label)
    }
}

impl Terms {
    pub(crate) fn get(&self, term: u32) -> Option<&Counter> {
        self.counters.get(term)
    }

    /// The number of a term, if it is known.
    pub(crate) fn find(&self, said: &Said<'_>) -> Option<u32> {
        let same = self.by_hash.get(&said.hash())?.iter();
        let is = |term: &&u32| self.get(**term).is_some_and(|it| said.is(it));
        same.copied().find(|term| is(&term))
    }

    /// A new term, which has counted nothing yet, and the labels that it selects.
    pub(crate) fn add(&mut self, said: &Said<'_>, topology: u32) -> (u32, Vec<u32>) {
        let counter = Counter {
            hash: said.hash(),
            topology,
            topology_key: said.topology_key.to_owned(),
            selector: said.selector.clone(),
            namespaces: said.spaces().map(str::to_owned).collect(),
            matching: Tally::default(),
            owners: Tally::default(),
            holders: 0,
        };
        let hash = counter.hash;
        let mut selected = Vec::new();
        for space in &counter.namespaces {
            let sets = self.set_by_space.get(&ring(space)).into_iter().flatten();
            let is = |set: &&u32| self.sets.get(**set).is_some_and(|it| counter.selects(it));
            selected.extend(sets.copied().filter(|set| is(&set)));
        }
        selected.sort_unstable();
        selected.dedup();
        let spaces: Vec<u64> = counter.namespaces.iter().map(|it| ring(it)).collect();
        let term = self.counters.add(counter);
        for set in &selected {
            if let Some(set) = self.sets.get_mut(*set) {
                set.matching.push(term);
            }
        }
        for space in spaces {
            self.by_space.entry(space).or_default().push(term);
        }
        self.by_hash.entry(hash).or_default().push(term);
        self.added += 1;
        (term, selected)
    }

    /// The number of what machines of these labels have in common.
    pub(crate) fn label_set(
        &mut self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
        mut text: impl FnMut(&str) -> Arc<str>,
    ) -> u32 {
        let hash = hash_of((namespace, labels));
        let is = |set: &LabelSet| {
            let known = set.labels.iter().map(|(key, value)| (&**key, &**value));
            let asked = labels
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()));
            *set.namespace == *namespace && known.eq(asked)
        };
        let same = self.set_by_hash.get(&hash).into_iter().flatten();
        let mut same = same.filter(|at| self.sets.get(**at).is_some_and(is));
        if let Some(found) = same.next() {
            return *found;
        }
        let namespace = text(namespace);
        let labels = labels.iter().map(|(key, value)| (text(key), text(value)));
        let mut set = LabelSet {
            namespace,
            labels: labels.collect(),
            members: 0,
            on: Counts::default(),
            matching: Vec::new(),
        };
        let space = ring(&set.namespace);
        let terms = self.by_space.get(&space).into_iter().flatten().copied();
        let selects = |term: &u32| self.counters.get(*term).is_some_and(|it| it.selects(&set));
        set.matching = terms.filter(selects).collect();
        set.matching.sort_unstable();
        set.matching.dedup();
        let at = self.sets.add(set);
        self.added += 1;
        self.set_by_hash.entry(hash).or_default().push(at);
        self.set_by_space.entry(space).or_default().push(at);
        at
    }

    /// The terms that select these labels.
    pub(crate) fn matching(&self, set: u32) -> &[u32] {
        self.sets.get(set).map_or(&[], |set| &set.matching)
    }

    /// The labels themselves.
    pub(crate) fn labels(&self, set: u32) -> Option<Labels> {
        self.sets.get(set).map(|set| Labels {
            namespace: Arc::clone(&set.namespace),
            labels: Arc::clone(&set.labels),
        })
    }

    /// Whether any machine keeps others away.
    pub(crate) fn any_kept(&self) -> bool {
        self.kept > 0
    }

    /// A machine with these labels comes to these hosts (or goes).
    pub(crate) fn join(&mut self, set: u32, hosts: impl Iterator<Item = u32>, comes: bool) {
        if let Some(set) = self.sets.get_mut(set) {
            set.members = match comes {
                true => set.members + 1,
                false => set.members.saturating_sub(1),
            };
            for slot in hosts {
                step(&mut set.on, slot, comes);
            }
        }
    }

    /// The hosts of the machines of these labels, with how many of them are there.
    pub(crate) fn on(&self, sets: &[u32]) -> impl Iterator<Item = (u32, u32)> {
        let sets = sets.iter().filter_map(|set| self.sets.get(*set));
        sets.flat_map(|set| set.on.iter().map(|(slot, count)| (*slot, *count)))
    }

    /// A machine that says these terms comes (or goes).
    pub(crate) fn hold(&mut self, keeps_away: &[u32], comes: bool) {
        let change = |count: &mut u32| {
            *count = if comes {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
        };
        for term in keeps_away {
            if let Some(counter) = self.counters.get_mut(*term) {
                let before = counter.holders;
                change(&mut counter.holders);
                self.kept += usize::from(before == 0 && comes);
                self.kept -= usize::from(before == 1 && !comes);
            }
        }
    }

    /// Counts a machine on a host in the domains of that (or no longer).
    pub(crate) fn count(
        &mut self,
        set: u32,
        keeps_away: &[u32],
        comes: bool,
        (slot, topologies): (u32, &[Topology]),
    ) {
        let matching = self.sets.get(set).map_or(&[][..], |set| &set.matching);
        for term in matching {
            if let Some(counter) = self.counters.get_mut(*term) {
                let topology = &topologies[counter.topology as usize];
                counter
                    .matching
                    .step(topology.domain(slot), comes, topology);
            }
        }
        for term in keeps_away {
            if let Some(counter) = self.counters.get_mut(*term) {
                let topology = &topologies[counter.topology as usize];
                counter.owners.step(topology.domain(slot), comes, topology);
            }
        }
    }

    /// Counts what a new term selects: so many, in these domains.
    pub(crate) fn recount(&mut self, term: u32, domains: Vec<(u32, u32)>) {
        let Some(counter) = self.counters.get_mut(term) else {
            return;
        };
        // A host without the label is in no domain.
        for (domain, count) in domains.into_iter().filter(|(domain, _)| *domain != NONE) {
            *counter.matching.counts.entry(domain).or_default() += count;
        }
    }

    /// Puts the hosts together that a term is about, and those of the machines that say it.
    pub(crate) fn find_hosts(&mut self, term: u32, topology: &Topology) {
        if let Some(counter) = self.counters.get_mut(term) {
            counter.matching.find_hosts(topology);
            counter.owners.find_hosts(topology);
        }
    }

    /// Forgets what no machine has, now and then.
    pub(crate) fn forget_idle(&mut self) {
        if self.added <= IDLE {
            return;
        }
        self.added = 0;
        self.counters.retain(|it| it.holders > 0);
        self.sets.retain(|it| it.members > 0);
        let kept = |term: &u32| self.counters.get(*term).is_some();
        for set in self.sets.iter_mut() {
            set.matching.retain(kept);
        }
        retain(&mut self.by_hash, kept);
        retain(&mut self.by_space, kept);
        retain(&mut self.set_by_hash, |at| self.sets.get(*at).is_some());
        retain(&mut self.set_by_space, |at| self.sets.get(*at).is_some());
    }
}

fn retain(all: &mut HashMap<u64, Vec<u32>, Mixed>, kept: impl Fn(&u32) -> bool) {
    all.retain(|_, list| {
        list.retain(&kept);
        !list.is_empty()
    });
}
