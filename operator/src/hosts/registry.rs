//! The sessions of all Hosts.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use drover_crds::Host;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::access::Access;
use super::inventory::HostHandle;
use super::kinds::Kinds;
use super::news::News;
use super::pace::Pace;
use super::session::Session;
use crate::metrics::Metrics;
use crate::reconcile::{Hints, Store};

/// Every host's handle, by the Host's name.
#[derive(Debug)]
pub struct Registry {
    hosts: Mutex<BTreeMap<String, Entry>>,
    secrets: Api<Secret>,
    hints: Hints,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    kinds: Arc<Kinds>,
    pace: Arc<Pace>,
    news: Arc<News>,
    personal: bool,
    // Nothing: all of them.
    asked: Option<BTreeSet<String>>,
    // How often a handle was removed.
    removals: AtomicU64,
    // After which changes of the Hosts, and which removals, each has had its handle.
    whole: Mutex<(u64, u64)>,
}

#[derive(Debug)]
struct Entry {
    handle: Arc<HostHandle>,
    stop: CancellationToken,
}

impl Registry {
    /// A registry without hosts, whose sessions find their keys among `secrets` and end with
    /// `stop`.
    #[must_use]
    pub fn new(
        secrets: Api<Secret>,
        hints: Hints,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            hosts: Mutex::new(BTreeMap::new()),
            secrets,
            hints,
            metrics,
            stop,
            kinds: Arc::default(),
            pace: Arc::default(),
            news: Arc::default(),
            personal: false,
            asked: None,
            removals: AtomicU64::new(0),
            whole: Mutex::default(),
        }
    }

    /// As a person at a command line reaches the hosts: with keys of their own.
    #[must_use]
    pub fn personal(self) -> Self {
        Self {
            personal: true,
            ..self
        }
    }

    /// Without any session but to these hosts: of the others is known what their objects tell.
    #[must_use]
    pub fn idle_but(self, asked: BTreeSet<String>) -> Self {
        Self {
            asked: Some(asked),
            ..self
        }
    }

    /// Whether a person at a command line is who asks.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        self.personal
    }

    /// Whether there is no session to a host.
    #[must_use]
    pub fn is_idle(&self, host: &str) -> bool {
        self.asked
            .as_ref()
            .is_some_and(|asked| !asked.contains(host))
    }

    /// The handle of a Host, with a session as its spec says. One that was said otherwise ends.
    pub fn ensure(&self, host: &Host) -> Arc<HostHandle> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let name = host.metadata.name.as_deref().unwrap_or_default();
        if let Some(entry) = hosts.get(name) {
            // Asked for every host at each decision: mostly nothing is to be made.
            if entry.handle.access.is_of(&host.spec, self.personal) {
                return Arc::clone(&entry.handle);
            }
            entry.stop.cancel();
        }
        let (name, access) = (name.to_owned(), Access::of(&host.spec, self.personal));
        let handle = Arc::new(HostHandle::new(&name, access, Arc::clone(&self.news)));
        self.news.note(&name);
        let stop = self.stop.child_token();
        let session = Session {
            host: Arc::clone(&handle),
            secrets: self.secrets.clone(),
            hints: self.hints.clone(),
            metrics: Arc::clone(&self.metrics),
            kinds: Arc::clone(&self.kinds),
            pace: Arc::clone(&self.pace),
            stop: stop.clone(),
        };
        if !self.is_idle(&handle.name) {
            tokio::spawn(session.run());
        }
        let entry = Entry {
            handle: Arc::clone(&handle),
            stop,
        };
        hosts.insert(name, entry);
        handle
    }

    /// Sees to it that each Host has its handle, as [`Registry::ensure`] does, if there were changes
    /// since the last time.
    pub fn ensure_all(&self, hosts: &Store<Host>) {
        let now = (hosts.changes(), self.removals.load(Ordering::Acquire));
        let whole = || self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if *whole() == now {
            return;
        }
        for host in hosts.all() {
            self.ensure(&host);
        }
        *whole() = now;
    }

    /// Ends the session of a Host that is no more.
    pub fn remove(&self, name: &str) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = hosts.remove(name) {
            entry.stop.cancel();
        }
        // The Host may be there still, or again.
        self.removals.fetch_add(1, Ordering::Release);
    }

    /// The handle of a Host.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<HostHandle>> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(name).map(|entry| Arc::clone(&entry.handle))
    }

    /// The handles, by name, of the hosts that have told of a domain, and of those that were never
    /// listed.
    #[must_use]
    pub fn that_may_have(&self, domain: Uuid) -> Vec<Arc<HostHandle>> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let may_have = |entry: &&Entry| entry.handle.read(|it| it.may_have(domain));
        let entries = hosts.values().filter(may_have);
        entries.map(|entry| Arc::clone(&entry.handle)).collect()
    }

    /// The hosts of which something was heard since this was asked before. There is one who asks.
    #[must_use]
    pub fn take_news(&self) -> HashSet<String> {
        self.news.take()
    }

    /// All handles, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<HostHandle>> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts
            .values()
            .map(|entry| Arc::clone(&entry.handle))
            .collect()
    }
}
