//! The choice of a host.

use std::cmp::Reverse;

use smallvec::SmallVec;

use super::filter::Asked;
use super::fleet::Fleet;
use super::fleet::bits::Bits;
use super::fleet::hash::ring;
use super::fleet::search::{Ask, Best, Judge, Scratch, Search};
use super::fleet::shape::{Liked, Shape};
use super::limits::{Bonus, Prepared};
use super::reasons::Unschedulable;
use super::request::Request;

/// The host for a machine: of those that fit the one that scores most; of equals, the first on the ring
/// of hashes from the machine's own place.
///
/// # Errors
/// [`Unschedulable`] with every host counted by why it does not fit.
pub fn schedule(request: &Request, fleet: &mut Fleet) -> Result<String, Unschedulable> {
    let prepared = fleet.prepare(request);
    match fleet.best(request, &prepared) {
        Some(best) => Ok(fleet.slots[best.slot as usize].name.to_string()),
        None => Err(fleet.unschedulable(request, &prepared)),
    }
}

// What the grid does not know.
#[derive(Clone, Copy)]
struct Rest<'a> {
    fleet: &'a Fleet,
    request: &'a Request,
    asked: &'a Asked,
    // What is not the same for all hosts of a search.
    bonuses: &'a [Bonus],
    each: Option<&'a [i64]>,
    most: i64,
}

impl Judge for Rest<'_> {
    fn admits(&self, slot: u32) -> bool {
        self.fleet
            .short_of(self.request, self.asked, slot)
            .is_none()
    }

    fn extra(&self, slot: u32) -> i64 {
        let each = self.each.and_then(|each| each.get(slot as usize));
        let bonuses = self.bonuses.iter();
        let bonuses: i64 = bonuses.map(|bonus| self.fleet.worth(bonus, slot)).sum();
        each.copied().unwrap_or(0) + bonuses
    }

    fn most(&self) -> i64 {
        self.most
    }

    fn is_even(&self) -> bool {
        self.each.is_none() && self.bonuses.is_empty()
    }
}

impl Fleet {
    /// The best host for a request.
    pub(super) fn best(&mut self, request: &Request, prepared: &Prepared) -> Option<Best> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let best = self.best_within(request, prepared, &mut scratch);
        self.scratch = scratch;
        best
    }

    // Of the hosts of its shape those that are within its limits.
    fn best_within(
        &self,
        request: &Request,
        prepared: &Prepared,
        scratch: &mut Scratch,
    ) -> Option<Best> {
        let shape = self.shapes.get(prepared.shape)?;
        if prepared.limits.is_empty() {
            return self.best_of(request, prepared, shape, None, scratch);
        }
        let mut hosts = std::mem::take(&mut scratch.hosts[0]);
        hosts.copy(&shape.hosts);
        for limit in &prepared.limits {
            self.apply(limit, &mut hosts);
        }
        let best = self.best_of(request, prepared, shape, Some(&hosts), scratch);
        scratch.hosts[0] = hosts;
        best
    }

    // Of the hosts of a shape, or these of them.
    fn best_of(
        &self,
        request: &Request,
        prepared: &Prepared,
        shape: &Shape,
        of: Option<&Bits>,
        scratch: &mut Scratch,
    ) -> Option<Best> {
        let dense = |bonus: &&Bonus| self.topologies[bonus.topology as usize].is_dense();
        let dense = prepared.bonuses.iter().find(dense).map(|it| it.topology);
        let all = prepared.bonuses.iter().copied();
        let (grouped, bonuses): (Vec<_>, Vec<_>) = all.partition(|it| Some(it.topology) == dense);
        let groups = dense.map(|topology| self.by_worth(topology, &grouped));
        let (each, above) = match &shape.liked {
            Liked::Each(each, most) => (Some(each.as_slice()), *most),
            Liked::Tiers(_) => (None, 0),
        };
        let most = bonuses
            .iter()
            .map(|bonus| self.most_worth(bonus))
            .sum::<i64>()
            + above;
        let rest = Rest {
            fleet: self,
            request,
            asked: &prepared.asked,
            bonuses: &bonuses,
            each,
            most,
        };
        let usage = &request.machine.usage;
        let ask = Ask {
            vcpus: usage.vcpus,
            memory: usage.memory,
            ring: ring(&request.machine.uid),
        };
        let (of, whole) = (of.unwrap_or(&shape.hosts), of.is_none());
        let mut hosts = std::mem::take(&mut scratch.hosts[1]);
        let classes = shape.classes();
        let tiers = match &shape.liked {
            Liked::Tiers(tiers) => tiers.as_slice(),
            Liked::Each(..) => &[],
        };
        let apart = self.apart_from(&bonuses);
        let with = Rest {
            most: most + apart.map_or(0, |(_, worth)| worth),
            ..rest
        };
        let mut search = Search::new(&self.grid, &self.weights, ask, &rest, classes, scratch);
        let ring_of = |slot: u32| self.slots[slot as usize].ring;
        for (_, part) in parts(tiers, groups.as_deref(), apart) {
            search.judge = if part.is_with() { &with } else { &rest };
            if search.is_over(part.known) {
                break;
            }
            let among = part.hosts(of, whole, &mut hosts);
            let all = whole && part.is_all();
            search.among(among, all, part.known, ring_of);
        }
        let best = search.best;
        scratch.hosts[1] = hosts;
        best
    }

    // The hosts by what the machines in their domains are worth.
    fn by_worth(&self, topology: u32, bonuses: &[Bonus]) -> Vec<(i64, Bits)> {
        let topology = &self.topologies[topology as usize];
        let nowhere: i64 = bonuses.iter().map(Bonus::nowhere).sum();
        let mut without = Bits::default();
        without.fill(self.slots.len());
        without.take_out(&topology.present);
        let mut worths = vec![(nowhere, without)];
        for domain in topology.domains() {
            let worth: i64 = bonuses.iter().map(|it| self.worth_in(it, domain)).sum();
            match worths.iter_mut().find(|(it, _)| *it == worth) {
                Some((_, hosts)) => topology.join(domain, hosts),
                None => {
                    let mut hosts = Bits::default();
                    topology.join(domain, &mut hosts);
                    worths.push((worth, hosts));
                }
            }
        }
        worths
    }

    fn most_worth(&self, bonus: &Bonus) -> i64 {
        let there = self.worths(bonus).map(|(_, worth)| worth).max();
        let else_ = bonus.of(0).max(bonus.nowhere());
        there.map_or(else_, |it| it.max(else_))
    }
}

// Most shapes have one tier, or two: no list is made for these.
type List<T> = SmallVec<[(i64, T); 4]>;

/// Hosts that score the same beside what is free on them.
struct Part<'a> {
    known: i64,
    tier: Option<&'a Bits>,
    group: Option<&'a Bits>,
    side: Side<'a>,
}

/// Of what machines would rather be apart from: the hosts that have it, or else those that have not.
#[derive(Clone, Copy, Default)]
struct Side<'a> {
    with: Option<&'a Bits>,
    without: Option<&'a Bits>,
}

impl Part<'_> {
    /// Whether there are machines that it would rather be apart from.
    fn is_with(&self) -> bool {
        self.side.with.is_some()
    }

    fn is_all(&self) -> bool {
        let Side { with, without } = self.side;
        [self.tier, self.group, with, without] == [None; 4]
    }

    /// Those of its hosts that are of these, or of the `whole` of its shape; put together in `into`, if need
    /// be.
    fn hosts<'a>(&'a self, of: &'a Bits, whole: bool, into: &'a mut Bits) -> &'a Bits {
        let (of, tier) = match self.tier {
            // A tier is of the hosts of its shape.
            Some(tier) if whole => (tier, None),
            tier => (of, tier),
        };
        let Side { with, without } = self.side;
        let mut sets = [tier, self.group, with].into_iter().flatten();
        match sets.next() {
            Some(set) => into.common(of, set),
            None if without.is_none() => return of,
            None => into.copy(of),
        }
        sets.for_each(|set| into.keep(set));
        if let Some(set) = without {
            into.take_out(set);
        }
        into
    }
}

// The hosts by what they score beside what is free on them, the best first; by whether they are among
// those that have something to be apart from, with what that is worth at most, if there is such.
fn parts<'a>(
    tiers: &'a [(i64, Bits)],
    groups: Option<&'a [(i64, Bits)]>,
    apart: Option<(&'a Bits, i64)>,
) -> List<Part<'a>> {
    let or_all = |all: &'a [(i64, Bits)]| -> List<Option<&'a Bits>> {
        let some = all.iter().map(|(score, set)| (*score, Some(set)));
        let none = all.is_empty().then_some((0, None));
        some.chain(none).collect()
    };
    let groups = or_all(groups.unwrap_or_default());
    let mut sides: SmallVec<[(i64, Side<'_>); 2]> = SmallVec::new();
    match apart {
        Some((hosts, worth)) => {
            let some = Some(hosts);
            let with = Side {
                with: some,
                without: None,
            };
            let without = Side {
                with: None,
                without: some,
            };
            sides.extend([(0, without), (worth, with)]);
        }
        None => sides.push((0, Side::default())),
    }
    let mut parts: List<Part<'_>> = List::new();
    for (tier_score, tier) in or_all(tiers) {
        for (group_score, group) in &groups {
            let known = tier_score + group_score;
            parts.extend(sides.iter().map(|(worth, side)| {
                let part = Part {
                    known,
                    tier,
                    group: *group,
                    side: *side,
                };
                (known + worth, part)
            }));
        }
    }
    parts.sort_by_key(|(score, _)| Reverse(*score));
    parts
}
