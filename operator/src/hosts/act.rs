//! Doing one thing to a pool. What was done is marked, to be looked at anew:
//! whether the call succeeded, failed or nobody knows.

use drover_core::desired::pool::{DesiredPool, Making, making};
use drover_core::identity::POOL_MARKER;
use drover_core::plan::pool;
use drover_core::xml::volume_xml;
use drover_rpc::{Client, code};
use uuid::Uuid;

use super::inventory::HostHandle;
use super::{HostError, pool_ref};

// VIR_STORAGE_POOL_CREATE_NORMAL, and to build the folder first.
const CREATE_WITH_BUILD: u32 = 1;
// VIR_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE.
const CREATE_WITH_BUILD_NO_OVERWRITE: u32 = 4;

impl HostHandle {
    /// Does one step of a pool's plan. `xml` is its definition.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn step_pool(
        &self,
        step: pool::Step,
        desired: &DesiredPool,
        xml: &str,
    ) -> Result<(), HostError> {
        use pool::Step;
        let client = self.client()?;
        let (name, uuid) = (desired.name.as_str(), desired.uuid);
        let pool = pool_ref(name, uuid);
        let files = making(desired.type_) == Making::Files;
        let (what, result) = match step {
            Step::Define => (
                "defining the pool",
                client.storage_pool_define_xml(xml, 0).await.map(drop),
            ),
            Step::Start => {
                let started = start_pool(&client, pool, files, desired.initialize).await;
                ("starting the pool", unless_off(started))
            }
            Step::CreateMarker => ("marking the pool", create_marker(&client, pool).await),
            Step::DeleteMarker => (
                "removing the pool's marker",
                delete_marker(&client, pool).await,
            ),
            Step::Destroy => (
                "stopping the pool",
                unless_off(client.storage_pool_destroy(pool).await),
            ),
            Step::Delete => (
                "removing the pool's folder",
                client.storage_pool_delete(pool, 0).await,
            ),
            Step::Undefine => ("removing the pool", remove_pool(&client, pool, files).await),
        };
        self.mark_pool(name, uuid);
        result.map_err(self.failed(what))
    }

    /// Looks at the folder behind a pool again: nothing else tells what changed in it.
    ///
    /// # Errors
    /// When libvirt refuses, other than because something is on its way into the pool.
    pub async fn refresh_pool(&self, name: &str, uuid: Uuid) -> Result<(), HostError> {
        let client = self.client()?;
        self.write(|inventory| *inventory.refreshes.entry(name.to_owned()).or_default() += 1);
        let refreshed = client.storage_pool_refresh(pool_ref(name, uuid), 0).await;
        if refreshed.is_err() {
            self.write(|inventory| inventory.refreshed(name));
        }
        self.mark_pool(name, uuid);
        match refreshed {
            // It has asynchronous jobs running: what it says is no older than they are.
            Err(error) if error.invalid_state() || error.code() == Some(1) => Ok(()),
            other => other.map_err(self.failed("refreshing the pool")),
        }
    }
}

// Something that is as it should be already, is.
pub(super) fn unless_off(result: Result<(), drover_rpc::Error>) -> Result<(), drover_rpc::Error> {
    match result {
        Err(error) if error.invalid_state() => Ok(()),
        other => other,
    }
}

async fn create_marker(
    client: &Client,
    pool: drover_rpc::proto::remote::StoragePool,
) -> Result<(), drover_rpc::Error> {
    let made = client
        .storage_vol_create_xml(pool, volume_xml(POOL_MARKER, 0, "raw"), 0)
        .await;
    match made {
        Err(error) if error.exists() => Ok(()),
        other => other.map(drop),
    }
}

async fn delete_marker(
    client: &Client,
    pool: drover_rpc::proto::remote::StoragePool,
) -> Result<(), drover_rpc::Error> {
    match client.storage_vol_lookup_by_name(pool, POOL_MARKER).await {
        Err(error) if error.not_found() => Ok(()),
        found => client.storage_vol_delete(found?, 0).await,
    }
}

// A folder is made, which does nothing if it is there. What is on devices is used as it is; only if
// that cannot be, and may be, they are formatted, and then by libvirt's own word that they are empty.
async fn start_pool(
    client: &Client,
    pool: drover_rpc::proto::remote::StoragePool,
    files: bool,
    initialize: bool,
) -> Result<(), drover_rpc::Error> {
    let flags = if files { CREATE_WITH_BUILD } else { 0 };
    let started = match client.storage_pool_create(pool.clone(), flags).await {
        // The driver has no folders to build.
        Err(error) if error.code() == Some(code::INVALID_ARG) => {
            client.storage_pool_create(pool.clone(), 0).await
        }
        other => other,
    };
    match started {
        Err(error) if initialize && error.libvirt().is_some() && !error.invalid_state() => {
            tracing::info!(%error, "the pool's devices are to be formatted if they are empty");
            client
                .storage_pool_create(pool, CREATE_WITH_BUILD_NO_OVERWRITE)
                .await
        }
        other => other,
    }
}

// The folder goes with the definition, if nothing is in it. Of other types what they were made from
// stays: libvirt would take a volume group away.
async fn remove_pool(
    client: &Client,
    pool: drover_rpc::proto::remote::StoragePool,
    files: bool,
) -> Result<(), drover_rpc::Error> {
    if files && let Err(error) = client.storage_pool_delete(pool.clone(), 0).await {
        if error.libvirt().is_none() {
            return Err(error);
        }
        // A folder that holds something, or is gone, stays as it is.
        tracing::debug!(%error, "the pool's folder stays");
    }
    client.storage_pool_undefine(pool).await
}
