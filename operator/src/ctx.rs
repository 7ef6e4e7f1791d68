//! What every controller has at hand.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use drover_core::desired::Invalid;
use drover_core::desired::machine::DesiredMachine;
use drover_core::plan::history::History;
use drover_core::plan::volume::Progress;
use drover_crds::instance_type::InstanceTypeSpec;
use drover_crds::{VirtualMachine, Volume};
use kube::{Client, ResourceExt};
use tokio::time::Instant;
use uuid::Uuid;

use crate::controllers::image::Gathering;
use crate::controllers::machine::guest::Guests;
use crate::controllers::machine::seed::memory::Seeds;
use crate::controllers::placement::{Cpus, Index, Line};
use crate::controllers::reservations::Rulings;
use crate::events::Events;
use crate::hosts::Registry;
use crate::import::address::Allowed;
use crate::import::jobs::Jobs;
use crate::metrics::Metrics;
use crate::reconcile::{Cache, Hints, Key};
use crate::secrets::SecretReader;
use crate::settings::Scheduling;
use crate::upload::Uploads;

/// What every controller has at hand.
pub struct Ctx {
    /// The fleet's name.
    pub fleet: String,
    /// Who keeps what this operator marks: the cluster's UID.
    pub manager: String,
    /// Whether what the other kind of manager keeps may be taken over.
    pub take_over: bool,
    /// The API server.
    pub client: Client,
    /// What the API server has.
    pub cache: Cache,
    /// The hosts.
    pub hosts: Registry,
    /// For whoever else has to look.
    pub hints: Hints,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Kubernetes events.
    pub events: Events,
    /// Secrets of the machines' namespaces.
    pub secrets: SecretReader,
    /// Networks that images may come from though they are private.
    pub import_allow: Allowed,
    /// What is on its way into volumes.
    pub jobs: Jobs,
    /// What people send.
    pub uploads: Arc<Uploads>,
    /// The machines that are to be placed.
    pub placing: Line,
    /// What is remembered between two looks.
    pub memory: Memory,
    /// What time is counted from, and what time it was then.
    pub start: (Instant, jiff::Timestamp),
}

impl Ctx {
    /// Milliseconds since 1970: the clock of plans, which no correction of the host's sets back.
    #[must_use]
    pub fn now(&self) -> u64 {
        let (start, then) = self.start;
        let then = u64::try_from(then.as_millisecond()).unwrap_or(0);
        then + u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX >> 1)
    }

    /// A machine as it is to be. An InstanceType that is gone is what the machine's own domain
    /// remembers of it.
    ///
    /// # Errors
    /// What the API server should have refused, or that an InstanceType is missing.
    pub fn desired(&self, machine: &VirtualMachine) -> Result<DesiredMachine, Invalid> {
        let named = machine.spec.instance_type.as_ref();
        let size = named.and_then(|named| {
            let known = self.cache.instance_types.get("", &named.name);
            known.map_or_else(|| self.remembered_size(machine), |it| Some(it.spec.clone()))
        });
        DesiredMachine::parse(machine, &self.fleet, size.as_ref())
    }

    fn remembered_size(&self, machine: &VirtualMachine) -> Option<InstanceTypeSpec> {
        let status = machine.status.as_ref()?;
        let uuid = status.uuid.as_ref()?.parse().ok()?;
        let host = self.hosts.get(status.host.as_ref()?)?;
        let domain = host.read(|inventory| inventory.domains.get(&uuid)?.1.value.clone())?;
        let json = domain.mark()?.recorded.instance_type.as_ref()?;
        serde_json::from_str(json).ok()
    }
}

impl Ctx {
    /// Asks for a look at everything that waits for something else to go: what is being deleted,
    /// images that nobody may need any more, volumes that are not made yet, and machines without a
    /// place.
    pub fn hint_waiting(&self) {
        let deleted = |meta: &kube::api::ObjectMeta| meta.deletion_timestamp.is_some();
        for host in self
            .cache
            .hosts
            .all()
            .iter()
            .filter(|o| deleted(&o.metadata))
        {
            self.hints.hint(Key::host(&host.name_any()));
        }
        for pool in self
            .cache
            .pools
            .all()
            .iter()
            .filter(|o| deleted(&o.metadata))
        {
            self.hints.hint(Key::pool(&pool.name_any()));
        }
        for network in self
            .cache
            .networks
            .all()
            .iter()
            .filter(|o| deleted(&o.metadata))
        {
            self.hints.hint(Key::network(&network.name_any()));
        }
        for image in self.cache.image_names() {
            self.hints.hint(Key::image(&image));
        }
        let made = |o: &Volume| o.status.as_ref().is_some_and(|it| it.key.is_some());
        for volume in self
            .cache
            .volumes
            .all()
            .iter()
            .filter(|o| deleted(&o.metadata) || !made(o))
        {
            let namespace = volume.namespace().unwrap_or_default();
            self.hints.hint(Key::volume(&namespace, &volume.name_any()));
        }
        self.memory.fleet.wake(self);
        for machine in self.cache.machines.all() {
            let key = Key::of_machine(&machine);
            if machine.host().is_none() && !self.memory.fleet.waits(&key) {
                self.hints.hint(key);
            }
        }
    }
}

/// What is remembered between two looks. Losing it costs time, never data.
#[derive(Debug, Default)]
pub struct Memory {
    machines: Mutex<HashMap<Uuid, History>>,
    volumes: Mutex<HashMap<String, Progress>>,
    held: Mutex<HashMap<Key, (String, Instant)>>,
    looks: Mutex<HashMap<Key, Looks>>,
    /// Who has what in each network.
    pub rulings: Rulings,
    /// The fleet as the scheduler sees it.
    pub fleet: Index,
    /// Which CPUs guests can have on which hosts.
    pub cpus: Cpus,
    /// What machines' guests are given.
    pub seeds: Seeds,
    /// What guests say of themselves.
    pub guests: Guests,
    /// Images that are about to be fetched.
    pub gathering: Gathering,
    doubts: Mutex<HashSet<Key>>,
}

impl Memory {
    /// Nothing yet, of a fleet whose machines go where this says.
    #[must_use]
    pub fn new(scheduling: Scheduling) -> Self {
        Self {
            fleet: Index::new(scheduling.weights()),
            ..Self::default()
        }
    }

    /// What is remembered of a machine.
    #[must_use]
    pub fn history(&self, uuid: Uuid) -> History {
        let machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        machines.get(&uuid).cloned().unwrap_or_default()
    }

    /// Remembers what a status tells of the time before this operator began.
    pub fn restore_history(&self, uuid: Uuid, restore: impl FnOnce() -> History) {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        machines.entry(uuid).or_insert_with(restore);
    }

    /// Changes what is remembered of a machine.
    pub fn update_history(&self, uuid: Uuid, change: impl FnOnce(&mut History)) {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        change(machines.entry(uuid).or_default());
    }

    /// Forgets a machine.
    pub fn forget_machine(&self, uuid: Uuid) {
        self.machines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&uuid);
    }

    /// What has been done to a volume's data, by the name of its job.
    #[must_use]
    pub fn progress(&self, uid: &str) -> Progress {
        let volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        volumes.get(uid).copied().unwrap_or_default()
    }

    /// Remembers what has been done to a volume's data.
    pub fn set_progress(&self, uid: &str, progress: Option<Progress>) {
        let mut volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Some(progress) => volumes.insert(uid.to_owned(), progress),
            None => volumes.remove(uid),
        };
    }

    /// How long a passing state has been the same, of an object that would say `words` of it.
    #[must_use]
    pub fn held_for(&self, key: &Key, words: &str) -> std::time::Duration {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = held
            .entry(key.clone())
            .or_insert_with(|| (words.to_owned(), Instant::now()));
        if entry.0 != words {
            *entry = (words.to_owned(), Instant::now());
        }
        entry.1.elapsed()
    }

    /// Forgets a passing state.
    pub fn release(&self, key: &Key) {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    /// Remembers that nobody knows whether an object's status was written.
    pub fn doubt(&self, key: &Key) {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        doubts.insert(key.clone());
    }

    /// Whether nobody knew whether an object's status was written, and with it what follows from it;
    /// forgets it.
    #[must_use]
    pub fn was_in_doubt(&self, key: &Key) -> bool {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        doubts.remove(key)
    }

    /// What is remembered of the looks for something that no event tells of.
    #[must_use]
    pub fn looks(&self, key: &Key) -> Looks {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(key).copied().unwrap_or_default()
    }

    /// Remembers the looks.
    pub fn set_looks(&self, key: &Key, made: Looks) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.insert(key.clone(), made);
    }

    /// Starts to look anew.
    pub fn reset_looks(&self, key: &Key) {
        self.looks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

/// The looks for something that no event tells of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Looks {
    /// Whether there was one.
    pub made: bool,
    /// How many in vain.
    pub vain: u32,
    /// When the next one is due.
    pub due: Option<Instant>,
}
