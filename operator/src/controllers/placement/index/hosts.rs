//! The hosts of the fleet, in step with their objects and with what was heard of them.

use kube::ResourceExt;

use super::Kept;
use crate::ctx::Ctx;

impl Kept {
    pub(super) fn sync_hosts(&mut self, ctx: &Ctx) {
        match ctx.cache.hosts.take_changed() {
            Some(changed) => {
                let changed = changed.into_iter().map(|(_, name)| name);
                self.outdated.extend(changed);
            }
            None => {
                self.outdate_all();
                let all = ctx.cache.hosts.all().into_iter();
                self.outdated.extend(all.map(|host| host.name_any()));
            }
        }
        self.outdated.extend(ctx.hosts.take_news());
        // Whose machine another Host stands for as well may make that one a second one.
        for _ in 0..2 {
            for name in std::mem::take(&mut self.outdated) {
                self.sync_host(ctx, name);
            }
        }
    }

    /// All hosts are to be looked at anew.
    pub(super) fn outdate_all(&mut self) {
        self.outdated.extend(self.hosts.iter().cloned());
    }

    fn sync_host(&mut self, ctx: &Ctx, name: String) {
        let Some(host) = ctx.cache.hosts.get("", &name) else {
            self.hosts.remove(&name);
            self.stands_for(&name, None);
            let event = self.fleet.remove_host(&name);
            return self.note(event);
        };
        let handle = ctx.hosts.ensure(&host);
        let uuid = handle.read(|it| it.facts.as_ref()?.host_uuid().map(str::to_owned));
        self.stands_for(&name, uuid);
        let event = match self.candidate(ctx, &host, &handle) {
            Some(candidate) => self.fleet.upsert_host(&candidate),
            None => self.fleet.remove_host(&name),
        };
        self.note(event);
        self.hosts.insert(name);
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
                self.outdated.insert(other.clone());
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
