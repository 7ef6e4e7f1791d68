//! What changes in a fleet, and whether that could help a machine that waits.

use std::sync::Arc;

use super::fleet::host::Facts;
use super::labels::Selector;
use super::reasons::{Reason, Rejected, Unschedulable};
use super::request::{Machine, Term};

/// A host, for as long as it is in the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostId(pub(super) u32);

/// The namespace and the labels of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    pub(super) namespace: Arc<str>,
    pub(super) labels: Arc<[(Arc<str>, Arc<str>)]>,
}

impl Labels {
    fn of(machine: &Machine) -> Self {
        let labels = machine.labels.iter();
        Self {
            namespace: machine.namespace.as_str().into(),
            labels: labels
                .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
                .collect(),
        }
    }

    pub(super) fn selected(&self, selector: &Selector) -> bool {
        selector.selects(|key| {
            let found = self.labels.iter().find(|(it, _)| **it == *key);
            found.map(|(_, value)| &**value)
        })
    }
}

/// What is free on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Free {
    /// Virtual CPUs.
    pub cpus: u64,
    /// Memory in bytes.
    pub memory: u64,
}

/// What may change of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// Whether it answers.
    Reachable,
    /// Whether it is cordoned.
    Schedulable,
    /// Its taints.
    Taints,
    /// Its labels.
    Labels,
    /// Whose machines may be there.
    Consent,
    /// What guests it can run, and the class of its CPU.
    Guests,
    /// Its pools.
    Pools,
    /// Its networks.
    Networks,
    /// The images that it has.
    Images,
    /// How much of it may be promised: CPUs, memory, huge pages, devices, machines, room in pools.
    Capacity,
}

impl Aspect {
    pub(super) fn between(a: &Facts, b: &Facts) -> Vec<Self> {
        let (p, q) = (&a.profile, &b.profile);
        let names = |facts: &Facts| {
            facts
                .pools
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
        };
        let amounts = |it: &Facts| (it.cpus, it.memory, it.foreign, it.max_machines);
        let capacity = amounts(a) != amounts(b)
            || a.hugepages != b.hugepages
            || a.devices != b.devices
            || a.pools != b.pools;
        let all = [
            (Self::Reachable, p.reachable != q.reachable),
            (Self::Schedulable, p.schedulable != q.schedulable),
            (Self::Taints, p.taints != q.taints),
            (Self::Labels, a.labels != b.labels),
            (Self::Consent, p.consent != q.consent),
            (
                Self::Guests,
                p.guests != q.guests || p.cpu_class != q.cpu_class,
            ),
            (Self::Pools, names(a) != names(b)),
            (Self::Networks, p.networks != q.networks),
            (Self::Images, p.images != q.images),
            (Self::Capacity, capacity),
        ];
        let changed = all.into_iter().filter(|(_, changed)| *changed);
        changed.map(|(aspect, _)| aspect).collect()
    }
}

/// Something that has changed in a fleet, since a machine was told that it has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A host has come.
    HostAdded {
        /// Which.
        host: HostId,
    },
    /// A host has gone.
    HostRemoved {
        /// Which.
        host: HostId,
    },
    /// A host is not what it was.
    HostChanged {
        /// Which.
        host: HostId,
        /// In what.
        changed: Vec<Aspect>,
    },
    /// A machine has left its hosts.
    Freed {
        /// What is free there now.
        hosts: Vec<(HostId, Free)>,
        /// The pools that it had something in.
        pools: Vec<Arc<str>>,
        /// Its labels.
        labels: Labels,
    },
    /// A machine has been bound.
    Bound {
        /// Its labels.
        labels: Labels,
    },
    /// A machine may be stopped for others, and could not be before.
    MayStop {
        /// Where it is.
        hosts: Vec<HostId>,
        /// Its priority.
        priority: i32,
    },
    /// There may be more room in a pool that several hosts see.
    PoolGrown {
        /// Which.
        pool: String,
    },
}

impl Event {
    /// This machine has been bound.
    #[must_use]
    pub fn bound(machine: &Machine) -> Self {
        Self::Bound {
            labels: Labels::of(machine),
        }
    }
}

/// Whether an event could be what a machine waits for. It never says no to one that could; that it says
/// yes promises nothing.
#[must_use]
pub fn could_help(waits: &Unschedulable, event: &Event) -> bool {
    could_fit_since(waits, event) || waits.could_stop_since(event)
}

fn could_fit_since(waits: &Unschedulable, event: &Event) -> bool {
    let rejected = waits.rejected().iter();
    match event {
        Event::HostAdded { .. } => true,
        // What was there is in no domain any longer.
        Event::HostRemoved { .. } => rejected.clone().any(|it| it.reason.is_of_others()),
        Event::HostChanged { host, changed } => {
            let near =
                |it: &Rejected| it.reason.is_of_others() && changed.contains(&Aspect::Labels);
            let helps = |it: &Rejected| {
                changed.iter().any(|aspect| it.reason.may_end_by(*aspect)) || near(it)
            };
            rejected.clone().any(near) || at(waits, *host, helps)
        }
        Event::Freed {
            hosts,
            pools,
            labels,
        } => {
            let left = |reason: &Reason| waits.concerns(reason, labels, false);
            rejected
                .clone()
                .any(|it| left(&it.reason) || shared(waits, &it.reason, pools))
                || hosts
                    .iter()
                    .any(|(host, free)| at(waits, *host, |it| waits.enough(&it.reason, *free)))
        }
        Event::Bound { labels } => rejected
            .clone()
            .any(|it| waits.concerns(&it.reason, labels, true)),
        Event::MayStop { .. } => false,
        Event::PoolGrown { pool } => rejected
            .clone()
            .any(|it| it.reason == Reason::PoolRoom(pool.clone())),
    }
}

// Whether the reason why a host was refused is one that this ends; of a host without one nobody knows.
fn at(waits: &Unschedulable, host: HostId, helps: impl Fn(&Rejected) -> bool) -> bool {
    let details = waits.details();
    let mut of_it = details.rejected.iter();
    let of_it = of_it.find(|it| it.hosts.contains(host.0));
    of_it.is_none_or(helps)
}

fn shared(waits: &Unschedulable, reason: &Reason, pools: &[Arc<str>]) -> bool {
    let details = waits.details();
    matches!(reason, Reason::PoolRoom(name)
        if details.shared.contains(name) && pools.iter().any(|it| **it == **name))
}

impl Unschedulable {
    // Whether a host that had too little of something may have enough: of CPUs and memory it has. What
    // else it had too little of may have come to be enough before.
    fn enough(&self, reason: &Reason, free: Free) -> bool {
        let usage = &self.details().request.machine.usage;
        reason.may_end_by(Aspect::Capacity)
            && usage.vcpus <= free.cpus
            && usage.memory <= free.memory
    }

    // Whether it may stop others that it could not since. A host counts by the first that it lacks, and with
    // others gone what else it lacks counts as well: how much has to be free there nobody knows.
    fn could_stop_since(&self, event: &Event) -> bool {
        let request = &self.details().request;
        let mut rejected = self.rejected().iter();
        if !request.machine.preemption || !rejected.any(|it| it.reason.may_end_by_leaving()) {
            return false;
        }
        // Whoever goes may be one that it has to be near, or even with.
        if !request.affinity.is_empty() || request.spread.iter().any(|it| it.required) {
            return true;
        }
        let there = |host: &HostId| at(self, *host, |it| it.reason.may_end_by_leaving());
        match event {
            Event::HostAdded { .. } | Event::PoolGrown { .. } => true,
            // It may have waited for what was to go from there.
            Event::HostRemoved { .. } => true,
            Event::HostChanged { host, .. } => there(host),
            Event::Bound { .. } => false,
            Event::Freed { hosts, pools, .. } => {
                let others = self.rejected().iter().any(|it| it.reason.is_of_others());
                let shared =
                    |pool: &Arc<str>| self.details().shared.iter().any(|it| **it == **pool);
                others || hosts.iter().any(|(host, _)| there(host)) || pools.iter().any(shared)
            }
            Event::MayStop { hosts, priority } => {
                self.priority() > *priority && hosts.iter().any(there)
            }
        }
    }

    // Whether a machine that comes, or goes, is one that this reason is about.
    fn concerns(&self, reason: &Reason, labels: &Labels, comes: bool) -> bool {
        let request = &self.details().request;
        let own = &request.machine.namespace;
        let about = |terms: &[Term]| {
            terms.iter().any(|term| {
                let spaces = &term.namespaces;
                let here = |it: &String| **it == *labels.namespace;
                let here = spaces.iter().any(here) || (spaces.is_empty() && here(own));
                here && labels.selected(&term.selector)
            })
        };
        match reason {
            // When the last has gone, it may be the first itself.
            Reason::Affinity(_) => about(&request.affinity),
            Reason::AntiAffinity(_) => !comes && about(&request.machine.anti_affinity),
            Reason::Refused(_) => !comes,
            Reason::Spread(_) => {
                let mut spread = request.spread.iter();
                **own == *labels.namespace && spread.any(|it| labels.selected(&it.selector))
            }
            _ => false,
        }
    }
}

impl Reason {
    // Whether it may end by what changes on other hosts of the domain.
    fn is_of_others(&self) -> bool {
        matches!(
            self,
            Self::Affinity(_) | Self::AntiAffinity(_) | Self::Refused(_) | Self::Spread(_)
        )
    }

    // Whether it may end when machines leave the host.
    fn may_end_by_leaving(&self) -> bool {
        self.is_of_others() || self.may_end_by(Aspect::Capacity)
    }

    // Whether a change of the host itself may end it.
    fn may_end_by(&self, aspect: Aspect) -> bool {
        match self {
            Self::OtherHost(_) | Self::Data(_) => false,
            Self::Selector | Self::HostAffinity | Self::NoDomain(_) => aspect == Aspect::Labels,
            Self::Affinity(_) | Self::AntiAffinity(_) | Self::Refused(_) | Self::Spread(_) => {
                aspect == Aspect::Labels
            }
            Self::Namespace => aspect == Aspect::Consent,
            Self::Unreachable => aspect == Aspect::Reachable,
            Self::Cordoned => aspect == Aspect::Schedulable,
            Self::Taint(_) => aspect == Aspect::Taints,
            Self::Architecture(_)
            | Self::DomainType(_)
            | Self::MachineType(_)
            | Self::Firmware(_)
            | Self::Tpm
            | Self::CpuModel(_) => aspect == Aspect::Guests,
            Self::Pool(_) => aspect == Aspect::Pools,
            Self::Network(_) => aspect == Aspect::Networks,
            Self::Machines
            | Self::Hugepages(_)
            | Self::Device(_)
            | Self::PoolRoom(_)
            | Self::Cpu
            | Self::Memory => aspect == Aspect::Capacity,
        }
    }
}
