//! Frames that are none, or none that should be.

use drover_rpc_proto::CloseReason;

use super::{VERSION, frame, meets, pair, reply};
use crate::error::Error;

const PROGRAM: usize = 0;
const RPC_VERSION: usize = 1;
const PROCEDURE: usize = 2;
const KIND: usize = 3;
const SERIAL: usize = 4;
const STATUS: usize = 5;

#[tokio::test(start_paused = true)]
async fn a_length_that_is_none_ends_the_connection_at_once() {
    for length in [0, 3, 27, (1 << 25) + 5, u32::MAX] {
        let (result, ended) = meets(|_| [&length.to_be_bytes()[..], &[0; 100]].concat()).await;
        let reason = ended.expect("an end");
        assert!(
            reason
                .to_string()
                .contains(&format!("a frame of {length} bytes")),
            "{reason}"
        );
        let sent = true;
        assert_eq!(result, Err(Error::Closed { reason, sent }));
    }
}

#[tokio::test(start_paused = true)]
async fn the_shortest_and_the_longest_frame_are_frames() {
    // Of the remote program, and of no event that is known: passed over.
    let event = |length: usize| frame([0x2000_8086, 1, 9999, 2, 1, 0], &vec![0; length - 28]);
    for length in [28, (1 << 25) + 4] {
        let (result, ended) = meets(|request| {
            let mut bytes = event(length);
            bytes.extend(frame(reply(request), &VERSION));
            bytes
        })
        .await;
        assert_eq!((result, ended), (Ok(11_003_000), None));
    }
}

/// What a reply with one word changed does.
async fn with_word(word: usize, value: u32) -> (Result<u64, Error>, Option<CloseReason>) {
    meets(|request| {
        let mut words = reply(request);
        words[word] = value;
        frame(words, &VERSION)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn an_unknown_word_in_a_header_ends_the_connection() {
    for (word, values) in [
        (PROGRAM, &[0, 7, 0x2000_8085, u32::MAX][..]),
        (RPC_VERSION, &[0, 2, u32::MAX]),
        (PROCEDURE, &[0, 1, 9999, u32::MAX]),
        // A call, a call with descriptors, and what does not exist.
        (KIND, &[0, 4, 7, 0x7fff_ffff, u32::MAX]),
        (SERIAL, &[0, 99, u32::MAX]),
        (STATUS, &[2, 3, u32::MAX]),
    ] {
        for value in values {
            let (result, ended) = with_word(word, *value).await;
            let reason = ended.unwrap_or_else(|| panic!("word {word} is {value}"));
            let sent = true;
            assert_eq!(result, Err(Error::Closed { reason, sent }));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_keepalive_frame_of_any_kind_is_no_reply() {
    for kind in 0..7 {
        for procedure in [0, 1, 2, 77, u32::MAX] {
            let (result, ended) = meets(|request| {
                let mut bytes = frame([0x6b65_6570, 1, procedure, kind, 1, 0], &[1, 2, 3]);
                bytes.extend(frame(reply(request), &VERSION));
                bytes
            })
            .await;
            assert_eq!((result, ended), (Ok(11_003_000), None));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_opened_is_passed_over() {
    for kind in [3, 6] {
        for status in 0..3 {
            let (result, ended) = meets(|request| {
                let mut words = reply(request);
                words[KIND] = kind;
                words[SERIAL] = 55;
                words[STATUS] = status;
                let mut bytes = frame(words, &[0; 12]);
                bytes.extend(frame(reply(request), &VERSION));
                bytes
            })
            .await;
            assert_eq!((result, ended), (Ok(11_003_000), None));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn descriptors_where_there_can_be_none_end_the_call() {
    let (result, ended) = meets(|request| {
        let mut words = reply(request);
        words[KIND] = 5;
        frame(words, &[&[0, 0, 0, 1], &VERSION[..]].concat())
    })
    .await;
    assert!(matches!(result, Err(Error::Closed { sent: true, .. })));
    assert!(ended.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_short_fails_its_call_alone() {
    for length in 0..VERSION.len() {
        let (result, ended) = meets(|request| frame(reply(request), &VERSION[..length])).await;
        assert!(matches!(result, Err(Error::Answer(_))), "{result:?}");
        assert_eq!(ended, None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_cut_anywhere_fails_its_call_alone() {
    let whole = super::super::server::error(42, "Domain not found");
    for length in 0..=whole.len() {
        let (result, ended) = meets(|request| {
            let mut words = reply(request);
            words[STATUS] = 1;
            frame(words, &whole[..length])
        })
        .await;
        let error = result.unwrap_err();
        let read = length == whole.len();
        assert_eq!(error.code(), read.then_some(42), "{error:?}");
        assert!(read || matches!(error, Error::Answer(_)), "{error:?}");
        assert_eq!(ended, None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_with_the_number_zero_is_an_error() {
    let (result, _) = meets(|request| {
        let mut words = reply(request);
        words[STATUS] = 1;
        frame(words, &super::super::server::error(0, ""))
    })
    .await;
    assert_eq!(result.unwrap_err().code(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn one_reply_twice_answers_once_and_ends_the_connection() {
    let (client, mut server) = pair(None);
    let (result, request) = tokio::join!(client.connect_get_lib_version(), async {
        let request = server.expect(super::LIB_VERSION).await;
        let mut bytes = frame(reply(&request), &VERSION);
        bytes.extend(frame(reply(&request), &[0; 8]));
        server.raw(&bytes).await;
        request
    });
    assert_eq!(result, Ok(11_003_000));
    let reason = client.closed().await;
    assert_eq!(reason, CloseReason::Unexpected("a reply to no call"));
    drop(request);
    let sent = false;
    assert_eq!(
        client.connect_get_lib_version().await,
        Err(Error::Closed { reason, sent })
    );
}
