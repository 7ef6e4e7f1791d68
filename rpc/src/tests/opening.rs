//! The words before the first call.

use super::server::Server;
use super::{keepalive, pair, pair_with};
use crate::connect::ConnectOptions;
use crate::error::Error;

const OPEN: i32 = 1;
const FEATURE: i32 = 60;
const AUTH_LIST: i32 = 66;
const AUTH_POLKIT: i32 = 70;

const YES: [u8; 4] = [0, 0, 0, 1];

fn auth(kind: u8) -> [u8; 8] {
    [0, 0, 0, 1, 0, 0, 0, kind]
}

async fn open(server: &mut Server) -> Vec<u8> {
    let open = server.answer(OPEN, &[]).await;
    server.answer(FEATURE, &YES).await;
    open.body
}

#[tokio::test]
async fn each_step_waits_for_the_one_before() {
    let (client, mut server) = pair_with(ConnectOptions {
        keepalive: keepalive(),
        read_only: true,
        ..ConnectOptions::default()
    });
    let serve = async {
        server.answer(AUTH_LIST, &auth(0)).await;
        let feature = server.answer(FEATURE, &YES).await;
        assert_eq!(feature.body, [0, 0, 0, 10]);
        open(&mut server).await
    };
    let (opened, body) = tokio::join!(client.open(), serve);
    opened.unwrap();
    let mut expected = vec![0, 0, 0, 1, 0, 0, 0, 15];
    expected.extend_from_slice(b"test:///default\0");
    expected.extend_from_slice(&[0, 0, 0, 1]);
    assert_eq!(body, expected);
}

#[tokio::test]
async fn polkit_is_asked_where_the_server_wants_it() {
    let (client, mut server) = pair();
    let serve = async {
        server.answer(AUTH_LIST, &auth(2)).await;
        server.answer(AUTH_POLKIT, &YES).await;
        open(&mut server).await
    };
    let (opened, _) = tokio::join!(client.open(), serve);
    opened.unwrap();
}

#[tokio::test]
async fn a_server_without_the_list_needs_no_authentication() {
    let (client, mut server) = pair();
    let serve = async {
        let list = server.expect(AUTH_LIST).await;
        server.refuse(&list, 3, "no").await;
        open(&mut server).await
    };
    let (opened, _) = tokio::join!(client.open(), serve);
    opened.unwrap();
}

#[tokio::test]
async fn what_is_not_built_is_named() {
    let (client, mut server) = pair();
    let sasl = auth(1);
    let (opened, _) = tokio::join!(client.open(), server.answer(AUTH_LIST, &sasl));
    let error = opened.unwrap_err();
    assert!(
        matches!(&error, Error::Unsupported(words) if words.contains("SASL")),
        "{error}"
    );
}

#[tokio::test]
async fn a_refused_open_is_told() {
    let (client, mut server) = pair();
    let serve = async {
        server.answer(AUTH_LIST, &auth(0)).await;
        let open = server.expect(OPEN).await;
        server
            .refuse(&open, 5, "no connection driver available")
            .await;
    };
    let (opened, ()) = tokio::join!(client.open(), serve);
    assert_eq!(opened.unwrap_err().code(), Some(5));
}
