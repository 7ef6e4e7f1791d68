//! What there is to ask about, on each driver.

use drover_rpc::Client;
use drover_rpc::proto::remote::Domain;

use crate::case::{Driver, Objects};

pub(crate) const RUNNING: &str = "drover-diff";
pub(crate) const OFF: &str = "drover-diff-off";
pub(crate) const SNAPSHOT: &str = "<domainsnapshot><name>drover-diff</name></domainsnapshot>";
pub(crate) const VOLUME: &str =
    "<volume><name>drover-diff.img</name><capacity>1</capacity></volume>";
pub(crate) const SECRET: &str = "<secret ephemeral='no' private='no'>\
    <uuid>5ec2e700-0000-4000-8000-000000000001</uuid>\
    <usage type='volume'><volume>/drover-diff</volume></usage></secret>";
/// The name, and the whole.
pub(crate) const FILTER: (&str, &str) = (
    "drover-diff",
    "<filter name='drover-diff'><uuid>f1170000-0000-4000-8000-000000000001</uuid>\
     <rule action='accept' direction='in'><ip/></rule></filter>",
);
const FOLDER: &str = "/tmp/drover-diff";

/// The definition of a domain; a running one has the volume for its disk.
pub(crate) fn domain(kind: &str, name: &str) -> String {
    let disk = if name == RUNNING {
        format!(
            "<disk type='file'><driver name='qemu' type='raw'/><source file='{FOLDER}/drover-diff.img'/>\
             <target dev='vda' bus='virtio'/></disk>"
        )
    } else {
        String::new()
    };
    format!(
        "<domain type='{kind}'><name>{name}</name><memory unit='KiB'>32768</memory>\
         <vcpu>1</vcpu><os><type>hvm</type></os><devices>{disk}</devices></domain>"
    )
}

/// Makes what is not there yet. What the driver does not have is absent, and its absence is compared
/// as far as it can be.
pub(crate) async fn make(client: &Client, driver: Driver) -> Objects {
    let pool = format!(
        "<pool type='dir'><name>drover-diff</name><target><path>{FOLDER}</path></target></pool>"
    );
    let pool = client.storage_pool_define_xml(pool, 0).await.ok();
    let mut volume = None;
    if let Some(pool) = &pool {
        // Each of these may be so already.
        client.storage_pool_build(pool.clone(), 0).await.ok();
        client.storage_pool_create(pool.clone(), 0).await.ok();
        let xml = "<volume><name>drover-diff.img</name><capacity unit='MiB'>1</capacity></volume>";
        client
            .storage_vol_create_xml(pool.clone(), xml, 0)
            .await
            .ok();
        let found = client.storage_vol_lookup_by_name(pool.clone(), "drover-diff.img");
        volume = found.await.ok();
    }
    let network = "<network><name>drover-diff</name><bridge name='drvdiff0'/></network>";
    let network = client.network_define_xml(network).await.ok();
    if let Some(network) = &network {
        client.network_create(network.clone()).await.ok();
    }
    let filter = client.nwfilter_define_xml(FILTER.1).await.ok();
    let secret = client.secret_define_xml(SECRET, 0).await.ok();
    let kind = driver.name();
    let running = start(client, kind).await;
    let off = client.domain_define_xml(domain(kind, OFF)).await.ok();
    let mut snapshot = None;
    if let Some(off) = &off {
        client
            .domain_snapshot_create_xml(off.clone(), SNAPSHOT, 0)
            .await
            .ok();
        let found = client.domain_snapshot_lookup_by_name(off.clone(), "drover-diff", 0);
        snapshot = found.await.ok();
    }
    Objects {
        running,
        off,
        network,
        pool,
        volume,
        snapshot,
        filter,
        secret,
    }
}

// QEMU stands still from the beginning: nothing moves between two questions.
async fn start(client: &Client, kind: &str) -> Option<Domain> {
    let defined = client.domain_define_xml(domain(kind, RUNNING)).await.ok()?;
    let paused = u32::from(kind == "qemu");
    client
        .domain_create_with_flags(defined, paused)
        .await
        .unwrap();
    client.domain_lookup_by_name(RUNNING).await.ok()
}

/// Takes away what a run, this one or one before it, has made.
pub(crate) async fn remove(client: &Client) {
    for name in [RUNNING, OFF, "drover-diff-gone"] {
        if let Ok(domain) = client.domain_lookup_by_name(name).await {
            client.domain_destroy(domain.clone()).await.ok();
            // With snapshots and checkpoints.
            let with_all = client.domain_undefine_flags(domain.clone(), 2 | 16).await;
            if with_all.is_err() {
                client.domain_undefine(domain).await.ok();
            }
        }
        if let Ok(network) = client.network_lookup_by_name(name).await {
            client.network_destroy(network.clone()).await.ok();
            client.network_undefine(network).await.ok();
        }
        if let Ok(pool) = client.storage_pool_lookup_by_name(name).await {
            let volume = client.storage_vol_lookup_by_name(pool.clone(), "drover-diff.img");
            if let Ok(volume) = volume.await {
                client.storage_vol_delete(volume, 0).await.ok();
            }
            client.storage_pool_destroy(pool.clone()).await.ok();
            client.storage_pool_delete(pool.clone(), 0).await.ok();
            client.storage_pool_undefine(pool).await.ok();
        }
    }
    if let Ok(filter) = client.nwfilter_lookup_by_name(FILTER.0).await {
        client.nwfilter_undefine(filter).await.ok();
    }
    if let Ok(secret) = client.secret_lookup_by_usage(1, "/drover-diff").await {
        client.secret_undefine(secret).await.ok();
    }
}
