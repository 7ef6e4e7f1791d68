//! Machines that wait for a place, in a small world that is explored breadth first with the real core: two
//! hosts that grow, shrink, are cordoned, come and go; machines of different sizes and priorities that have
//! to be apart, near one another or placed together, that give their places up, or stop others.
//!
//! What is real: `Fleet` and its events, `could_help`, `Waiting`, `schedule`, `schedule_group`, `preempt`,
//! `claim`. What is the model's own is what an operator does around them, and what it has to do for all this
//! to hold:
//!
//! - One placement at a time, from what was asked of the fleet to the last write of it; or, for a machine by
//!   itself, until its place counts in the fleet: it is written while others have their turn, and until then
//!   it is not told to stop. Each write names the version of the object that it was decided on; that a
//!   machine gives its place up, or makes room, too.
//! - The fleet is brought in step with the caches when it is asked something, and those that wait are told
//!   of what has happened before whoever asks is put among them.
//! - It is brought in step as well when a place has been written, when a machine that is looked at counts
//!   otherwise than the fleet has it, when one is gone, and when a host is looked at.
//! - That a machine may be stopped again is news like any other.
//! - Who takes the lead writes to every machine that is not bound, has given its place up, or makes room
//!   before it places anything, so that what the operator before it has decided comes too late.
//!
//! What the model of `tests/model` covers is left out: domains on hosts, and writes of which nobody knows
//! the outcome. Time is not modelled, nor who of those that wait for their turn has it first.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bugs;
#[path = "../model/explore.rs"]
mod explore;
mod facts;
#[path = "../model/hash.rs"]
mod hash;
mod index;
mod invariants;
mod key;
mod operator;
mod scenario;
mod state;
mod tell;
mod walk;
mod world;
mod writes;

use std::time::Duration;

use explore::{Limit, explore};
use world::{Budget, World};

#[test]
fn the_near_states_are_sound() {
    let mut world = World::new(
        None,
        Budget {
            faults: 1,
            edits: 2,
        },
    );
    let limit = Limit {
        states: 40_000,
        time: Duration::from_secs(60),
    };
    let report = explore(&mut world, limit);
    report.print("near");
    assert!(report.found.is_none());
}

// With so many faults and edits: the most that a key has room for.
fn far_ways(ways: u64) {
    for scenario in 0..u8::try_from(scenario::ALL.len()).unwrap() {
        let mut world = World::new(
            None,
            Budget {
                faults: 3,
                edits: 7,
            },
        );
        world.scenario = Some(scenario);
        let wrong = walk::walk(&mut world, ways, 120);
        assert!(wrong.is_none(), "{}", wrong.unwrap());
        let name = scenario::ALL[usize::from(scenario)].name;
        println!("{name}: {} states that end well", world.sound.len());
    }
}

#[test]
fn some_far_ways_are_sound() {
    far_ways(60);
}

#[test]
#[ignore = "it takes minutes"]
fn many_far_ways_are_sound() {
    far_ways(1_500);
}

// cargo test --release -p drover-core --test queue -- --ignored --nocapture
#[test]
#[ignore = "it takes minutes and some gigabytes"]
fn a_million_states_are_sound() {
    for scenario in 0..u8::try_from(scenario::ALL.len()).unwrap() {
        let mut world = World::new(
            None,
            Budget {
                faults: 1,
                edits: 3,
            },
        );
        world.scenario = Some(scenario);
        let limit = Limit {
            states: 1_000_000,
            time: Duration::from_secs(600),
        };
        let report = explore(&mut world, limit);
        let name = scenario::ALL[usize::from(scenario)].name;
        report.print(&format!("far, {name}"));
        assert!(report.found.is_none());
        let enough = report.complete || report.states >= 1_000_000;
        assert!(enough, "{}", report.states);
    }
}
