//! Signs of life.

use super::{GET_INFO, Pair, seconds};
use crate::connection::{Config, Output};
use crate::error::CloseReason;
use crate::frame::{Header, Kind, Status};
use crate::program::{KEEPALIVE, PING, PONG};

fn sign(procedure: i32) -> Header {
    Header {
        program: KEEPALIVE,
        version: 1,
        procedure,
        kind: Kind::Message,
        serial: 0,
        status: Status::Ok,
    }
}

#[test]
fn a_ping_is_answered_before_anything_else_goes_out() {
    let mut pair = Pair::new();
    pair.call(GET_INFO);
    pair.deliver(&sign(PING), &[]);
    let requests = pair.pump();
    assert_eq!(requests[0].header, sign(PONG));
    assert_eq!(requests[1].procedure(), GET_INFO);
    assert!(pair.pump().is_empty());
}

#[test]
fn a_flood_of_pings_takes_no_memory() {
    let mut pair = Pair::new();
    for _ in 0..1000 {
        pair.deliver(&sign(PING), &[]);
    }
    assert_eq!(pair.pump().len(), 1);
}

#[test]
fn a_silent_server_is_asked_and_then_given_up() {
    let mut pair = Pair::with(Config::default());
    for asked in 1..=5 {
        assert_eq!(pair.wake(), seconds(5 * asked));
        assert_eq!(pair.pump()[0].header, sign(PING));
    }
    assert_eq!(pair.wake(), seconds(30));
    assert_eq!(pair.told(), [Output::Closed(CloseReason::Keepalive)]);
}

#[test]
fn anything_that_comes_is_a_sign_of_life() {
    let mut pair = Pair::with(Config::default());
    for _ in 0..5 {
        pair.wake();
    }
    pair.now = seconds(28);
    // Not even a whole frame.
    pair.client.handle_input(pair.now, &[0]);
    assert_eq!(pair.client.poll_timeout(), Some(seconds(33)));
    pair.wake();
    assert_eq!(pair.told(), []);
}

#[test]
fn without_keepalive_there_is_no_timer() {
    let pair = Pair::new();
    assert_eq!(pair.client.poll_timeout(), None);
}
