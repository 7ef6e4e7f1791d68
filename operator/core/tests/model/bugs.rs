//! Bugs that are planted, one at a time: each has to be found.

use std::time::Duration;

use crate::explore::{Limit, explore};
use crate::seeds;
use crate::world::{Budget, World};

/// A decision that is replaced by a wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A machine is placed before every host has been heard.
    SkipsBarrier,
    /// An event that says that a domain is gone is believed, though it may be an old one.
    TrustsEvent,
    /// All placements count the same.
    ForgetsEpoch,
    /// A binding is written over whatever has been written meanwhile.
    BindsBlindly,
    /// A host that does not answer is taken to be off.
    TrustsSilence,
    /// A start of which nobody knows what came is tried on another host.
    RetriesBlindly,
    /// A running domain with the mark of another life of the object is powered off.
    DestroysOtherUid,
    /// A binding of which nobody knows whether it is written is not settled first.
    ForgetsDoubt,
    /// An operator that has just taken the lead does not make earlier bindings come too late.
    SkipsClaims,
}

const SMALL: Limit = Limit {
    states: 400_000,
    time: Duration::from_secs(120),
};
const BUDGET: Budget = Budget {
    faults: 3,
    edits: 2,
};

fn is_caught(world: &mut World, words: &str) {
    let report = explore(world, SMALL);
    report.print(&format!("{:?}", world.bug.unwrap()));
    let found = report.found.unwrap();
    assert!(found.what.contains(words), "{}", found.what);
}

fn with(bug: Bug) -> World {
    World::new(Some(bug), BUDGET)
}

#[test]
fn a_skipped_barrier_is_caught() {
    is_caught(&mut with(Bug::SkipsBarrier), "runs on");
}

#[test]
fn a_trusted_event_is_caught() {
    is_caught(&mut with(Bug::TrustsEvent), "runs on");
}

#[test]
fn a_forgotten_epoch_is_caught() {
    let mut world = with(Bug::ForgetsEpoch);
    world.seed = Some(seeds::LEFT_BEHIND);
    is_caught(&mut world, "an old copy is chosen");
}

#[test]
fn a_blind_binding_is_caught() {
    is_caught(&mut with(Bug::BindsBlindly), "more is promised");
}

#[test]
fn a_forgotten_doubt_is_caught() {
    is_caught(&mut with(Bug::ForgetsDoubt), "more is promised");
}

#[test]
fn a_skipped_claim_is_caught() {
    is_caught(&mut with(Bug::SkipsClaims), "more is promised");
}

#[test]
fn trusted_silence_is_caught() {
    let mut world = with(Bug::TrustsSilence);
    world.seed = Some(seeds::RUNNING);
    is_caught(&mut world, "runs on");
}

#[test]
fn a_blind_retry_is_caught() {
    let mut world = with(Bug::RetriesBlindly);
    world.seed = Some(seeds::RUNNING);
    is_caught(&mut world, "runs on");
}

#[test]
fn a_destroyed_life_is_caught() {
    is_caught(&mut with(Bug::DestroysOtherUid), "declared to run");
}
