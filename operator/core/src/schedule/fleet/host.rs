//! A host, as the fleet keeps it: small, with what many hosts share kept once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::candidate::{Candidate, Foreign, Guest, HugepageRoom};
use super::super::labels::{Effect, Selector, Taint};
use super::super::reasons::Reason;
use super::super::request::{GuestWanted, Preferred, Rules};
use super::super::score::{ONE, Weights};
use super::taken::Taken;

/// What hosts of one kind have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Profile {
    pub(crate) taints: Vec<Taint>,
    pub(crate) reachable: bool,
    pub(crate) schedulable: bool,
    pub(crate) consent: u32,
    pub(crate) guests: Vec<Guest>,
    pub(crate) cpu_class: u32,
    pub(crate) networks: Vec<String>,
    pub(crate) images: Vec<String>,
}

/// What is known of a host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub(crate) profile: Arc<Profile>,
    pub(crate) labels: Box<[(Arc<str>, Arc<str>)]>,
    pub(crate) pools: Box<[(Arc<str>, u64)]>,
    pub(crate) devices: Box<[(Arc<str>, u64)]>,
    pub(crate) hugepages: Box<[HugepageRoom]>,
    pub(crate) cpus: u64,
    pub(crate) memory: u64,
    pub(crate) foreign: Foreign,
    pub(crate) max_machines: u32,
}

/// A name that the fleet knows, with its host if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) name: Arc<str>,
    pub(crate) ring: u64,
    pub(crate) facts: Option<Box<Facts>>,
    pub(crate) taken: Taken,
    pub(crate) machines: Vec<u32>,
}

/// What the fleet keeps once.
pub(crate) trait Keep {
    fn text(&mut self, text: &str) -> Arc<str>;
    fn profile(&mut self, profile: Profile) -> Arc<Profile>;
    fn consent(&mut self, consent: &crate::desired::Consent) -> u32;
}

impl Facts {
    pub(crate) fn of(candidate: &Candidate, keep: &mut impl Keep) -> Self {
        let profile = Profile {
            taints: candidate.taints.clone(),
            reachable: candidate.reachable,
            schedulable: candidate.schedulable,
            consent: keep.consent(&candidate.consent),
            guests: candidate.guests.clone(),
            cpu_class: candidate.cpu_class,
            networks: candidate.networks.clone(),
            images: candidate.images.clone(),
        };
        let labels = candidate.labels.iter();
        let labels = labels.map(|(key, value)| (keep.text(key), keep.text(value)));
        let labels = labels.collect();
        let mut amounts = |all: &BTreeMap<String, u64>| {
            all.iter()
                .map(|(name, amount)| (keep.text(name), *amount))
                .collect()
        };
        Self {
            labels,
            pools: amounts(&candidate.pools),
            devices: amounts(&candidate.devices),
            hugepages: candidate.hugepages.as_slice().into(),
            cpus: candidate.cpus,
            memory: candidate.memory,
            foreign: candidate.foreign,
            max_machines: candidate.max_machines.unwrap_or(u32::MAX),
            profile: keep.profile(profile),
        }
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(it, _)| **it == *key);
        found.map(|(_, value)| &**value)
    }

    fn selected(&self, selector: &Selector) -> bool {
        selector.selects(|key| self.label(key))
    }
}

/// The amount of this name.
pub(crate) fn amount(all: &[(Arc<str>, u64)], name: &str) -> Option<u64> {
    let found = all.iter().find(|(it, _)| **it == *name);
    found.map(|(_, amount)| *amount)
}

/// Why a host is none by what the machine says of hosts, whatever becomes of it.
pub(crate) fn unselected(rules: &Rules, name: &str, facts: &Facts) -> Option<Reason> {
    if let Some(host) = rules.host.as_ref().filter(|host| **host != *name) {
        return Some(Reason::OtherHost(host.clone()));
    }
    if rules
        .host_selector
        .as_ref()
        .is_some_and(|it| !facts.selected(it))
    {
        return Some(Reason::Selector);
    }
    let affinity = &rules.host_affinity;
    let one = affinity.iter().any(|selector| facts.selected(selector));
    (!affinity.is_empty() && !one).then_some(Reason::HostAffinity)
}

/// Why a host is none by what it is. `allowed` says which consents let the machine's namespace in.
pub(crate) fn unfit(rules: &Rules, allowed: &[bool], name: &str, facts: &Facts) -> Option<Reason> {
    let profile = &*facts.profile;
    if let Some(reason) = unselected(rules, name, facts) {
        return Some(reason);
    }
    if allowed.get(profile.consent as usize) == Some(&false) {
        return Some(Reason::Namespace);
    }
    if !profile.reachable {
        return Some(Reason::Unreachable);
    }
    if !profile.schedulable {
        return Some(Reason::Cordoned);
    }
    if let Some(taint) = untolerated(rules, profile, Effect::NoSchedule).next() {
        return Some(Reason::Taint(taint_words(taint)));
    }
    if rules.data_on.iter().any(|host| **host != *name) {
        return Some(Reason::Data(rules.data_on.join(", ")));
    }
    if let Some(reason) = cannot_run(&rules.guest, &profile.guests) {
        return Some(reason);
    }
    let cpu = rules.cpu.as_ref();
    if let Some(cpu) = cpu.filter(|cpu| !cpu.classes.contains(&profile.cpu_class)) {
        return Some(Reason::CpuModel(cpu.model.clone()));
    }
    let has_pool = |pool: &&String| amount(&facts.pools, pool).is_none();
    if let Some(pool) = rules.pools.iter().find(has_pool) {
        return Some(Reason::Pool(pool.clone()));
    }
    let network = rules
        .networks
        .iter()
        .find(|it| !profile.networks.contains(it));
    network.map(|network| Reason::Network(network.clone()))
}

fn untolerated<'a>(
    rules: &'a Rules,
    profile: &'a Profile,
    effect: Effect,
) -> impl Iterator<Item = &'a Taint> {
    let tolerated = |taint: &Taint| rules.tolerations.iter().any(|it| it.covers(taint));
    let taints = profile
        .taints
        .iter()
        .filter(move |taint| taint.effect == effect);
    taints.filter(move |taint| !tolerated(taint))
}

fn taint_words(taint: &Taint) -> String {
    if taint.value.is_empty() {
        return taint.key.clone();
    }
    format!("{}={}", taint.key, taint.value)
}

// One guest has to have all of it: what the fewest have is said last.
fn cannot_run(wanted: &GuestWanted, guests: &[Guest]) -> Option<Reason> {
    let has =
        |all: &[String], name: &Option<String>| name.as_ref().is_none_or(|name| all.contains(name));
    let architecture = |guest: &Guest| {
        let wanted = wanted.architecture.as_ref();
        wanted.is_none_or(|name| *name == guest.architecture)
    };
    let text = |name: &Option<String>| name.clone().unwrap_or_default();
    type Asked<'a> = (&'a dyn Fn(&Guest) -> bool, &'a dyn Fn() -> Reason);
    let asked: [Asked; 6] = [
        (&architecture, &|| {
            Reason::Architecture(text(&wanted.architecture))
        }),
        (&|it| has(&it.domain_types, &wanted.domain_type), &|| {
            Reason::DomainType(text(&wanted.domain_type))
        }),
        (&|it| has(&it.machine_types, &wanted.machine_type), &|| {
            Reason::MachineType(text(&wanted.machine_type))
        }),
        (&|it| it.efi || !(wanted.efi || wanted.secure_boot), &|| {
            Reason::Firmware("EFI")
        }),
        (&|it| it.secure_boot || !wanted.secure_boot, &|| {
            Reason::Firmware("secure boot")
        }),
        (&|it| it.tpm || !wanted.tpm, &|| Reason::Tpm),
    ];
    if *wanted == GuestWanted::default() {
        return None;
    }
    (1..=asked.len()).find_map(|many| {
        let one = guests
            .iter()
            .any(|guest| asked[..many].iter().all(|(has, _)| has(guest)));
        (!one).then(|| asked[many - 1].1())
    })
}

/// What a host scores by what it is.
pub(crate) fn liking(weights: &Weights, rules: &Rules, facts: &Facts) -> Liking {
    let preferred = rules.preferred_hosts.iter();
    let preferred = preferred.filter(|Preferred { term, .. }| facts.selected(term));
    let preferred: i64 = preferred.map(|it| i64::from(it.weight)).sum();
    let taints = untolerated(rules, &facts.profile, Effect::PreferNoSchedule).count() as i64;
    let images = rules.images.len() as i64;
    let has = |image: &&String| facts.profile.images.contains(image);
    let cached = rules.images.iter().filter(has).count() as i64;
    Liking {
        host_affinity: i64::from(weights.host_affinity) * preferred * ONE / 100,
        taints: -i64::from(weights.taints) * taints * ONE,
        image: i64::from(weights.image) * cached * ONE / images.max(1),
    }
}

/// The parts of what a host scores by what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Liking {
    pub(crate) host_affinity: i64,
    pub(crate) taints: i64,
    pub(crate) image: i64,
}

impl Liking {
    pub(crate) fn sum(&self) -> i64 {
        self.host_affinity + self.taints + self.image
    }
}
