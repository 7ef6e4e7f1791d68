//! The window: how many calls are out, and which comes next.

use super::{GET_INFO, LIB_VERSION, Pair};
use crate::connection::Config;

const LOOKUP: i32 = 23;

fn procedures(pair: &mut Pair) -> Vec<i32> {
    pair.pump().iter().map(super::Request::procedure).collect()
}

#[test]
fn the_fourth_place_is_for_urgent_calls() {
    let mut pair = Pair::new();
    for _ in 0..5 {
        pair.call(GET_INFO);
    }
    assert_eq!(procedures(&mut pair), [GET_INFO; 3]);
    pair.urgent(LOOKUP);
    pair.urgent(LOOKUP);
    assert_eq!(procedures(&mut pair), [LOOKUP]);
    assert_eq!((pair.client.in_flight(), pair.client.queued()), (4, 3));
}

#[test]
fn urgent_calls_may_fill_the_window() {
    let mut pair = Pair::new();
    for _ in 0..5 {
        pair.urgent(LOOKUP);
    }
    pair.call(GET_INFO);
    assert_eq!(procedures(&mut pair), [LOOKUP; 4]);
}

#[test]
fn urgent_calls_go_first_and_each_kind_in_order() {
    let mut pair = Pair::with(Config {
        window: 1,
        keepalive: None,
        ..Config::default()
    });
    pair.call(GET_INFO);
    pair.call(LIB_VERSION);
    pair.urgent(LOOKUP);
    pair.urgent(LOOKUP + 1);
    for expected in [LOOKUP, LOOKUP + 1, GET_INFO, LIB_VERSION] {
        let requests = pair.pump();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].procedure(), expected);
        pair.reply(&requests[0], &[]);
    }
}

#[test]
fn an_abandoned_call_keeps_its_place_until_it_is_answered() {
    let mut pair = Pair::new();
    let ids = [(); 4].map(|()| pair.call(GET_INFO));
    let requests = pair.pump();
    pair.client.abandon(ids[0]);
    assert!(pair.pump().is_empty());
    pair.reply(&requests[0], &[]);
    assert_eq!(procedures(&mut pair), [GET_INFO]);
}

#[test]
fn no_place_need_be_kept() {
    let mut pair = Pair::with(Config {
        reserved: 0,
        keepalive: None,
        ..Config::default()
    });
    for _ in 0..5 {
        pair.call(GET_INFO);
    }
    assert_eq!(procedures(&mut pair), [GET_INFO; 4]);
}
