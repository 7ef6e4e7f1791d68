//! Calls.

use std::time::Duration;

use drover_rpc::proto::remote::{ConnectOpenArgs, TypedParamValue, procedures};
use drover_rpc::proto::{Refused, program};
use drover_rpc::{CloseReason, ConnectOptions, Error, Keepalive, code};
use futures::future::join_all;

use crate::{client, connect, define};

const RUNNING: u8 = 1;

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn the_first_words() {
    let client = client().await;
    let version = client.connect_get_lib_version().await.unwrap();
    assert!(version >= 9_000_000, "{version}");
    assert_eq!(client.connect_get_type().await.unwrap(), "TEST");
    let node = client.node_get_info().await.unwrap();
    assert_eq!(node.cpus, 16);
    let domain = client.domain_lookup_by_name("test").await.unwrap();
    let info = client.domain_get_info(domain.clone()).await.unwrap();
    assert_eq!(info.state, RUNNING);
    let again = client.domain_lookup_by_uuid(domain.uuid).await.unwrap();
    assert_eq!(again, domain);
    let xml = client.domain_get_xml_desc(domain, 0).await.unwrap();
    assert!(xml.as_str().unwrap().starts_with("<domain type='test'"));
    client.close().await.unwrap();
    assert_eq!(client.closed().await, CloseReason::Local);
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn errors_are_libvirts_own() {
    let client = client().await;
    let error = client.domain_lookup_by_name("nobody").await.unwrap_err();
    assert!(error.not_found(), "{error:?}");
    assert_eq!(error.code(), Some(code::NO_DOMAIN));
    assert!(error.libvirt().unwrap().str1.is_some());
    let error = client
        .domain_define_xml_flags("<domain", 0)
        .await
        .unwrap_err();
    assert!(!error.not_found() && error.libvirt().is_some(), "{error:?}");
    let error = client
        .storage_pool_lookup_by_name("nothing")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(code::NO_STORAGE_POOL));
    let off = define(&client, "rpc-off").await;
    let error = client.domain_destroy(off.clone()).await.unwrap_err();
    assert!(error.invalid_state(), "{error:?}");
    client.domain_undefine(off).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_second_open_never_leaves() {
    let client = client().await;
    let args = ConnectOpenArgs {
        name: Some("test:///default".into()),
        flags: 0,
    };
    let error = client
        .call::<procedures::ConnectOpen>(args)
        .await
        .unwrap_err();
    assert_eq!(error, Error::Refused(Refused::AlreadyOpened));
    assert!(client.connect_get_type().await.is_ok());
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn read_only_is_enforced() {
    let options = ConnectOptions {
        read_only: true,
        ..ConnectOptions::default()
    };
    let client = connect(options).await;
    let domain = client.domain_lookup_by_name("test").await.unwrap();
    let error = client.domain_destroy(domain).await.unwrap_err();
    assert!(error.denied(), "{error:?}");
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn typed_parameters_and_statistics() {
    let client = client().await;
    let domain = define(&client, "rpc-typed").await;
    client.domain_create(domain.clone()).await.unwrap();
    let domain = client.domain_lookup_by_name("rpc-typed").await.unwrap();
    let params = client
        .domain_get_scheduler_parameters(domain.clone(), 1)
        .await
        .unwrap();
    assert_eq!(params[0].field, "weight");
    assert!(
        matches!(params[0].value, TypedParamValue::Uint(_)),
        "{params:?}"
    );
    let stats = client
        .connect_get_all_domain_stats(vec![domain.clone()], 1, 0)
        .await
        .unwrap();
    assert_eq!(stats[0].dom.uuid, domain.uuid);
    let state = &stats[0].params[0];
    assert_eq!(state.field, "state.state");
    assert_eq!(state.value, TypedParamValue::Int(1));
    client.domain_destroy(domain.clone()).await.unwrap();
    client.domain_undefine(domain).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn many_calls_at_once_each_get_their_own_answer() {
    let client = client().await;
    let domains = join_all((0..40).map(|index| {
        let client = client.clone();
        async move { define(&client, &format!("rpc-many-{index}")).await }
    }))
    .await;
    for _ in 0..20 {
        let looked_up = join_all(
            domains
                .iter()
                .map(|domain| client.domain_lookup_by_uuid(domain.uuid)),
        )
        .await;
        for (domain, found) in domains.iter().zip(looked_up) {
            assert_eq!(found.unwrap().name, domain.name);
        }
    }
    for domain in domains {
        client.domain_undefine(domain).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn dropped_calls_do_no_harm() {
    let client = client().await;
    let domain = client.domain_lookup_by_name("test").await.unwrap();
    for round in 0..500_u64 {
        let calls = join_all((0..8).map(|_| client.domain_get_xml_desc(domain.clone(), 0)));
        let soon = Duration::from_micros(round % 300);
        tokio::time::timeout(soon, calls).await.ok();
    }
    assert_eq!(client.domain_get_info(domain).await.unwrap().state, RUNNING);
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn an_idle_connection_lives() {
    let options = ConnectOptions {
        keepalive: Some(Keepalive {
            interval: Duration::from_secs(1),
            count: 1,
        }),
        ..ConnectOptions::default()
    };
    let client = connect(options).await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(!client.is_closed());
    assert!(client.connect_get_type().await.is_ok());
}

#[test]
fn the_programs_have_their_numbers() {
    assert_eq!(program::REMOTE, 0x2000_8086);
}
