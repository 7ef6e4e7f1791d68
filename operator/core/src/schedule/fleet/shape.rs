//! What many machines want of hosts, with the hosts that have it.

use std::collections::HashMap;

use super::super::reasons::Reason;
use super::super::request::Rules;
use super::super::score::Weights;
use super::bits::Bits;
use super::grid::Grid;
use super::hash::Mixed;
use super::host::{Facts, Look, Numbers, Slot, liking};
use super::topology::{NONE, Topology};

// Beyond so many different scores they are kept by host.
const TIERS: usize = 16;

// Shapes beyond these are forgotten, all at once.
const SHAPES: usize = 512;

/// What the hosts of a shape score by what they are.
#[derive(Debug, Clone)]
pub(crate) enum Liked {
    /// By score: the hosts.
    Tiers(Vec<(i64, Bits)>),
    /// By slot: the score, and the most.
    Each(Vec<i64>, i64),
}

/// What many machines want of hosts.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    rules: Rules,
    asked: Numbers,
    /// The hosts that have it.
    pub(crate) hosts: Bits,
    pub(crate) liked: Liked,
    // The hosts that it selects, whatever else they lack.
    selected: Bits,
    // By topology: the domains of those, and when it was asked.
    domains: HashMap<u32, (u64, Bits), Mixed>,
    // The classes that they are in, and when that was asked.
    classes: (u64, Vec<u32>),
    /// Why the others are none, if it was asked since something changed.
    pub(crate) unfit: Option<Vec<(Reason, Bits)>>,
}

/// The shapes that are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shapes {
    all: Vec<Shape>,
    by_rules: HashMap<Rules, Vec<u32>, Mixed>,
}

impl Shapes {
    pub(crate) fn get(&self, shape: u32) -> Option<&Shape> {
        self.all.get(shape as usize)
    }

    pub(crate) fn get_mut(&mut self, shape: u32) -> Option<&mut Shape> {
        self.all.get_mut(shape as usize)
    }

    pub(crate) fn find(&self, rules: &Rules, allowed: &[bool]) -> Option<u32> {
        let same = self.by_rules.get(rules)?.iter();
        let is = |shape: &&u32| {
            self.get(**shape)
                .is_some_and(|it| it.asked.allowed == allowed)
        };
        same.copied().find(|shape| is(&shape))
    }

    /// A shape of hosts that are none yet.
    pub(crate) fn add(&mut self, rules: &Rules, asked: Numbers) -> u32 {
        if self.all.len() >= SHAPES {
            self.forget();
        }
        let shape = self.all.len() as u32;
        self.all.push(Shape {
            rules: rules.clone(),
            asked,
            hosts: Bits::default(),
            liked: Liked::Tiers(Vec::new()),
            selected: Bits::default(),
            domains: HashMap::default(),
            classes: (u64::MAX, Vec::new()),
            unfit: None,
        });
        self.by_rules.entry(rules.clone()).or_default().push(shape);
        shape
    }

    /// Forgets all of them: what they were made from has changed.
    pub(crate) fn forget(&mut self) {
        self.all.clear();
        self.by_rules.clear();
    }

    /// A host has changed.
    pub(crate) fn put(&mut self, weights: &Weights, slot: u32, host: &Slot) {
        for shape in &mut self.all {
            shape.put(weights, slot, host);
        }
    }
}

impl Shape {
    /// A host has changed.
    pub(crate) fn put(&mut self, weights: &Weights, slot: u32, host: &Slot) {
        self.unfit = None;
        self.classes.0 = u64::MAX;
        self.hosts.remove(slot);
        self.selected.remove(slot);
        if let Liked::Tiers(tiers) = &mut self.liked {
            tiers.iter_mut().for_each(|(_, hosts)| hosts.remove(slot));
        }
        let Some(facts) = &host.facts else { return };
        if self.look(host, facts).is_selected() {
            self.selected.insert(slot);
        }
        if self.look(host, facts).unfit().is_none() {
            self.hosts.insert(slot);
            self.like(slot, liking(weights, &self.rules, facts).sum());
        }
    }

    /// A host, to be looked at.
    pub(crate) fn look<'a>(&'a self, host: &'a Slot, facts: &'a Facts) -> Look<'a> {
        let (rules, asked, name) = (&self.rules, &self.asked, &*host.name);
        Look {
            rules,
            asked,
            name,
            facts,
        }
    }

    /// Finds the classes of its hosts, unless they are known.
    pub(crate) fn find_classes(&mut self, grid: &Grid) {
        let (then, classes) = &mut self.classes;
        if *then == grid.moves {
            return;
        }
        *then = grid.moves;
        classes.clear();
        let all = (0_u32..).zip(&grid.classes);
        let has = all.filter(|(_, class)| class.hosts.meets(&self.hosts));
        classes.extend(has.map(|(number, _)| number));
    }

    /// The classes of its hosts, as they were found.
    pub(crate) fn classes(&self) -> &[u32] {
        &self.classes.1
    }

    fn like(&mut self, slot: u32, score: i64) {
        match &mut self.liked {
            Liked::Tiers(tiers) => {
                if let Some((_, hosts)) = tiers.iter_mut().find(|(it, _)| *it == score) {
                    hosts.insert(slot);
                    return;
                }
                let hosts = Bits::of(slot);
                let at = tiers.partition_point(|(it, _)| *it > score);
                tiers.insert(at, (score, hosts));
                if tiers.len() > TIERS {
                    self.liked = by_host(tiers);
                }
            }
            Liked::Each(scores, most) => {
                if scores.len() <= slot as usize {
                    scores.resize(slot as usize + 1, 0);
                }
                scores[slot as usize] = score;
                *most = (*most).max(score);
            }
        }
    }

    /// The domains of the hosts that it selects. `now` is when a label of a host has changed last.
    pub(crate) fn domains(&mut self, number: u32, topology: &Topology, now: u64) -> &Bits {
        let (then, domains) = self
            .domains
            .entry(number)
            .or_insert((u64::MAX, Bits::default()));
        if *then != now {
            *then = now;
            domains.clear();
            for slot in self.selected.iter() {
                let domain = topology.domain(slot);
                if domain != NONE {
                    domains.insert(domain);
                }
            }
        }
        domains
    }
}

fn by_host(tiers: &[(i64, Bits)]) -> Liked {
    let mut scores = Vec::new();
    for (score, hosts) in tiers {
        for slot in hosts.iter() {
            if scores.len() <= slot as usize {
                scores.resize(slot as usize + 1, 0);
            }
            scores[slot as usize] = *score;
        }
    }
    Liked::Each(scores, tiers.first().map_or(0, |(score, _)| *score))
}
