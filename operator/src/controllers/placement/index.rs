//! The scheduler's fleet, kept in step with the objects and with what the hosts have. Only what has
//! changed since the last decision is looked at.

mod ask;
mod hosts;
mod known;
mod machines;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drover_core::desired::host::DesiredHost;
use drover_core::desired::machine::DesiredMachine;
use drover_core::placement::may_make_room;
use drover_core::schedule::{Candidate, Counts, Event, Fleet, Machine, Waiting, Weights};
use drover_crds::{Host, VirtualMachine};
use kube::ResourceExt;
use uuid::Uuid;

use self::known::{Known, size_version};
use super::offer::Offer;
use super::others::Others;
use super::request;
use super::sites::Sites;
use crate::controllers::sites;
use crate::controllers::storage;
use crate::controllers::volume::room;
use crate::ctx::Ctx;
use crate::hosts::HostHandle;
use crate::reconcile::Key;

// How many groups' words are kept.
const MOST_TOLD: usize = 1_024;

/// The fleet, as of the last decision.
#[derive(Debug)]
pub struct Index(Mutex<Kept>);

impl Default for Index {
    fn default() -> Self {
        Self::new(Weights::SPREAD)
    }
}

#[derive(Debug, Default)]
struct Kept {
    fleet: Fleet,
    // By the objects' UIDs.
    machines: HashMap<String, Known>,
    uids: HashMap<Key, String>,
    // Those that are looked at again though nothing is told of their objects.
    unsettled: HashSet<Key>,
    // Those that make room for others.
    making_room: HashSet<Key>,
    bound: HashSet<Uuid>,
    // Bound as well, without taking anything: what runs of them counts as what is somebody's.
    freed: HashSet<Uuid>,
    hosts: HashSet<String>,
    // Those that are to be looked at anew.
    outdated: HashSet<String>,
    // The UUIDs of the machines that hosts are, and the hosts that are each: mostly one.
    uuids: HashMap<String, String>,
    twins: HashMap<String, HashSet<String>>,
    sites: Sites,
    // What may be promised in pools that many hosts see.
    shared: HashMap<String, u64>,
    // The machines that found no place, and why.
    waiting: Waiting<Key>,
    // What the groups that wait were last told, by their namespaces and names.
    told: HashMap<(String, String), String>,
}

impl Index {
    /// A fleet of which nothing is known yet, whose machines are placed by these weights.
    #[must_use]
    pub fn new(weights: Weights) -> Self {
        Self(Mutex::new(Kept {
            fleet: Fleet::new(weights),
            ..Kept::default()
        }))
    }

    /// A machine is to have this place, and what it takes is taken already: that is being written.
    pub(super) fn assume(
        &self,
        ctx: &Ctx,
        machine: &VirtualMachine,
        desired: &DesiredMachine,
        host: &str,
    ) {
        let Some(uid) = machine.uid() else { return };
        let mut kept = self.lock();
        let size = size_version(ctx, machine);
        let known = kept.bind(ctx, machine, size, Some((desired, host)));
        // Nobody can tell it to stop before its place is written, which is news then.
        kept.fleet.let_stop(&desired.uuid.to_string(), false);
        let known = Known {
            makes_room: true,
            assumed: true,
            ..known
        };
        kept.keep(machine, uid, known);
    }

    /// A place that a machine was to have may not have been written.
    pub(super) fn doubt(&self, ctx: &Ctx, machine: &VirtualMachine) {
        let Some(uid) = machine.uid() else { return };
        let mut kept = self.lock();
        if kept.machines.get(&uid).is_some_and(|it| it.assumed) {
            kept.drop_machine(&uid);
            kept.unsettled.insert(Key::of_machine(machine));
        }
        kept.hint(ctx);
    }

    /// Whether a machine that is bound counts otherwise than it did when it was last read.
    pub fn is_outdated(&self, ctx: &Ctx, machine: &VirtualMachine) -> bool {
        let Some(uid) = machine.uid() else {
            return false;
        };
        let size = size_version(ctx, machine);
        let kept = self.lock();
        let known = kept.machines.get(&uid);
        known.is_none_or(|it| {
            !it.is(ctx, machine, size.as_ref()) || it.makes_room != machine.preempted_by().is_some()
        })
    }

    /// Asks for a look at those machines without a place that something could have helped since they were
    /// told that there is none.
    pub fn wake(&self, ctx: &Ctx) {
        let mut kept = self.lock();
        if kept.waiting.is_empty() {
            return;
        }
        let asked = kept.waiting.pools();
        kept.sync(ctx, &asked);
        kept.hint(ctx);
    }

    /// The machines that make room for others: mostly none of thousands.
    pub(super) fn making_room(&self, ctx: &Ctx) -> Vec<Arc<VirtualMachine>> {
        let mut kept = self.lock();
        kept.sync_machines(ctx);
        kept.hint(ctx);
        let keys = kept.making_room.iter();
        keys.filter_map(|key| ctx.cache.machines.get(&key.namespace, &key.name))
            .collect()
    }

    /// Whether a group is told something else than before: all of it is to say the same.
    pub(super) fn is_news(&self, namespace: &str, group: &str, words: &str) -> bool {
        let mut kept = self.lock();
        // Losing it costs a look.
        if kept.told.len() > MOST_TOLD {
            kept.told.clear();
        }
        let group = (namespace.to_owned(), group.to_owned());
        let before = kept.told.insert(group, words.to_owned());
        before.as_deref() != Some(words)
    }

    /// Forgets a machine that is gone.
    pub fn gone(&self, key: &Key) {
        self.lock().waiting.remove(key);
    }

    /// Whether a machine waits for something that could help it to a place.
    pub fn waits(&self, key: &Key) -> bool {
        self.lock().waiting.has(key)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    // In step with the caches, and with the room in these pools.
    fn sync(&mut self, ctx: &Ctx, pools: &[(String, u64)]) {
        self.sync_machines(ctx);
        if self.sites.sync(ctx) {
            self.outdate_all();
        }
        // Volumes come and go there without their hosts.
        let limited = pools.iter();
        let limited = limited.filter(|(pool, _)| self.sites.limited(pool).is_some());
        for (pool, _) in limited {
            let hosts: Vec<_> = self.hosts_of(pool).cloned().collect();
            self.outdated.extend(hosts);
        }
        self.sync_hosts(ctx);
        for (pool, _) in pools {
            self.sync_shared(ctx, pool);
        }
    }

    // What is promised in a pool that many see counts once, wherever the machines are.
    fn sync_shared(&mut self, ctx: &Ctx, pool: &str) {
        let limited = self.sites.limited(pool).is_some() && storage::is_shared(ctx, pool);
        let handles = self.hosts_of(pool).filter_map(|host| ctx.hosts.get(host));
        let room = handles.map(|handle| self.room(ctx, pool, &handle)).min();
        let room = room.filter(|_| limited);
        if self.shared.get(pool).copied() == room {
            return;
        }
        match room {
            Some(room) => drop(self.shared.insert(pool.to_owned(), room)),
            None => drop(self.shared.remove(pool)),
        }
        let event = self.fleet.set_shared_pool(pool, room);
        self.note(event);
    }

    // The hosts that have a pool.
    fn hosts_of(&self, pool: &str) -> impl Iterator<Item = &String> {
        self.hosts.iter().filter(move |host| {
            let site = self.sites.on(host);
            site.is_some_and(|site| site.pools.contains(pool))
        })
    }

    fn note(&mut self, event: Option<Event>) {
        let Some(event) = event else { return };
        self.waiting.note(&event);
    }

    // Whoever is looked at and finds no place waits again. The queue keeps the order.
    fn hint(&mut self, ctx: &Ctx) {
        for key in self.waiting.take_helped() {
            ctx.hints.hint(key);
        }
    }

    fn candidate(&self, ctx: &Ctx, host: &Host, handle: &HostHandle) -> Option<Candidate> {
        let name = host.name_any();
        let desired = DesiredHost::parse(&host.spec).ok()?;
        let others = Others::on(handle, &ctx.fleet, &self.bound, &self.freed);
        let twin = self.has_twin(&name);
        let offer = match ctx.hosts.is_idle(&name) {
            true => Offer::told(host),
            false => Offer::seen(ctx, handle, &desired, twin, &others.devices),
        };
        let site = self.sites.on(&name);
        Some(Candidate {
            labels: sites::labels(host),
            taints: desired.taints.clone(),
            reachable: offer.reachable,
            schedulable: desired.schedulable
                && !offer.duplicate
                && host.metadata.deletion_timestamp.is_none(),
            consent: desired.consent.clone(),
            devices: offer.devices,
            guests: offer.guests,
            cpus: offer.cpus,
            memory: offer.memory,
            foreign: others.taken,
            hugepages: others.leave(offer.hugepages),
            cpu_class: offer.cpu_class,
            pools: site.map_or_else(BTreeMap::new, |site| {
                let pools = site.pools.iter();
                pools
                    .map(|pool| (pool.clone(), self.room(ctx, pool, handle)))
                    .collect()
            }),
            networks: site.map_or_else(Vec::new, |site| site.networks.iter().cloned().collect()),
            images: site.map_or_else(Vec::new, |site| site.images.iter().cloned().collect()),
            max_machines: desired.max_machines,
            name,
        })
    }

    // Of a pool that has not been looked at nobody knows: its volumes will say.
    fn room(&self, ctx: &Ctx, name: &str, handle: &HostHandle) -> u64 {
        let Some(pool) = self.sites.limited(name) else {
            return u64::MAX;
        };
        let seen = handle.read(|it| it.pools.get(name)?.1.value.clone());
        seen.map_or(u64::MAX, |seen| room::room(ctx, pool, &seen, &handle.name))
    }
}

// A machine as it counts where it is bound. One that makes room for another is not told to do it twice.
fn counted(ctx: &Ctx, machine: &VirtualMachine, desired: &DesiredMachine) -> (Machine, Counts) {
    let counts = match machine.has_freed_place() {
        true => Counts::Labels,
        false => Counts::All,
    };
    let counted = Machine {
        preemption: may_make_room(desired) && machine.preempted_by().is_none(),
        ..request::machine(ctx, desired)
    };
    (counted, counts)
}
