//! Events.

use std::time::Duration;

use drover_rpc::proto::remote::Event;
use drover_rpc::{Notice, Subscription};

use crate::{client, define};

const LIFECYCLE: i32 = 0;
const DEFINED: i32 = 0;
const UNDEFINED: i32 = 1;
const STARTED: i32 = 2;
const STOPPED: i32 = 5;
/// Of a network and a pool.
const OTHERS_STOPPED: i32 = 3;

/// The next lifecycle events of this domain. Those of others are of other tests.
async fn events(subscription: &mut Subscription, name: &str, count: usize) -> Vec<i32> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(10), subscription.next());
        let notice = next.await.expect("an event within 10 s").unwrap();
        if let Notice::Event(event) = notice
            && let Event::DomainEventCallbackLifecycle(message) = &*event
            && message.msg.dom.name == name
        {
            seen.push(message.msg.event);
        }
    }
    seen
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn what_another_connection_does_is_told() {
    let watching = client().await;
    let acting = client().await;
    let name = "rpc-events";
    let left_over = define(&acting, name).await;
    acting.domain_undefine(left_over).await.unwrap();

    let mut first = watching.subscribe_domain(LIFECYCLE, None).await.unwrap();
    let mut second = watching.subscribe_domain(LIFECYCLE, None).await.unwrap();
    let domain = define(&acting, name).await;
    acting.domain_create(domain.clone()).await.unwrap();
    acting.domain_destroy(domain.clone()).await.unwrap();
    acting.domain_undefine(domain).await.unwrap();
    let expected = [DEFINED, STARTED, STOPPED, UNDEFINED];
    assert_eq!(events(&mut first, name, 4).await, expected);
    assert_eq!(events(&mut second, name, 4).await, expected);
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn events_of_one_domain() {
    let client = client().await;
    let mine = define(&client, "rpc-mine").await;
    let other = define(&client, "rpc-other").await;
    let mut subscription = client
        .subscribe_domain(LIFECYCLE, Some(mine.clone()))
        .await
        .unwrap();
    client.domain_create(other.clone()).await.unwrap();
    client.domain_create(mine.clone()).await.unwrap();
    let Some(Notice::Event(event)) = subscription.next().await else {
        panic!("an event");
    };
    let Event::DomainEventCallbackLifecycle(message) = &*event else {
        panic!("{event:?}");
    };
    assert_eq!(message.msg.dom.name, "rpc-mine");
    for domain in [mine, other] {
        client.domain_destroy(domain.clone()).await.unwrap();
        client.domain_undefine(domain).await.unwrap();
    }
}

/// The next event that `read` knows, within ten seconds.
pub(crate) async fn next<T>(listener: &mut Subscription, read: impl Fn(&Event) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(Notice::Event(event)) = listener.next().await
                && let Some(found) = read(&event)
            {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(10), search).await;
    found.expect("an event within 10 s")
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_change_of_metadata_is_told() {
    let watching = client().await;
    let acting = client().await;
    let name = "rpc-kinds";
    let mut metadata = watching.subscribe_domain(23, None).await.unwrap();
    let domain = define(&acting, name).await;
    let titled = acting.domain_set_metadata(domain.clone(), 1, Some("t".into()), None, None, 2);
    titled.await.unwrap();
    let kind = next(&mut metadata, |event| match event {
        Event::DomainEventCallbackMetadataChange(m) if m.dom.name == name => Some(m.type_),
        _ => None,
    });
    assert_eq!(kind.await, 1);
    acting.domain_undefine(domain).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_network_tells_its_life() {
    let watching = client().await;
    let acting = client().await;
    let name = "rpc-kinds";
    let mut networks = watching.subscribe_network(0, None).await.unwrap();
    let xml = format!("<network><name>{name}</name></network>");
    let network = acting.network_define_xml(xml).await.unwrap();
    acting.network_create(network.clone()).await.unwrap();
    acting.network_destroy(network.clone()).await.unwrap();
    acting.network_undefine(network).await.unwrap();
    for expected in [DEFINED, STARTED, OTHERS_STOPPED, UNDEFINED] {
        let seen = next(&mut networks, |event| match event {
            Event::NetworkEventLifecycle(m) if m.net.name == name => Some(m.event),
            _ => None,
        });
        assert_eq!(seen.await, expected);
    }
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_network_tells_of_its_metadata() {
    let watching = client().await;
    let acting = client().await;
    let name = "rpc-metadata";
    let mut changes = watching.subscribe_network(1, None).await.unwrap();
    let xml = format!("<network><name>{name}</name></network>");
    let network = acting.network_define_xml(xml).await.unwrap();
    let titled = acting.network_set_metadata(network.clone(), 1, Some("t".into()), None, None, 2);
    titled.await.unwrap();
    let kind = next(&mut changes, |event| match event {
        Event::NetworkEventCallbackMetadataChange(m) if m.net.name == name => Some(m.type_),
        _ => None,
    });
    assert_eq!(kind.await, 1);
    acting.network_undefine(network).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_pool_tells_its_life_and_its_refreshing() {
    let watching = client().await;
    let acting = client().await;
    let name = "rpc-kinds";
    let mut refreshed = watching.subscribe_storage_pool(1, None).await.unwrap();
    let mut pools = watching.subscribe_storage_pool(0, None).await.unwrap();
    let xml = format!(
        "<pool type='dir'><name>{name}</name><target><path>/tmp/{name}</path></target></pool>"
    );
    let pool = acting.storage_pool_define_xml(xml, 0).await.unwrap();
    acting.storage_pool_create(pool.clone(), 0).await.unwrap();
    acting.storage_pool_refresh(pool.clone(), 0).await.unwrap();
    acting.storage_pool_destroy(pool.clone()).await.unwrap();
    acting.storage_pool_undefine(pool).await.unwrap();
    for expected in [DEFINED, STARTED, OTHERS_STOPPED, UNDEFINED] {
        let seen = next(&mut pools, |event| match event {
            Event::StoragePoolEventLifecycle(m) if m.pool.name == name => Some(m.event),
            _ => None,
        });
        assert_eq!(seen.await, expected);
    }
    let seen = next(&mut refreshed, |event| match event {
        Event::StoragePoolEventRefresh(m) => Some(m.pool.name == name),
        _ => None,
    });
    assert!(seen.await);
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_device_tells_its_life() {
    let watching = client().await;
    let acting = client().await;
    let mut devices = watching.subscribe_node_device(0, None).await.unwrap();
    let xml = "<device><parent>scsi_host1</parent><capability type='scsi_host'>\
        <capability type='fc_host'><wwnn>2000000012341234</wwnn><wwpn>1000000012341234</wwpn>\
        </capability></capability></device>";
    let device = acting.node_device_create_xml(xml, 0).await.unwrap();
    let name = device.name;
    acting.node_device_destroy(name.clone()).await.unwrap();
    for expected in [0, 1] {
        let seen = next(&mut devices, |event| match event {
            Event::NodeDeviceEventLifecycle(m) if m.dev.name == name => Some(m.event),
            _ => None,
        });
        assert_eq!(seen.await, expected);
    }
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn every_kind_of_event_can_be_listened_to() {
    let client = client().await;
    let mut kept = Vec::new();
    for event_id in 0..=26 {
        kept.push(client.subscribe_domain(event_id, None).await.unwrap());
    }
    for event_id in 0..=1 {
        kept.push(client.subscribe_storage_pool(event_id, None).await.unwrap());
        kept.push(client.subscribe_node_device(event_id, None).await.unwrap());
    }
    for event_id in 0..=1 {
        kept.push(client.subscribe_network(event_id, None).await.unwrap());
    }
    let unknown = client.subscribe_domain(999, None).await.unwrap_err();
    assert!(unknown.libvirt().is_some(), "{unknown:?}");
    // The test driver has no secrets.
    let secrets = client.subscribe_secret(0, None).await.unwrap_err();
    assert!(secrets.not_supported(), "{secrets:?}");
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn beginning_and_ending_over_and_over() {
    let client = client().await;
    for _ in 0..500 {
        let first = client.subscribe_domain(LIFECYCLE, None).await.unwrap();
        let second = client.subscribe_domain(LIFECYCLE, None);
        drop(first);
        drop(second.await.unwrap());
    }
}
