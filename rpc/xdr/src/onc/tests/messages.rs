//! Messages, and both sides without I/O.

use core::time::Duration;
use std::vec;

use proptest::prelude::*;

use super::*;
use crate::onc::{AuthSys, Failure, Flavor, Retransmission};
use crate::{Problem, from_bytes};

const STATES: [Result<(), Refusal>; 8] = [
    Ok(()),
    Err(Refusal::ProgramUnavailable),
    Err(Refusal::ProgramMismatch { low: 2, high: 4 }),
    Err(Refusal::ProcedureUnavailable),
    Err(Refusal::GarbageArguments),
    Err(Refusal::SystemError),
    Err(Refusal::RpcMismatch { low: 2, high: 2 }),
    Err(Refusal::Auth(AuthStatus::TOO_WEAK)),
];

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn answer(service: &Service, call: &Call, args: &[u8]) -> (Reply, Vec<u8>) {
    let mut message = to_bytes(call).unwrap();
    message.extend_from_slice(args);
    let answer = service.answer(&message).unwrap();
    let mut input = Decoder::new(&answer);
    let reply = Reply::decode(&mut input).unwrap();
    assert_eq!(reply.xid, call.xid);
    (reply, input.remaining().to_vec())
}

#[test]
fn the_words_of_a_call() {
    let expected = words(&[7, 0, 2, 0x2000_0001, 3, 1, 0, 0, 0, 0]);
    assert_eq!(to_bytes(&call()), Ok(expected.clone()));
    assert_eq!(from_bytes(&expected), Ok(call()));
}

#[test]
fn the_words_of_every_reply() {
    let expected: [&[u32]; 8] = [
        &[7, 1, 0, 0, 0, 0],
        &[7, 1, 0, 0, 0, 1],
        &[7, 1, 0, 0, 0, 2, 2, 4],
        &[7, 1, 0, 0, 0, 3],
        &[7, 1, 0, 0, 0, 4],
        &[7, 1, 0, 0, 0, 5],
        &[7, 1, 1, 0, 2, 2],
        &[7, 1, 1, 1, 5],
    ];
    for (outcome, expected) in STATES.into_iter().zip(expected) {
        let reply = Reply {
            xid: 7,
            verifier: OpaqueAuth::none(),
            outcome,
        };
        assert_eq!(to_bytes(&reply), Ok(words(expected)), "{outcome:?}");
        assert_eq!(from_bytes(&words(expected)), Ok(reply));
    }
}

#[test]
fn a_reply_of_no_known_state_is_none() {
    for (message, field) in [
        (&[7, 2][..], "msg_type"),
        (&[7, 0, 2, 1, 1, 1, 0, 0, 0, 0], "msg_type"),
        (&[7, 1, 2], "reply_stat"),
        (&[7, 1, 0, 0, 0, 6], "accept_stat"),
        (&[7, 1, 1, 2], "reject_stat"),
    ] {
        let error = from_bytes::<Reply>(&words(message)).unwrap_err();
        assert_eq!(error.path(), field);
        assert!(matches!(error.problem(), Problem::Discriminant(_)));
    }
}

#[test]
fn who_calls_is_bounded() {
    let mut who = AuthSys {
        stamp: 1,
        machine: "box".into(),
        uid: 1000,
        gid: 100,
        gids: vec![4; 16],
    };
    let auth = OpaqueAuth::sys(&who).unwrap();
    assert_eq!(auth.flavor, Flavor::SYS);
    assert_eq!(auth.as_sys(), Ok(Some(who.clone())));
    assert_eq!(OpaqueAuth::none().as_sys(), Ok(None));
    who.gids.push(5);
    assert_eq!(OpaqueAuth::sys(&who).unwrap_err().path(), "gids");
    let long = words(&[0, 401, 0]);
    assert_eq!(from_bytes::<OpaqueAuth>(&long).unwrap_err().path(), "body");
}

#[test]
fn the_service_answers_with_every_state() {
    let (service, args) = (adding(), words(&[2, 3]));
    let (reply, body) = answer(&service, &call(), &args);
    assert_eq!(reply.outcome, Ok(()));
    assert_eq!(body, b"\0\0\0\x015\0\0\0");
    type Change = fn(&mut Call);
    let changes: [(Change, Refusal); 5] = [
        (|call| call.program += 1, Refusal::ProgramUnavailable),
        (|call| call.version = 9, STATES[2].unwrap_err()),
        (|call| call.procedure = 2, Refusal::ProcedureUnavailable),
        (|call| call.rpc_version = 3, STATES[6].unwrap_err()),
        (
            |call| call.credential.flavor = Flavor(9),
            Refusal::Auth(AuthStatus::REJECTED_CREDENTIAL),
        ),
    ];
    for (change, refusal) in changes {
        let refusal = match refusal {
            Refusal::ProgramMismatch { .. } => Refusal::ProgramMismatch { low: 3, high: 3 },
            other => other,
        };
        let mut call = call();
        change(&mut call);
        assert_eq!(answer(&service, &call, &args).0.outcome, Err(refusal));
    }
    let garbage = answer(&service, &call(), &args[..5]).0;
    assert_eq!(garbage.outcome, Err(Refusal::GarbageArguments));
    let failed = answer(&service, &call(), &words(&[i32::MAX as u32, 1])).0;
    assert_eq!(failed.outcome, Err(Refusal::SystemError));
    // A sum of nine digits is longer than the reply may be.
    let long = answer(&service, &call(), &words(&[100_000_000, 1])).0;
    assert_eq!(long.outcome, Err(Refusal::SystemError));
}

#[test]
fn a_bad_credential_and_a_check_end_a_call() {
    let mut bad = call();
    bad.credential.flavor = Flavor::SYS;
    let refused = answer(&adding(), &bad, &[]).0.outcome;
    assert_eq!(refused, Err(Refusal::Auth(AuthStatus::BAD_CREDENTIAL)));
    let closed = adding().authenticated(|_| Err(AuthStatus::TOO_WEAK));
    assert_eq!(answer(&closed, &call(), &[]).0.outcome, STATES[7]);
}

#[test]
fn procedure_0_needs_no_handler() {
    let mut null = call();
    null.procedure = 0;
    let (reply, body) = answer(&adding(), &null, &[]);
    assert_eq!((reply.outcome, body.len()), (Ok(()), 0));
}

#[test]
fn strict_service_refuses_bytes_after_the_arguments() {
    let limits = Limits {
        mode: Mode::Strict,
        ..Limits::default()
    };
    let service = Service::new(limits).on::<Add>(|_, _| Ok("".into()));
    let refused = answer(&service, &call(), &words(&[1, 2, 3])).0;
    assert_eq!(refused.outcome, Err(Refusal::GarbageArguments));
    assert_eq!(
        answer(&adding(), &call(), &words(&[1, 2, 3])).0.outcome,
        Ok(())
    );
}

#[test]
fn what_is_no_call_has_no_answer() {
    let service = adding();
    for message in [&words(&[7, 1, 0, 0, 0, 0])[..], b"", &words(&[7, 0, 2])] {
        assert_eq!(service.answer(message), None);
    }
}

#[test]
fn answers_find_their_calls_in_any_order() {
    let (service, mut caller) = (adding(), Caller::new(u32::MAX, Limits::default()));
    let (first, one) = caller.call::<Add>(&(1, 1)).unwrap();
    let (second, two) = caller.call::<Add>(&(2, 2)).unwrap();
    assert_eq!((first.xid(), second.xid()), (u32::MAX, 0));
    let (one, two) = (service.answer(&one).unwrap(), service.answer(&two).unwrap());
    let later = caller.accept(&two).unwrap().unwrap();
    assert_eq!(second.read(&later).unwrap(), "4");
    // The same once more, as a datagram may come.
    assert_eq!(caller.accept(&two), Ok(None));
    let earlier = caller.accept(&one).unwrap().unwrap();
    assert_eq!(first.read(&earlier).unwrap(), "2");
    assert_eq!(caller.waiting(), 0);
}

#[test]
fn a_call_given_up_has_no_answer() {
    let (service, mut caller) = (adding(), Caller::new(1, Limits::default()));
    let (ticket, message) = caller.call::<Add>(&(1, 1)).unwrap();
    caller.give_up(ticket.xid());
    let late = service.answer(&message).unwrap();
    assert_eq!(caller.accept(&late), Ok(None));
    assert!(caller.accept(&message).is_err());
}

#[test]
fn a_reply_that_is_none_of_the_procedure_is_named() {
    let mut caller = Caller::new(1, Limits::default());
    let (ticket, _) = caller.call::<Add>(&(1, 1)).unwrap();
    let message = words(&[1, 1, 0, 0, 0, 0, 9]);
    let answer = caller.accept(&message).unwrap().unwrap();
    let Err(Failure::Malformed(error)) = ticket.read(&answer) else {
        panic!("a reply was read")
    };
    assert_eq!(error.path(), "ADD");
}

#[test]
fn waits_double_and_end() {
    let waits = |first, most, total| {
        let seconds = Duration::from_secs;
        let waits = Retransmission {
            first: seconds(first),
            most: seconds(most),
            total: seconds(total),
        };
        waits.waits().map(|wait| wait.as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(waits(1, 4, 15), [1, 2, 4, 4, 4]);
    assert_eq!(waits(9, 9, 3), [3]);
    assert_eq!(waits(1, 1, 0), [0; 0]);
}

proptest! {
    #[test]
    fn no_message_makes_either_side_panic(message: Vec<u8>, head in 0_usize..40) {
        let mut whole = to_bytes(&call()).unwrap();
        whole.truncate(head);
        whole.extend_from_slice(&message);
        for message in [&message, &whole] {
            let _ = adding().answer(message);
            let _ = Caller::new(7, Limits::default()).accept(message);
        }
    }
}

#[allow(dead_code)]
fn both_sides_can_go_to_another_thread() {
    fn sends<T: Send>() {}
    sends::<Service>();
    sends::<Caller>();
    sends::<Box<crate::onc::Ticket<Add>>>();
}
