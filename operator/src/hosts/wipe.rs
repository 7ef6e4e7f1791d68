//! Volumes whose content is to be gone before they are.

use super::HostError;
use super::volumes::PoolOnHost;

impl PoolOnHost<'_> {
    /// Overwrites all of a volume with zeros, which takes as long as it takes.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn wipe(&self, name: &str) -> Result<(), HostError> {
        // libvirt writes over as much as it has seen to be there.
        self.host.refresh_pool(self.name, self.uuid).await?;
        let client = self.host.bulk().await?;
        let failed = self.host.failed("wiping the volume");
        let volume = self.existing(&client, name, &failed).await?;
        let wiped = client.storage_vol_wipe(volume, 0).await;
        self.host.mark_pool(self.name, self.uuid);
        wiped.map_err(failed)
    }
}
