//! Volumes with what guests are given for their first start: small, written whole, and read back.

use drover_core::seed::Sealed;
use drover_core::xml::private_volume_xml;
use tokio::io::AsyncReadExt;

use super::HostError;
use super::records::fill;
use super::volumes::PoolOnHost;

impl PoolOnHost<'_> {
    /// Makes a volume with just this content, and its path. One of this name that has another content
    /// was never whole, and is made anew: the caller knows that nobody uses it.
    ///
    /// # Errors
    /// When libvirt refuses, nobody knows whether it was done, or it has not what was written.
    pub async fn put_seed(&self, name: &str, content: &Sealed) -> Result<String, HostError> {
        if let Some(facts) = self.facts(name).await? {
            if self.has(name, content).await? {
                return Ok(facts.key);
            }
            self.delete(name).await?;
        }
        self.is_free(name)?;
        let client = self.host.client()?;
        let failed = self.host.failed("making a volume for the first start");
        let length = content.open().len() as u64;
        let xml = private_volume_xml(name, length);
        let made = client.storage_vol_create_xml(self.pool(), xml, 0).await;
        self.host.mark_pool(self.name, self.uuid);
        let volume = made.map_err(&failed)?;
        let written = fill(&client, volume.clone(), content.open()).await;
        written.map_err(&failed)?;
        if !self.has(name, content).await? {
            let words = "it has not what was written into it".to_owned();
            return Err(failed(drover_rpc::Error::Unsupported(words)));
        }
        self.host.volume_path(&client, &volume).await
    }

    async fn has(&self, name: &str, content: &Sealed) -> Result<bool, HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("reading a volume for the first start");
        let Some(volume) = self.find(&client, name).await? else {
            return Ok(false);
        };
        let expected = content.open();
        let length = expected.len() as u64;
        // One that is shorter than what is asked for is refused.
        let info = client.storage_vol_get_info(volume.clone()).await;
        if info.map_err(&failed)?.capacity < length {
            return Ok(false);
        }
        let download = client.storage_vol_download(volume, 0, length, 0).await;
        let mut download = download.map_err(&failed)?;
        let mut found = Vec::with_capacity(expected.len());
        // One more, so that the end is heard.
        let read = (&mut download)
            .take(length + 1)
            .read_to_end(&mut found)
            .await;
        Ok(read.is_ok() && found == expected)
    }
}
