//! The right frames at the wrong moment.

use std::time::Duration;

use drover_rpc_proto::CloseReason;
use tokio::time::timeout;

use super::{LIB_VERSION, VERSION, frame, pair, reply};
use crate::subscription::Notice;

const REGISTER: i32 = 316;
const DEREGISTER: i32 = 317;
const LIFECYCLE: u32 = 318;

fn lifecycle(callback: u8) -> Vec<u8> {
    let mut event = vec![0, 0, 0, callback, 0, 0, 0, 1, b'a', 0, 0, 0];
    event.extend_from_slice(&[7; 16]);
    event.extend_from_slice(&[0; 12]);
    frame([0x2000_8086, 1, LIFECYCLE, 2, 1, 0], &event)
}

#[tokio::test(start_paused = true)]
async fn events_before_the_reply_to_their_registration_are_heard() {
    let (client, mut server) = pair(None);
    let (events, ()) = tokio::join!(client.subscribe_domain(0, None), async {
        let request = server.expect(REGISTER).await;
        // Two of this registration, one of another that does not exist.
        let mut bytes = [lifecycle(5), lifecycle(6), lifecycle(5)].concat();
        bytes.extend(frame(reply(&request), &[0, 0, 0, 5]));
        server.raw(&bytes).await;
    });
    let mut events = events.unwrap();
    for _ in 0..2 {
        let notice = events.next().await;
        assert!(matches!(notice, Some(Notice::Event(_))), "{notice:?}");
    }
    let more = timeout(Duration::from_secs(1), events.next()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_after_the_end_of_its_registration_is_passed_over() {
    let (client, mut server) = pair(None);
    let (events, _) = tokio::join!(
        client.subscribe_domain(0, None),
        server.answer(REGISTER, &[0, 0, 0, 5])
    );
    drop(events);
    server.answer(DEREGISTER, &[]).await;
    server.raw(&lifecycle(5)).await;
    let (version, _) = tokio::join!(
        client.connect_get_lib_version(),
        server.answer(LIB_VERSION, &VERSION)
    );
    assert_eq!(version, Ok(11_003_000));
}

#[tokio::test(start_paused = true)]
async fn a_reply_after_its_call_was_given_up_is_eaten_once() {
    let (client, mut server) = pair(None);
    let mut call = Box::pin(client.connect_get_lib_version());
    let request = tokio::select! {
        result = &mut call => panic!("{result:?}"),
        request = server.expect(LIB_VERSION) => request,
    };
    drop(call);
    server.raw(&frame(reply(&request), &[9])).await;
    let (version, _) = tokio::join!(
        client.connect_get_lib_version(),
        server.answer(LIB_VERSION, &VERSION)
    );
    assert_eq!(version, Ok(11_003_000));
    // The second time it is a reply to no call.
    server.raw(&frame(reply(&request), &VERSION)).await;
    assert_eq!(
        client.closed().await,
        CloseReason::Unexpected("a reply to no call")
    );
}

#[tokio::test(start_paused = true)]
async fn bytes_of_a_stream_for_a_call_without_one_do_no_harm() {
    let (client, mut server) = pair(None);
    let (version, ()) = tokio::join!(client.connect_get_lib_version(), async {
        let request = server.expect(LIB_VERSION).await;
        let mut words = reply(&request);
        words[3] = 3;
        words[5] = 2;
        let mut bytes = frame(words, b"bytes");
        words[5] = 0;
        bytes.extend(frame(words, &[]));
        bytes.extend(frame(reply(&request), &VERSION));
        server.raw(&bytes).await;
    });
    assert_eq!(version, Ok(11_003_000));
    assert!(!client.is_closed());
}
