//! Volumes and the records beside them.

use drover_core::desired::volume::{DesiredVolume, format_word};
use drover_core::observed::pool::ObservedPool;
use drover_core::observed::volume::{ObservedVolume, VolumeFacts, backing_path, written_at};
use drover_core::xml::{overlay_xml, volume_xml};
use drover_crds::volume::VolumeFormat;
use drover_rpc::proto::remote;
use drover_rpc::{Client, SparseDownload, SparseUpload, Upload};
use tokio::time::Instant;
use uuid::Uuid;

use super::inventory::{HostHandle, Inventory};
use super::{HostError, domain_ref, pool_ref};

/// What a volume that is to be filled has at first: the upload makes it as large as it must be.
const EMPTY: u64 = 64 << 10;

/// A pool of a host, to work in.
#[derive(Debug)]
pub struct PoolOnHost<'a> {
    /// The host.
    pub host: &'a HostHandle,
    /// The pool's name.
    pub name: &'a str,
    /// The pool's UUID.
    pub uuid: Uuid,
}

impl PoolOnHost<'_> {
    pub(super) fn pool(&self) -> remote::StoragePool {
        pool_ref(self.name, self.uuid)
    }

    /// What there is of a volume. `pool` was seen after a refresh.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn observe(
        &self,
        desired: &DesiredVolume,
        pool: &ObservedPool,
    ) -> Result<ObservedVolume, HostError> {
        let listed = |name: &str| pool.volumes.iter().any(|volume| volume == name);
        let mut seen = ObservedVolume::default();
        if listed(&desired.volume_name) {
            seen.data = self.facts_as(&desired.volume_name, desired.format).await?;
        }
        if listed(&desired.owner_name()) {
            seen.owner = self.record(&desired.owner_name()).await?;
        }
        if listed(&desired.ready_name()) {
            seen.ready = self.record(&desired.ready_name()).await?;
        }
        Ok(seen)
    }

    pub(super) async fn find(
        &self,
        client: &Client,
        name: &str,
    ) -> Result<Option<remote::StorageVol>, HostError> {
        match client.storage_vol_lookup_by_name(self.pool(), name).await {
            Err(error) if error.not_found() => Ok(None),
            found => found
                .map(Some)
                .map_err(self.host.failed("looking for a volume")),
        }
    }

    // One that must be there.
    pub(super) async fn existing(
        &self,
        client: &Client,
        name: &str,
        failed: &impl Fn(drover_rpc::Error) -> HostError,
    ) -> Result<remote::StorageVol, HostError> {
        let found = client.storage_vol_lookup_by_name(self.pool(), name).await;
        found.map_err(failed)
    }

    /// What libvirt says of a volume, if it is there.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn facts(&self, name: &str) -> Result<Option<VolumeFacts>, HostError> {
        let client = self.host.client()?;
        let Some(volume) = self.find(&client, name).await? else {
            return Ok(None);
        };
        let key = self.host.volume_path(&client, &volume).await?;
        let info = client.storage_vol_get_info(volume).await;
        let info = info.map_err(self.host.failed("reading a volume"))?;
        Ok(Some(VolumeFacts {
            key,
            capacity: info.capacity,
        }))
    }

    /// What libvirt says of a volume that is kept like this. How large what is raw is its guest does not
    /// decide: libvirt believes the header of an image that it finds in it.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn facts_as(
        &self,
        name: &str,
        format: VolumeFormat,
    ) -> Result<Option<VolumeFacts>, HostError> {
        let Some(mut facts) = self.facts(name).await? else {
            return Ok(None);
        };
        if format == VolumeFormat::Raw
            && let Some(length) = self.length(name).await?
        {
            facts.capacity = length;
        }
        Ok(Some(facts))
    }

    /// That nothing of this name may still be removed by what was asked for before.
    ///
    /// # Errors
    /// When it may.
    pub fn is_free(&self, name: &str) -> Result<(), HostError> {
        let now = Instant::now();
        let may_come = |it: &Inventory| it.removals.may_come(self.name, name, now);
        match self.host.read(may_come) {
            true => Err(HostError::Removal {
                host: self.host.name.clone(),
                volume: name.to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// Makes the volume itself, based on another one or not. One that is to be filled is made small.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn create_data(
        &self,
        desired: &DesiredVolume,
        base: Option<(&str, &str)>,
    ) -> Result<(), HostError> {
        let (name, capacity) = (&desired.volume_name, desired.capacity);
        self.is_free(name)?;
        let client = self.host.client()?;
        let xml = match (base, desired.source.is_slow()) {
            (_, true) if desired.blocks => volume_xml(name, capacity, "raw"),
            (_, true) => volume_xml(name, EMPTY, "raw"),
            (Some((path, format)), false) => overlay_xml(name, capacity, path, format),
            (None, false) => volume_xml(name, capacity, format_word(desired.format)),
        };
        let made = client.storage_vol_create_xml(self.pool(), xml, 0).await;
        self.host.mark_pool(self.name, self.uuid);
        made.map(drop)
            .map_err(self.host.failed("making the volume"))
    }

    /// Makes a volume from another one, of this pool or of another one of the host, which takes as long
    /// as it takes.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn create_from(
        &self,
        name: &str,
        xml: &str,
        pool: &PoolOnHost<'_>,
        from: &str,
    ) -> Result<(), HostError> {
        self.is_free(name)?;
        let client = self.host.bulk().await?;
        let failed = self.host.failed("copying a volume");
        let from = pool.existing(&client, from, &failed).await?;
        let made = client.storage_vol_create_xml_from(self.pool(), xml, from, 0);
        let made = made.await;
        self.host.mark_pool(self.name, self.uuid);
        made.map(drop).map_err(failed)
    }

    /// Makes an empty volume of this size, for a copy.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn create_empty(
        &self,
        name: &str,
        capacity: u64,
        format: VolumeFormat,
    ) -> Result<(), HostError> {
        self.is_free(name)?;
        let client = self.host.client()?;
        let xml = volume_xml(name, capacity, format_word(format));
        let made = client.storage_vol_create_xml(self.pool(), xml, 0).await;
        self.host.mark_pool(self.name, self.uuid);
        made.map(drop)
            .map_err(self.host.failed("making the volume"))
    }

    /// When a volume was last written, if its file tells. It is asked before and after a copy.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn written_at(&self, name: &str) -> Result<Option<String>, HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("reading a volume");
        let volume = self.existing(&client, name, &failed).await?;
        let xml = client.storage_vol_get_xml_desc(volume, 0).await;
        let xml = xml.map_err(failed)?;
        written_at(&xml.to_string_lossy()).map_err(|error| HostError::Unreadable {
            host: self.host.name.clone(),
            error,
        })
    }

    /// How many bytes a volume's file has, or its device; nothing, if the driver cannot say.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn length(&self, name: &str) -> Result<Option<u64>, HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("reading a volume");
        let volume = self.existing(&client, name, &failed).await?;
        match client.storage_vol_get_info_flags(volume, PHYSICAL).await {
            Err(error) if error.not_supported() => Ok(None),
            info => info.map(|info| Some(info.allocation)).map_err(failed),
        }
    }

    /// What a volume is based on, by libvirt's word: a guess from its content, where Drover did not
    /// make it.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn backing(&self, name: &str) -> Result<Option<String>, HostError> {
        let client = self.host.client()?;
        let Some(volume) = self.find(&client, name).await? else {
            return Ok(None);
        };
        let xml = match client.storage_vol_get_xml_desc(volume, 0).await {
            Err(error) if error.not_found() => return Ok(None),
            other => other.map_err(self.host.failed("reading a volume"))?,
        };
        backing_path(&xml.to_string_lossy()).map_err(|error| HostError::Unreadable {
            host: self.host.name.clone(),
            error,
        })
    }

    /// Opens the volume to be written.
    ///
    /// # Errors
    /// When libvirt refuses.
    pub async fn upload(&self, name: &str, offset: u64, length: u64) -> Result<Upload, HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("writing into the volume");
        let volume = self.existing(&client, name, &failed).await?;
        client
            .storage_vol_upload(volume, offset, length, 0)
            .await
            .map_err(failed)
    }

    /// Opens the volume to be written with holes, to the end if no length is known.
    ///
    /// # Errors
    /// When libvirt refuses.
    pub async fn upload_sparse(
        &self,
        name: &str,
        offset: u64,
        length: Option<u64>,
    ) -> Result<SparseUpload, HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("writing into the volume");
        let volume = self.existing(&client, name, &failed).await?;
        let upload = client.storage_vol_upload_sparse(volume, offset, length);
        upload.await.map_err(failed)
    }

    /// Opens the volume to be read with its holes.
    ///
    /// # Errors
    /// When libvirt refuses.
    pub async fn download_sparse(&self, name: &str) -> Result<SparseDownload, HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("reading the volume");
        let volume = self.existing(&client, name, &failed).await?;
        let download = client.storage_vol_download_sparse(volume, 0, 0);
        download.await.map_err(failed)
    }

    /// Makes the volume larger, which is kept like this. It is never made smaller: the size is read just
    /// before.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn grow(
        &self,
        name: &str,
        capacity: u64,
        format: VolumeFormat,
    ) -> Result<(), HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("making the volume larger");
        let volume = self.existing(&client, name, &failed).await?;
        let info = client
            .storage_vol_get_info(volume.clone())
            .await
            .map_err(&failed)?;
        // libvirt would resize the image that it finds in what a guest has written.
        if format == VolumeFormat::Raw
            && i32::from(info.type_) == FILE
            && let Some(length) = self.length(name).await?
        {
            return self.lengthen(name, length, capacity).await;
        }
        if info.capacity >= capacity {
            return Ok(());
        }
        client
            .storage_vol_resize(volume, capacity, 0)
            .await
            .map_err(failed)?;
        self.host.mark_pool(self.name, self.uuid);
        Ok(())
    }

    // Zeros after the end of a file.
    async fn lengthen(&self, name: &str, length: u64, capacity: u64) -> Result<(), HostError> {
        if length >= capacity {
            return Ok(());
        }
        let failed = self.host.failed("making the volume larger");
        let mut upload = self.upload_sparse(name, length, None).await?;
        upload.hole(capacity - length).await.map_err(&failed)?;
        upload.finish().await.map_err(&failed)?;
        self.host.mark_pool(self.name, self.uuid);
        Ok(())
    }

    /// Removes a volume or a record, if it is there.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn delete(&self, name: &str) -> Result<(), HostError> {
        let client = self.host.client()?;
        let Some(volume) = self.find(&client, name).await? else {
            return Ok(());
        };
        let deleted = client.storage_vol_delete(volume, 0).await;
        if deleted.as_ref().is_err_and(|error| error.outcome_unknown()) {
            let now = Instant::now();
            self.host
                .write(|inventory| inventory.removals.lose(self.name, name, now));
            // What is asked for on another connection does not wait behind it.
            client.hang_up();
        }
        self.host.mark_pool(self.name, self.uuid);
        match deleted {
            Err(error) if error.not_found() => Ok(()),
            other => other.map_err(self.host.failed("removing a volume")),
        }
    }
}

// VIR_STORAGE_VOL_FILE.
const FILE: i32 = 0;
// VIR_STORAGE_VOL_GET_PHYSICAL.
const PHYSICAL: u32 = 1;
// VIR_DOMAIN_BLOCK_RESIZE_BYTES.
const BYTES: u32 = 1;

impl HostHandle {
    /// What definitions name a volume by. The key of a file is its path.
    pub(super) async fn volume_path(
        &self,
        client: &Client,
        volume: &remote::StorageVol,
    ) -> Result<String, HostError> {
        let key = volume.key.to_string();
        if key.starts_with('/') {
            return Ok(key);
        }
        let path = client.storage_vol_get_path(volume.clone()).await;
        let path = path.map_err(self.failed("reading a volume"))?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Makes a running domain's disk larger. It is never made smaller: the size is read just before.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn grow_disk(
        &self,
        name: &str,
        uuid: Uuid,
        target: &str,
        capacity: u64,
    ) -> Result<(), HostError> {
        let client = self.client()?;
        let failed = self.failed("making the disk larger");
        let domain = domain_ref(name, uuid);
        let info = client
            .domain_get_block_info(domain.clone(), target, 0)
            .await;
        if info.map_err(&failed)?.capacity >= capacity {
            return Ok(());
        }
        let resized = client
            .domain_block_resize(domain, target, capacity, BYTES)
            .await;
        resized.map_err(failed)
    }

    /// Whether the domain of this name is another one than `uuid`, asked of libvirt itself.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn name_is_taken(&self, name: &str, uuid: Uuid) -> Result<bool, HostError> {
        let client = self.client()?;
        match client.domain_lookup_by_name(name).await {
            Err(error) if error.not_found() => Ok(false),
            found => {
                let found = found.map_err(self.failed("looking for a domain"))?;
                Ok(found.uuid != domain_ref(name, uuid).uuid)
            }
        }
    }
}
