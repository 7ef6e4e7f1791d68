//! What is asked of the index, and who waits for another answer.

use std::sync::Arc;

use drover_core::desired::machine::DesiredMachine;
use drover_core::schedule::{
    Candidate, Counts, Explained, GroupRefused, Preemption, Request, Unschedulable, Waits, explain,
    preempt, schedule, schedule_group,
};
use drover_crds::VirtualMachine;

use super::{Index, Kept};
use crate::controllers::placement::request;
use crate::ctx::Ctx;
use crate::reconcile::Key;

impl Index {
    /// The host for a machine. `only`: the host where it is already, cordoned or not, if there is room
    /// for it.
    ///
    /// # Errors
    /// [`Unschedulable`], with why.
    pub(in crate::controllers::placement) fn choose(
        &self,
        ctx: &Ctx,
        desired: &DesiredMachine,
        mut request: Request,
        only: Option<&str>,
    ) -> Result<String, Unschedulable> {
        only.into_iter().for_each(|only| stays(&mut request, only));
        let decide = |kept: &mut Kept| {
            // What it takes itself is not in its own way.
            kept.forget(desired.uuid);
            if let Some(only) = only {
                // What it has there is its own, and counts already.
                kept.bound.insert(desired.uuid);
                kept.open(ctx, only, |host| Candidate {
                    max_machines: None,
                    ..host
                });
                kept.bound.remove(&desired.uuid);
            }
            let chosen = schedule(&request, &mut kept.fleet);
            only.into_iter().for_each(|only| kept.close(ctx, only));
            chosen
        };
        let pools = &request.machine.usage.pools;
        self.ask(ctx, key_of(desired), pools, decide, alone)
    }

    /// The host for a machine, beside these, which are off and make room for it; if there is none, why,
    /// and which others would have to go.
    pub(in crate::controllers::placement) fn choose_beside(
        &self,
        ctx: &Ctx,
        desired: &DesiredMachine,
        request: &Request,
        off: &[Arc<VirtualMachine>],
    ) -> Result<String, (Unschedulable, Option<Preemption>)> {
        let counted = |machine: &Arc<VirtualMachine>| {
            let (host, desired) = (machine.host()?, ctx.desired(machine).ok()?);
            let (counted, counts) = super::counted(ctx, machine, &desired);
            Some((counted, host.clone(), counts))
        };
        let decide = |kept: &mut Kept| {
            kept.forget(desired.uuid);
            let aside: Vec<_> = off.iter().filter_map(counted).collect();
            for (machine, ..) in &aside {
                kept.fleet.release(&machine.uid);
            }
            let chosen = schedule(request, &mut kept.fleet);
            let chosen = chosen.map_err(|why| (why, preempt(request, &mut kept.fleet)));
            // For everybody else they count as before.
            for (machine, host, counts) in &aside {
                kept.fleet.bind(machine, &[host], *counts);
            }
            chosen
        };
        let pools = &request.machine.usage.pools;
        self.ask(ctx, key_of(desired), pools, decide, |(why, _)| alone(why))
    }

    /// Whether there is room again for a machine that has given its place on this host up.
    ///
    /// # Errors
    /// [`Unschedulable`], with why not.
    pub(in crate::controllers::placement) fn retake(
        &self,
        ctx: &Ctx,
        desired: &DesiredMachine,
        mut request: Request,
        host: &str,
    ) -> Result<(), Unschedulable> {
        let counted = request.machine.clone();
        stays(&mut request, host);
        let decide = |kept: &mut Kept| {
            // It is not in its own way; nor is what it has there news to anybody.
            kept.fleet.release(&counted.uid);
            kept.open(ctx, host, |host| host);
            let room = schedule(&request, &mut kept.fleet);
            kept.close(ctx, host);
            kept.fleet.bind(&counted, &[host], Counts::Labels);
            room
        };
        let pools = &request.machine.usage.pools;
        let room = self.ask(ctx, key_of(desired), pools, decide, alone);
        room.map(drop)
    }

    /// The hosts for machines that are placed together, at least so many of them. `key` is the one that
    /// is looked at.
    ///
    /// # Errors
    /// [`GroupRefused`], with why.
    pub(in crate::controllers::placement) fn choose_group(
        &self,
        ctx: &Ctx,
        key: &Key,
        requests: &[Request],
        needed: usize,
    ) -> Result<Vec<Option<String>>, GroupRefused> {
        let decide = |kept: &mut Kept| schedule_group(requests, needed, &mut kept.fleet);
        // One more of them comes by its own look.
        let waits = |refused: &GroupRefused| {
            let no_room = matches!(refused, GroupRefused::NoRoom { .. });
            no_room.then(|| Waits::together(requests))
        };
        self.ask(ctx, key.clone(), &pools_of(requests), decide, waits)
    }

    // One decision, in step with everything, and with the room in these pools. Whoever is refused waits
    // for what could help it.
    fn ask<T, E>(
        &self,
        ctx: &Ctx,
        key: Key,
        pools: &[(String, u64)],
        decide: impl FnOnce(&mut Kept) -> Result<T, E>,
        waits: impl FnOnce(&E) -> Option<Waits>,
    ) -> Result<T, E> {
        let mut kept = self.lock();
        kept.sync(ctx, pools);
        kept.waiting.remove(&key);
        let decided = decide(&mut kept);
        if let Some(waits) = decided.as_ref().err().and_then(waits) {
            kept.waiting.insert(key, waits);
        }
        kept.hint(ctx);
        decided
    }

    /// The hosts for machines that are placed together, if these hosts were gone.
    ///
    /// # Errors
    /// [`GroupRefused`], with why.
    pub(in crate::controllers::placement) fn explain_group(
        &self,
        ctx: &Ctx,
        requests: &[Request],
        needed: usize,
        without: &[&str],
    ) -> Result<Vec<Option<String>>, GroupRefused> {
        let mut kept = self.lock();
        kept.sync(ctx, &pools_of(requests));
        let mut fleet = kept.fleet.without(without);
        schedule_group(requests, needed, &mut fleet)
    }

    /// Which machines would have to go so that one has room, if these hosts were gone.
    pub(in crate::controllers::placement) fn explain_room(
        &self,
        ctx: &Ctx,
        desired: &DesiredMachine,
        without: &[&str],
    ) -> Option<Preemption> {
        let mut request = request::request(ctx, desired);
        request.machine.preemption = true;
        let mut kept = self.lock();
        kept.sync(ctx, &request.machine.usage.pools);
        kept.forget(desired.uuid);
        preempt(&request, &mut kept.fleet.without(without))
    }

    /// Where a machine would go if it were to be placed now and these hosts were gone, and what each of
    /// the others is to it.
    pub fn explain(
        &self,
        ctx: &Ctx,
        desired: &DesiredMachine,
        without: &[&str],
    ) -> (Result<String, Unschedulable>, Vec<Explained>) {
        let request = request::request(ctx, desired);
        let mut kept = self.lock();
        kept.sync(ctx, &request.machine.usage.pools);
        kept.forget(desired.uuid);
        let mut fleet = kept.fleet.without(without);
        let hosts = explain(&request, &mut fleet);
        (schedule(&request, &mut fleet), hosts)
    }
}

fn key_of(desired: &DesiredMachine) -> Key {
    Key::machine(&desired.namespace, &desired.name)
}

fn alone(why: &Unschedulable) -> Option<Waits> {
    Some(Waits::Alone(why.clone()))
}

fn pools_of(requests: &[Request]) -> Vec<(String, u64)> {
    let pools = requests.iter().flat_map(|it| &it.machine.usage.pools);
    pools.cloned().collect()
}

// Of a machine that is somewhere already only this is asked.
fn stays(request: &mut Request, only: &str) {
    request.rules.host = Some(only.to_owned());
    request.rules.host_selector = None;
    request.rules.host_affinity.clear();
    request.affinity.clear();
    request.spread.clear();
    request.machine.anti_affinity.clear();
}

impl Kept {
    // Lets a machine be on a host that takes no others.
    fn open(&mut self, ctx: &Ctx, name: &str, change: impl FnOnce(Candidate) -> Candidate) {
        if let Some(candidate) = self.candidate_named(ctx, name) {
            self.fleet.upsert_host(&change(Candidate {
                schedulable: true,
                taints: Vec::new(),
                ..candidate
            }));
        }
    }

    // As the host was before, which is no news to anybody.
    fn close(&mut self, ctx: &Ctx, name: &str) {
        if let Some(candidate) = self.candidate_named(ctx, name) {
            self.fleet.upsert_host(&candidate);
        }
    }

    fn candidate_named(&self, ctx: &Ctx, name: &str) -> Option<Candidate> {
        let host = ctx.cache.hosts.get("", name)?;
        self.candidate(ctx, &host, &ctx.hosts.ensure(&host))
    }
}
