//! The hosts of the fleet, in step with their objects and with what was heard of them.

use std::sync::Arc;

use kube::ResourceExt;

use super::Kept;
use crate::ctx::Ctx;
use crate::hosts::HostHandle;

/// What was known of a host when it was last looked at.
#[derive(Debug)]
pub(super) struct Stamp {
    handle: Arc<HostHandle>,
    changes: u64,
}

fn is_outdated(stamp: Option<&Stamp>) -> bool {
    stamp.is_none_or(|stamp| stamp.changes != stamp.handle.changes())
}

impl Kept {
    pub(super) fn sync_hosts(&mut self, ctx: &Ctx) {
        match ctx.cache.hosts.take_changed() {
            Some(changed) => {
                for (_, name) in changed {
                    self.hosts.insert(name, None);
                }
            }
            None => {
                self.hosts.values_mut().for_each(|stamp| *stamp = None);
                for host in ctx.cache.hosts.all() {
                    self.hosts.insert(host.name_any(), None);
                }
            }
        }
        // Whose machine another Host stands for as well may make that one a second one.
        for _ in 0..2 {
            let outdated = self
                .hosts
                .iter()
                .filter(|(_, stamp)| is_outdated(stamp.as_ref()));
            let outdated: Vec<String> = outdated.map(|(name, _)| name.clone()).collect();
            for name in outdated {
                self.sync_host(ctx, name);
            }
        }
    }

    fn sync_host(&mut self, ctx: &Ctx, name: String) {
        let Some(host) = ctx.cache.hosts.get("", &name) else {
            self.hosts.remove(&name);
            self.stands_for(&name, None);
            let event = self.fleet.remove_host(&name);
            return self.note(event);
        };
        let handle = ctx.hosts.ensure(&host);
        // Before it is looked at: what changes meanwhile is seen the next time.
        let changes = handle.changes();
        let uuid = handle.read(|it| it.facts.as_ref()?.host_uuid().map(str::to_owned));
        self.stands_for(&name, uuid);
        let event = match self.candidate(ctx, &host, &handle) {
            Some(candidate) => self.fleet.upsert_host(&candidate),
            None => self.fleet.remove_host(&name),
        };
        self.note(event);
        self.hosts.insert(name, Some(Stamp { handle, changes }));
    }

    // Which machine a host is, by libvirt's UUID. Those that are the same are looked at anew.
    fn stands_for(&mut self, name: &str, uuid: Option<String>) {
        if self.uuids.get(name) == uuid.as_ref() {
            return;
        }
        let before = match &uuid {
            Some(uuid) => self.uuids.insert(name.to_owned(), uuid.clone()),
            None => self.uuids.remove(name),
        };
        for (uuid, is) in [(before, false), (uuid, true)] {
            let Some(uuid) = uuid else { continue };
            let same = self.twins.entry(uuid.clone()).or_default();
            for other in same.iter().filter(|other| *other != name) {
                self.hosts.insert(other.clone(), None);
            }
            match is {
                true => same.insert(name.to_owned()),
                false => same.remove(name),
            };
            if same.is_empty() {
                self.twins.remove(&uuid);
            }
        }
    }

    pub(super) fn has_twin(&self, name: &str) -> bool {
        let same = self.uuids.get(name).and_then(|uuid| self.twins.get(uuid));
        same.is_some_and(|same| same.len() > 1)
    }
}
