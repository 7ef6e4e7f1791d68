//! A server that is there and says nothing.

use std::time::{Duration, Instant};

use drover_rpc::{Client, CloseReason, ConnectOptions, Error, Keepalive};

use super::server::{Death, Plan, Server};
use super::{all_tasks_gone, alone, descriptors, runtime};

fn silent(tcp: bool, after: usize) -> Plan {
    Plan {
        tcp,
        death: Death::Silence,
        after,
    }
}

/// Runs `client` with a server that falls silent, and sees that it leaves no task and no descriptor.
fn leaves_nothing(plan: Plan, client: impl AsyncFnOnce(&Server)) {
    let runtime = runtime();
    runtime.block_on(async { tokio::time::sleep(Duration::ZERO).await });
    let before = descriptors();
    let server = Server::start(plan);
    runtime.block_on(async {
        client(&server).await;
        all_tasks_gone().await;
    });
    server.stop();
    assert_eq!(descriptors(), before, "{plan:?}");
}

#[test]
fn connecting_takes_no_longer_than_it_may_wherever_the_server_stops() {
    const PATIENCE: Duration = Duration::from_millis(200);
    let _alone = alone();
    // Authentication, keepalive, OPEN, events: five words, the last of which is a call.
    for after in 0..4 {
        leaves_nothing(silent(after % 2 == 0, after), async |server| {
            let start = Instant::now();
            let options = ConnectOptions {
                connect_timeout: PATIENCE,
                ..ConnectOptions::default()
            };
            let uri = server.uri().parse().unwrap();
            let error = Client::connect(&uri, options).await.unwrap_err();
            assert!(matches!(error, Error::Connect { .. }), "{error:?}");
            assert!(
                error.to_string().ends_with("not ready within 0.2 s"),
                "{error}"
            );
            assert!(start.elapsed() >= PATIENCE && start.elapsed() < 10 * PATIENCE);
        });
    }
}

fn a_dead_server_is_reported(tcp: bool) {
    let _alone = alone();
    leaves_nothing(silent(tcp, 4), async |server| {
        let options = ConnectOptions {
            keepalive: Some(Keepalive {
                interval: Duration::from_secs(1),
                count: 1,
            }),
            deadline: Duration::from_secs(60),
            ..ConnectOptions::default()
        };
        let uri = server.uri().parse().unwrap();
        let client = Client::connect(&uri, options).await.unwrap();
        let start = Instant::now();
        let (call, reason) = tokio::join!(client.connect_get_lib_version(), client.closed());
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(reason, CloseReason::Keepalive);
        assert_eq!(call.unwrap_err(), Error::Closed { reason, sent: true });
    });
}

#[test]
fn a_dead_server_is_reported_within_three_seconds_over_a_unix_socket() {
    a_dead_server_is_reported(false);
}

#[test]
fn a_dead_server_is_reported_within_three_seconds_over_tcp() {
    a_dead_server_is_reported(true);
}

#[test]
fn a_server_that_never_reads_costs_the_calls_and_nothing_more() {
    let _alone = alone();
    leaves_nothing(silent(false, 4), async |server| {
        let options = ConnectOptions {
            deadline: Duration::from_millis(500),
            ..ConnectOptions::default()
        };
        let uri = server.uri().parse().unwrap();
        let client = Client::connect(&uri, options).await.unwrap();
        let start = Instant::now();
        // More than the socket takes, and more calls than may be under way.
        let xml = "x".repeat(1 << 20);
        let calls = (0..10).map(|_| client.domain_define_xml_flags(xml.as_str(), 0));
        for result in futures::future::join_all(calls).await {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
        }
        assert!(start.elapsed() < Duration::from_secs(3));
        assert!(!client.is_closed());
    });
}
