//! Events find their registrations, whatever comes first.

use super::server::event;
use super::{GET_INFO, Pair, Request, badly, plain, seconds, well};
use crate::call::CallId;
use crate::connection::Output;
use crate::error::CallError;
use crate::event::RawEvent;
use crate::program::{QEMU, REMOTE};

const REGISTER: i32 = 316;
const DEREGISTER: i32 = 317;
const LIFECYCLE: i32 = 318;
const POOL_REGISTER: i32 = 368;
const POOL_LIFECYCLE: i32 = 370;

fn body(callback: i32) -> Vec<u8> {
    callback.to_be_bytes().to_vec()
}

fn told(registration: CallId, callback: i32) -> Output {
    told_of(registration, LIFECYCLE, callback)
}

fn told_of(registration: CallId, procedure: i32, callback: i32) -> Output {
    Output::Event {
        registration: Some(registration),
        event: RawEvent {
            program: REMOTE,
            procedure,
            body: body(callback),
        },
    }
}

fn register(pair: &mut Pair, procedure: i32) -> (CallId, Request) {
    let id = pair.urgent(procedure);
    (id, pair.pump().remove(0))
}

#[test]
fn an_event_before_the_reply_to_its_registration_is_told_after_it() {
    let mut pair = Pair::new();
    let (id, request) = register(&mut pair, REGISTER);
    pair.deliver(&event(REMOTE, LIFECYCLE), &body(3));
    pair.deliver(&event(REMOTE, LIFECYCLE), &body(4));
    assert_eq!(pair.told(), []);
    pair.reply(&request, &body(3));
    assert_eq!(pair.told(), [well(id, &body(3)), told(id, 3)]);
    pair.deliver(&event(REMOTE, LIFECYCLE), &body(4));
    pair.deliver(&event(REMOTE, LIFECYCLE), &body(3));
    assert_eq!(pair.told(), [told(id, 3)]);
}

#[test]
fn numbers_of_different_classes_are_different() {
    let mut pair = Pair::new();
    let (domains, of_domains) = register(&mut pair, REGISTER);
    let (pools, of_pools) = register(&mut pair, POOL_REGISTER);
    pair.reply(&of_domains, &body(0));
    pair.reply(&of_pools, &body(0));
    pair.told();
    pair.deliver(&event(REMOTE, POOL_LIFECYCLE), &body(0));
    pair.deliver(&event(REMOTE, LIFECYCLE), &body(0));
    assert_eq!(
        pair.told(),
        [told_of(pools, POOL_LIFECYCLE, 0), told(domains, 0)]
    );
}

#[test]
fn events_wait_while_any_registration_of_their_class_is_under_way() {
    let mut pair = Pair::new();
    let (first, request) = register(&mut pair, REGISTER);
    let (second, other) = register(&mut pair, REGISTER);
    pair.deliver(&event(REMOTE, LIFECYCLE), &body(8));
    pair.reply(&request, &body(7));
    assert_eq!(pair.told(), [well(first, &body(7))]);
    pair.reply(&other, &body(8));
    assert_eq!(pair.told(), [well(second, &body(8)), told(second, 8)]);
}

#[test]
fn after_a_deregistration_nothing_is_told() {
    let mut pair = Pair::new();
    let (id, request) = register(&mut pair, REGISTER);
    pair.reply(&request, &body(3));
    pair.told();
    let end = pair.client.deregister(id, None).unwrap();
    let request = pair.pump().remove(0);
    assert_eq!((request.procedure(), &request.body), (DEREGISTER, &body(3)));
    pair.reply(&request, &[]);
    pair.deliver(&event(REMOTE, LIFECYCLE), &body(3));
    assert_eq!(pair.told(), [well(end, &[])]);
    assert_eq!(pair.client.deregister(id, None), None);
}

#[test]
fn a_registration_that_nobody_waits_for_is_taken_back() {
    let mut pair = Pair::new();
    let id = pair
        .client
        .call(plain(REGISTER).urgent(true).deadline(seconds(1)))
        .unwrap();
    let request = pair.pump().remove(0);
    pair.wake();
    assert_eq!(pair.told(), [badly(id, CallError::Timeout { sent: true })]);
    pair.reply(&request, &body(3));
    let request = pair.pump().remove(0);
    assert_eq!((request.procedure(), &request.body), (DEREGISTER, &body(3)));
    pair.reply(&request, &[]);
    assert_eq!(pair.told(), []);
}

#[test]
fn events_that_wait_are_bounded_and_the_loss_is_told() {
    let mut pair = Pair::new();
    let (id, request) = register(&mut pair, REGISTER);
    for _ in 0..5000 {
        pair.deliver(&event(REMOTE, LIFECYCLE), &body(3));
    }
    pair.reply(&request, &body(3));
    let told = pair.told();
    assert_eq!(told.len(), 1 + 4096 + 1);
    assert_eq!(told.last(), Some(&Output::EventsLost(id)));
}

#[test]
fn events_of_qemu_and_events_without_a_number() {
    let mut pair = Pair::new();
    let call = crate::Call::new(QEMU, 1, 4, &()).unwrap();
    let id = pair.client.call(call).unwrap();
    let request = pair.pump().remove(0);
    pair.reply(&request, &body(9));
    pair.told();
    pair.deliver(&event(QEMU, 6), &body(9));
    pair.deliver(&event(REMOTE, 362), &body(0));
    let registrations: Vec<_> = pair
        .told()
        .into_iter()
        .map(|output| match output {
            Output::Event { registration, .. } => registration,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(registrations, [Some(id), None]);
}

#[test]
fn every_event_of_the_tables_is_addressed() {
    use crate::event::{Addressing, addressing};
    use crate::procedure::Kind;
    for (program, table) in [(REMOTE, crate::remote::TABLE), (QEMU, crate::qemu::TABLE)] {
        for row in table {
            let known = addressing(program, row.number) != Addressing::Unknown;
            assert_eq!(known, row.kind == Kind::Event, "{}", row.name);
        }
    }
}

#[test]
fn unknown_events_are_passed_over_and_unknown_programs_are_not() {
    let mut pair = Pair::new();
    pair.call(GET_INFO);
    pair.deliver(&event(REMOTE, 999), &[]);
    pair.deliver(&event(REMOTE, LIFECYCLE), &[0]);
    assert_eq!(pair.told(), []);
    pair.deliver(&event(0x1234, 1), &[]);
    assert_eq!(
        pair.told().last(),
        Some(&super::unexpected("an event of an unknown program"))
    );
}
