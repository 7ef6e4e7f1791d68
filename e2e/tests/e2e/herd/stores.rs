//! Networks, pools and their volumes.

use drover_core::observed::network::NetworkFacts;
use drover_core::observed::pool::ObservedPool;
use drover_rpc::proto::remote::{Event, Network, StoragePool, StorageVol};
use drover_rpc::{Notice, Subscription};
use futures::FutureExt;

use super::talk::Talk;

const UUID: [u8; 16] = [0x33; 16];
const OTHER: [u8; 16] = [0x44; 16];
const FOLDER: &str = "/var/lib/libvirt/herd-pool";
const NETWORK: &str = "<network><name>herd-net</name>\
    <uuid>33333333-3333-3333-3333-333333333333</uuid>\
    <bridge name='herdbr0'/><mac address='52:54:00:33:33:33'/></network>";

/// A life of each.
pub(super) async fn live(talk: &mut Talk) {
    tidy(talk).await;
    networks(talk).await;
    pools(talk).await;
}

fn network(uuid: [u8; 16]) -> Network {
    let name = "herd-net".into();
    Network { name, uuid }
}

fn pool(uuid: [u8; 16]) -> StoragePool {
    let name = "herd-pool".into();
    StoragePool { name, uuid }
}

// What a talk that failed left.
async fn tidy(talk: &Talk) {
    let client = &talk.client;
    client.network_destroy(network(UUID)).await.ok();
    client.network_undefine(network(UUID)).await.ok();
    let all = client
        .storage_pool_list_all_volumes(pool(UUID), 1, 0)
        .await
        .ok();
    for volume in all.into_iter().flat_map(|all| all.vols) {
        client.storage_vol_delete(volume, 0).await.ok();
    }
    client.storage_pool_destroy(pool(UUID)).await.ok();
    client.storage_pool_delete(pool(UUID), 0).await.ok();
    client.storage_pool_undefine(pool(UUID)).await.ok();
}

// Those that have come, up to the one that is waited for.
async fn heard(events: &mut Subscription, last: i32) -> Vec<i32> {
    let mut all = Vec::new();
    while all.last() != Some(&last) {
        let next = tokio::time::timeout(super::talk::LIMIT, events.next()).await;
        let Some(Notice::Event(event)) = next.unwrap_or_else(|_| panic!("after {all:?}")) else {
            panic!("the events ended");
        };
        match &*event {
            Event::NetworkEventLifecycle(event) if event.net.uuid == UUID => all.push(event.event),
            Event::StoragePoolEventLifecycle(event) if event.pool.uuid == UUID => {
                all.push(event.event);
            }
            _ => {}
        }
    }
    while let Some(Some(Notice::Event(_))) = events.next().now_or_never() {
        all.push(-1);
    }
    all
}

async fn look_at_network(talk: &mut Talk, step: &str, uuid: [u8; 16]) {
    let client = talk.client.clone();
    let active = client.network_is_active(network(uuid)).await;
    talk.answer(&format!("{step}, active"), active);
    let persistent = client.network_is_persistent(network(uuid)).await;
    talk.answer(&format!("{step}, persistent"), persistent);
    for flags in [0, 1] {
        let xml = client.network_get_xml_desc(network(uuid), flags).await;
        let read = xml.map(|xml| NetworkFacts::parse(&xml.to_string_lossy()).unwrap());
        talk.answer(&format!("{step}, XML {flags}"), read);
    }
    let list = client.connect_list_all_networks(1, 0).await;
    let there = list.map(|list| list.nets.iter().any(|it| it.uuid == uuid));
    talk.answer(&format!("{step}, in list"), there);
}

async fn networks(talk: &mut Talk) {
    let client = talk.client.clone();
    let mut events = client.subscribe_network(0, None).await.unwrap();
    look_at_network(talk, "no network", OTHER).await;
    let result = client.network_create(network(OTHER)).await;
    talk.went("no network starts", result);
    for (what, xml) in [
        ("no XML", "<network".to_owned()),
        ("another element", NETWORK.replace("network", "domain")),
        ("no name", NETWORK.replace("<name>herd-net</name>", "")),
        ("no UUID", NETWORK.replace("33333333-", "3-")),
    ] {
        let result = client.network_define_xml(xml).await;
        talk.went(&format!("network: {what}"), result);
    }
    let result = client.network_define_xml(NETWORK).await;
    talk.went("network defined", result);
    look_at_network(talk, "network defined", UUID).await;
    let other = NETWORK.replace("333333333333</uuid>", "444444444444</uuid>");
    let result = client.network_define_xml(other).await;
    talk.went("another network of that name", result);
    let result = client.network_destroy(network(UUID)).await;
    talk.went("network stopped while it is down", result);
    for step in ["network started", "network started again"] {
        let result = client.network_create(network(UUID)).await;
        talk.went(step, result);
    }
    look_at_network(talk, "network up", UUID).await;
    let result = client
        .network_get_dhcp_leases(network(UUID), None, 1, 0)
        .await;
    talk.answer("leases", result.map(|it| it.leases.len()));
    let result = client.network_define_xml(NETWORK).await;
    talk.went("network defined again", result);
    for step in ["network undefined", "network undefined again"] {
        let result = client.network_undefine(network(UUID)).await;
        talk.went(step, result);
    }
    look_at_network(talk, "network kept by nobody", UUID).await;
    let result = client.network_destroy(network(UUID)).await;
    talk.went("network stopped", result);
    look_at_network(talk, "network gone", UUID).await;
    let heard = heard(&mut events, 3).await;
    talk.note("network, events", heard);
}

async fn look_at_pool(talk: &mut Talk, step: &str, uuid: [u8; 16]) {
    let client = talk.client.clone();
    let info = client.storage_pool_get_info(pool(uuid)).await;
    let info = info.map(|it| (it.state, it.capacity > 0, it.available <= it.capacity));
    talk.answer(&format!("{step}, info"), info);
    let xml = client.storage_pool_get_xml_desc(pool(uuid), 0).await;
    let read = xml.map(|xml| ObservedPool::definition(&xml.to_string_lossy()).unwrap());
    talk.answer(&format!("{step}, XML"), read);
    let volumes = client.storage_pool_list_all_volumes(pool(uuid), 1, 0).await;
    let mut names = volumes.map(|it| {
        let names = it
            .vols
            .iter()
            .map(|it| (it.name.to_string(), it.key.to_string()));
        names.collect::<Vec<_>>()
    });
    if let Ok(names) = &mut names {
        names.sort();
    }
    talk.answer(&format!("{step}, volumes"), names);
    let list = client.connect_list_all_storage_pools(1, 0).await;
    let there = list.map(|list| list.pools.iter().any(|it| it.uuid == uuid));
    talk.answer(&format!("{step}, in list"), there);
}

fn definition() -> String {
    format!(
        "<pool type='dir'><name>herd-pool</name>\
         <uuid>33333333-3333-3333-3333-333333333333</uuid>\
         <target><path>{FOLDER}</path></target></pool>"
    )
}

async fn pools(talk: &mut Talk) {
    let client = talk.client.clone();
    let mut events = client.subscribe_storage_pool(0, None).await.unwrap();
    look_at_pool(talk, "no pool", OTHER).await;
    let result = client.storage_pool_create(pool(OTHER), 0).await;
    talk.went("no pool starts", result);
    let whole = definition();
    for (what, xml) in [
        ("no XML", "<pool".to_owned()),
        (
            "another element",
            whole
                .replace("pool type", "net type")
                .replace("</pool", "</net"),
        ),
        ("no name", whole.replace("<name>herd-pool</name>", "")),
        (
            "no target",
            whole.replace(&format!("<target><path>{FOLDER}</path></target>"), ""),
        ),
        ("no UUID", whole.replace("33333333-", "3-")),
    ] {
        let result = client.storage_pool_define_xml(xml, 0).await;
        talk.went(&format!("pool: {what}"), result);
    }
    let result = client.storage_pool_define_xml(whole.clone(), 0).await;
    talk.went("pool defined", result);
    look_at_pool(talk, "pool defined", UUID).await;
    let other = whole.replace("333333333333</uuid>", "444444444444</uuid>");
    let result = client.storage_pool_define_xml(other, 0).await;
    talk.went("another pool of that name", result);
    let result = client.storage_pool_refresh(pool(UUID), 0).await;
    talk.went("pool refreshed while it is down", result);
    let result = client.storage_pool_destroy(pool(UUID)).await;
    talk.went("pool stopped while it is down", result);
    let flags = if talk.driver == "test" { 0 } else { 1 };
    for step in ["pool started", "pool started again"] {
        let result = client.storage_pool_create(pool(UUID), flags).await;
        talk.went(step, result);
    }
    look_at_pool(talk, "pool up", UUID).await;
    volumes(talk).await;
    let result = client.storage_pool_refresh(pool(UUID), 0).await;
    talk.went("pool refreshed", result);
    let result = client.storage_pool_undefine(pool(UUID)).await;
    talk.went("pool undefined while it is up", result);
    let result = client.storage_pool_delete(pool(UUID), 0).await;
    talk.went("folder deleted while it is up", result);
    let result = client.storage_pool_destroy(pool(UUID)).await;
    talk.went("pool stopped", result);
    look_at_pool(talk, "pool down", UUID).await;
    let result = client.storage_pool_delete(pool(UUID), 0).await;
    talk.went("folder deleted", result);
    let result = client.storage_pool_undefine(pool(UUID)).await;
    talk.went("pool undefined", result);
    look_at_pool(talk, "pool gone", UUID).await;
    let heard = heard(&mut events, 1).await;
    talk.note("pool, events", heard);
}

fn volume(name: &str) -> StorageVol {
    StorageVol {
        pool: "herd-pool".into(),
        name: name.into(),
        key: format!("{FOLDER}/{name}").as_str().into(),
    }
}

fn of_size(capacity: u64) -> String {
    format!(
        "<volume><name>a</name><capacity>{capacity}</capacity><allocation>0</allocation>\
         <target><format type='raw'/></target></volume>"
    )
}

async fn volumes(talk: &mut Talk) {
    let client = talk.client.clone();
    let found = client.storage_vol_lookup_by_name(pool(UUID), "a").await;
    talk.went("no volume by name", found);
    let result = client.storage_vol_delete(volume("a"), 0).await;
    talk.went("no volume deleted", result);
    let nameless = of_size(1 << 20).replace("<name>a</name>", "");
    for (what, xml) in [
        ("no XML", "<volume".to_owned()),
        ("no name", nameless),
        ("whole", of_size(1 << 20)),
        ("again", of_size(1 << 20)),
    ] {
        let made = client.storage_vol_create_xml(pool(UUID), xml, 0).await;
        let step = format!("volume: {what}");
        talk.answer(
            &step,
            made.map(|it| (it.name.to_string(), it.key.to_string())),
        );
    }
    let found = client.storage_vol_lookup_by_name(pool(UUID), "a").await;
    talk.answer("volume by name", found.map(|it| it.key.to_string()));
    let path = format!("{FOLDER}/a");
    let found = client.storage_vol_lookup_by_path(path).await;
    talk.answer("volume by path", found.map(|it| it.name.to_string()));
    let path = client.storage_vol_get_path(volume("a")).await;
    talk.answer("path", path.map(|it| it.to_string()));
    let info = client.storage_vol_get_info(volume("a")).await;
    talk.answer("size", info.map(|it| (it.type_, it.capacity)));
    for (what, capacity) in [("larger", 2 << 20), ("smaller", 1 << 20)] {
        let result = client.storage_vol_resize(volume("a"), capacity, 0).await;
        talk.went(what, result);
    }
    let info = client.storage_vol_get_info(volume("a")).await;
    talk.answer("size then", info.map(|it| (it.type_, it.capacity)));
    look_at_pool(talk, "pool with a volume", UUID).await;
    for step in ["volume deleted", "volume deleted again"] {
        let result = client.storage_vol_delete(volume("a"), 0).await;
        talk.went(step, result);
    }
}
