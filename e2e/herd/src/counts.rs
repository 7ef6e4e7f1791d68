//! What has happened to a herd.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use drover_rpc_proto::remote;
use serde::{Deserialize, Serialize};

use crate::host::locked;

/// What has happened since the counts were taken last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Connections that have been opened and are there.
    pub open: u64,
    /// Connections that were opened in each tenth of a second since then.
    pub connections: Vec<u64>,
    /// Hosts that were listed since then, to the last question of a listing.
    pub listed: usize,
    /// Seconds from then until the last host was listed for the first time.
    pub last_listed: f64,
    /// How often each procedure was called.
    pub calls: BTreeMap<String, u64>,
}

impl Counts {
    /// The most connections that were opened within a second.
    #[must_use]
    pub fn most_in_a_second(&self) -> u64 {
        let tenths = &self.connections;
        let windows = (0..tenths.len()).map(|from| tenths[from..].iter().take(10).sum());
        windows.max().unwrap_or_default()
    }

    /// How many connections were opened.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.connections.iter().sum()
    }
}

// More than there are procedures.
const PROCEDURES: usize = 512;

/// Where it is counted.
#[derive(Debug)]
pub(crate) struct Counter {
    open: AtomicU64,
    calls: Vec<AtomicU64>,
    since: Mutex<Since>,
}

#[derive(Debug, Clone)]
struct Since {
    start: Instant,
    connections: Vec<u64>,
    listed: Vec<bool>,
    last_listed: f64,
}

impl Since {
    fn new(hosts: usize) -> Self {
        Self {
            start: Instant::now(),
            connections: Vec::new(),
            listed: vec![false; hosts],
            last_listed: 0.0,
        }
    }
}

impl Counter {
    pub(crate) fn new(hosts: usize) -> Self {
        Self {
            open: AtomicU64::new(0),
            calls: (0..PROCEDURES).map(|_| AtomicU64::new(0)).collect(),
            since: Mutex::new(Since::new(hosts)),
        }
    }

    /// A connection was opened.
    pub(crate) fn connected(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        let mut since = locked(&self.since);
        let tenth = usize::try_from(since.start.elapsed().as_millis() / 100).unwrap_or(0);
        if since.connections.len() <= tenth {
            since.connections.resize(tenth + 1, 0);
        }
        if let Some(count) = since.connections.get_mut(tenth) {
            *count += 1;
        }
    }

    /// One has ended.
    pub(crate) fn disconnected(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn called(&self, procedure: i32) {
        let count = usize::try_from(procedure).ok();
        if let Some(count) = count.and_then(|number| self.calls.get(number)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A host was asked the last question of a listing.
    pub(crate) fn listed(&self, host: usize) {
        let mut since = locked(&self.since);
        let now = since.start.elapsed().as_secs_f64();
        if let Some(listed @ false) = since.listed.get_mut(host) {
            *listed = true;
            since.last_listed = now;
        }
    }

    /// What was counted, of which nothing is kept.
    pub(crate) fn take(&self) -> Counts {
        let calls = self.calls(|count| count.swap(0, Ordering::Relaxed));
        let mut since = locked(&self.since);
        let fresh = Since::new(since.listed.len());
        self.counts(std::mem::replace(&mut *since, fresh), calls)
    }

    /// What was counted so far.
    pub(crate) fn look(&self) -> Counts {
        let calls = self.calls(|count| count.load(Ordering::Relaxed));
        self.counts(locked(&self.since).clone(), calls)
    }

    fn calls(&self, read: impl Fn(&AtomicU64) -> u64) -> BTreeMap<String, u64> {
        let names = remote::TABLE.iter().filter_map(|row| {
            let number = usize::try_from(row.number).ok()?;
            let count = read(self.calls.get(number)?);
            (count > 0).then(|| (row.name.to_owned(), count))
        });
        names.collect()
    }

    fn counts(&self, since: Since, calls: BTreeMap<String, u64>) -> Counts {
        Counts {
            open: self.open.load(Ordering::Relaxed),
            connections: since.connections,
            listed: since.listed.iter().filter(|listed| **listed).count(),
            last_listed: since.last_listed,
            calls,
        }
    }
}
