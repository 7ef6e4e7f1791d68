//! Servers that are slow, deaf, or talk too much.

use std::time::Duration;

use drover_rpc_proto::{CloseReason, Keepalive, Refused};
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::{DEADLINE, LIB_VERSION, VERSION, frame, pair, reply};
use crate::error::Error;

const PING: [u32; 6] = [0x6b65_6570, 1, 1, 2, 0, 0];
const PONG: i32 = 2;

#[tokio::test(start_paused = true)]
async fn one_byte_a_second_is_too_slow_for_the_call_and_fine_for_the_connection() {
    let (client, mut server) = pair(Some(Keepalive {
        interval: Duration::from_secs(2),
        count: 1,
    }));
    let start = Instant::now();
    let dripping = async {
        let request = server.expect(LIB_VERSION).await;
        for byte in frame(reply(&request), &VERSION) {
            sleep(Duration::from_secs(1)).await;
            server.raw(&[byte]).await;
        }
    };
    let calling = async {
        let result = client.connect_get_lib_version().await;
        (result, start.elapsed())
    };
    let ((result, took), ()) = tokio::join!(calling, dripping);
    assert_eq!(result, Err(Error::Timeout { sent: true }));
    assert_eq!(took.as_secs(), DEADLINE.as_secs());
    let (version, _) = tokio::join!(
        client.connect_get_lib_version(),
        server.answer(LIB_VERSION, &VERSION)
    );
    assert_eq!(version, Ok(11_003_000));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_questions_holds_up_no_call() {
    const QUESTIONS: usize = 100_000;
    let (client, mut server) = pair(None);
    let flood = frame(PING, &[]).repeat(QUESTIONS);
    let (version, answered) = tokio::join!(client.connect_get_lib_version(), async {
        let request = server.expect(LIB_VERSION).await;
        server.raw(&flood).await;
        server.raw(&frame(reply(&request), &VERSION)).await;
        let mut answered = 0;
        while let Ok(Some(request)) = timeout(Duration::from_secs(1), server.next()).await {
            assert_eq!(request.header.procedure, PONG);
            answered += 1;
        }
        answered
    });
    assert_eq!(version, Ok(11_003_000));
    // One answer does for all questions that came since the last.
    assert!((1..=QUESTIONS).contains(&answered), "{answered}");
}

/// Calls of 60,000 bytes each: the first two fill all that lies between here and the server.
async fn calls_to_nobody(keepalive: Option<Keepalive>, count: usize) -> Vec<Error> {
    let (client, server) = pair(keepalive);
    let start = Instant::now();
    let xml = "x".repeat(60_000);
    let results = join_all((0..count).map(|_| client.domain_define_xml_flags(xml.as_str(), 0)));
    let results = results.await;
    assert!(start.elapsed() <= DEADLINE, "{:?}", start.elapsed());
    drop(server);
    results.into_iter().map(Result::unwrap_err).collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_reads_is_not_waited_for() {
    let errors = calls_to_nobody(None, 20).await;
    let timeout = |error: &Error| matches!(error, Error::Timeout { .. });
    assert!(errors.iter().all(timeout), "{errors:?}");
    let sent = errors.iter().filter(|error| error.outcome_unknown());
    // No more than the window can have gone out.
    assert!(sent.count() <= 4, "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_reads_is_found_out() {
    let keepalive = Keepalive {
        interval: Duration::from_secs(1),
        count: 1,
    };
    let reason = CloseReason::Keepalive;
    for error in calls_to_nobody(Some(keepalive), 20).await {
        assert!(
            matches!(&error, Error::Closed { reason: why, .. } if *why == reason),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_queue_behind_a_deaf_server_are_bounded() {
    let (client, server) = pair(None);
    let results = join_all((0..5000).map(|_| client.connect_get_lib_version())).await;
    let refused = results
        .iter()
        .filter(|result| matches!(result, Err(Error::Refused(Refused::QueueFull(_)))));
    let count = refused.count();
    assert!(
        (5000 - 4096 - 4..5000 - 4096 + 1).contains(&count),
        "{count}"
    );
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn events_are_read_while_a_call_is_waited_for() {
    let (client, mut server) = pair(None);
    let flood = async {
        let request = server.expect(LIB_VERSION).await;
        for _ in 0..10_000 {
            server.event(318, &[0; 44]).await;
        }
        server.reply(&request, &VERSION).await;
    };
    let (version, ()) = tokio::join!(client.connect_get_lib_version(), flood);
    assert_eq!(version, Ok(11_003_000));
}
