//! What is known of a host. Events only mark it as out of date.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use drover_core::identity::Stop;
use drover_core::observed::capabilities::Capabilities;
use drover_core::observed::domain::ObservedDomain;
use drover_core::observed::network::ObservedNetwork;
use drover_core::observed::node_device::NodeDevice;
use drover_core::observed::pool::ObservedPool;
use drover_core::schedule::Guest;
use drover_crds::condition::Reason;
use drover_crds::host::Resources;
use drover_rpc::Client;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::HostError;
use super::access::Access;
use super::bulk::Dial;
use super::devices::Chosen;
use super::holds::Holds;
use super::mirror::BlockJob;
use super::news::News;
use super::removals::Removals;

/// Whether a host can be asked.
#[derive(Debug, Clone)]
pub enum Reach {
    /// It has not answered yet.
    Connecting,
    /// It answers, and has been listed since.
    Up(Client),
    /// It does not answer.
    Down {
        /// Since when, in seconds since 1970; none if it never answered.
        since: Option<i64>,
        /// Why.
        message: String,
    },
    /// It cannot be asked until somebody changes something.
    Refused {
        /// Why, as a condition has it.
        reason: Reason,
        /// Why, for a person.
        message: String,
    },
}

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// CPU threads.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// The driver, such as `QEMU`.
    pub hypervisor: String,
    /// Its version, as libvirt writes versions.
    pub hypervisor_version: u64,
    /// The daemon's version.
    pub libvirt_version: u64,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The guests that it can run.
    pub guests: Arc<[Guest]>,
    /// The number of its CPU: hosts whose CPUs can do the same have the same. 0: libvirt does not tell.
    pub cpu_class: u32,
}

impl HostFacts {
    /// The memory for guests without huge pages, in bytes.
    #[must_use]
    pub fn ordinary_memory(&self) -> u64 {
        self.memory.saturating_sub(self.capabilities.set_aside())
    }

    /// The UUID that libvirt gives the host.
    #[must_use]
    pub fn host_uuid(&self) -> Option<&str> {
        self.capabilities.host_uuid.as_deref()
    }
}

/// A thing of which the last look may be out of date.
#[derive(Debug, Clone)]
pub struct Slot<T> {
    /// What the last look saw.
    pub value: Option<Arc<T>>,
    /// Whether an event has spoken of it since that look began.
    pub stale: bool,
    // Whether a look has begun and not ended: what the last one saw is no answer then.
    looking: bool,
}

impl<T> Slot<T> {
    /// A thing that has not been looked at.
    #[must_use]
    pub fn unseen() -> Self {
        Self {
            value: None,
            stale: true,
            looking: false,
        }
    }

    /// What the last look saw, if it is not out of date. Otherwise a look begins: an event that
    /// comes while it goes on makes it out of date again.
    pub fn begin_look(&mut self) -> Option<Arc<T>> {
        if self.stale || self.looking || self.value.is_none() {
            (self.stale, self.looking) = (false, true);
            return None;
        }
        self.value.clone()
    }

    /// Ends a look that saw something.
    pub fn end_look(&mut self, value: Arc<T>) {
        (self.value, self.looking) = (Some(value), false);
    }

    /// A thing that has just been looked at.
    #[must_use]
    pub fn seen(value: T) -> Self {
        Self {
            value: Some(Arc::new(value)),
            stale: false,
            looking: false,
        }
    }
}

/// Everything that is known of a host.
#[derive(Debug)]
pub struct Inventory {
    /// Whether it can be asked.
    pub reach: Reach,
    /// How it was reached.
    pub dial: Option<Dial>,
    /// Whether this operator has listed it once.
    pub listed: bool,
    /// What it says of itself.
    pub facts: Option<Arc<HostFacts>>,
    /// Its domains.
    pub domains: HashMap<Uuid, (String, Slot<ObservedDomain>)>,
    /// How domains came to be off, where an event has told more than their state does.
    pub stops: HashMap<Uuid, Stop>,
    /// The domains whose addresses may be others than they were, by what an event told.
    pub readdressed: HashSet<Uuid>,
    /// Its pools by name.
    pub pools: HashMap<String, (Uuid, Slot<ObservedPool>)>,
    /// Its networks by name.
    pub networks: HashMap<String, (Uuid, Slot<ObservedNetwork>)>,
    /// Its devices that guests can be given, if somebody has asked.
    pub devices: Slot<Vec<NodeDevice>>,
    /// Removals of volumes that may still be done.
    pub removals: Removals,
    /// Refreshes of pools that Drover has asked for and whose events have not come, by pool.
    pub refreshes: HashMap<String, u32>,
    /// The digests of the libvirt secrets that it was given on this connection.
    pub secrets: HashMap<Uuid, [u8; 32]>,
    /// What the markers of Shared pools say, by pool, as they were read since libvirt last looked.
    pub markers: HashMap<String, String>,
    /// The outlines of definitions that the daemon of this connection has found to obey its schema.
    pub validated: HashSet<String>,
    /// What was last offered to machines that wait for a place: the Host's generation, what it has to
    /// give, and whether it takes any.
    pub offered: Option<(Option<i64>, Option<Resources>, bool)>,
}

impl Default for Inventory {
    fn default() -> Self {
        Self {
            reach: Reach::Connecting,
            dial: None,
            listed: false,
            facts: None,
            domains: HashMap::new(),
            stops: HashMap::new(),
            readdressed: HashSet::new(),
            pools: HashMap::new(),
            networks: HashMap::new(),
            devices: Slot::unseen(),
            removals: Removals::default(),
            refreshes: HashMap::new(),
            secrets: HashMap::new(),
            markers: HashMap::new(),
            validated: HashSet::new(),
            offered: None,
        }
    }
}

impl Inventory {
    /// Whether it has told of a domain, or could have one without having told.
    pub fn may_have(&self, domain: Uuid) -> bool {
        !self.listed || self.domains.contains_key(&domain)
    }

    /// Takes note of an event: whether Drover has asked for that refresh itself. What the pool's marker
    /// says is to be read again: other storage may be there.
    pub fn refreshed(&mut self, pool: &str) -> bool {
        self.markers.remove(pool);
        match self.refreshes.get_mut(pool) {
            Some(waiting) if *waiting > 0 => {
                *waiting -= 1;
                true
            }
            _ => false,
        }
    }
}

/// One Host's place in the operator.
#[derive(Debug)]
pub struct HostHandle {
    /// The Host's name.
    pub name: String,
    /// How it is reached.
    pub access: Access,
    inventory: RwLock<Inventory>,
    news: Arc<News>,
    /// Held while a network is defined: of two that are defined at once libvirt may give both the same
    /// bridge.
    pub(super) defining: tokio::sync::Mutex<()>,
    /// Taken by whoever asks a guest.
    pub(super) asking: tokio::sync::Mutex<()>,
    /// What is held as it is while it is copied.
    pub holds: Holds,
    /// The devices that its machines were given.
    pub chosen: Chosen,
    // Made when somebody first listens: most hosts never copy anything.
    block_jobs: OnceLock<broadcast::Sender<BlockJob>>,
}

/// How many block jobs' ends may wait for who listens. Who misses one begins again.
const BLOCK_JOBS: usize = 64;

impl HostHandle {
    /// A host of which nothing is known, and which is told of in `news` when that changes.
    #[must_use]
    pub fn new(name: &str, access: Access, news: Arc<News>) -> Self {
        Self {
            name: name.to_owned(),
            access,
            inventory: RwLock::new(Inventory::default()),
            news,
            defining: tokio::sync::Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            holds: Holds::default(),
            chosen: Chosen::default(),
            block_jobs: OnceLock::new(),
        }
    }

    /// Tells from now on how the copying of running domains' disks goes on.
    pub(super) fn listen_to_block_jobs(&self) -> broadcast::Receiver<BlockJob> {
        let jobs = || broadcast::Sender::new(BLOCK_JOBS);
        self.block_jobs.get_or_init(jobs).subscribe()
    }

    /// Tells those who wait how a block job went on.
    pub(super) fn tell_block_job(&self, job: BlockJob) {
        // Nobody may listen.
        let _told = self.block_jobs.get().map(|jobs| jobs.send(job));
    }

    /// Looks at the inventory. Nothing may wait inside.
    pub fn read<T>(&self, look: impl FnOnce(&Inventory) -> T) -> T {
        look(
            &self
                .inventory
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Changes the inventory. Nothing may wait inside.
    pub fn write<T>(&self, change: impl FnOnce(&mut Inventory) -> T) -> T {
        let changed = self.begin(change);
        // After the change: whoever hears of it sees it.
        self.news.note(&self.name);
        changed
    }

    /// Begins a look: a change of the inventory that is no news of the host. Nothing may wait inside.
    pub(super) fn begin<T>(&self, change: impl FnOnce(&mut Inventory) -> T) -> T {
        change(
            &mut self
                .inventory
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The connection.
    ///
    /// # Errors
    /// [`HostError::Unreachable`] with why there is none.
    pub fn client(&self) -> Result<Client, HostError> {
        let unreachable = |message: &str| HostError::Unreachable {
            host: self.name.clone(),
            message: message.to_owned(),
        };
        self.read(|inventory| match &inventory.reach {
            Reach::Up(client) => Ok(client.clone()),
            Reach::Connecting => Err(unreachable("not connected yet")),
            Reach::Down { message, .. } | Reach::Refused { message, .. } => {
                Err(unreachable(message))
            }
        })
    }

    /// Whether it answers.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.read(|inventory| matches!(inventory.reach, Reach::Up(_)))
    }

    /// Notes that a domain may be otherwise than it was seen, or may be new.
    pub fn mark_domain(&self, uuid: Uuid, name: &str) {
        self.write(|inventory| {
            let entry = inventory
                .domains
                .entry(uuid)
                .or_insert_with(|| (name.to_owned(), Slot::unseen()));
            name.clone_into(&mut entry.0);
            entry.1.stale = true;
        });
    }

    /// Notes that a pool may be otherwise than it was seen, or may be new.
    pub fn mark_pool(&self, name: &str, uuid: Uuid) {
        self.write(|inventory| {
            let entry = inventory
                .pools
                .entry(name.to_owned())
                .or_insert((uuid, Slot::unseen()));
            entry.0 = uuid;
            entry.1.stale = true;
        });
    }

    /// Notes that a network may be otherwise than it was seen, or may be new.
    pub fn mark_network(&self, name: &str, uuid: Uuid) {
        self.write(|inventory| {
            let entry = inventory
                .networks
                .entry(name.to_owned())
                .or_insert((uuid, Slot::unseen()));
            entry.0 = uuid;
            entry.1.stale = true;
        });
    }

    /// The UUID of the domain with this name.
    #[must_use]
    pub fn domain_named(&self, name: &str) -> Option<Uuid> {
        self.read(|inventory| {
            let mut domains = inventory.domains.iter();
            domains
                .find(|(_, (known, _))| known == name)
                .map(|(uuid, _)| *uuid)
        })
    }

    /// An error of a call.
    pub(crate) fn failed(&self, what: &'static str) -> impl Fn(drover_rpc::Error) -> HostError {
        let host = self.name.clone();
        move |error| HostError::Rpc {
            host: host.clone(),
            what,
            error,
        }
    }
}
