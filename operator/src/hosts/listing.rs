//! Everything on a host, after each connection: state is truth, and events were missed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use drover_core::observed::capabilities::Capabilities;
use drover_core::observed::guests::{DomainCapabilities, guests};
use drover_core::schedule::Guest;
use drover_rpc::proto::remote;
use drover_rpc::{Client, TypedParams};
use futures::StreamExt;
use futures::stream;
use uuid::Uuid;

use super::inventory::{HostFacts, Inventory, Slot};
use super::kinds::Kinds;
use super::observe::{Basics, ReadError, read_definitions, read_domain, read_network, read_pool};

// As many as the connection's window lets through, and a few that are ready to go.
const AT_ONCE: usize = 4;
// There is secure boot with this one alone.
const BOARD: &str = "q35";
// VIR_CONNECT_LIST_DOMAINS_PERSISTENT and _AUTOSTART, VIR_DOMAIN_STATS_STATE.
const PERSISTENT: u32 = 4;
const AUTOSTART: u32 = 1024;
const STATE: u32 = 1;

/// What a listing found.
pub(super) struct Listing {
    facts: HostFacts,
    domains: Vec<remote::Domain>,
    seen: Inventory,
}

impl Listing {
    /// Puts what was found into the inventory. What an event has marked since the subscription, which
    /// came before the listing, stays marked.
    pub(super) fn enter(self, inventory: &mut Inventory) {
        let mut seen = self.seen;
        for (uuid, (name, slot)) in inventory.domains.drain() {
            if slot.stale {
                seen.domains
                    .entry(uuid)
                    .or_insert_with(|| (name, Slot::unseen()))
                    .1
                    .stale = true;
            }
        }
        for (name, (uuid, slot)) in inventory.pools.drain() {
            if slot.stale {
                seen.pools
                    .entry(name)
                    .or_insert_with(|| (uuid, Slot::unseen()))
                    .1
                    .stale = true;
            }
        }
        for (name, (uuid, slot)) in inventory.networks.drain() {
            if slot.stale {
                seen.networks
                    .entry(name)
                    .or_insert_with(|| (uuid, Slot::unseen()))
                    .1
                    .stale = true;
            }
        }
        inventory.domains = seen.domains;
        inventory.pools = seen.pools;
        inventory.networks = seen.networks;
        inventory.devices = Slot::unseen();
        inventory.facts = Some(Arc::new(self.facts));
        // Another version of libvirt may have another schema.
        inventory.validated.clear();
        inventory.secrets.clear();
        inventory.markers.clear();
        inventory.refreshes.clear();
        inventory.listed = true;
    }

    /// How many domains there are.
    pub(super) fn domains(&self) -> usize {
        self.domains.len()
    }
}

/// Lists a host.
pub(super) async fn list(client: &Client, kinds: &Kinds) -> Result<Listing, ReadError> {
    let facts = facts(client, kinds).await?;
    let domains = client.connect_list_all_domains(1, 0).await?.domains;
    let basics = &basics_of_all(client).await?;
    let mut seen = Inventory::default();
    let mut reads = stream::iter(domains.clone())
        .map(|domain| async move {
            let uuid = Uuid::from_bytes(domain.uuid);
            let name = domain.name.to_string();
            let read = match basics.get(&uuid) {
                Some(basics) => read_definitions(client, &name, uuid, *basics).await,
                // It came just now, or the driver does not tell of all at once.
                None => read_domain(client, &name, uuid).await,
            };
            read.map(|seen| (uuid, name, seen))
        })
        .buffer_unordered(AT_ONCE);
    while let Some(read) = reads.next().await {
        let (uuid, name, domain) = read?;
        if let Some(domain) = domain {
            seen.domains.insert(uuid, (name, Slot::seen(domain)));
        }
    }
    drop(reads);
    seen.networks = networks(client).await?;
    seen.pools = pools(client).await?;
    Ok(Listing {
        facts,
        domains,
        seen,
    })
}

// Three calls for a host instead of three for each of its domains. What changes meanwhile is told by
// an event, and looked at by itself.
async fn basics_of_all(client: &Client) -> Result<HashMap<Uuid, Basics>, ReadError> {
    let answers = tokio::try_join!(
        client.connect_list_all_domains(1, PERSISTENT),
        client.connect_list_all_domains(1, AUTOSTART),
        client.connect_get_all_domain_stats(Vec::new(), STATE, 0),
    );
    let (persistent, autostart, stats) = match answers {
        Err(error) if error.libvirt().is_some() => return Ok(HashMap::new()),
        other => other?,
    };
    let uuids = |domains: Vec<remote::Domain>| -> HashSet<Uuid> {
        let uuids = domains.iter().map(|domain| Uuid::from_bytes(domain.uuid));
        uuids.collect()
    };
    let (persistent, autostart) = (uuids(persistent.domains), uuids(autostart.domains));
    let basics = stats.into_iter().filter_map(|record| {
        let uuid = Uuid::from_bytes(record.dom.uuid);
        let values = TypedParams::from(record.params);
        let number = |name| i32::try_from(values.i64(name)?).ok();
        let basics = Basics {
            state: number("state.state")?,
            reason: number("state.reason")?,
            persistent: persistent.contains(&uuid),
            autostart: Some(autostart.contains(&uuid)),
        };
        Some((uuid, basics))
    });
    Ok(basics.collect())
}

type Named<T> = HashMap<String, (Uuid, Slot<T>)>;

async fn networks(
    client: &Client,
) -> Result<Named<drover_core::observed::network::ObservedNetwork>, ReadError> {
    let mut found = HashMap::new();
    for network in unless_missing(
        client
            .connect_list_all_networks(1, 0)
            .await
            .map(|list| list.nets),
    )? {
        let (name, uuid) = (network.name.to_string(), Uuid::from_bytes(network.uuid));
        let slot = read_network(client, &name, uuid).await?.into();
        found.insert(name, (uuid, slot));
    }
    Ok(found)
}

async fn pools(
    client: &Client,
) -> Result<Named<drover_core::observed::pool::ObservedPool>, ReadError> {
    let mut found = HashMap::new();
    for pool in unless_missing(
        client
            .connect_list_all_storage_pools(1, 0)
            .await
            .map(|list| list.pools),
    )? {
        let (name, uuid) = (pool.name.to_string(), Uuid::from_bytes(pool.uuid));
        let slot = read_pool(client, &name, uuid).await?.into();
        found.insert(name, (uuid, slot));
    }
    Ok(found)
}

// A driver without networks or pools has none.
fn unless_missing<T>(list: Result<Vec<T>, drover_rpc::Error>) -> Result<Vec<T>, ReadError> {
    match list {
        Err(error) if error.not_supported() => Ok(Vec::new()),
        other => Ok(other?),
    }
}

async fn facts(client: &Client, kinds: &Kinds) -> Result<HostFacts, ReadError> {
    let node = client.node_get_info().await?;
    let xml = client.connect_get_capabilities().await?;
    let xml = xml.to_string_lossy();
    let capabilities = Capabilities::parse(&xml)?;
    let mut guests = guests(&xml, &capabilities.architecture)?;
    let domain = domain_capabilities(client, &capabilities, guests.first()).await?;
    if let Some(domain) = &domain {
        domain.limit(&mut guests, &capabilities.architecture);
    }
    Ok(HostFacts {
        cpus: u32::try_from(node.cpus).unwrap_or(0),
        memory: node.memory.saturating_mul(1_024),
        hypervisor: client.connect_get_type().await?.to_string(),
        hypervisor_version: client.connect_get_version().await?,
        libvirt_version: client.connect_get_lib_version().await?,
        guests: kinds.guests(guests),
        cpu_class: domain.map_or(0, |domain| kinds.cpu(&domain.cpu)),
        capabilities,
    })
}

// For guests of the host's own architecture, `own`: with the board that has most, and the best way to run
// them. Not every driver has such.
async fn domain_capabilities(
    client: &Client,
    capabilities: &Capabilities,
    own: Option<&Guest>,
) -> Result<Option<DomainCapabilities>, ReadError> {
    let Some(flavor) = capabilities.flavor(None) else {
        return Ok(None);
    };
    let has_board = own.is_some_and(|own| own.machine_types.iter().any(|board| board == BOARD));
    let found = client
        .connect_get_domain_capabilities(
            None,
            Some(flavor.architecture.as_str().into()),
            has_board.then(|| BOARD.into()),
            Some(flavor.domain_type.as_str().into()),
            0,
        )
        .await;
    match found {
        Err(error) if error.libvirt().is_some() => Ok(None),
        found => Ok(Some(DomainCapabilities::parse(&found?.to_string_lossy())?)),
    }
}
