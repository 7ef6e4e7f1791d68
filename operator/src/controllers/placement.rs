//! Where a machine goes: to the host that has it already, or to the one that fits best. It is
//! written down before anything is done there.

use std::collections::BTreeMap;

use drover_core::desired::Consent;
use drover_core::desired::host::DesiredHost;
use drover_core::desired::machine::DesiredMachine;
use drover_core::desired::network::DesiredNetwork;
use drover_core::desired::pool::DesiredPool;
use drover_core::identity;
use drover_core::placement::{Decision, Purpose, decide};
use drover_core::plan::Verdict;
use drover_core::schedule::{
    Candidate, Fleet, Foreign, Guest, GuestWanted, Machine, Request, Rules, Selector, Usage,
    schedule,
};
use drover_crds::common::CONFIRMED_OFF;
use drover_crds::condition::{Entry, Reason, Status};
use drover_crds::{Host, HostState, VirtualMachine, VirtualMachineStatus};
use kube::ResourceExt;

use super::promises;
use super::report::{self, Report};
use super::sightings::{Seen, sightings};
use super::storage::clone;
use super::volume::{self, room};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::reconcile::{Key, write};

/// What came of placing a machine.
pub enum Placed {
    /// It is bound, and that is written.
    Bound,
    /// It has to wait.
    Waiting(Verdict),
    /// Somebody else wrote meanwhile.
    Raced,
}

/// Places a machine that is not bound.
///
/// # Errors
/// When the API server says no.
pub async fn place(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Result<Placed, Error> {
    // Asked before the others have to wait: a host may be slow.
    let seen = sightings(ctx, desired, None, Purpose::Placing).await;
    let _alone = ctx.placing.lock().await;
    match choose_from(ctx, desired, &seen) {
        Ok(chosen) => bind(ctx, key, machine, desired, chosen).await,
        Err(verdict) => Ok(Placed::Waiting(verdict)),
    }
}

/// Where a machine belongs.
pub struct Chosen {
    /// The host.
    pub host: String,
    /// The placement.
    pub epoch: i64,
}

/// Chooses where a machine belongs: where it is already, or where it fits best.
///
/// # Errors
/// A verdict, when it has no place yet.
pub async fn choose(ctx: &Ctx, desired: &DesiredMachine) -> Result<Chosen, Verdict> {
    choose_from(
        ctx,
        desired,
        &sightings(ctx, desired, None, Purpose::Placing).await,
    )
}

fn choose_from(ctx: &Ctx, desired: &DesiredMachine, seen: &Seen) -> Result<Chosen, Verdict> {
    let conflict = |message: String| Err(Verdict::new(Reason::UUIDConflict, message));
    let (only, epoch) = match decide(&seen.all()) {
        Decision::Wait(hosts) => return Err(waiting(&hosts)),
        Decision::RunsTwice(hosts) => {
            let hosts = hosts.join(" and on ");
            return conflict(format!("it runs on {hosts}: shut all but one down"));
        }
        Decision::Ambiguous(hosts) => {
            let hosts = hosts.join(" and on ");
            return conflict(format!(
                "it is off on {hosts}, and nobody can tell which one counts: undefine all but one"
            ));
        }
        Decision::Taken(host) => {
            let uuid = desired.uuid;
            return conflict(format!(
                "a domain on {host} has this machine's UUID {uuid} and not its mark"
            ));
        }
        Decision::Anew { .. } if desired.existing || desired.observe => {
            let message = format!(
                "no host has a domain with the UUID {}: it is not made, only taken over",
                desired.uuid
            );
            return Err(Verdict::new(Reason::AdoptionRefused, message));
        }
        Decision::Stay {
            host,
            epoch,
            active: true,
        } => return Ok(Chosen::new(host, epoch)),
        Decision::Stay { host, epoch, .. } => (Some(host.to_owned()), epoch),
        Decision::Anew { epoch } => {
            volume::placed_origins(ctx, desired)?;
            (None, epoch)
        }
    };
    let mut candidates = candidates(ctx, desired);
    if let Some(only) = &only {
        // What is there stays there, cordoned or not, if there is still room for it.
        candidates.retain(|candidate| candidate.name == *only);
        for candidate in &mut candidates {
            candidate.schedulable = true;
        }
    }
    match schedule(&request(ctx, desired), &mut Fleet::of(&candidates)) {
        Ok(host) => Ok(Chosen::new(&host, epoch)),
        Err(error) => Err(Verdict::new(Reason::Unschedulable, error.to_string())),
    }
}

impl Chosen {
    fn new(host: &str, epoch: i64) -> Self {
        Self {
            host: host.to_owned(),
            epoch,
        }
    }
}

fn waiting(hosts: &[&str]) -> Verdict {
    let message = format!(
        "not heard yet: {}; each could hold this machine (if one is powered off for good, say so \
         with the annotation {CONFIRMED_OFF})",
        hosts.join(", ")
    );
    Verdict::new(Reason::WaitingForHosts, message)
}

/// What stands in the way of a machine that is bound.
pub enum Course {
    /// Nothing.
    Go,
    /// It has to wait, or a person has to help.
    Blocked(Verdict),
    /// It is bound anew.
    Rebind(Chosen),
}

/// Whether a machine may be made or started where it is bound. `here` says whether its host has it,
/// and whether it runs there.
pub async fn course(
    ctx: &Ctx,
    desired: &DesiredMachine,
    host: &str,
    epoch: i64,
    here: Option<bool>,
) -> Course {
    use drover_core::placement::{Course as Found, course};

    let seen = sightings(ctx, desired, Some(host), Purpose::Placing).await;
    let blocked = |message: String| Course::Blocked(Verdict::new(Reason::UUIDConflict, message));
    match course(host, epoch, here, &seen.all()) {
        Found::Go => Course::Go,
        Found::Raise { epoch } => Course::Rebind(Chosen::new(host, epoch)),
        Found::Replace { epoch } => match choose(ctx, desired).await {
            Ok(chosen) => Course::Rebind(Chosen {
                epoch: chosen.epoch.max(epoch),
                ..chosen
            }),
            Err(verdict) => Course::Blocked(verdict),
        },
        Found::Wait(hosts) => Course::Blocked(waiting(&hosts)),
        Found::RunsElsewhere(other) => blocked(format!(
            "it is bound to {host}, and {other} runs its domain"
        )),
        Found::Outdone { host: other, epoch } => blocked(format!(
            "it is bound to {host}, and {other} has its domain, of placement {epoch}: undefine the \
             one that does not count"
        )),
    }
}

/// Writes a placement down.
///
/// # Errors
/// When the API server says no.
pub async fn bind(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    Chosen { host, epoch }: Chosen,
) -> Result<Placed, Error> {
    let before = machine.status.clone().unwrap_or_default();
    let epoch = before.epoch.max(Some(epoch));
    let message = format!("placed on {host}");
    let report = Report {
        key,
        object: machine,
        before: &before,
        status: VirtualMachineStatus {
            host: Some(host.clone()),
            epoch,
            uuid: Some(desired.uuid.to_string()),
            domain_name: Some(desired.domain_name.clone()),
            ..before.clone()
        },
        verdict: Verdict::new(Reason::Starting, message),
        others: vec![Entry::new("Scheduled", Status::True, "Placed", "")],
    };
    let status = report::complete(&report);
    match write::status(&ctx.client, machine, &status, true).await {
        Ok(written) => {
            ctx.cache.machines.wrote(written);
            // It may have told of the domain as one whose object is gone.
            ctx.hints.hint(Key::host(&host));
            tracing::info!(object = %key, host = status.host, epoch, "placed");
            Ok(Placed::Bound)
        }
        Err(error) if write::is_conflict(&error) || write::is_gone(&error) => Ok(Placed::Raced),
        Err(error) => Err(error.into()),
    }
}

// What the host has to have for it: all that it may be given.
pub(super) fn memory(desired: &DesiredMachine) -> u64 {
    desired.memory.max_kib.unwrap_or(desired.memory.kib) << 10
}

fn request(ctx: &Ctx, desired: &DesiredMachine) -> Request {
    let volumes = desired
        .disks
        .iter()
        .filter_map(|disk| disk.volume.as_ref())
        .filter_map(|volume| ctx.cache.volumes.get(&desired.namespace, volume));
    let there = volumes
        .clone()
        .filter_map(|volume| volume::data_on(ctx, &volume));
    let copied = volume::origins(desired).filter_map(|name| {
        let host = clone::host_of(ctx, &desired.namespace, name);
        host.ok()
    });
    let mut data_on: Vec<String> = there.chain(copied).collect();
    data_on.sort();
    data_on.dedup();
    let templates = desired
        .disks
        .iter()
        .filter_map(|disk| disk.template.as_ref());
    let mut pools: Vec<String> = templates
        .map(|template| template.pool.clone())
        .chain(volumes.map(|volume| volume.spec.pool.clone()))
        .chain(desired.disks.iter().filter_map(|disk| disk.pool.clone()))
        .collect();
    pools.sort();
    pools.dedup();
    Request {
        machine: Machine {
            uid: desired.uid.clone(),
            namespace: desired.namespace.clone(),
            usage: usage(desired),
            ..Machine::default()
        },
        namespace_labels: namespace_labels(ctx, &desired.namespace),
        rules: Rules {
            host: desired.host.clone(),
            host_selector: desired.host_selector.as_ref().map(Selector::from),
            guest: GuestWanted {
                architecture: desired.architecture.clone(),
                ..GuestWanted::default()
            },
            pools,
            networks: desired
                .interfaces
                .iter()
                .map(|nic| nic.network.clone())
                .collect(),
            data_on,
            ..Rules::default()
        },
        ..Request::default()
    }
}

fn usage(desired: &DesiredMachine) -> Usage {
    let mut pools: BTreeMap<String, u64> = BTreeMap::new();
    for (pool, _, capacity) in made_with(desired) {
        let sum = pools.entry(pool).or_default();
        *sum = sum.saturating_add(capacity);
    }
    Usage {
        vcpus: u64::from(desired.vcpus()),
        memory: memory(desired),
        pools: pools.into_iter().collect(),
        ..Usage::default()
    }
}

/// The labels of a namespace.
#[must_use]
pub fn namespace_labels(ctx: &Ctx, namespace: &str) -> BTreeMap<String, String> {
    let namespace = ctx.cache.namespaces.get("", namespace);
    namespace
        .and_then(|namespace| namespace.metadata.labels.clone())
        .unwrap_or_default()
}

fn candidates(ctx: &Ctx, desired: &DesiredMachine) -> Vec<Candidate> {
    let labels = namespace_labels(ctx, &desired.namespace);
    let used = promises::promised(ctx, desired);
    let pools: Vec<_> = ctx
        .cache
        .pools
        .all()
        .into_iter()
        .filter(|pool| DesiredPool::parse(pool, &ctx.fleet).consent.allows(&labels))
        .map(|pool| {
            (
                pool.name_any(),
                pool.status.clone().unwrap_or_default().hosts,
            )
        })
        .collect();
    let networks: Vec<_> = ctx
        .cache
        .networks
        .all()
        .into_iter()
        .filter(|network| {
            let parsed = DesiredNetwork::parse(network, &ctx.fleet);
            parsed.is_ok_and(|network| network.consent.allows(&labels))
        })
        .map(|network| {
            (
                network.name_any(),
                network.status.clone().unwrap_or_default().hosts,
            )
        })
        .collect();
    let hosts = ctx.cache.hosts.all();
    let made = made_with(desired);
    let candidates = hosts
        .iter()
        .filter_map(|host| candidate(ctx, host, &used, &pools, &networks));
    candidates
        .map(|mut candidate| {
            for (pool, room) in &mut candidate.pools {
                *room = room_for(ctx, &candidate.name, pool, &made).unwrap_or(u64::MAX);
            }
            candidate
        })
        .collect()
}

// What is made with a machine: its pool, its name there, and its size.
fn made_with(desired: &DesiredMachine) -> Vec<(String, String, u64)> {
    let made = desired.disks.iter().filter_map(|disk| {
        let (template, name) = (disk.template.as_ref()?, disk.volume.as_ref()?);
        let capacity = template.capacity.bytes()?;
        let volume = identity::volume_name(&desired.namespace, name);
        Some((template.pool.clone(), volume, capacity))
    });
    made.collect()
}

// What may be promised of it in a pool of a host. What is there already takes no more, and of a pool
// that has not been looked at nobody knows: its volumes will say.
fn room_for(ctx: &Ctx, host: &str, name: &str, made: &[(String, String, u64)]) -> Option<u64> {
    let mut made = made.iter().filter(|(pool, ..)| pool == name).peekable();
    made.peek()?;
    let pool = ctx.cache.pools.get("", name)?;
    let handle = ctx.hosts.get(host)?;
    let seen = handle.read(|it| it.pools.get(name)?.1.value.clone())?;
    let there = made.filter(|(_, volume, _)| seen.volumes.contains(volume));
    let there = there.fold(0_u64, |sum, (.., capacity)| sum.saturating_add(*capacity));
    Some(room::room(ctx, &pool, &seen, host).saturating_add(there))
}

type Sites = [(String, Vec<HostState>)];

fn candidate(
    ctx: &Ctx,
    host: &Host,
    used: &BTreeMap<String, (u64, u64)>,
    pools: &Sites,
    networks: &Sites,
) -> Option<Candidate> {
    let name = host.name_any();
    let desired = DesiredHost::parse(&host.spec).ok()?;
    let handle = ctx.hosts.ensure(host);
    let facts = handle.read(|inventory| inventory.facts.clone());
    let duplicate = facts
        .as_ref()
        .is_some_and(|facts| super::host::duplicate_of(ctx, &name, facts).is_some());
    let realized = |sites: &Sites| {
        let on = |states: &[HostState]| {
            states
                .iter()
                .any(|state| state.name == name && state.state == "Active")
        };
        sites
            .iter()
            .filter(|(_, states)| on(states))
            .map(|(site, _)| site.clone())
            .collect::<Vec<_>>()
    };
    let (used_cpus, used_memory) = used.get(&name).copied().unwrap_or_default();
    let guests = facts.as_ref().map(|facts| &facts.capabilities.guests);
    Some(Candidate {
        labels: host.metadata.labels.clone().unwrap_or_default(),
        reachable: handle.is_up() && facts.is_some(),
        schedulable: desired.schedulable
            && !duplicate
            && host.metadata.deletion_timestamp.is_none(),
        guests: guests
            .map(|guests| {
                let guests = guests.iter().map(|(architecture, _)| Guest {
                    architecture: architecture.clone(),
                    ..Guest::default()
                });
                guests.collect()
            })
            .unwrap_or_default(),
        cpus: facts
            .as_ref()
            .map_or(0, |facts| desired.allocatable_cpus(facts.cpus)),
        memory: facts
            .as_ref()
            .map_or(0, |facts| desired.allocatable_memory(facts.memory)),
        foreign: Foreign {
            cpus: used_cpus,
            memory: used_memory,
            machines: 0,
        },
        pools: realized(pools)
            .into_iter()
            .map(|pool| (pool, u64::MAX))
            .collect(),
        networks: realized(networks),
        consent: Consent::clone(&desired.consent),
        name,
        ..Candidate::default()
    })
}
