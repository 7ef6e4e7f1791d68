//! Calls, their replies, and what becomes of them when these do not come.

use super::server::{error, event};
use super::{CLOSE, GET_INFO, LIB_VERSION, OPEN, Pair, badly, plain, seconds, unexpected, well};
use crate::call::Call;
use crate::connection::{Config, Output};
use crate::error::{CallError, CloseReason, Refused, code};
use crate::frame::{Kind, Status};
use crate::program::REMOTE;

#[test]
fn replies_find_their_calls_in_any_order() {
    let mut pair = Pair::new();
    let ids = [16, 14, 157].map(|procedure| pair.call(procedure));
    let requests = pair.pump();
    for index in [2, 0, 1] {
        pair.reply(&requests[index], &[0, 0, 0, index as u8]);
    }
    assert_eq!(
        pair.told(),
        [2, 0, 1].map(|index| well(ids[index], &[0, 0, 0, index as u8]))
    );
    assert_eq!(pair.client.in_flight(), 0);
}

#[test]
fn an_error_reply_is_libvirts_whole_error() {
    let mut pair = Pair::new();
    pair.call(GET_INFO);
    let requests = pair.pump();
    let body = error(code::NO_DOMAIN, 12, "Domain not found");
    pair.deliver(&requests[0].error(), &body);
    let [Output::Reply { result, .. }] = &pair.told()[..] else {
        panic!("one reply");
    };
    let Err(CallError::Libvirt(error)) = result else {
        panic!("an error of libvirt");
    };
    assert!(error.not_found() && !error.exists() && !error.not_supported());
    assert_eq!((error.code, error.domain, error.level), (42, 12, 2));
    assert_eq!((error.int1, error.int2), (-1, -1));
    assert_eq!(error.to_string(), "Domain not found (libvirt error 42)");
}

#[test]
fn an_unknown_procedure_is_not_supported() {
    for (domain, expected) in [
        (7, code::NO_SUPPORT),
        (13, code::NO_SUPPORT),
        (10, code::RPC),
    ] {
        let body = error(code::RPC, domain, "unknown procedure: 999");
        let error = crate::LibvirtError::from_body(&body).unwrap();
        assert_eq!(error.code, expected);
    }
}

#[test]
fn an_error_that_cannot_be_read_fails_its_call_alone() {
    let mut pair = Pair::new();
    pair.call(GET_INFO);
    let requests = pair.pump();
    pair.deliver(&requests[0].error(), &[0, 0]);
    let told = pair.told();
    let [Output::Reply { result, .. }] = &told[..] else {
        panic!("one reply");
    };
    assert!(matches!(result, Err(CallError::Malformed(_))));
    assert_eq!(pair.client.closed(), None);
}

#[test]
fn serials_wrap_around_and_pass_over_those_in_use() {
    let mut pair = Pair::with(Config {
        first_serial: u32::MAX,
        keepalive: None,
        ..Config::default()
    });
    pair.call(GET_INFO);
    pair.call(GET_INFO);
    let serials: Vec<u32> = pair
        .pump()
        .iter()
        .map(|request| request.header.serial)
        .collect();
    assert_eq!(serials, [u32::MAX, 0]);
}

#[test]
fn a_reply_to_no_call_ends_the_connection() {
    let mut pair = Pair::new();
    let id = pair.call(GET_INFO);
    let mut request = pair.pump().remove(0);
    request.header.serial += 1;
    pair.reply(&request, &[]);
    let reason = CloseReason::Unexpected("a reply to no call");
    let sent = true;
    let closed = CallError::Closed { reason, sent };
    assert!(closed.outcome_unknown());
    assert_eq!(
        pair.told(),
        [badly(id, closed), unexpected("a reply to no call")]
    );
}

#[test]
fn a_reply_of_another_procedure_ends_the_connection() {
    let mut pair = Pair::new();
    pair.call(GET_INFO);
    let mut request = pair.pump().remove(0);
    request.header.procedure = LIB_VERSION;
    pair.reply(&request, &[]);
    assert_eq!(pair.told().last(), Some(&unexpected("a reply to no call")));
}

#[test]
fn frames_that_only_a_client_sends_end_the_connection() {
    for (kind, what) in [
        (Kind::Call, "a call"),
        (Kind::CallWithFds, "a call"),
        (
            Kind::ReplyWithFds,
            "a reply without the number of its file descriptors",
        ),
    ] {
        let mut pair = Pair::new();
        pair.call(GET_INFO);
        let request = pair.pump().remove(0);
        pair.deliver(&request.with(kind, Status::Ok), &[]);
        assert_eq!(pair.told().last(), Some(&unexpected(what)));
    }
}

#[test]
fn a_reply_that_goes_on_still_ends_its_call() {
    let mut pair = Pair::new();
    pair.call(GET_INFO);
    let request = pair.pump().remove(0);
    pair.deliver(&request.with(Kind::Reply, Status::Continue), &[]);
    assert_eq!(pair.told().len(), 2);
}

#[test]
fn a_deadline_tells_whether_the_call_went_out() {
    let mut pair = Pair::new();
    let sent = pair
        .client
        .call(plain(GET_INFO).deadline(seconds(3)))
        .unwrap();
    let request = pair.pump().remove(0);
    let unsent = pair
        .client
        .call(plain(GET_INFO).deadline(seconds(2)))
        .unwrap();
    assert_eq!(pair.wake(), seconds(2));
    assert_eq!(
        pair.told(),
        [badly(unsent, CallError::Timeout { sent: false })]
    );
    assert_eq!(pair.wake(), seconds(3));
    assert_eq!(
        pair.told(),
        [badly(sent, CallError::Timeout { sent: true })]
    );
    assert_eq!(pair.client.poll_timeout(), None);
    // The late reply is for nobody, and gives its place back.
    assert_eq!(pair.client.in_flight(), 1);
    pair.reply(&request, &[]);
    assert_eq!((pair.told(), pair.client.in_flight()), (vec![], 0));
    assert!(pair.pump().is_empty());
}

#[test]
fn a_reply_in_time_takes_its_deadline_away() {
    let mut pair = Pair::new();
    pair.client
        .call(plain(GET_INFO).deadline(seconds(3)))
        .unwrap();
    let request = pair.pump().remove(0);
    pair.reply(&request, &[]);
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn an_abandoned_call_is_never_sent_or_never_told() {
    let mut pair = Pair::new();
    let sent = pair.call(GET_INFO);
    let request = pair.pump().remove(0);
    let unsent = pair.call(LIB_VERSION);
    pair.client.abandon(sent);
    pair.client.abandon(unsent);
    assert!(pair.pump().is_empty());
    pair.reply(&request, &[]);
    assert_eq!(pair.told(), []);
}

#[test]
fn the_end_of_the_connection_ends_every_call() {
    let mut pair = Pair::new();
    let sent = pair.call(GET_INFO);
    pair.pump();
    let unsent = pair.call(LIB_VERSION);
    pair.client.handle_eof();
    let reason = CloseReason::Eof;
    let closed = |sent| CallError::Closed {
        reason: reason.clone(),
        sent,
    };
    assert_eq!(
        pair.told(),
        [
            badly(sent, closed(true)),
            badly(unsent, closed(false)),
            Output::Closed(CloseReason::Eof)
        ]
    );
    let refused = pair.client.call(plain(GET_INFO)).unwrap_err();
    assert_eq!(refused, Refused::Closed(CloseReason::Eof));
    assert_eq!(pair.client.poll_timeout(), None);
    assert!(pair.pump().is_empty());
}

#[test]
fn open_goes_alone_and_once() {
    let mut pair = Pair::new();
    let features = pair.urgent(60);
    let open = pair.call(OPEN);
    let after = pair.urgent(GET_INFO);
    assert_eq!(
        pair.client.call(plain(OPEN)).unwrap_err(),
        Refused::AlreadyOpened
    );
    for expected in [60, OPEN, GET_INFO] {
        let requests = pair.pump();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].procedure(), expected);
        pair.reply(&requests[0], &[]);
    }
    assert_eq!(pair.told(), [features, open, after].map(|id| well(id, &[])));
}

#[test]
fn close_waits_for_the_calls_before_it_and_lets_none_after() {
    let mut pair = Pair::new();
    pair.call(GET_INFO);
    pair.call(CLOSE);
    assert_eq!(
        pair.client.call(plain(GET_INFO)).unwrap_err(),
        Refused::Closing
    );
    let requests = pair.pump();
    assert_eq!(requests.len(), 1);
    pair.reply(&requests[0], &[]);
    assert_eq!(pair.pump()[0].procedure(), CLOSE);
}

#[test]
fn the_end_after_close_is_what_was_asked_for() {
    for answered in [false, true] {
        let mut pair = Pair::new();
        pair.call(CLOSE);
        let close = pair.pump().remove(0);
        if answered {
            pair.reply(&close, &[]);
        }
        pair.client.handle_eof();
        let reason = if answered {
            CloseReason::Local
        } else {
            CloseReason::Eof
        };
        assert_eq!(pair.told().last(), Some(&Output::Closed(reason)));
    }
}

#[test]
fn too_many_and_too_large_calls_are_refused() {
    let mut pair = Pair::with(Config {
        queue: 1,
        keepalive: None,
        ..Config::default()
    });
    pair.call(GET_INFO);
    assert_eq!(
        pair.client.call(plain(GET_INFO)).unwrap_err(),
        Refused::QueueFull(1)
    );
    pair.pump();
    let huge = Call::new(REMOTE, 1, GET_INFO, &vec_of(33_554_409)).unwrap();
    assert_eq!(
        pair.client.call(huge).unwrap_err(),
        Refused::TooLarge(33_554_409)
    );
    let large = Call::new(REMOTE, 1, GET_INFO, &vec_of(33_554_408)).unwrap();
    assert!(pair.client.call(large).is_ok());
}

struct Raw(Vec<u8>);

impl drover_xdr::Encode for Raw {
    fn encode(&self, out: &mut drover_xdr::Encoder) -> Result<(), drover_xdr::Error> {
        out.raw(&self.0);
        Ok(())
    }
}

fn vec_of(length: usize) -> Raw {
    Raw(vec![0; length])
}

#[test]
fn an_event_with_the_serial_of_a_call_is_no_reply() {
    let mut pair = Pair::new();
    let id = pair.call(GET_INFO);
    let request = pair.pump().remove(0);
    assert_eq!(request.header.serial, 1);
    pair.deliver(&event(REMOTE, 318), &[0, 0, 0, 0]);
    pair.reply(&request, &[]);
    assert_eq!(pair.told(), [well(id, &[])]);
}
