//! Hosts: sessions, capacity, and who else is the same machine.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use drover_core::desired::host::DesiredHost;
use drover_core::host_devices::HostDevices;
use drover_core::observed::domain::ObservedDomain;
use drover_core::plan::{Verdict, used_by};
use drover_crds::condition::{Entry, Reason, Status};
use drover_crds::host::{Hypervisor, Resources};
use drover_crds::{Host, HostStatus, quantity};
use kube::ResourceExt;
use uuid::Uuid;

use super::placement;
use super::report::{self, Report};
use super::sites;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::inventory::{HostFacts, Slot};
use crate::hosts::{HostHandle, Reach};
use crate::reconcile::{Again, Key};

/// Looks at one Host.
///
/// # Errors
/// When the API server says no.
pub async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    let Some(host) = ctx.cache.hosts.get("", &key.name) else {
        ctx.hosts.remove(&key.name);
        // What was placed there has to say so.
        ctx.hints.hint_everything();
        return Ok(Again::WhenHinted);
    };
    let handle = ctx.hosts.ensure(&host);
    if host.metadata.deletion_timestamp.is_some() {
        return delete(ctx, key, &host).await;
    }
    let host = report::ensure_finalizer(ctx, &ctx.cache.hosts, host).await?;
    let before = host.status.clone().unwrap_or_default();
    let desired = DesiredHost::parse(&host.spec);
    if let Ok(desired) = &desired {
        ask_devices(&handle, desired).await;
    }
    let facts = handle.read(|inventory| inventory.facts.clone());
    let mut status = before.clone();
    if let (Some(facts), Ok(desired)) = (&facts, &desired) {
        let devices = placement::devices(&handle, &desired.devices);
        describe(&mut status, facts, desired, &devices);
    }
    let verdict = match &desired {
        Err(invalid) => Verdict::new(Reason::InvalidSpec, invalid.to_string()),
        Ok(_) => verdict(ctx, &handle, facts.as_deref()),
    };
    let schedulable = verdict.reason == Reason::Connected && !host.spec.unschedulable;
    let others = entries(ctx, &handle, &verdict, host.spec.unschedulable).await;
    let offer = (
        host.metadata.generation,
        status.allocatable.clone(),
        schedulable,
    );
    let changed = before.observed_generation != host.metadata.generation
        || before.allocatable != status.allocatable
        || drover_crds::condition::is_true(&before.conditions, "Schedulable") != schedulable;
    let report = Report {
        key,
        object: &*host,
        before: &before,
        status,
        verdict,
        others,
    };
    let again = report::report(ctx, &ctx.cache.hosts, report).await?;
    let news = changed || ctx.memory.was_in_doubt(key);
    if news && handle.write(|inventory| inventory.offered.replace(offer.clone()) != Some(offer)) {
        // Machines that fitted nowhere may fit now. It is said once: Hosts whose status is still to be
        // written would hint one another without end.
        ctx.hints.hint_everything();
    }
    ctx.memory.fleet.wake(ctx);
    Ok(again)
}

// Of a host that offers none nobody asks.
async fn ask_devices(handle: &HostHandle, desired: &DesiredHost) {
    if !desired.devices.is_empty()
        && handle.is_up()
        && let Err(error) = handle.devices().await
    {
        tracing::warn!(%error, "its devices are not known");
    }
}

// What is true of a host beside what its reason says.
async fn entries(ctx: &Ctx, handle: &HostHandle, verdict: &Verdict, cordoned: bool) -> Vec<Entry> {
    let connected = matches!(verdict.reason, Reason::Connected);
    let schedulable = connected && !cordoned;
    let why = match (connected, cordoned) {
        (false, _) => verdict.reason.as_str(),
        (true, true) => "Cordoned",
        (true, false) => "Schedulable",
    };
    let mut others = vec![
        Entry::new(
            "Connected",
            truth(connected),
            verdict.reason.as_str(),
            &verdict.message,
        ),
        Entry::new("Schedulable", truth(schedulable), why, ""),
    ];
    let orphans = orphans(ctx, handle).await;
    if !orphans.is_empty() {
        let message = format!(
            "domains of this fleet whose VirtualMachine is gone, left as they are: {}",
            orphans.join(", ")
        );
        others.push(Entry::new(
            "OrphanedDomains",
            Status::True,
            "OrphanedDomains",
            message,
        ));
    }
    others
}

// Domains that carry this fleet's mark, and whose object nobody has deleted by the way that cleans up
// after it. They are named and never touched: the same file applied again takes them up.
async fn orphans(ctx: &Ctx, handle: &HostHandle) -> Vec<String> {
    let orphan = |domain: &ObservedDomain| {
        let mark = domain.mark().filter(|mark| mark.fleet == ctx.fleet)?;
        let object = ctx.cache.machines.get(&mark.namespace, &mark.name);
        let name = format!("{}/{}", mark.namespace, mark.name);
        object.is_none().then_some(name)
    };
    let suspects: Vec<Uuid> = handle.read(|inventory| {
        let domains = inventory.domains.iter();
        let suspect = |slot: &Slot<ObservedDomain>| {
            slot.value.as_deref().is_some_and(|it| orphan(it).is_some())
        };
        let suspects = domains.filter(|(_, (_, slot))| suspect(slot));
        suspects.map(|(uuid, _)| *uuid).collect()
    });
    let mut names = Vec::new();
    for uuid in suspects {
        // It may be gone since it was last looked at.
        if let Ok(Some(domain)) = handle.domain(uuid).await {
            names.extend(orphan(&domain));
        }
    }
    names.sort();
    names
}

fn truth(yes: bool) -> Status {
    if yes { Status::True } else { Status::False }
}

fn describe(
    status: &mut HostStatus,
    facts: &HostFacts,
    desired: &DesiredHost,
    devices: &HostDevices,
) {
    let counts = devices.count_without(&HashSet::new()).into_iter();
    let devices: BTreeMap<_, _> = counts
        .map(|(resource, count)| (resource, count.to_string()))
        .collect();
    let pages = placement::hugepages(&facts.capabilities.hugepages);
    status.capacity = Some(Resources {
        cpu: facts.cpus.to_string(),
        memory: quantity::bytes(facts.ordinary_memory()),
        hugepages: pages.clone(),
        devices: devices.clone(),
    });
    status.allocatable = Some(Resources {
        cpu: desired.allocatable_cpus(facts.cpus).to_string(),
        memory: quantity::bytes(desired.allocatable_memory(facts.ordinary_memory())),
        hugepages: pages,
        devices,
    });
    status.host_uuid.clone_from(&facts.capabilities.host_uuid);
    status.architecture = Some(facts.capabilities.architecture.clone());
    let guests = facts.guests.iter();
    status.guest_architectures = guests.map(|it| it.architecture.clone()).collect();
    status.cpu_model.clone_from(&facts.capabilities.cpu_model);
    status.libvirt_version = Some(version(facts.libvirt_version));
    status.hypervisor = Some(Hypervisor {
        type_: facts.hypervisor.clone(),
        version: version(facts.hypervisor_version),
    });
}

fn version(number: u64) -> String {
    format!(
        "{}.{}.{}",
        number / 1_000_000,
        number / 1_000 % 1_000,
        number % 1_000
    )
}

fn verdict(ctx: &Ctx, handle: &HostHandle, facts: Option<&HostFacts>) -> Verdict {
    if let Some(first) = facts.and_then(|facts| duplicate_of(ctx, &handle.name, facts)) {
        let message = format!("Host {first} stands for the same machine");
        return Verdict::new(Reason::DuplicateHost, message);
    }
    handle.read(|inventory| match &inventory.reach {
        Reach::Up(_) => Verdict::new(Reason::Connected, "libvirt answers"),
        Reach::Connecting => Verdict::new(Reason::HostUnreachable, "not connected yet"),
        Reach::Down { message, .. } => Verdict::new(Reason::HostUnreachable, message.clone()),
        Reach::Refused { reason, message } => Verdict::new(*reason, message.clone()),
    })
}

/// The UUIDs of machines for which more than one host stands: mostly none.
pub fn said_twice(ctx: &Ctx) -> HashSet<String> {
    let mut once = HashSet::new();
    let said = ctx.hosts.all().into_iter().filter_map(|handle| {
        handle.read(|inventory| inventory.facts.as_ref()?.host_uuid().map(str::to_owned))
    });
    said.filter(|uuid| !once.insert(uuid.clone())).collect()
}

/// The Host that stands for the same machine and was there before, if there is one. The test driver
/// says the same of every machine: there the URI tells.
pub fn duplicate_of(ctx: &Ctx, name: &str, facts: &HostFacts) -> Option<String> {
    if facts.hypervisor == "TEST" {
        return None;
    }
    let uuid = facts.host_uuid()?;
    // Asked of each host for each site: most often nobody says the same.
    let same = |facts: &Arc<HostFacts>| facts.host_uuid() == Some(uuid);
    let mut others = ctx.hosts.all();
    others.retain(|other| {
        other.name != name && other.read(|inventory| inventory.facts.as_ref().is_some_and(same))
    });
    let age = |host: &Arc<Host>| (host.metadata.creation_timestamp.clone(), host.name_any());
    let this = age(&ctx.cache.hosts.get("", name)?);
    let others = others
        .iter()
        .filter_map(|other| ctx.cache.hosts.get("", &other.name));
    let first = others
        .map(|other| age(&other))
        .filter(|other| *other < this)
        .min();
    first.map(|(_, name)| name)
}

// Deleting a Host changes nothing on the machine, so nothing may be left that only it leads to.
async fn delete(ctx: &Ctx, key: &Key, host: &Host) -> Result<Again, Error> {
    let machines = ctx.cache.machines.all();
    let on_it = machines
        .iter()
        .filter(|machine| machine.host() == Some(&key.name));
    let mut users: Vec<String> = on_it
        .map(|machine| format!("machine {}", sites::full_name(&**machine)))
        .collect();
    let volumes = ctx.cache.volumes.all();
    let on_it = volumes
        .iter()
        .filter(|volume| volume.host() == Some(&key.name));
    users.extend(on_it.map(|volume| format!("volume {}", sites::full_name(&**volume))));
    users.sort();
    let Some(message) = used_by("objects", &users) else {
        ctx.hosts.remove(&key.name);
        return report::let_go(ctx, key, host).await;
    };
    let before = host.status.clone().unwrap_or_default();
    let verdict = Verdict::new(Reason::InUse, message);
    let status = before.clone();
    let report = Report {
        key,
        object: host,
        before: &before,
        status,
        verdict,
        others: Vec::new(),
    };
    report::report(ctx, &ctx.cache.hosts, report).await
}
