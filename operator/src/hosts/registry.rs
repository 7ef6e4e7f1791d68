//! The sessions of all Hosts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::inventory::HostHandle;
use super::session::Session;
use crate::metrics::Metrics;
use crate::reconcile::Hints;

/// Every host's handle, by the Host's name.
#[derive(Debug)]
pub struct Registry {
    hosts: Mutex<BTreeMap<String, Entry>>,
    hints: Hints,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Entry {
    handle: Arc<HostHandle>,
    stop: CancellationToken,
}

impl Registry {
    /// A registry without hosts, whose sessions end with `stop`.
    #[must_use]
    pub fn new(hints: Hints, metrics: Arc<Metrics>, stop: CancellationToken) -> Self {
        Self {
            hosts: Mutex::new(BTreeMap::new()),
            hints,
            metrics,
            stop,
        }
    }

    /// The handle of a Host, with a session to this URI. A session to another URI ends.
    pub fn ensure(&self, name: &str, uri: &str) -> Arc<HostHandle> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = hosts.get(name) {
            if entry.handle.uri == uri {
                return Arc::clone(&entry.handle);
            }
            entry.stop.cancel();
        }
        let handle = Arc::new(HostHandle::new(name, uri));
        let stop = self.stop.child_token();
        let session = Session {
            host: Arc::clone(&handle),
            hints: self.hints.clone(),
            metrics: Arc::clone(&self.metrics),
            stop: stop.clone(),
        };
        tokio::spawn(session.run());
        hosts.insert(
            name.to_owned(),
            Entry {
                handle: Arc::clone(&handle),
                stop,
            },
        );
        handle
    }

    /// Ends the session of a Host that is no more.
    pub fn remove(&self, name: &str) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = hosts.remove(name) {
            entry.stop.cancel();
        }
    }

    /// The handle of a Host.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<HostHandle>> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(name).map(|entry| Arc::clone(&entry.handle))
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
