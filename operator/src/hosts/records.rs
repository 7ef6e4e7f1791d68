//! Records beside volumes, and the markers of pools: small volumes, written and read whole.

use drover_core::identity::POOL_MARKER;
use drover_core::xml::volume_xml;
use drover_rpc::Client;
use drover_rpc::proto::remote;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use super::HostError;
use super::inventory::HostHandle;
use super::volumes::PoolOnHost;

/// Records are small; what is longer is none.
const RECORD_SIZE: u64 = 4_096;

impl PoolOnHost<'_> {
    /// A record, if it is there. One that was made and is still to be written says nothing.
    ///
    /// # Errors
    /// When the host cannot be asked, or it cannot be read.
    pub async fn record(&self, name: &str) -> Result<Option<String>, HostError> {
        let client = self.host.client()?;
        let Some(volume) = self.find(&client, name).await? else {
            return Ok(None);
        };
        let failed = self.host.failed("reading a record");
        let mut download = client
            .storage_vol_download(volume, 0, RECORD_SIZE, 0)
            .await
            .map_err(&failed)?;
        let mut text = Vec::new();
        let read = (&mut download)
            .take(RECORD_SIZE)
            .read_to_end(&mut text)
            .await;
        read.map_err(|error| failed(error.into()))?;
        let text = String::from_utf8_lossy(&text);
        Ok(Some(text.trim_end_matches(['\0', '\n']).to_owned()))
    }

    /// Makes a record.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn create_record(&self, name: &str, text: &str) -> Result<(), HostError> {
        self.is_free(name)?;
        let client = self.host.client()?;
        let failed = self.host.failed("making a record");
        let text = format!("{text}\n");
        let xml = volume_xml(name, text.len() as u64, "raw");
        let volume = match client.storage_vol_create_xml(self.pool(), xml, 0).await {
            Err(error) if error.exists() => match self.find(&client, name).await? {
                Some(volume) => volume,
                None => return Err(failed(error)),
            },
            made => made.map_err(&failed)?,
        };
        fill(&client, volume, text.as_bytes())
            .await
            .map_err(&failed)?;
        self.host.mark_pool(self.name, self.uuid);
        Ok(())
    }
}

/// Writes all of a small volume's content.
pub(super) async fn fill(
    client: &Client,
    volume: remote::StorageVol,
    content: &[u8],
) -> Result<(), drover_rpc::Error> {
    let length = content.len() as u64;
    let mut upload = client.storage_vol_upload(volume, 0, length, 0).await?;
    upload.write_all(content).await?;
    upload.finish().await
}

impl HostHandle {
    /// What the marker of a pool says, read once after libvirt has looked at the pool.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn marker(&self, name: &str, uuid: Uuid) -> Result<Option<String>, HostError> {
        if let Some(known) = self.read(|inventory| inventory.markers.get(name).cloned()) {
            return Ok(Some(known));
        }
        let pool = PoolOnHost {
            host: self,
            name,
            uuid,
        };
        let found = pool.record(POOL_MARKER).await?;
        // One that says nothing is being written.
        if let Some(text) = found.as_ref().filter(|text| !text.is_empty()) {
            self.write(|inventory| inventory.markers.insert(name.to_owned(), text.clone()));
        }
        Ok(found)
    }
}
