//! What is asked of a host that is only looked at.

use drover_core::import::Place;
use drover_core::observed::domain::ObservedDomain;
use drover_rpc::Client;
use drover_rpc::proto::remote;

use super::inventory::HostHandle;
use super::observe::INACTIVE;
use super::{HostError, domain_ref, pool_ref};

impl HostHandle {
    /// The definition that a domain's next start takes, or that it runs by, if that is all it has.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn definition(&self, domain: &ObservedDomain) -> Result<String, HostError> {
        let flags = if domain.persistent { INACTIVE } else { 0 };
        let reference = domain_ref(&domain.name, domain.uuid);
        let xml = self.client()?.domain_get_xml_desc(reference, flags).await;
        let xml = xml.map_err(self.failed("reading a domain"))?;
        Ok(xml.to_string_lossy().into_owned())
    }

    /// The volumes that have these paths, or that are these, in the form `POOL/VOLUME`. What is in no
    /// pool is left out, and so is what no Volume can be named after.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn places(&self, sources: &[&str]) -> Result<Vec<Place>, HostError> {
        let client = self.client()?;
        let mut places = Vec::new();
        for source in sources {
            let Some(volume) = self.volume(&client, source).await? else {
                continue;
            };
            let path = self.volume_path(&client, &volume).await?;
            let (pool, name) = (volume.pool.to_string(), volume.name.to_string());
            let info = client.storage_vol_get_info(volume).await;
            let capacity = info.map_err(self.failed("reading a volume"))?.capacity;
            if capacity > 0 && !name.starts_with('.') {
                places.push(Place {
                    pool,
                    volume: name,
                    path,
                    capacity,
                });
            }
        }
        Ok(places)
    }

    async fn volume(
        &self,
        client: &Client,
        source: &str,
    ) -> Result<Option<remote::StorageVol>, HostError> {
        let found = match source.split_once('/') {
            Some(("", _)) => client.storage_vol_lookup_by_path(source).await,
            Some((pool, volume)) => {
                let Some(uuid) = self.read(|it| it.pools.get(pool).map(|(uuid, _)| *uuid)) else {
                    return Ok(None);
                };
                let pool = pool_ref(pool, uuid);
                client.storage_vol_lookup_by_name(pool, volume).await
            }
            None => return Ok(None),
        };
        match found {
            Ok(volume) => Ok(Some(volume)),
            // In no pool, or in one that is not started.
            Err(error) if error.libvirt().is_some() => Ok(None),
            Err(error) => Err(self.failed("looking for a volume")(error)),
        }
    }
}
