//! What other machines have to do with where a machine goes: what they forbid, and what they are worth.

use super::filter::Asked;
use super::fleet::Fleet;
use super::fleet::bits::Bits;
use super::fleet::tally::Tally;
use super::fleet::terms::Said;
use super::fleet::topology::NONE;
use super::reasons::Reason;
use super::request::{Preferred, Request, Spread, Term};
use super::score::{ONE, saturating};

/// Something that the machines in a domain forbid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    term: u32,
    topology: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    // One has to be there; `first`: the machine itself is the first of those.
    Near { first: bool },
    Apart,
    Refused,
    Even { own: u32, least: u32, skew: u32 },
}

/// Something that the machines in a domain are worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bonus {
    term: u32,
    pub(super) topology: u32,
    weight: i64,
    // The fewest in a domain, for spread.
    least: Option<u32>,
}

/// A request, with what the fleet knows of it.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) shape: u32,
    pub(super) limits: Vec<Limit>,
    pub(super) bonuses: Vec<Bonus>,
    pub(super) asked: Asked,
}

impl Fleet {
    /// Finds what a request needs, or makes it.
    pub(super) fn prepare(&mut self, request: &Request) -> Prepared {
        self.terms.forget_idle();
        let mut prepared = Prepared {
            shape: self.shape(request),
            limits: Vec::new(),
            bonuses: Vec::new(),
            asked: self.asked(request),
        };
        if let Some(shape) = self.shapes.get_mut(prepared.shape) {
            shape.find_classes(&self.grid);
        }
        self.near(request, &mut prepared.limits);
        self.apart(request, &mut prepared.limits);
        for spread in &request.spread {
            self.even(request, spread, &mut prepared);
        }
        let worth = i64::from(self.weights.machine_affinity);
        for (preferred, sign) in [
            (&request.preferred_affinity, 1),
            (&request.preferred_anti_affinity, -1),
        ] {
            for Preferred { weight, term } in preferred {
                let (term, topology) = self.numbers(&Said::of(term, &request.machine.namespace));
                let weight = sign * worth * i64::from(*weight);
                prepared.bonuses.push(Bonus {
                    term,
                    topology,
                    weight,
                    least: None,
                });
            }
        }
        self.find_hosts(&prepared);
        prepared
    }

    // Of the terms that part the hosts in those with such machines and those without.
    fn find_hosts(&mut self, of: &Prepared) {
        let limits = of.limits.iter().filter(|limit| limit.is_by_one());
        let limits = limits.map(|limit| (limit.term, limit.topology));
        let bonuses = of.bonuses.iter().filter(|bonus| bonus.is_apart());
        let bonuses = bonuses.map(|bonus| (bonus.term, bonus.topology));
        for (term, topology) in limits.chain(bonuses) {
            self.terms
                .find_hosts(term, &self.topologies[topology as usize]);
        }
    }

    /// Of the first of these that prefers hosts without such machines: the hosts with some, and what they
    /// are worth at most.
    pub(super) fn apart_from(&self, bonuses: &[Bonus]) -> Option<(&Bits, i64)> {
        let hosts = |bonus: &Bonus| {
            let topology = &self.topologies[bonus.topology as usize];
            self.terms.get(bonus.term)?.matching.hosts(topology)
        };
        let mut apart = bonuses.iter().filter(|bonus| bonus.is_apart());
        apart.find_map(|bonus| Some((hosts(bonus)?, bonus.of(1))))
    }

    fn numbers(&mut self, said: &Said<'_>) -> (u32, u32) {
        let term = self.term(said);
        let topology = self.terms.get(term).map_or(0, |it| it.topology);
        (term, topology)
    }

    fn near(&mut self, request: &Request, limits: &mut Vec<Limit>) {
        let machine = &request.machine;
        let own = &machine.namespace;
        let itself = |term: &Term| Said::of(term, own).selects(own, &machine.labels);
        let terms = request.affinity.iter();
        let numbers: Vec<_> = terms
            .map(|term| self.numbers(&Said::of(term, own)))
            .collect();
        // The first of machines that have to be near each other can be near none.
        let none = |term: &u32| {
            self.terms
                .get(*term)
                .is_some_and(|it| it.matching.counts.is_empty())
        };
        let first =
            numbers.iter().all(|(term, _)| none(term)) && request.affinity.iter().all(itself);
        let kind = Kind::Near { first };
        limits.extend(numbers.into_iter().map(|(term, topology)| Limit {
            term,
            topology,
            kind,
        }));
    }

    fn apart(&mut self, request: &Request, limits: &mut Vec<Limit>) {
        for term in &request.machine.anti_affinity {
            let (term, topology) = self.numbers(&Said::of(term, &request.machine.namespace));
            limits.push(Limit {
                term,
                topology,
                kind: Kind::Apart,
            });
        }
        if !self.terms.any_kept() {
            return;
        }
        let labels = self.label_set(&request.machine);
        let before = limits.len();
        for term in self.terms.matching(labels) {
            let counter = self
                .terms
                .get(*term)
                .filter(|it| !it.owners.counts.is_empty());
            if let Some(counter) = counter {
                let topology = counter.topology;
                limits.push(Limit {
                    term: *term,
                    topology,
                    kind: Kind::Refused,
                });
            }
        }
        // The order in which terms came to be known says nothing.
        let key = |limit: &Limit| self.topologies[limit.topology as usize].key.clone();
        limits[before..].sort_by_cached_key(key);
    }

    fn even(&mut self, request: &Request, spread: &Spread, prepared: &mut Prepared) {
        let machine = &request.machine;
        let said = Said::new(&spread.topology_key, &spread.selector, &machine.namespace);
        let (term, topology) = self.numbers(&said);
        let least = self.least(prepared.shape, term, topology, spread.min_domains);
        if spread.required {
            let own = u32::from(said.selects(&machine.namespace, &machine.labels));
            let kind = Kind::Even {
                own,
                least,
                skew: spread.max_skew.max(1),
            };
            prepared.limits.push(Limit {
                term,
                topology,
                kind,
            });
        } else {
            let weight = -100 * i64::from(self.weights.topology_spread);
            prepared.bonuses.push(Bonus {
                term,
                topology,
                weight,
                least: Some(least),
            });
        }
    }

    // The fewest machines in a domain of the hosts that the shape selects.
    fn least(&mut self, shape: u32, term: u32, topology: u32, min_domains: u32) -> u32 {
        let number = topology;
        let (Some(shape), Some(counter)) = (self.shapes.get_mut(shape), self.terms.get(term))
        else {
            return 0;
        };
        let domains = shape.domains(number, &self.topologies[number as usize], self.age);
        let many = domains.count();
        let there = counter
            .matching
            .counts
            .iter()
            .filter(|(domain, _)| domains.contains(**domain));
        let (used, least) = there.fold((0, u32::MAX), |(used, least), (_, count)| {
            (used + 1, least.min(*count))
        });
        if many > used || many < min_domains as usize || many == 0 {
            0
        } else {
            least
        }
    }

    fn tally(&self, limit: &Limit) -> Option<&Tally> {
        let counter = self.terms.get(limit.term)?;
        Some(match limit.kind {
            Kind::Refused => &counter.owners,
            _ => &counter.matching,
        })
    }

    /// Takes the hosts out that a limit forbids.
    pub(super) fn apply(&self, limit: &Limit, hosts: &mut Bits) {
        let topology = &self.topologies[limit.topology as usize];
        let Some(tally) = self.tally(limit) else {
            return;
        };
        if limit.needs_domain() {
            hosts.keep(&topology.present);
        }
        let there = tally.hosts(topology).filter(|_| limit.is_by_one());
        if let Some(there) = there {
            match limit.forbids(0) {
                true => hosts.keep(there),
                false => hosts.take_out(there),
            }
            return;
        }
        let counts = &tally.counts;
        if limit.forbids(0) {
            let mut allowed = Bits::default();
            let near = counts.iter().filter(|(_, count)| !limit.forbids(**count));
            near.for_each(|(domain, _)| topology.join(*domain, &mut allowed));
            hosts.keep(&allowed);
            return;
        }
        let forbidden = counts.iter().filter(|(_, count)| limit.forbids(**count));
        forbidden.for_each(|(domain, _)| topology.take_out(*domain, hosts));
    }

    /// Whether a limit forbids a host: for want of a domain, or by what is there.
    pub(super) fn forbidden(&self, limit: &Limit, slot: u32) -> Option<Forbidden> {
        let domain = self.topologies[limit.topology as usize].domain(slot);
        if domain == NONE {
            return limit.needs_domain().then_some(Forbidden::NoDomain);
        }
        let count = self.tally(limit)?.counts.get(&domain).copied().unwrap_or(0);
        limit.forbids(count).then_some(Forbidden::There)
    }

    /// The hosts that a limit has taken out, by how it forbids them.
    pub(super) fn split(&self, limit: &Limit, gone: Bits) -> [(Forbidden, Bits); 2] {
        let topology = &self.topologies[limit.topology as usize];
        let (mut without, mut there) = (gone.clone(), gone);
        without.take_out(&topology.present);
        there.keep(&topology.present);
        [(Forbidden::NoDomain, without), (Forbidden::There, there)]
    }

    /// The reason that it gives.
    pub(super) fn reason(&self, limit: &Limit, forbidden: Forbidden) -> Reason {
        let key = self.topologies[limit.topology as usize].key.to_string();
        match (forbidden, limit.kind) {
            (Forbidden::NoDomain, _) => Reason::NoDomain(key),
            (_, Kind::Near { .. }) => Reason::Affinity(key),
            (_, Kind::Apart) => Reason::AntiAffinity(key),
            (_, Kind::Refused) => Reason::Refused(key),
            (_, Kind::Even { .. }) => Reason::Spread(key),
        }
    }

    /// What the machines in each domain are worth: of those that have some.
    pub(super) fn worths(&self, bonus: &Bonus) -> impl Iterator<Item = (u32, i64)> {
        let counter = self.terms.get(bonus.term);
        let counts = counter.into_iter().flat_map(|it| &it.matching.counts);
        counts.map(|(domain, count)| (*domain, bonus.of(*count)))
    }

    /// What they are worth to a host.
    pub(super) fn worth(&self, bonus: &Bonus, slot: u32) -> i64 {
        match self.topologies[bonus.topology as usize].domain(slot) {
            NONE => bonus.nowhere(),
            domain => self.worth_in(bonus, domain),
        }
    }

    /// What they are worth to the hosts of a domain.
    pub(super) fn worth_in(&self, bonus: &Bonus, domain: u32) -> i64 {
        let counter = self.terms.get(bonus.term);
        let count = counter
            .and_then(|it| it.matching.counts.get(&domain))
            .copied();
        bonus.of(count.unwrap_or(0))
    }
}

/// How a limit forbids a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Forbidden {
    NoDomain,
    There,
}

impl Limit {
    /// What it is called.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Near { .. } => "affinity",
            Kind::Apart => "antiAffinity",
            Kind::Refused => "antiAffinity of others",
            Kind::Even { .. } => "topologySpread",
        }
    }

    // Whether one machine in a domain decides as much as many do.
    fn is_by_one(&self) -> bool {
        matches!(
            self.kind,
            Kind::Near { first: false } | Kind::Apart | Kind::Refused
        )
    }

    fn needs_domain(&self) -> bool {
        matches!(self.kind, Kind::Near { .. } | Kind::Even { .. })
    }

    fn forbids(&self, count: u32) -> bool {
        match self.kind {
            Kind::Near { first } => !first && count == 0,
            Kind::Apart | Kind::Refused => count > 0,
            Kind::Even { own, least, skew } => {
                count.saturating_add(own).saturating_sub(least) > skew
            }
        }
    }
}

impl Bonus {
    pub(super) fn of(&self, count: u32) -> i64 {
        let more = self
            .least
            .map_or(count, |least| count.saturating_sub(least));
        self.weight * saturating(more) / 100
    }

    /// Whether it is for an even spread.
    pub(super) fn is_spread(&self) -> bool {
        self.least.is_some()
    }

    // Whether hosts without such machines are preferred, however many the others have.
    fn is_apart(&self) -> bool {
        self.weight < 0 && self.least.is_none()
    }

    /// For a host without a domain.
    pub(super) fn nowhere(&self) -> i64 {
        if self.least.is_some() {
            self.weight * ONE / 100
        } else {
            0
        }
    }
}
