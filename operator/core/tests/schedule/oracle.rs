//! The same decisions as the scheduler's, made the long way: everything is counted anew for each of them,
//! and every host is looked at.

use std::collections::{BTreeMap, BTreeSet};

use drover_core::schedule::{
    Candidate, Counts, Effect, Guest, Machine, ONE, Reason, Request, Selector, Spread, Taint, Term,
    Weights, ring,
};

/// A machine where it is.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) machine: Machine,
    pub(crate) hosts: Vec<String>,
    pub(crate) counts: Counts,
}

/// The fleet, as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plain {
    pub(crate) weights: Weights,
    pub(crate) hosts: BTreeMap<String, Candidate>,
    pub(crate) machines: BTreeMap<String, Bound>,
    pub(crate) shared: BTreeMap<String, u64>,
}

/// Hosts by why they are none.
pub(crate) type Refusals = BTreeMap<String, Reason>;

#[derive(Default, Clone)]
struct Used {
    cpus: u64,
    memory: u64,
    machines: u64,
    pools: BTreeMap<String, u64>,
    devices: BTreeMap<String, u64>,
    pages: Vec<(u64, Option<u32>, u64)>,
}

type Domains = BTreeMap<String, u64>;

/// One decision, with what it was made from.
struct Decision<'a> {
    plain: &'a Plain,
    request: &'a Request,
    used: BTreeMap<&'a str, Used>,
    near: Vec<(&'a Term, Domains)>,
    first: bool,
    apart: Vec<(&'a Term, Domains)>,
    refused: BTreeSet<(String, String)>,
    spread: Vec<(&'a Spread, Domains, u64)>,
    liked: Vec<(i64, &'a Term, Domains)>,
}

impl Plain {
    /// The host for a request, or why each is none.
    pub(crate) fn choose(&self, request: &Request) -> Result<String, Refusals> {
        self.choose_of(request, |_| true)
    }

    /// The same, of the hosts of these names alone.
    pub(crate) fn choose_of(
        &self,
        request: &Request,
        of: impl Fn(&str) -> bool,
    ) -> Result<String, Refusals> {
        let decision = Decision::new(self, request);
        let mut refusals = Refusals::new();
        let mut best: Option<(i64, u64, &String)> = None;
        for (name, host) in self.hosts.iter().filter(|(name, _)| of(name)) {
            if let Some(reason) = decision.reason(host) {
                refusals.insert(name.clone(), reason);
                continue;
            }
            let distance = ring(name).wrapping_sub(ring(&request.machine.uid));
            let score = decision.score(host);
            let better = |(high, near, _): &(i64, u64, &String)| {
                score > *high || (score == *high && distance < *near)
            };
            if best.as_ref().is_none_or(better) {
                best = Some((score, distance, name));
            }
        }
        best.map(|(.., name)| name.clone()).ok_or(refusals)
    }

    // How many machines are in each domain, of those that are meant.
    fn domains(&self, key: &str, meant: impl Fn(&Machine) -> bool) -> Domains {
        let mut domains = Domains::new();
        for bound in self.machines.values().filter(|it| meant(&it.machine)) {
            for host in &bound.hosts {
                let label = self.hosts.get(host).and_then(|host| host.labels.get(key));
                if let Some(value) = label {
                    *domains.entry(value.clone()).or_default() += 1;
                }
            }
        }
        domains
    }
}

fn selects(term: &Term, own: &str, machine: &Machine) -> bool {
    let spaces = &term.namespaces;
    let here =
        spaces.contains(&machine.namespace) || (spaces.is_empty() && own == machine.namespace);
    here && term.selector.matches(&machine.labels)
}

impl<'a> Decision<'a> {
    fn new(plain: &'a Plain, request: &'a Request) -> Self {
        let machine = &request.machine;
        let own = machine.namespace.as_str();
        let of = |term: &'a Term| {
            let domains = plain.domains(&term.topology_key, |it| selects(term, own, it));
            (term, domains)
        };
        let near: Vec<_> = request.affinity.iter().map(of).collect();
        let first = near
            .iter()
            .all(|(term, domains)| domains.is_empty() && selects(term, own, machine));
        let liked = |(sign, all): (i64, &'a Vec<_>)| {
            let all = all.iter();
            let all = all.map(move |it: &'a drover_core::schedule::Preferred<Term>| {
                let (term, domains) = of(&it.term);
                (sign * i64::from(it.weight), term, domains)
            });
            all.collect::<Vec<_>>()
        };
        let both = [
            (1, &request.preferred_affinity),
            (-1, &request.preferred_anti_affinity),
        ];
        Self {
            plain,
            request,
            used: used(plain),
            near,
            first,
            apart: machine.anti_affinity.iter().map(of).collect(),
            refused: refused(plain, machine),
            spread: request
                .spread
                .iter()
                .map(|it| spread(plain, request, it))
                .collect(),
            liked: both.into_iter().flat_map(liked).collect(),
        }
    }

    fn reason(&self, host: &Candidate) -> Option<Reason> {
        let by_host = self.by_choice(host).or_else(|| self.by_kind(host));
        by_host
            .or_else(|| self.by_others(host))
            .or_else(|| self.by_room(host))
    }

    fn by_choice(&self, host: &Candidate) -> Option<Reason> {
        let rules = &self.request.rules;
        if let Some(only) = rules.host.as_ref().filter(|it| **it != host.name) {
            return Some(Reason::OtherHost(only.clone()));
        }
        let selector = rules.host_selector.as_ref();
        if selector.is_some_and(|it| !it.matches(&host.labels)) {
            return Some(Reason::Selector);
        }
        let any = rules
            .host_affinity
            .iter()
            .any(|it| it.matches(&host.labels));
        if !rules.host_affinity.is_empty() && !any {
            return Some(Reason::HostAffinity);
        }
        None
    }

    fn by_kind(&self, host: &Candidate) -> Option<Reason> {
        let rules = &self.request.rules;
        if !host.consent.allows(&self.request.namespace_labels) {
            return Some(Reason::Namespace);
        }
        if !host.reachable {
            return Some(Reason::Unreachable);
        }
        if !host.schedulable {
            return Some(Reason::Cordoned);
        }
        if let Some(taint) = untolerated(self.request, host, Effect::NoSchedule).first() {
            return Some(Reason::Taint(format!("{}={}", taint.key, taint.value)));
        }
        if !rules.data_on.iter().all(|it| *it == host.name) {
            return Some(Reason::Data(rules.data_on.join(", ")));
        }
        if let Some(reason) = self.by_guest(&host.guests) {
            return Some(reason);
        }
        if let Some(cpu) = &rules.cpu
            && !cpu.classes.contains(&host.cpu_class)
        {
            return Some(Reason::CpuModel(cpu.model.clone()));
        }
        if let Some(pool) = rules.pools.iter().find(|it| !host.pools.contains_key(*it)) {
            return Some(Reason::Pool(pool.clone()));
        }
        let network = rules.networks.iter().find(|it| !host.networks.contains(it));
        network.map(|it| Reason::Network(it.clone()))
    }

    fn by_guest(&self, guests: &[Guest]) -> Option<Reason> {
        let wanted = &self.request.rules.guest;
        let mut left: Vec<&Guest> = guests.iter().collect();
        if wanted.architecture.is_none() {
            left.truncate(1);
        }
        let mut none = |has: &dyn Fn(&Guest) -> bool, reason: Reason| {
            left.retain(|it| has(it));
            left.is_empty().then_some(reason)
        };
        let mut reasons = Vec::new();
        if let Some(name) = &wanted.architecture {
            let has = |it: &Guest| it.architecture == *name;
            reasons.push(none(&has, Reason::Architecture(name.clone())));
        }
        if let Some(name) = &wanted.domain_type {
            let has = |it: &Guest| it.domain_types.is_empty() || it.domain_types.contains(name);
            reasons.push(none(&has, Reason::DomainType(name.clone())));
        }
        if let Some(name) = &wanted.machine_type {
            let has = |it: &Guest| it.machine_types.is_empty() || it.machine_types.contains(name);
            reasons.push(none(&has, Reason::MachineType(name.clone())));
        }
        if wanted.efi || wanted.secure_boot {
            reasons.push(none(&|it| it.efi, Reason::Firmware("EFI")));
        }
        if wanted.secure_boot {
            reasons.push(none(&|it| it.secure_boot, Reason::Firmware("secure boot")));
        }
        if wanted.tpm {
            reasons.push(none(&|it| it.tpm, Reason::Tpm));
        }
        reasons.into_iter().flatten().next()
    }

    fn by_others(&self, host: &Candidate) -> Option<Reason> {
        for (term, domains) in &self.near {
            let key = &term.topology_key;
            let Some(value) = host.labels.get(key) else {
                return Some(Reason::NoDomain(key.clone()));
            };
            if !self.first && !domains.contains_key(value) {
                return Some(Reason::Affinity(key.clone()));
            }
        }
        for (term, domains) in &self.apart {
            let key = &term.topology_key;
            if host
                .labels
                .get(key)
                .is_some_and(|value| domains.contains_key(value))
            {
                return Some(Reason::AntiAffinity(key.clone()));
            }
        }
        for (key, value) in &self.refused {
            if host.labels.get(key) == Some(value) {
                return Some(Reason::Refused(key.clone()));
            }
        }
        for (spread, domains, least) in &self.spread {
            let key = &spread.topology_key;
            if !spread.required {
                continue;
            }
            let Some(value) = host.labels.get(key) else {
                return Some(Reason::NoDomain(key.clone()));
            };
            let own = u64::from(spread.selector.matches(&self.request.machine.labels));
            let there = domains.get(value).copied().unwrap_or(0) + own;
            if there > least + u64::from(spread.max_skew) {
                return Some(Reason::Spread(key.clone()));
            }
        }
        None
    }

    fn by_room(&self, host: &Candidate) -> Option<Reason> {
        let usage = &self.request.machine.usage;
        let used = self
            .used
            .get(host.name.as_str())
            .cloned()
            .unwrap_or_default();
        let (cpus, memory) = free(host, &used);
        if usage.vcpus > cpus {
            return Some(Reason::Cpu);
        }
        if usage.memory > memory {
            return Some(Reason::Memory);
        }
        let machines = used.machines + u64::from(host.foreign.machines);
        if host
            .max_machines
            .is_some_and(|most| machines >= u64::from(most))
        {
            return Some(Reason::Machines);
        }
        if let Some(pages) = usage.hugepages
            && pages.amount > free_pages(host, &used, pages.page, pages.cell)
        {
            return Some(Reason::Hugepages(pages.page));
        }
        for (name, asked) in &usage.devices {
            let all = host.devices.get(name).copied().unwrap_or(0);
            let taken = used.devices.get(name).copied().unwrap_or(0);
            if asked + taken > all && *asked > 0 {
                return Some(Reason::Device(name.clone()));
            }
        }
        for (name, asked) in &usage.pools {
            if *asked > self.free_pool(host, &used, name) {
                return Some(Reason::PoolRoom(name.clone()));
            }
        }
        None
    }

    fn free_pool(&self, host: &Candidate, used: &Used, name: &str) -> u64 {
        let Some(room) = self.plain.shared.get(name) else {
            let all = host.pools.get(name).copied().unwrap_or(0);
            return all.saturating_sub(used.pools.get(name).copied().unwrap_or(0));
        };
        let all = self.plain.machines.values();
        let all = all.filter(|it| it.counts == Counts::All);
        let amounts = all.flat_map(|it| &it.machine.usage.pools);
        let taken = amounts
            .filter(|(it, _)| it == name)
            .map(|(_, amount)| amount);
        room.saturating_sub(taken.sum())
    }

    /// How good a host is that fits.
    fn score(&self, host: &Candidate) -> i64 {
        let weights = &self.plain.weights;
        let weigh = |weight: u16, part: i64| i64::from(weight) * part;
        let usage = &self.request.machine.usage;
        let used = self
            .used
            .get(host.name.as_str())
            .cloned()
            .unwrap_or_default();
        let (cpus, memory) = free(host, &used);
        let share = |part: u64, all: u64| match all {
            0 => 0,
            _ => ((part as f64 / all as f64 * 65_536.0) as i64).min(ONE),
        };
        let cpus = share(cpus - usage.vcpus, host.cpus);
        let memory = share(memory - usage.memory, host.memory);
        let machines = i64::try_from(used.machines).unwrap() + i64::from(host.foreign.machines);
        let mut score = weigh(weights.bin_pack, ONE - (cpus + memory) / 2)
            + weigh(weights.spread, cpus.min(memory))
            + weigh(weights.balanced, ONE - (cpus - memory).abs())
            + weigh(weights.crowd, machines * ONE / (machines + 16));
        let rules = &self.request.rules;
        let preferred = rules.preferred_hosts.iter();
        let preferred = preferred.filter(|it| it.term.matches(&host.labels));
        let preferred: i64 = preferred.map(|it| i64::from(it.weight)).sum();
        score += weigh(weights.host_affinity, preferred * ONE) / 100;
        let taints = untolerated(self.request, host, Effect::PreferNoSchedule).len();
        score -= weigh(weights.taints, i64::try_from(taints).unwrap() * ONE);
        if !rules.images.is_empty() {
            let cached = rules
                .images
                .iter()
                .filter(|it| host.images.contains(it))
                .count();
            let (cached, all) = (cached as i64, rules.images.len() as i64);
            score += weigh(weights.image, cached * ONE) / all;
        }
        score + self.worth(host)
    }

    fn worth(&self, host: &Candidate) -> i64 {
        let weights = &self.plain.weights;
        let saturating = |count: u64| {
            let count = i64::try_from(count).unwrap();
            count * ONE / (count + 1)
        };
        let mut score = 0;
        for (weight, term, domains) in &self.liked {
            if let Some(value) = host.labels.get(&term.topology_key) {
                let count = domains.get(value).copied().unwrap_or(0);
                score += i64::from(weights.machine_affinity) * weight * saturating(count) / 100;
            }
        }
        for (spread, domains, least) in self.spread.iter().filter(|it| !it.0.required) {
            let part = host.labels.get(&spread.topology_key).map_or(ONE, |value| {
                let count = domains.get(value).copied().unwrap_or(0);
                saturating(count.saturating_sub(*least))
            });
            score -= i64::from(weights.topology_spread) * part;
        }
        score
    }
}

fn used(plain: &Plain) -> BTreeMap<&str, Used> {
    let mut all: BTreeMap<&str, Used> = BTreeMap::new();
    for bound in plain
        .machines
        .values()
        .filter(|it| it.counts == Counts::All)
    {
        for host in &bound.hosts {
            let used = all.entry(host).or_default();
            let usage = &bound.machine.usage;
            used.cpus += usage.vcpus;
            used.memory += usage.memory;
            used.machines += 1;
            for (name, amount) in &usage.pools {
                *used.pools.entry(name.clone()).or_default() += amount;
            }
            for (name, amount) in &usage.devices {
                *used.devices.entry(name.clone()).or_default() += amount;
            }
            used.pages
                .extend(usage.hugepages.map(|it| (it.page, it.cell, it.amount)));
        }
    }
    all
}

fn refused(plain: &Plain, machine: &Machine) -> BTreeSet<(String, String)> {
    let mut refused = BTreeSet::new();
    for bound in plain.machines.values() {
        for term in &bound.machine.anti_affinity {
            if !selects(term, &bound.machine.namespace, machine) {
                continue;
            }
            let hosts = bound.hosts.iter().filter_map(|host| plain.hosts.get(host));
            let values = hosts.filter_map(|host| host.labels.get(&term.topology_key));
            refused.extend(values.map(|value| (term.topology_key.clone(), value.clone())));
        }
    }
    refused
}

// The counts of the domains, and the least of those that the machine could be in by what it selects.
fn spread<'a>(plain: &Plain, request: &Request, spread: &'a Spread) -> (&'a Spread, Domains, u64) {
    let own = &request.machine.namespace;
    let meant = |it: &Machine| it.namespace == *own && spread.selector.matches(&it.labels);
    let domains = plain.domains(&spread.topology_key, meant);
    let rules = &request.rules;
    let selected = |host: &&Candidate| {
        let any =
            |all: &[Selector]| all.is_empty() || all.iter().any(|it| it.matches(&host.labels));
        rules.host.as_ref().is_none_or(|it| *it == host.name)
            && rules
                .host_selector
                .as_ref()
                .is_none_or(|it| it.matches(&host.labels))
            && any(&rules.host_affinity)
    };
    let hosts = plain.hosts.values().filter(selected);
    let values: BTreeSet<_> = hosts
        .filter_map(|it| it.labels.get(&spread.topology_key))
        .collect();
    let counts = values
        .iter()
        .map(|value| domains.get(*value).copied().unwrap_or(0));
    let few = values.len() < spread.min_domains as usize;
    let least = if few { 0 } else { counts.min().unwrap_or(0) };
    (spread, domains, least)
}

fn untolerated<'a>(request: &Request, host: &'a Candidate, effect: Effect) -> Vec<&'a Taint> {
    let tolerations = &request.rules.tolerations;
    let taints = host.taints.iter().filter(|it| it.effect == effect);
    taints
        .filter(|taint| !tolerations.iter().any(|it| it.covers(taint)))
        .collect()
}

fn free(host: &Candidate, used: &Used) -> (u64, u64) {
    let cpus = host.cpus.saturating_sub(used.cpus + host.foreign.cpus);
    (
        cpus,
        host.memory
            .saturating_sub(used.memory + host.foreign.memory),
    )
}

fn free_pages(host: &Candidate, used: &Used, page: u64, cell: Option<u32>) -> u64 {
    let of = |cell: Option<u32>| {
        let all = host.hugepages.iter();
        let all = all.filter(|it| it.page == page && cell.is_none_or(|cell| cell == it.cell));
        let taken = used.pages.iter();
        let taken = taken.filter(|it| it.0 == page && (cell.is_none() || cell == it.1));
        let all: u64 = all.map(|it| it.amount).sum();
        all.saturating_sub(taken.map(|it| it.2).sum())
    };
    of(cell).min(of(None))
}
