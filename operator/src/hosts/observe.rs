//! Looking at one thing on a host. What no event has spoken of since the last look is not asked
//! again.

use std::sync::Arc;

use drover_core::observed::Unreadable;
use drover_core::observed::domain::{Definition, DomainState, ObservedDomain};
use drover_core::observed::network::{NetworkFacts, ObservedNetwork};
use drover_core::observed::pool::ObservedPool;
use drover_rpc::{Client, code};
use uuid::Uuid;

use super::inventory::{HostHandle, Slot};
use super::{HostError, alike, domain_ref, network_ref, pool_ref};

// VIR_DOMAIN_XML_INACTIVE, and the same of networks.
pub(super) const INACTIVE: u32 = 2;
const NETWORK_INACTIVE: u32 = 1;
// VIR_STORAGE_POOL_RUNNING.
const POOL_RUNNING: i32 = 2;

impl HostHandle {
    /// The domain of this UUID, if the host has it.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn domain(&self, uuid: Uuid) -> Result<Option<Arc<ObservedDomain>>, HostError> {
        let client = self.client()?;
        let name = self.begin(|inventory| {
            let Some((name, slot)) = inventory.domains.get_mut(&uuid) else {
                return Ok(None);
            };
            slot.begin_look().map(Some).ok_or(name.clone())
        });
        let name = match name {
            Ok(known) => return Ok(known),
            Err(name) => name,
        };
        let seen = read_domain(&client, &name, uuid).await;
        let seen = seen.map_err(|error| {
            self.mark_domain(uuid, &name);
            error.into_host(self, "reading a domain")
        })?;
        let seen = seen.map(Arc::new);
        self.write(|inventory| match &seen {
            Some(domain) => {
                if let Some((known, slot)) = inventory.domains.get_mut(&uuid) {
                    known.clone_from(&domain.name);
                    slot.end_look(Arc::clone(domain));
                }
            }
            // Unless it came back while nobody looked.
            None => {
                if inventory
                    .domains
                    .get(&uuid)
                    .is_some_and(|(_, slot)| !slot.stale)
                {
                    inventory.domains.remove(&uuid);
                }
            }
        });
        Ok(seen)
    }

    /// Every domain of the host, each as fresh as events tell.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn all_domains(&self) -> Result<Vec<Arc<ObservedDomain>>, HostError> {
        let uuids: Vec<Uuid> = self.read(|inventory| inventory.domains.keys().copied().collect());
        let mut domains = Vec::with_capacity(uuids.len());
        for uuid in uuids {
            domains.extend(self.domain(uuid).await?);
        }
        Ok(domains)
    }

    /// The network of this name, if the host has it.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn network(&self, name: &str) -> Result<Option<Arc<ObservedNetwork>>, HostError> {
        let client = self.client()?;
        let uuid = self.begin(|inventory| {
            let Some((uuid, slot)) = inventory.networks.get_mut(name) else {
                return Ok(None);
            };
            slot.begin_look().map(Some).ok_or(*uuid)
        });
        let uuid = match uuid {
            Ok(known) => return Ok(known),
            Err(uuid) => uuid,
        };
        let seen = read_network(&client, name, uuid).await.map_err(|error| {
            self.mark_network(name, uuid);
            error.into_host(self, "reading a network")
        })?;
        let seen = seen.map(Arc::new);
        self.write(|inventory| match &seen {
            Some(network) => {
                if let Some((_, slot)) = inventory.networks.get_mut(name) {
                    slot.end_look(Arc::clone(network));
                }
            }
            // Unless it came back while nobody looked.
            None => {
                if inventory
                    .networks
                    .get(name)
                    .is_some_and(|(_, slot)| !slot.stale)
                {
                    inventory.networks.remove(name);
                }
            }
        });
        Ok(seen)
    }

    /// The pool of this name, if the host has it.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn pool(&self, name: &str) -> Result<Option<Arc<ObservedPool>>, HostError> {
        let client = self.client()?;
        let uuid = self.begin(|inventory| {
            let Some((uuid, slot)) = inventory.pools.get_mut(name) else {
                return Ok(None);
            };
            slot.begin_look().map(Some).ok_or(*uuid)
        });
        let uuid = match uuid {
            Ok(known) => return Ok(known),
            Err(uuid) => uuid,
        };
        let seen = read_pool(&client, name, uuid).await.map_err(|error| {
            self.mark_pool(name, uuid);
            error.into_host(self, "reading a pool")
        })?;
        let seen = seen.map(Arc::new);
        self.write(|inventory| match &seen {
            Some(pool) => {
                if let Some((_, slot)) = inventory.pools.get_mut(name) {
                    slot.end_look(Arc::clone(pool));
                }
            }
            // Unless it came back while nobody looked.
            None => {
                if inventory
                    .pools
                    .get(name)
                    .is_some_and(|(_, slot)| !slot.stale)
                {
                    inventory.pools.remove(name);
                }
            }
        });
        Ok(seen)
    }
}

/// Why something could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    Rpc(drover_rpc::Error),
    Unreadable(Unreadable),
}

impl ReadError {
    pub(super) fn into_host(self, host: &HostHandle, what: &'static str) -> HostError {
        match self {
            Self::Rpc(error) => host.failed(what)(error),
            Self::Unreadable(error) => HostError::Unreadable {
                host: host.name.clone(),
                error,
            },
        }
    }
}

impl From<drover_rpc::Error> for ReadError {
    fn from(error: drover_rpc::Error) -> Self {
        Self::Rpc(error)
    }
}

impl From<Unreadable> for ReadError {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error)
    }
}

// What vanishes while it is being looked at was not there.
fn absent<T>(result: Result<Option<T>, ReadError>) -> Result<Option<T>, ReadError> {
    match result {
        Err(ReadError::Rpc(error)) if error.not_found() => Ok(None),
        other => other,
    }
}

pub(super) async fn read_domain(
    client: &Client,
    name: &str,
    uuid: Uuid,
) -> Result<Option<ObservedDomain>, ReadError> {
    absent(try_domain(client, name, uuid).await)
}

/// What there is to know of a domain beside its definitions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Basics {
    pub(super) state: i32,
    pub(super) reason: i32,
    pub(super) persistent: bool,
    /// None if it has not been asked.
    pub(super) autostart: Option<bool>,
}

// At once what can be: a look is mostly waiting.
async fn try_domain(
    client: &Client,
    name: &str,
    uuid: Uuid,
) -> Result<Option<ObservedDomain>, ReadError> {
    let domain = || domain_ref(name, uuid);
    let (state, persistent) = tokio::try_join!(
        client.domain_get_state(domain(), 0),
        client.domain_is_persistent(domain()),
    )?;
    let basics = Basics {
        state: state.state,
        reason: state.reason,
        persistent: persistent != 0,
        autostart: None,
    };
    try_definitions(client, name, uuid, basics).await
}

/// A domain of which the rest is known.
pub(super) async fn read_definitions(
    client: &Client,
    name: &str,
    uuid: Uuid,
    basics: Basics,
) -> Result<Option<ObservedDomain>, ReadError> {
    absent(try_definitions(client, name, uuid, basics).await)
}

async fn try_definitions(
    client: &Client,
    name: &str,
    uuid: Uuid,
    basics: Basics,
) -> Result<Option<ObservedDomain>, ReadError> {
    let domain = || domain_ref(name, uuid);
    let state = DomainState::from_number(basics.state);
    let autostart = async {
        match basics.autostart {
            Some(known) => Ok(known),
            None if !basics.persistent => Ok(false),
            None => {
                let autostart = client.domain_get_autostart(domain()).await?;
                Ok(autostart != 0)
            }
        }
    };
    let definition = async |there: bool, flags| {
        if !there {
            return Ok::<_, ReadError>(None);
        }
        let xml = client.domain_get_xml_desc(domain(), flags).await?;
        let mut definition = Definition::parse(&xml.to_string_lossy())?;
        alike::share(&mut definition.values);
        Ok(Some(definition))
    };
    let (autostart, inactive, live) = tokio::try_join!(
        autostart,
        definition(basics.persistent, INACTIVE),
        definition(state.is_active(), 0),
    )?;
    let inactive = inactive.map(Arc::new);
    // Mostly they say the same, and a fleet has many.
    let live = live.map(|live| match &inactive {
        Some(same) if **same == live => Arc::clone(same),
        _ => Arc::new(live),
    });
    Ok(Some(ObservedDomain {
        name: name.to_owned(),
        uuid,
        state,
        reason: state.reason(basics.reason),
        persistent: basics.persistent,
        autostart,
        live,
        inactive,
    }))
}

pub(super) async fn read_network(
    client: &Client,
    name: &str,
    uuid: Uuid,
) -> Result<Option<ObservedNetwork>, ReadError> {
    let network = || network_ref(name, uuid);
    let facts = async |flags| {
        let xml = client.network_get_xml_desc(network(), flags).await?;
        Ok::<_, ReadError>(NetworkFacts::parse(&xml.to_string_lossy())?)
    };
    let read = async {
        let (active, persistent) = tokio::try_join!(
            client.network_is_active(network()),
            client.network_is_persistent(network()),
        )?;
        let live = match active != 0 {
            true => Some(facts(0).await?),
            false => None,
        };
        // The test driver knows only one.
        let config = match facts(NETWORK_INACTIVE).await {
            Err(ReadError::Rpc(error))
                if matches!(
                    error.code(),
                    Some(code::OPERATION_INVALID | code::INVALID_ARG)
                ) =>
            {
                facts(0).await?
            }
            other => other?,
        };
        Ok(Some(ObservedNetwork {
            name: name.to_owned(),
            uuid,
            active: active != 0,
            persistent: persistent != 0,
            config,
            live,
        }))
    };
    absent(read.await)
}

pub(super) async fn read_pool(
    client: &Client,
    name: &str,
    uuid: Uuid,
) -> Result<Option<ObservedPool>, ReadError> {
    let pool = pool_ref(name, uuid);
    let read = async {
        let info = client.storage_pool_get_info(pool.clone()).await?;
        let xml = client.storage_pool_get_xml_desc(pool.clone(), 0).await?;
        let (type_, target) = ObservedPool::definition(&xml.to_string_lossy())?;
        let active = i32::from(info.state) == POOL_RUNNING;
        let volumes = match active {
            true => client.storage_pool_list_all_volumes(pool, 1, 0).await?.vols,
            false => Vec::new(),
        };
        Ok(Some(ObservedPool {
            name: name.to_owned(),
            uuid,
            active,
            type_,
            target,
            capacity: info.capacity,
            available: info.available,
            volumes: volumes
                .iter()
                .map(|volume| volume.name.to_string())
                .collect(),
        }))
    };
    absent(read.await)
}

impl<T> From<Option<T>> for Slot<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(Self::unseen, Self::seen)
    }
}
