//! On which host a machine goes, or why on none.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::selector;

/// What a machine asks for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Virtual CPUs.
    pub vcpus: u64,
    /// Memory in bytes.
    pub memory: u64,
    /// The architecture, if it says one.
    pub architecture: Option<String>,
    /// The one host that it may be on.
    pub host: Option<String>,
    /// The labels of the hosts that it may be on.
    pub host_selector: Option<LabelSelector>,
    /// The labels of its namespace.
    pub namespace_labels: BTreeMap<String, String>,
    /// The pools that it needs.
    pub pools: Vec<String>,
    /// The networks that it needs.
    pub networks: Vec<String>,
    /// Hosts that already hold some of its data: it can go nowhere else.
    pub data_on: Vec<String>,
}

/// A host, as the scheduler sees it.
#[derive(Debug, Clone, Default)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it answers and has been listed.
    pub reachable: bool,
    /// Whether new machines may be placed there.
    pub schedulable: bool,
    /// Whose machines may be there.
    pub consent: crate::desired::Consent,
    /// The architectures of its guests.
    pub architectures: Vec<String>,
    /// Virtual CPUs that may be promised.
    pub cpus: u64,
    /// Memory that may be promised, in bytes.
    pub memory: u64,
    /// Virtual CPUs that are promised.
    pub used_cpus: u64,
    /// Memory that is promised, in bytes.
    pub used_memory: u64,
    /// Its pools that are as declared.
    pub pools: Vec<String>,
    /// Of these, those without room for what the machine would have in them.
    pub full: Vec<String>,
    /// Its networks that are as declared.
    pub networks: Vec<String>,
}

impl Candidate {
    fn free_cpus(&self) -> u64 {
        self.cpus.saturating_sub(self.used_cpus)
    }

    fn free_memory(&self) -> u64 {
        self.memory.saturating_sub(self.used_memory)
    }
}

// Why a host is none, in the order in which it is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Rejection {
    OtherHost,
    Selector,
    Namespace,
    Unreachable,
    Cordoned,
    Data,
    Architecture(String),
    Pool(String),
    Full(String),
    Network(String),
    Cpu,
    Memory,
}

/// Why no host fits: `0 of 2 hosts fit: 1 insufficient memory (...), 1 cordoned`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unschedulable {
    /// The sentence.
    pub message: String,
}

impl fmt::Display for Unschedulable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unschedulable {}

/// The host for a machine: of those that fit the one that has most left, then the first by name.
///
/// # Errors
/// [`Unschedulable`] with every host counted by why it does not fit.
pub fn schedule(request: &Request, fleet: &[Candidate]) -> Result<String, Unschedulable> {
    let mut rejections: BTreeMap<Rejection, usize> = BTreeMap::new();
    let mut fitting = Vec::new();
    for candidate in fleet {
        match reject(request, candidate) {
            None => fitting.push(candidate),
            Some(rejection) => *rejections.entry(rejection).or_default() += 1,
        }
    }
    let best = fitting.into_iter().max_by(|a, b| {
        left(request, a)
            .cmp(&left(request, b))
            .then_with(|| b.name.cmp(&a.name))
    });
    best.map(|candidate| candidate.name.clone())
        .ok_or_else(|| Unschedulable {
            message: explain(request, fleet, rejections),
        })
}

fn reject(request: &Request, candidate: &Candidate) -> Option<Rejection> {
    let lacks =
        |wanted: &[String], has: &[String]| wanted.iter().find(|name| !has.contains(name)).cloned();
    if request
        .host
        .as_ref()
        .is_some_and(|host| *host != candidate.name)
    {
        return Some(Rejection::OtherHost);
    }
    if !selector::matches_optional(request.host_selector.as_ref(), &candidate.labels) {
        return Some(Rejection::Selector);
    }
    if !candidate.consent.allows(&request.namespace_labels) {
        return Some(Rejection::Namespace);
    }
    if !candidate.reachable {
        return Some(Rejection::Unreachable);
    }
    if !candidate.schedulable {
        return Some(Rejection::Cordoned);
    }
    if request.data_on.iter().any(|host| *host != candidate.name) {
        return Some(Rejection::Data);
    }
    let foreign = request
        .architecture
        .as_ref()
        .filter(|a| !candidate.architectures.contains(a));
    if let Some(architecture) = foreign {
        return Some(Rejection::Architecture(architecture.clone()));
    }
    if let Some(pool) = lacks(&request.pools, &candidate.pools) {
        return Some(Rejection::Pool(pool));
    }
    if let Some(pool) = request.pools.iter().find(|it| candidate.full.contains(it)) {
        return Some(Rejection::Full(pool.clone()));
    }
    if let Some(network) = lacks(&request.networks, &candidate.networks) {
        return Some(Rejection::Network(network));
    }
    if request.vcpus > candidate.free_cpus() {
        return Some(Rejection::Cpu);
    }
    (request.memory > candidate.free_memory()).then_some(Rejection::Memory)
}

// What is left of the scarcer of both, in thousandths of all.
fn left(request: &Request, candidate: &Candidate) -> u128 {
    let part = |free: u64, asked: u64, all: u64| {
        u128::from(free.saturating_sub(asked)) * 1_000_000 / u128::from(all.max(1))
    };
    part(candidate.free_memory(), request.memory, candidate.memory).min(part(
        candidate.free_cpus(),
        request.vcpus,
        candidate.cpus,
    ))
}

fn explain(
    request: &Request,
    fleet: &[Candidate],
    rejections: BTreeMap<Rejection, usize>,
) -> String {
    let total = fleet.len();
    if total == 0 {
        return "0 of 0 hosts fit: there is no Host".to_owned();
    }
    let mut reasons: Vec<_> = rejections.into_iter().collect();
    reasons.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| b.cmp(a)));
    let reasons: Vec<_> = reasons
        .into_iter()
        .map(|(rejection, count)| format!("{count} {}", describe(request, fleet, &rejection)))
        .collect();
    format!("0 of {total} hosts fit: {}", reasons.join(", "))
}

fn describe(request: &Request, fleet: &[Candidate], rejection: &Rejection) -> String {
    // Of those that failed only for this.
    let short = fleet
        .iter()
        .filter(|candidate| reject(request, candidate).as_ref() == Some(rejection));
    match rejection {
        Rejection::OtherHost => {
            format!("not {}", request.host.as_deref().unwrap_or_default())
        }
        Rejection::Selector => "do not match the selector".to_owned(),
        Rejection::Namespace => "not open to the namespace".to_owned(),
        Rejection::Unreachable => "unreachable".to_owned(),
        Rejection::Cordoned => "cordoned".to_owned(),
        Rejection::Data => format!("without its volumes (on {})", request.data_on.join(", ")),
        Rejection::Architecture(name) => format!("cannot run {name}"),
        Rejection::Pool(name) => format!("without pool {name}"),
        Rejection::Full(name) => format!("without room in pool {name}"),
        Rejection::Network(name) => format!("without network {name}"),
        Rejection::Cpu => {
            let most = short.max_by_key(|candidate| candidate.free_cpus());
            let (free, name) = most.map_or((0, ""), |c| (c.free_cpus(), c.name.as_str()));
            format!(
                "insufficient cpu (asked {}, largest free {free} on {name})",
                request.vcpus
            )
        }
        Rejection::Memory => {
            let most = short.max_by_key(|candidate| candidate.free_memory());
            let (free, name) = most.map_or((0, ""), |c| (c.free_memory(), c.name.as_str()));
            let (asked, free) = (size(request.memory), size(free));
            format!("insufficient memory (asked {asked}, largest free {free} on {name})")
        }
    }
}

fn size(bytes: u64) -> String {
    drover_crds::quantity::bytes(bytes)
}

#[cfg(test)]
mod tests;
