//! Storage pools and volumes.

use std::borrow::Cow;

use drover_rpc_proto::remote;
use uuid::Uuid;

use crate::enums::{StoragePoolState, StorageVolType, StorageVolWipeAlgorithm};
use crate::error::Error;
use crate::flags::{
    ConnectListAllStoragePoolsFlags, StoragePoolBuildFlags, StoragePoolCreateFlags,
    StoragePoolDefineFlags, StoragePoolDeleteFlags, StorageVolCreateFlags, StorageVolDeleteFlags,
    StorageVolInfoFlags, StorageVolResizeFlags, StorageXMLFlags,
};
use crate::objects::handle::{answer_from, calls, client_calls, object, optional};
use crate::stream::{Download, SparseDownload, SparseUpload, Upload};

object! {
    /// A storage pool (`virStoragePool`).
    StoragePool(StoragePool) key remote::StoragePool = |pool| pool.wire.clone();
    shown |pool| pool.name()
}

/// How full a pool is (`virStoragePoolInfo`), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoragePoolInfo {
    /// In which state it is.
    pub state: StoragePoolState,
    /// Its size.
    pub capacity: u64,
    /// What is used.
    pub allocation: u64,
    /// What is free.
    pub available: u64,
}

impl From<remote::StoragePoolGetInfoRet> for StoragePoolInfo {
    fn from(info: remote::StoragePoolGetInfoRet) -> Self {
        Self {
            state: StoragePoolState(info.state.into()),
            capacity: info.capacity,
            allocation: info.allocation,
            available: info.available,
        }
    }
}

impl StoragePool {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.wire.name.to_string_lossy()
    }

    /// Its UUID, which never changes.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        Uuid::from_bytes(self.wire.uuid)
    }
}

calls! {
    StoragePool;

    /// In which state it is, and how full.
    virStoragePoolGetInfo: info() -> StoragePoolInfo = storage_pool_get_info();

    /// Its XML.
    virStoragePoolGetXMLDesc: xml(flags: StorageXMLFlags) -> String
        = storage_pool_get_xml_desc(flags.bits());

    /// Makes what is under it, such as its folder or its volume group.
    virStoragePoolBuild: build(flags: StoragePoolBuildFlags) -> ()
        = storage_pool_build(flags.bits());

    /// Starts it.
    virStoragePoolCreate: start(flags: StoragePoolCreateFlags) -> ()
        = storage_pool_create(flags.bits());

    /// Stops it; what is in it stays. A transient pool is then gone.
    virStoragePoolDestroy: destroy() -> () = storage_pool_destroy();

    /// Deletes what is under it, with all its data.
    virStoragePoolDelete: delete(flags: StoragePoolDeleteFlags) -> ()
        = storage_pool_delete(flags.bits());

    /// Takes its definition away.
    virStoragePoolUndefine: undefine() -> () = storage_pool_undefine();

    /// Looks again which volumes are in it.
    virStoragePoolRefresh: refresh() -> () = storage_pool_refresh(0);

    /// Whether it is active.
    virStoragePoolIsActive: is_active() -> bool = storage_pool_is_active();

    /// Whether it has a definition that outlives its being active.
    virStoragePoolIsPersistent: is_persistent() -> bool = storage_pool_is_persistent();

    /// Whether it is started with the host.
    virStoragePoolGetAutostart: autostart() -> bool = storage_pool_get_autostart();

    /// Has it started with the host, or not.
    virStoragePoolSetAutostart: set_autostart(autostart: bool) -> ()
        = storage_pool_set_autostart(autostart.into());

    /// Its volumes.
    virStoragePoolListAllVolumes: volumes() -> Vec<StorageVolume>
        = storage_pool_list_all_volumes(1, 0).vols;

    /// How many volumes are in it.
    virStoragePoolNumOfVolumes: volume_count() -> u32 = storage_pool_num_of_volumes();

    /// Its volume with this name.
    virStorageVolLookupByName: volume(name: &str) -> StorageVolume
        = storage_vol_lookup_by_name(name);

    /// Makes a volume.
    virStorageVolCreateXML: create_volume(xml: &str, flags: StorageVolCreateFlags) -> StorageVolume
        = storage_vol_create_xml(xml, flags.bits());

    /// Makes a volume with what is in another one, which may be in another pool.
    virStorageVolCreateXMLFrom: clone_volume(
        xml: &str, from: &StorageVolume, flags: StorageVolCreateFlags,
    ) -> StorageVolume = storage_vol_create_xml_from(xml, from.key(), flags.bits());
}

object! {
    /// A volume of a storage pool (`virStorageVol`).
    StorageVolume(StorageVol) key remote::StorageVol = |volume| volume.wire.clone();
    shown |volume| volume.name()
}

/// The sizes of a volume (`virStorageVolInfo`), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageVolumeInfo {
    /// What it is.
    pub kind: StorageVolType,
    /// Its size, as a guest sees it.
    pub capacity: u64,
    /// What it uses of the pool; with the flag `GET_PHYSICAL` the size of its container.
    pub allocation: u64,
}

impl From<remote::StorageVolGetInfoRet> for StorageVolumeInfo {
    fn from(info: remote::StorageVolGetInfoRet) -> Self {
        Self {
            kind: StorageVolType(info.type_.into()),
            capacity: info.capacity,
            allocation: info.allocation,
        }
    }
}

impl From<remote::StorageVolGetInfoFlagsRet> for StorageVolumeInfo {
    fn from(info: remote::StorageVolGetInfoFlagsRet) -> Self {
        Self {
            kind: StorageVolType(info.type_.into()),
            capacity: info.capacity,
            allocation: info.allocation,
        }
    }
}

answer_from! {
    remote::StoragePoolGetInfoRet => StoragePoolInfo,
    remote::StorageVolGetInfoRet => StorageVolumeInfo,
    remote::StorageVolGetInfoFlagsRet => StorageVolumeInfo,
}

impl StorageVolume {
    /// Its name, unique in its pool.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.wire.name.to_string_lossy()
    }

    /// The name of its pool.
    #[must_use]
    pub fn pool_name(&self) -> Cow<'_, str> {
        self.wire.pool.to_string_lossy()
    }

    /// Its key, unique on the host; of a file its path.
    #[must_use]
    pub fn volume_key(&self) -> Cow<'_, str> {
        self.wire.key.to_string_lossy()
    }

    /// Begins to write into it: exactly `length` bytes, from byte `offset` on.
    ///
    /// libvirt's `virStorageVolUpload`.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn upload(&self, offset: u64, length: u64) -> Result<Upload, Error> {
        self.client
            .storage_vol_upload(self.key(), offset, length, 0)
            .await
    }

    /// Begins to read it: `length` bytes (0: all that follow) from byte `offset` on.
    ///
    /// libvirt's `virStorageVolDownload`.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn download(&self, offset: u64, length: u64) -> Result<Download, Error> {
        self.client
            .storage_vol_download(self.key(), offset, length, 0)
            .await
    }

    /// Begins to write data and holes into it: `length` bytes with the holes, from byte `offset` on;
    /// without a length, as many as there are.
    ///
    /// libvirt's `virStorageVolUpload` with the flag `SPARSE_STREAM`.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn upload_sparse(
        &self,
        offset: u64,
        length: impl Into<Option<u64>>,
    ) -> Result<SparseUpload, Error> {
        self.client
            .storage_vol_upload_sparse(self.key(), offset, length)
            .await
    }

    /// Begins to read its data and holes: `length` bytes (0: all that follow) from byte `offset` on.
    ///
    /// libvirt's `virStorageVolDownload` with the flag `SPARSE_STREAM`.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn download_sparse(&self, offset: u64, length: u64) -> Result<SparseDownload, Error> {
        self.client
            .storage_vol_download_sparse(self.key(), offset, length)
            .await
    }
}

calls! {
    StorageVolume;

    /// What it is and its sizes.
    virStorageVolGetInfo: info() -> StorageVolumeInfo = storage_vol_get_info();

    /// What it is and its sizes, of which the flags choose.
    virStorageVolGetInfoFlags: info_flags(flags: StorageVolInfoFlags) -> StorageVolumeInfo
        = storage_vol_get_info_flags(flags.bits());

    /// Its XML.
    virStorageVolGetXMLDesc: xml() -> String = storage_vol_get_xml_desc(0);

    /// Its path on the host.
    virStorageVolGetPath: path() -> String = storage_vol_get_path();

    /// The pool it is in.
    virStoragePoolLookupByVolume: pool() -> StoragePool = storage_pool_lookup_by_volume();

    /// Deletes it with its data.
    virStorageVolDelete: delete(flags: StorageVolDeleteFlags) -> ()
        = storage_vol_delete(flags.bits());

    /// Overwrites its data.
    virStorageVolWipePattern: wipe(algorithm: StorageVolWipeAlgorithm) -> ()
        = storage_vol_wipe_pattern(algorithm.0.cast_unsigned(), 0);

    /// Changes its size to (with the flag `DELTA` by) so many bytes.
    virStorageVolResize: resize(bytes: u64, flags: StorageVolResizeFlags) -> ()
        = storage_vol_resize(bytes, flags.bits());
}

client_calls! {
    /// The storage pools, of which the flags choose; all of them with no flags.
    virConnectListAllStoragePools: storage_pools(
        flags: ConnectListAllStoragePoolsFlags,
    ) -> Vec<StoragePool> = connect_list_all_storage_pools(1, flags.bits()).pools;

    /// The storage pool with this name.
    virStoragePoolLookupByName: storage_pool(name: &str) -> StoragePool
        = storage_pool_lookup_by_name(name);

    /// The storage pool with this UUID.
    virStoragePoolLookupByUUID: storage_pool_by_uuid(uuid: Uuid) -> StoragePool
        = storage_pool_lookup_by_uuid(uuid.into_bytes());

    /// The storage pool whose target is this path.
    virStoragePoolLookupByTargetPath: storage_pool_by_path(path: &str) -> StoragePool
        = storage_pool_lookup_by_target_path(path);

    /// Defines a storage pool, or changes its definition. It is not started.
    virStoragePoolDefineXML: define_storage_pool(
        xml: &str, flags: StoragePoolDefineFlags,
    ) -> StoragePool = storage_pool_define_xml(xml, flags.bits());

    /// Starts a storage pool that is gone when it stops; what is in it stays.
    virStoragePoolCreateXML: create_storage_pool(
        xml: &str, flags: StoragePoolCreateFlags,
    ) -> StoragePool = storage_pool_create_xml(xml, flags.bits());

    /// The volume with this key.
    virStorageVolLookupByKey: volume_by_key(key: &str) -> StorageVolume
        = storage_vol_lookup_by_key(key);

    /// The volume with this path.
    virStorageVolLookupByPath: volume_by_path(path: &str) -> StorageVolume
        = storage_vol_lookup_by_path(path);

    /// What could be the source of a pool of this type, as XML.
    virConnectFindStoragePoolSources: find_storage_pool_sources(
        kind: &str, source: Option<&str>,
    ) -> String = connect_find_storage_pool_sources(kind, optional(source), 0);

    /// What pools the host can have, as XML.
    virConnectGetStoragePoolCapabilities: storage_pool_capabilities() -> String
        = connect_get_storage_pool_capabilities(0);
}
