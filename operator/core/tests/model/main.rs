//! A small world with everything that can go wrong in it, explored breadth first with the real core:
//! three hosts, two machines, an API server that is read late, operators that lose the lead, calls of
//! which nobody knows the outcome.
//!
//! What is real: `placement`, `plan`, `schedule`, and `foresee::after` for what a step does. What is
//! the model's own is what an operator does around them, and what it has to do for all this to hold:
//!
//! - A binding names the version of the object that it was decided on. If nobody knows whether it was
//!   written, the same object is written once more before anything else is placed or done to it.
//! - Who takes the lead writes to every machine that does not run where it is bound before it places
//!   anything, so that bindings of the operator before it come too late.
//! - A copy on a host where the machine is not bound is looked at anew before it counts, and counts as
//!   promised though it is off.
//! - An operator hangs up on a call that is late: no second one for the same machine waits behind it.
//!   While a removal of a volume may still take effect nothing is made in its place.
//!
//! Time is not modelled: no crash loops, no grace period, no guest that is slow to agree.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod action;
mod bugs;
mod explore;
mod facts;
mod hash;
mod invariants;
mod operator;
mod seeds;
mod state;
mod tell;
mod volume;
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

// A longer way, for whoever looks for something: so many faults and edits at most.
#[allow(clippy::disallowed_methods)]
fn budgets() -> Vec<Budget> {
    let number = |name| std::env::var(name).ok()?.parse().ok();
    match (number("MODEL_FAULTS"), number("MODEL_EDITS")) {
        (Some(faults), Some(edits)) => vec![Budget { faults, edits }],
        _ => [(3, 2), (4, 1)]
            .map(|(faults, edits)| Budget { faults, edits })
            .to_vec(),
    }
}

// cargo test --release -p drover-core --test model -- --ignored --nocapture
#[test]
#[ignore = "it takes a minute and some gigabytes"]
fn a_million_states_are_sound() {
    let mut time = Duration::from_secs(170);
    for budget in budgets() {
        let limit = Limit {
            states: 30_000_000,
            time,
        };
        let report = explore(&mut World::new(None, budget), limit);
        report.print(&format!("far, {budget:?}"));
        assert!(report.found.is_none());
        assert!(report.states >= 1_000_000, "{}", report.states);
        time = time.saturating_sub(report.time);
    }
}
