//! What is promised on each host: to machines that are bound there, and to whatever else runs there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use drover_core::desired::machine::DesiredMachine;
use drover_core::observed::domain::ObservedDomain;
use drover_crds::VirtualMachine;
use uuid::Uuid;

use super::placement::memory;
use crate::ctx::Ctx;

/// What one machine is promised.
#[derive(Debug, Clone)]
struct Promise {
    uuid: Uuid,
    host: String,
    cpus: u64,
    memory: u64,
}

/// What was read of machines, by their UIDs and versions: each placement counts all of them.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<String, (String, Option<Promise>)>>);

impl Known {
    // Those that are gone are forgotten.
    fn all(&self, ctx: &Ctx) -> Vec<Promise> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *known);
        let mut all = Vec::new();
        for machine in ctx.cache.machines.all() {
            let (uid, version) = (&machine.metadata.uid, &machine.metadata.resource_version);
            // An InstanceType may change without the machine.
            let own = machine.spec.instance_type.is_none();
            let (Some(uid), Some(version), true) = (uid, version, own) else {
                all.extend(read(ctx, &machine));
                continue;
            };
            let promise = match before.remove_entry(uid) {
                Some((uid, (seen, promise))) if seen == *version => {
                    known.insert(uid, (seen, promise.clone()));
                    promise
                }
                _ => {
                    let promise = read(ctx, &machine);
                    known.insert(uid.clone(), (version.clone(), promise.clone()));
                    promise
                }
            };
            all.extend(promise);
        }
        all
    }
}

fn read(ctx: &Ctx, machine: &VirtualMachine) -> Option<Promise> {
    let host = machine.status.as_ref()?.host.clone()?;
    let desired = ctx.desired(machine).ok()?;
    Some(Promise {
        uuid: desired.uuid,
        host,
        cpus: u64::from(desired.vcpus()),
        memory: memory(&desired),
    })
}

/// CPUs and memory, by host. What `but` is promised does not count.
pub(super) fn promised(ctx: &Ctx, but: &DesiredMachine) -> BTreeMap<String, (u64, u64)> {
    let mut used: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut counted = HashSet::new();
    for promise in ctx.memory.promises.all(ctx) {
        counted.insert(promise.uuid);
        if promise.uuid != but.uuid {
            let entry = used.entry(promise.host).or_default();
            entry.0 += promise.cpus;
            entry.1 += promise.memory;
        }
    }
    for host in ctx.hosts.all() {
        let (cpus, memory) = host.read(|inventory| {
            let others = inventory
                .domains
                .iter()
                .filter(|(uuid, _)| !counted.contains(uuid));
            let fleet =
                |domain: &ObservedDomain| domain.mark().is_some_and(|mark| mark.fleet == ctx.fleet);
            // A machine of the fleet that is off is only waiting for its object.
            let live = others.filter_map(|(_, (_, slot))| {
                let domain = slot.value.as_ref()?;
                let waits = domain.inactive.as_ref().filter(|_| fleet(domain));
                domain.live.as_ref().or(waits)
            });
            live.fold((0, 0), |(cpus, memory), live| {
                (
                    cpus + u64::from(live.vcpus),
                    memory + (live.memory_kib << 10),
                )
            })
        });
        let entry = used.entry(host.name.clone()).or_default();
        entry.0 += cpus;
        entry.1 += memory;
    }
    used
}
