//! The machines of the fleet, in step with their objects.

use std::collections::HashSet;

use drover_core::desired::machine::DesiredMachine;
use drover_core::schedule::{Counts, Event};
use drover_crds::VirtualMachine;
use kube::ResourceExt;
use uuid::Uuid;

use super::known::{Known, size_version};
use super::{Kept, counted};
use crate::controllers::placement::request::to_be_made;
use crate::ctx::Ctx;
use crate::reconcile::Key;

impl Kept {
    // Of a fleet of thousands only those are looked at that may count otherwise than before.
    pub(super) fn sync_machines(&mut self, ctx: &Ctx) {
        let Some(changed) = ctx.cache.machines.take_changed() else {
            return self.sync_all_machines(ctx);
        };
        let mut keys = std::mem::take(&mut self.unsettled);
        keys.extend(
            changed
                .iter()
                .map(|(namespace, name)| Key::machine(namespace, name)),
        );
        let found = keys.into_iter().map(|key| {
            let machine = ctx.cache.machines.get(&key.namespace, &key.name);
            (key, machine)
        });
        let found: Vec<_> = found.collect();
        // Before others come: one that was made again has the same UUID.
        for (key, machine) in &found {
            let uid = machine.as_ref().and_then(|machine| machine.uid());
            let before = self.uids.get(key);
            if let Some(gone) = before
                .filter(|before| Some(*before) != uid.as_ref())
                .cloned()
            {
                self.uids.remove(key);
                self.making_room.remove(key);
                self.drop_machine(&gone);
            }
        }
        for machine in found.iter().filter_map(|(_, machine)| machine.as_ref()) {
            self.sync_machine(ctx, machine);
        }
    }

    pub(super) fn sync_all_machines(&mut self, ctx: &Ctx) {
        let machines = ctx.cache.machines.all();
        let there: HashSet<_> = machines.iter().filter_map(|it| it.uid()).collect();
        let known = self.machines.keys();
        let gone: Vec<_> = known.filter(|uid| !there.contains(*uid)).cloned().collect();
        gone.iter().for_each(|uid| self.drop_machine(uid));
        self.uids.retain(|_, uid| there.contains(uid));
        self.unsettled.clear();
        self.making_room.clear();
        for machine in &machines {
            self.sync_machine(ctx, machine);
        }
    }

    pub(super) fn drop_machine(&mut self, uid: &str) {
        if let Some((uuid, host)) = self.machines.remove(uid).and_then(Known::bound) {
            self.release(uuid, host);
        }
    }

    pub(super) fn sync_machine(&mut self, ctx: &Ctx, machine: &VirtualMachine) {
        let Some(uid) = machine.uid() else { return };
        let size = size_version(ctx, machine);
        let known = match self.machines.remove(&uid) {
            // What is being written is not to be read yet.
            Some(known) if machine.host().is_none() && known.assumed => known,
            Some(known) if known.is(ctx, machine, size.as_ref()) => self.renew(ctx, machine, known),
            other => {
                if let Some((uuid, host)) = other.and_then(Known::bound) {
                    self.release(uuid, host);
                }
                self.enter(ctx, machine, size)
            }
        };
        self.keep(machine, uid, known);
    }

    pub(super) fn keep(&mut self, machine: &VirtualMachine, uid: String, known: Known) {
        let key = Key::of_machine(machine);
        if !known.is_settled() || machine.spec.instance_type.is_some() {
            self.unsettled.insert(key.clone());
        }
        match known.makes_room {
            true => self.making_room.insert(key.clone()),
            false => self.making_room.remove(&key),
        };
        self.uids.insert(key, uid.clone());
        self.machines.insert(uid, known);
    }

    pub(super) fn enter(
        &mut self,
        ctx: &Ctx,
        machine: &VirtualMachine,
        size: Option<String>,
    ) -> Known {
        let host = machine.host();
        let placed = host.and_then(|host| Some((ctx.desired(machine).ok()?, host.as_str())));
        let placed = placed.as_ref().map(|(desired, host)| (desired, *host));
        self.bind(ctx, machine, size, placed)
    }

    // It counts there, if it can be read.
    pub(super) fn bind(
        &mut self,
        ctx: &Ctx,
        machine: &VirtualMachine,
        size: Option<String>,
        placed: Option<(&DesiredMachine, &str)>,
    ) -> Known {
        if let Some((desired, host)) = placed {
            let (counted, counts) = counted(ctx, machine, desired);
            let event = self.fleet.bind(&counted, &[host], counts);
            self.note(event);
            // Whoever has to be near it may have waited for it.
            self.note(Some(Event::bound(&counted)));
            match counts {
                Counts::All => self.bound.insert(desired.uuid),
                Counts::Labels => self.freed.insert(desired.uuid),
            };
            // Its domain was somebody's, and is its own now.
            self.outdated.insert(host.to_owned());
        }
        let host = placed.map(|(_, host)| host.to_owned());
        Known {
            generation: machine.metadata.generation,
            labels: machine.metadata.labels.clone(),
            host: host.or_else(|| machine.host().cloned()),
            freed: machine.has_freed_place(),
            makes_room: machine.preempted_by().is_some(),
            assumed: false,
            size,
            namespace: machine.namespace().unwrap_or_default(),
            to_be_made: placed.map_or_else(Vec::new, |(desired, _)| to_be_made(ctx, desired)),
            uuid: placed.map(|(desired, _)| desired.uuid),
        }
    }

    // One that makes room for another counts as it did, but is not told to do it twice.
    pub(super) fn renew(&mut self, ctx: &Ctx, machine: &VirtualMachine, known: Known) -> Known {
        let makes_room = machine.preempted_by().is_some();
        let host = machine.host().filter(|_| known.makes_room != makes_room);
        if host.is_some()
            && let Ok(desired) = ctx.desired(machine)
        {
            let (counted, _) = counted(ctx, machine, &desired);
            let event = self.fleet.let_stop(&counted.uid, counted.preemption);
            self.note(event);
        }
        Known {
            makes_room,
            assumed: false,
            ..known
        }
    }

    // What it leaves behind on its host is somebody's.
    pub(super) fn release(&mut self, uuid: Uuid, host: String) {
        let event = self.fleet.release(&uuid.to_string());
        self.note(event);
        self.bound.remove(&uuid);
        self.freed.remove(&uuid);
        self.outdated.insert(host);
    }

    // It is entered again at the next decision, if it is bound then.
    pub(super) fn forget(&mut self, uuid: Uuid) {
        let (bound, freed) = (self.bound.remove(&uuid), self.freed.remove(&uuid));
        if bound || freed {
            let forgotten = self.uids.iter().filter(|(_, uid)| {
                let known = self.machines.get(*uid);
                known.is_some_and(|known| known.uuid == Some(uuid))
            });
            let forgotten: Vec<_> = forgotten
                .map(|(key, uid)| (key.clone(), uid.clone()))
                .collect();
            for (key, uid) in forgotten {
                self.machines.remove(&uid);
                self.unsettled.insert(key);
            }
        }
        self.fleet.release(&uuid.to_string());
    }
}
