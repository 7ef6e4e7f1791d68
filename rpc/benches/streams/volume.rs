//! The volume: whole in memory, and gone afterwards.

use drover_rpc::Client;
use drover_rpc::flags::{
    StoragePoolCreateFlags, StoragePoolDefineFlags, StoragePoolDeleteFlags, StorageVolCreateFlags,
    StorageVolDeleteFlags,
};

pub(crate) const POOL: &str = "drover-bench";
pub(crate) const NAME: &str = "one-gib";

/// Makes it; one of a run that failed is removed first.
pub(crate) async fn make(client: &Client, bytes: u64) {
    remove(client).await;
    let xml = format!(
        "<pool type='dir'><name>{POOL}</name><target><path>/dev/shm/{POOL}</path></target></pool>"
    );
    let flags = StoragePoolDefineFlags::empty();
    let pool = client.define_storage_pool(&xml, flags).await.unwrap();
    pool.start(StoragePoolCreateFlags::BUILD).await.unwrap();
    let xml = format!(
        "<volume><name>{NAME}</name><capacity>{bytes}</capacity><allocation>{bytes}</allocation>\
         <target><format type='raw'/></target></volume>"
    );
    let flags = StorageVolCreateFlags::empty();
    pool.create_volume(&xml, flags).await.unwrap();
}

/// Removes it and its pool, if they are there.
pub(crate) async fn remove(client: &Client) {
    let pool = match client.storage_pool(POOL).await {
        Err(error) if error.not_found() => return,
        pool => pool.unwrap(),
    };
    if !pool.is_active().await.unwrap() {
        pool.start(StoragePoolCreateFlags::empty()).await.unwrap();
    }
    for volume in pool.volumes().await.unwrap() {
        let flags = StorageVolDeleteFlags::empty();
        volume.delete(flags).await.unwrap();
    }
    pool.destroy().await.unwrap();
    // Its folder, too.
    let flags = StoragePoolDeleteFlags::empty();
    pool.delete(flags).await.unwrap();
    pool.undefine().await.unwrap();
}
