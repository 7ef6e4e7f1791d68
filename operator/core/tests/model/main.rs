//! A small world with everything that can go wrong in it, explored breadth first with the real core:
//! three hosts, two machines, an API server that is read late, operators that lose the lead, calls
//! that nobody knows the outcome of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bugs;
mod explore;
mod facts;
mod hash;
mod invariants;
mod operator;
mod seeds;
mod state;
mod tell;
mod world;

use std::time::Duration;

use explore::{Limit, explore};
use world::{Budget, World};

#[test]
fn the_near_states_are_sound() {
    let mut world = World::new(
        None,
        Budget {
            faults: 2,
            edits: 1,
        },
    );
    let limit = Limit {
        states: 30_000,
        time: Duration::from_secs(60),
    };
    let report = explore(&mut world, limit);
    report.print("near");
    assert!(report.found.is_none());
}

// A longer way, or a shorter one, for whoever looks for something.
#[allow(clippy::disallowed_methods)]
fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

// cargo test --release -p drover-core --test model -- --ignored --nocapture
#[test]
#[ignore = "it takes minutes and gigabytes"]
fn a_million_states_are_sound() {
    let budget = Budget {
        faults: u8::try_from(setting("MODEL_FAULTS", 4)).unwrap(),
        edits: u8::try_from(setting("MODEL_EDITS", 3)).unwrap(),
    };
    let limit = Limit {
        states: setting("MODEL_STATES", 12_000_000),
        time: Duration::from_secs(170),
    };
    let report = explore(&mut World::new(None, budget), limit);
    report.print(&format!("far, {budget:?}"));
    assert!(report.found.is_none());
    assert!(
        report.complete || report.states >= 1_000_000,
        "{}",
        report.states
    );
}
