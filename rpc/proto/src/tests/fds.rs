use super::server::{Request, error, frame};
use super::{LIB_VERSION, Pair, badly, plain, seconds, unexpected, well};
use crate::call::{Call, CallId};
use crate::connection::{Config, Output};
use crate::error::{CallError, CloseReason, LibvirtError, Refused};
use crate::frame::{Kind, Status};
use crate::qemu;
use crate::qemu::procedures::DomainMonitorCommandWithFiles;
use crate::remote::procedures::{DomainFdAssociate, DomainOpenGraphicsFd};
use crate::remote::{Domain, DomainFdAssociateArgs, DomainOpenGraphicsFdArgs};

fn unix() -> Pair {
    Pair::with(Config {
        keepalive: None,
        fds: true,
        ..Config::default()
    })
}

fn domain() -> Domain {
    Domain {
        name: "web".into(),
        uuid: [7; 16],
        id: 1,
    }
}

/// A call that takes so many descriptors.
fn associate(fds: usize) -> Call {
    let args = DomainFdAssociateArgs {
        dom: domain(),
        name: "disk".into(),
        flags: 0,
    };
    Call::with_fds::<DomainFdAssociate>(&args, fds).unwrap()
}

/// A call that answers with descriptors.
fn open_graphics() -> Call {
    let args = DomainOpenGraphicsFdArgs {
        dom: domain(),
        idx: 0,
        flags: 0,
    };
    Call::of::<DomainOpenGraphicsFd>(&args).unwrap()
}

/// A reply, and the bytes of so many descriptors.
fn reply(request: &Request, status: Status, body: &[u8], fds: u32) -> Vec<u8> {
    let mut whole = Vec::from(fds.to_be_bytes());
    whole.extend(body);
    let mut bytes = frame(&request.with(Kind::ReplyWithFds, status), &whole);
    bytes.resize(bytes.len() + fds as usize, 0);
    bytes
}

/// Delivers bytes as a unix socket does: the last `fds` bytes each carry a descriptor, no read goes
/// past one of them, and one ends at `split`.
fn deliver(pair: &mut Pair, bytes: &[u8], fds: usize, split: usize) {
    let plain = bytes.len() - fds;
    let mut start = 0;
    for end in 1..=bytes.len() {
        let carries = end > plain;
        if carries || end == split || end == bytes.len() {
            let read = &bytes[start..end];
            pair.client
                .handle_input_with_fds(pair.now, read, usize::from(carries));
            start = end;
        }
    }
}

/// A pair with a call under way that may be answered with descriptors.
fn asked() -> (Pair, CallId, Request) {
    let mut pair = unix();
    let call = pair.client.call(open_graphics()).unwrap();
    let request = pair.pump().remove(0);
    (pair, call, request)
}

#[test]
fn descriptors_follow_the_frame_of_their_call_and_nothing_comes_between() {
    let mut pair = unix();
    pair.call(LIB_VERSION);
    let with = pair.client.call(associate(3)).unwrap();
    pair.call(LIB_VERSION);
    let mut bytes = Vec::new();
    assert!(pair.client.transmit(&mut bytes));
    let frames = pair.server.read(&bytes);
    let kinds: Vec<Kind> = frames.iter().map(|frame| frame.header.kind).collect();
    assert_eq!(kinds, [Kind::Call, Kind::CallWithFds]);
    let body = &frames[1].body;
    assert_eq!(body[..4], [0, 0, 0, 3]);
    let args: DomainFdAssociateArgs = drover_xdr::from_bytes(&body[4..]).unwrap();
    assert_eq!(args.name, "disk");

    bytes.clear();
    assert!(!pair.client.transmit(&mut bytes));
    assert_eq!(pair.client.poll_fds(), Some(with));
    assert_eq!(pair.client.poll_fds(), None);
    assert!(pair.client.transmit(&mut bytes));
    assert_eq!(pair.server.read(&bytes).len(), 1);
    assert_eq!(pair.client.poll_fds(), None);
}

#[test]
fn a_call_without_descriptors_is_a_plain_one() {
    let mut pair = unix();
    pair.client.call(associate(0)).unwrap();
    let request = pair.pump().remove(0);
    assert_eq!(request.header.kind, Kind::Call);
    assert!(drover_xdr::from_bytes::<DomainFdAssociateArgs>(&request.body).is_ok());
    assert_eq!(pair.client.poll_fds(), None);
}

#[test]
fn as_many_as_the_protocol_allows_are_sent_and_no_more() {
    let mut pair = unix();
    let call = pair.client.call(associate(32)).unwrap();
    assert_eq!(
        pair.client.call(associate(33)),
        Err(Refused::TooManyFds(33))
    );
    assert_eq!(pair.pump().len(), 1);
    assert_eq!(pair.client.poll_fds(), Some(call));
}

#[test]
fn without_a_unix_socket_nothing_is_sent() {
    let mut pair = Pair::new();
    let command = qemu::DomainMonitorCommandWithFilesArgs {
        dom: domain(),
        cmd: "{}".into(),
        flags: 0,
    };
    let command = Call::with_fds::<DomainMonitorCommandWithFiles>(&command, 0).unwrap();
    for call in [associate(1), open_graphics(), command] {
        assert_eq!(pair.client.call(call), Err(Refused::NoFds));
    }
    assert!(pair.pump().is_empty());
}

#[test]
fn a_reply_with_descriptors_may_be_split_anywhere() {
    for fds in [0, 1, 2, 32_u8] {
        for split in 0..80 {
            let (mut pair, call, request) = asked();
            let bytes = reply(&request, Status::Ok, &[1, 2, 3, 4], fds.into());
            deliver(&mut pair, &bytes, fds.into(), split);
            let count = usize::from(fds);
            let mut expected = vec![well(call, &[1, 2, 3, 4])];
            if fds > 0 {
                expected.insert(0, Output::Fds { call, count });
            }
            assert_eq!(pair.told(), expected, "{fds} {split}");
            // What follows is read as before.
            let next = pair.call(LIB_VERSION);
            let request = pair.pump().remove(0);
            pair.reply(&request, &[9]);
            assert_eq!(pair.told(), [well(next, &[9])]);
        }
    }
}

#[test]
fn a_reply_is_not_told_before_its_last_descriptor() {
    let (mut pair, call, request) = asked();
    let bytes = reply(&request, Status::Ok, &[], 2);
    let (most, last) = bytes.split_at(bytes.len() - 1);
    deliver(&mut pair, most, 1, 0);
    assert_eq!(pair.told(), []);
    pair.client.handle_eof();
    let reason = CloseReason::Eof;
    let closed = CallError::Closed { reason, sent: true };
    assert_eq!(pair.told()[0], badly(call, closed));
    deliver(&mut pair, last, 1, 0);
    assert_eq!(pair.told(), []);
}

#[test]
fn an_error_may_come_with_descriptors() {
    let (mut pair, call, request) = asked();
    let body = error(42, 10, "no");
    let bytes = reply(&request, Status::Error, &body, 1);
    deliver(&mut pair, &bytes, 1, 0);
    let error = LibvirtError::from_body(&body).unwrap();
    let error = CallError::Libvirt(Box::new(error));
    let fds = Output::Fds { call, count: 1 };
    assert_eq!(pair.told(), [fds, badly(call, error)]);
}

#[test]
fn descriptors_for_a_call_that_was_given_up_are_told_to_be_closed() {
    let mut pair = unix();
    let call = open_graphics().deadline(seconds(1));
    let call = pair.client.call(call).unwrap();
    let request = pair.pump().remove(0);
    pair.wake();
    assert_eq!(
        pair.told(),
        [badly(call, CallError::Timeout { sent: true })]
    );
    deliver(&mut pair, &reply(&request, Status::Ok, &[], 1), 1, 0);
    assert_eq!(pair.told(), [Output::Fds { call, count: 1 }]);
    assert_eq!(pair.client.in_flight(), 0);
}

/// What ends the connection when `bytes` come, of which the last `fds` carry a descriptor each.
fn ends(fds: usize, make: impl Fn(&Request) -> Vec<u8>) -> Output {
    let (mut pair, _, request) = asked();
    let bytes = make(&request);
    deliver(&mut pair, &bytes, fds, 0);
    pair.told().pop().expect("an end")
}

#[test]
fn other_descriptors_than_announced_end_the_connection() {
    let unannounced = unexpected("file descriptors that were not announced");
    let fewer = unexpected("fewer file descriptors than announced");
    // Before any frame, in the middle of one, and after a plain reply.
    assert_eq!(ends(1, |_| vec![0]), unannounced);
    assert_eq!(
        ends(1, |request| reply(request, Status::Ok, &[], 0)),
        unannounced
    );
    assert_eq!(
        ends(2, |request| reply(request, Status::Ok, &[], 1)),
        unannounced
    );
    // The bytes are there, but not all of them carry one.
    assert_eq!(ends(0, |request| reply(request, Status::Ok, &[], 1)), fewer);
    assert_eq!(ends(2, |request| reply(request, Status::Ok, &[], 3)), fewer);
    assert_eq!(
        ends(0, |request| reply(request, Status::Ok, &[], 33)),
        unexpected("a reply with more than 32 file descriptors")
    );
}

#[test]
fn two_descriptors_to_a_byte_end_the_connection() {
    let (mut pair, _, request) = asked();
    let bytes = reply(&request, Status::Ok, &[], 1);
    pair.client.handle_input_with_fds(pair.now, &bytes, 2);
    let more = unexpected("more file descriptors than announced");
    assert_eq!(pair.told().pop(), Some(more));
}

#[test]
fn descriptors_on_another_transport_end_the_connection() {
    let mut pair = Pair::new();
    pair.client.call(plain(LIB_VERSION)).unwrap();
    let request = pair.pump().remove(0);
    let bytes = reply(&request, Status::Ok, &[], 1);
    pair.client.handle_input(pair.now, &bytes);
    let impossible = unexpected("file descriptors on a transport that cannot pass them");
    assert_eq!(pair.told().pop(), Some(impossible));
}
