//! Calls and what becomes of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use drover_rpc_proto::program::KEEPALIVE;
use drover_rpc_proto::{CloseReason, Keepalive};
use futures::FutureExt as _;

use super::{keepalive, pair, pair_with};
use crate::connect::ConnectOptions;
use crate::error::Error;

const LIB_VERSION: i32 = 157;
const CLOSE: i32 = 2;
const VERSION: [u8; 8] = 11_003_000_u64.to_be_bytes();

#[tokio::test]
async fn a_call_gets_its_answer() {
    let (client, mut server) = pair();
    let (version, _) = tokio::join!(
        client.connect_get_lib_version(),
        server.answer(LIB_VERSION, &VERSION)
    );
    assert_eq!(version.unwrap(), 11_003_000);
}

#[tokio::test]
async fn answers_come_in_any_order() {
    let (client, mut server) = pair();
    let serve = async {
        let first = server.expect(LIB_VERSION).await;
        let second = server.expect(LIB_VERSION).await;
        server.reply(&second, &2_u64.to_be_bytes()).await;
        server.reply(&first, &1_u64.to_be_bytes()).await;
    };
    let (first, second, ()) = tokio::join!(
        client.connect_get_lib_version(),
        client.connect_get_lib_version(),
        serve
    );
    assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
}

#[tokio::test]
async fn an_error_says_what_kind_it_is() {
    let (client, mut server) = pair();
    let serve = async {
        let request = server.expect(23).await;
        server.refuse(&request, 42, "Domain not found").await;
    };
    let (result, ()) = tokio::join!(client.domain_lookup_by_name("none"), serve);
    let error = result.unwrap_err();
    assert!(error.not_found() && !error.outcome_unknown() && !error.connection_lost());
    assert_eq!(error.code(), Some(42));
    assert_eq!(error.category(), "libvirt");
    assert_eq!(error.libvirt().unwrap().int1, -1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let (client, mut server) = pair();
    let client = client.with_deadline(Duration::from_secs(3));
    let (result, request) = tokio::join!(client.connect_get_lib_version(), server.next());
    let error = result.unwrap_err();
    assert_eq!(error, Error::Timeout { sent: true });
    assert!(error.outcome_unknown());
    // The late answer harms nobody.
    server.reply(&request.unwrap(), &VERSION).await;
    let (version, _) = tokio::join!(
        client.connect_get_lib_version(),
        server.answer(LIB_VERSION, &VERSION)
    );
    assert!(version.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_given_up() {
    let (client, mut server) = pair();
    let mut sent = Vec::new();
    for _ in 0..4 {
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.connect_get_lib_version().await }
        });
        sent.push(server.expect(LIB_VERSION).await);
        call.abort();
    }
    // All places are taken by calls that nobody waits for; these two are never sent.
    for _ in 0..2 {
        let call = client.connect_get_lib_version();
        let soon = Duration::from_millis(1);
        assert!(tokio::time::timeout(soon, call).await.is_err());
    }
    for request in &sent {
        server.reply(request, &VERSION).await;
    }
    assert!(server.is_quiet().await);
}

// The call is left to the task, which is busy, and given up when the task no longer is: in between
// nobody has looked at what was left.
#[tokio::test(start_paused = true)]
async fn a_call_left_to_the_task_is_given_up_too() {
    let (client, mut server) = pair();
    assert!(server.is_quiet().await);
    let busy = client.shared.commands.busy();
    let mut call = Box::pin(client.connect_get_lib_version());
    assert!(futures::poll!(&mut call).is_pending());
    drop(busy);
    drop(call);
    assert!(server.is_quiet().await);
}

#[test]
fn a_call_left_to_a_task_that_ends_is_told_so() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    let mut left = None;
    runtime.block_on(async {
        let (client, _server) = pair();
        let caller = client.clone();
        let mut call = Box::pin(async move { caller.connect_get_lib_version().await });
        let _busy = client.shared.commands.busy();
        assert!(futures::poll!(&mut call).is_pending());
        left = Some(call);
    });
    drop(runtime);
    let told = left.unwrap().now_or_never();
    let reason = CloseReason::Local;
    assert_eq!(
        told,
        Some(Err(Error::Closed {
            reason,
            sent: false
        }))
    );
}

#[tokio::test]
async fn the_end_of_the_connection_is_told_to_all() {
    let (client, mut server) = pair();
    let (result, _) = tokio::join!(client.connect_get_lib_version(), async {
        server.expect(LIB_VERSION).await;
        drop(server);
    });
    let error = result.unwrap_err();
    assert!(error.connection_lost() && error.outcome_unknown());
    assert_eq!(client.closed().await, CloseReason::Eof);
    let reason = CloseReason::Eof;
    let sent = false;
    assert_eq!(
        client.connect_get_lib_version().await,
        Err(Error::Closed { reason, sent })
    );
    assert!(client.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_found_out() {
    let (client, mut server) = pair_with(ConnectOptions {
        keepalive: keepalive(),
        deadline: Duration::from_secs(600),
        ..ConnectOptions::default()
    });
    let start = tokio::time::Instant::now();
    let (result, _) = tokio::join!(client.connect_get_lib_version(), async {
        while server.next().await.is_some() {}
    });
    assert!(result.unwrap_err().connection_lost());
    assert_eq!(client.closed().await, CloseReason::Keepalive);
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_found_out_within_three_seconds_when_asked_so() {
    let (client, mut server) = pair_with(ConnectOptions {
        keepalive: Some(Keepalive {
            interval: Duration::from_secs(1),
            count: 1,
        }),
        ..ConnectOptions::default()
    });
    let start = tokio::time::Instant::now();
    // The server sees the question, and does not answer.
    assert_eq!(server.next().await.unwrap().header.program, KEEPALIVE);
    assert_eq!(client.closed().await, CloseReason::Keepalive);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn closing_waits_for_calls_under_way() {
    let (client, mut server) = pair();
    let serve = async {
        server.answer(LIB_VERSION, &VERSION).await;
        server.answer(CLOSE, &[]).await;
        server.next().await.is_none()
    };
    let (version, closed, gone) =
        tokio::join!(client.connect_get_lib_version(), client.close(), serve);
    assert!(version.is_ok() && closed.is_ok() && gone);
    assert_eq!(client.closed().await, CloseReason::Local);
}

#[tokio::test]
async fn the_last_handle_takes_the_connection_along() {
    let (client, mut server) = pair();
    drop(client.clone());
    drop(client);
    assert!(server.next().await.is_none());
}

#[tokio::test]
async fn calls_are_counted() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let (client, mut server) = pair_with(ConnectOptions {
        keepalive: None,
        observer: Some(Arc::new(move |call| {
            record.lock().unwrap().push((call.procedure, call.failed));
        })),
        ..ConnectOptions::default()
    });
    let (version, _) = tokio::join!(
        client.connect_get_lib_version(),
        server.answer(LIB_VERSION, &[0])
    );
    assert!(matches!(version, Err(Error::Answer(_))));
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, [("CONNECT_GET_LIB_VERSION", Some("answer"))]);
}
