//! A host, as the fleet keeps it: small, with what many hosts share kept once.

use std::sync::Arc;

use smallvec::SmallVec;

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
    pub(crate) guests: Arc<[Guest]>,
    pub(crate) cpu_class: u32,
    pub(crate) networks: Vec<String>,
    pub(crate) images: Vec<String>,
}

/// Amounts, by the numbers of their names.
pub(crate) type Amounts = Box<[(u32, u64)]>;

/// The same of what is looked at for each machine: the usual one or two are in place.
pub(crate) type Few<const N: usize> = SmallVec<[(u32, u64); N]>;

/// What is known of a host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub(crate) profile: Arc<Profile>,
    /// By what keeps machines away from it: such hosts are emptier than others.
    pub(crate) kind: u32,
    pub(crate) labels: Box<[(Arc<str>, Arc<str>)]>,
    pub(crate) pools: Few<2>,
    pub(crate) devices: Amounts,
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
    pub(crate) facts: Option<Facts>,
    pub(crate) taken: Taken,
    pub(crate) machines: Vec<u32>,
}

/// What the fleet keeps once.
pub(crate) trait Keep {
    fn text(&mut self, text: &str) -> Arc<str>;
    fn number(&mut self, name: &str) -> u32;
    fn profile(&mut self, profile: Profile) -> Arc<Profile>;
    fn consent(&mut self, consent: &crate::desired::Consent) -> u32;
    fn kind(&mut self, of: &Profile) -> u32;
}

impl Facts {
    pub(crate) fn of(candidate: &Candidate, keep: &mut impl Keep) -> Self {
        let profile = Profile {
            taints: candidate.taints.clone(),
            reachable: candidate.reachable,
            schedulable: candidate.schedulable,
            consent: keep.consent(&candidate.consent),
            guests: Arc::clone(&candidate.guests),
            cpu_class: candidate.cpu_class,
            networks: candidate.networks.clone(),
            images: candidate.images.clone(),
        };
        let kind = keep.kind(&profile);
        let labels = candidate.labels.iter();
        let labels = labels.map(|(key, value)| (keep.text(key), keep.text(value)));
        let labels = labels.collect();
        let mut amount = |(name, amount): (&String, &u64)| (keep.number(name), *amount);
        Self {
            kind,
            labels,
            pools: candidate.pools.iter().map(&mut amount).collect(),
            devices: candidate.devices.iter().map(&mut amount).collect(),
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
pub(crate) fn amount(all: &[(u32, u64)], name: u32) -> Option<u64> {
    let found = all.iter().find(|(it, _)| *it == name);
    found.map(|(_, amount)| *amount)
}

/// What a machine wants, as far as the fleet has numbers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Which consents let the machine's namespace in; none: all of them.
    pub(crate) allowed: Vec<bool>,
    /// The pools of its rules.
    pub(crate) pools: Vec<u32>,
}

/// A host that is looked at for a machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) asked: &'a Numbers,
    pub(crate) name: &'a str,
    pub(crate) facts: &'a Facts,
}

/// A filter by what a host is: what it is called, and why a host does not pass it.
type Filter = (&'static str, fn(&Look<'_>) -> Option<Reason>);

/// By what the machine says of hosts, whatever becomes of them.
const SELECTS: [Filter; 3] = [
    ("host", |it| {
        let host = it.rules.host.as_ref().filter(|host| **host != *it.name);
        host.map(|host| Reason::OtherHost(host.clone()))
    }),
    ("hostSelector", |it| {
        let selector = it.rules.host_selector.as_ref();
        let selected = selector.is_none_or(|selector| it.facts.selected(selector));
        (!selected).then_some(Reason::Selector)
    }),
    ("hostAffinity", |it| {
        let affinity = &it.rules.host_affinity;
        let one = affinity.iter().any(|selector| it.facts.selected(selector));
        (!affinity.is_empty() && !one).then_some(Reason::HostAffinity)
    }),
];

/// By what the host is.
const FITS: [Filter; 9] = [
    ("namespaces", |it| {
        let allowed = it.asked.allowed.get(it.facts.profile.consent as usize);
        (allowed == Some(&false)).then_some(Reason::Namespace)
    }),
    ("reachable", |it| {
        (!it.facts.profile.reachable).then_some(Reason::Unreachable)
    }),
    ("schedulable", |it| {
        (!it.facts.profile.schedulable).then_some(Reason::Cordoned)
    }),
    ("taints", |it| {
        let mut taints = untolerated(it.rules, &it.facts.profile, Effect::NoSchedule);
        taints.next().map(|taint| Reason::Taint(taint_words(taint)))
    }),
    ("data", |it| {
        let elsewhere = it.rules.data_on.iter().any(|host| **host != *it.name);
        elsewhere.then(|| Reason::Data(it.rules.data_on.join(", ")))
    }),
    ("guest", |it| {
        cannot_run(&it.rules.guest, &it.facts.profile.guests)
    }),
    ("cpuModel", |it| {
        let class = it.facts.profile.cpu_class;
        let cpu = it
            .rules
            .cpu
            .as_ref()
            .filter(|cpu| !cpu.classes.contains(&class));
        cpu.map(|cpu| Reason::CpuModel(cpu.model.clone()))
    }),
    ("pools", |it| {
        let pools = it.rules.pools.iter().zip(&it.asked.pools);
        let mut missing = pools.filter(|(_, number)| amount(&it.facts.pools, **number).is_none());
        missing.next().map(|(pool, _)| Reason::Pool(pool.clone()))
    }),
    ("networks", |it| {
        let has = |network: &&String| !it.facts.profile.networks.contains(network);
        let network = it.rules.networks.iter().find(has);
        network.map(|network| Reason::Network(network.clone()))
    }),
];

impl Look<'_> {
    /// Whether the machine selects the host.
    pub(crate) fn is_selected(&self) -> bool {
        SELECTS.iter().all(|(_, filter)| filter(self).is_none())
    }

    /// Why the host is none by what it is.
    pub(crate) fn unfit(&self) -> Option<Reason> {
        let filters = SELECTS.iter().chain(&FITS);
        filters.into_iter().find_map(|(_, filter)| filter(self))
    }

    /// Every filter, with why the host does not pass it.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (&'static str, Option<Reason>)> {
        let filters = SELECTS.iter().chain(&FITS);
        filters.map(|(name, filter)| (*name, filter(self)))
    }
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

// One guest has to have all of it: what the fewest have is said last. A machine that names no
// architecture is a guest of the host's own.
fn cannot_run(wanted: &GuestWanted, guests: &[Guest]) -> Option<Reason> {
    let guests = match wanted.architecture {
        Some(_) => guests,
        None => guests.get(..1).unwrap_or_default(),
    };
    let has = |all: &[String], name: &Option<String>| {
        all.is_empty() || name.as_ref().is_none_or(|name| all.contains(name))
    };
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
