//! Bugs that are planted, one at a time: each has to be found.

use std::time::Duration;

use crate::explore::{Limit, explore};
use crate::scenario::{FREED, GROUP, RIVALS, SIZED, STOPPED};
use crate::world::{Budget, World};

/// Something that is done in a wrong way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A binding is written over whatever has been written meanwhile.
    BindsBlindly,
    /// A binding that is being written does not count yet.
    ForgetsSent,
    /// One whose binding is being written may be stopped like any other.
    StopsUnwritten,
    /// A binding wakes nobody, neither when it is written nor when the machine is looked at.
    WakesNobody,
    /// That a machine makes room no longer, and may be stopped again, is no news.
    RenewsQuietly,
    /// One that may stop others waits for as much room as one that may not.
    ForgetsStops,
    /// How a machine counts is not asked when it is looked at: a user may have changed it.
    LooksAway,
    /// Whatever happens wakes all that wait.
    WakesAll,
    /// A machine comes to wait only after others have been told of what happened.
    WaitsLate,
    /// A machine of a group is left out when its host has changed since all were decided on.
    TearsGroup,
    /// Machines that say `preemption: Never` are stopped.
    IgnoresNever,
    /// A place that was given up is taken again without asking for room.
    RetakesUnasked,
    /// A machine that is off to make room counts for nobody.
    GivesRoomAway,
    /// Whoever is being deleted has no room that others have made, though it is still there.
    ForgetsDeleted,
    /// That a place is given up is written over whatever has been written meanwhile.
    FreesBlindly,
    /// Who takes the lead lets only bindings come too late.
    ClaimsFew,
    /// Who takes the lead lets nothing come too late.
    SkipsClaims,
}

const LIMIT: Limit = Limit {
    states: 200_000,
    time: Duration::from_secs(120),
};

// With so many faults and edits at most.
fn is_caught(bug: Bug, scenario: u8, (faults, edits): (u8, u8), words: &str) {
    let mut world = World::new(Some(bug), Budget { faults, edits });
    world.scenario = Some(scenario);
    let report = explore(&mut world, LIMIT);
    report.print(&format!("{bug:?}"));
    let found = report.found.unwrap();
    assert!(found.what.contains(words), "{}", found.what);
}

#[test]
fn a_blind_binding_is_caught() {
    is_caught(Bug::BindsBlindly, SIZED, (1, 0), "more is promised");
}

#[test]
fn a_binding_that_does_not_count_yet_is_caught() {
    is_caught(Bug::ForgetsSent, SIZED, (0, 0), "more is promised");
}

#[test]
fn a_binding_that_wakes_nobody_is_caught() {
    is_caught(Bug::WakesNobody, SIZED, (0, 2), "waits, and there is room");
}

#[test]
fn a_late_wait_is_caught() {
    is_caught(Bug::WaitsLate, SIZED, (0, 2), "waits, and there is room");
}

#[test]
fn a_look_that_does_not_ask_is_caught() {
    is_caught(Bug::LooksAway, SIZED, (0, 1), "waits, and there is room");
}

#[test]
fn a_wake_for_nothing_is_caught() {
    is_caught(Bug::WakesAll, SIZED, (0, 0), "woken by what could not help");
}

#[test]
fn a_torn_group_is_caught() {
    is_caught(Bug::TearsGroup, GROUP, (0, 2), "a group is placed in part");
}

#[test]
fn an_ignored_never_is_caught() {
    is_caught(Bug::IgnoresNever, STOPPED, (0, 0), "may not be stopped");
}

#[test]
fn a_forgotten_right_to_stop_is_caught() {
    is_caught(
        Bug::ForgetsStops,
        RIVALS,
        (0, 1),
        "waits, and could stop others",
    );
}

#[test]
fn a_quiet_end_of_making_room_is_caught() {
    is_caught(
        Bug::RenewsQuietly,
        RIVALS,
        (0, 1),
        "waits, and could stop others",
    );
}

#[test]
fn one_that_is_stopped_before_it_is_there_is_caught() {
    is_caught(Bug::StopsUnwritten, RIVALS, (0, 2), "is off for nobody");
}

#[test]
fn a_room_that_is_given_away_is_caught() {
    is_caught(Bug::GivesRoomAway, STOPPED, (0, 1), "has gone to another");
}

#[test]
fn a_room_that_is_taken_back_early_is_caught() {
    is_caught(Bug::ForgetsDeleted, RIVALS, (0, 1), "more is promised");
}

#[test]
fn a_place_that_is_taken_unasked_is_caught() {
    is_caught(Bug::RetakesUnasked, FREED, (0, 2), "more is promised");
}

#[test]
fn a_place_that_is_freed_blindly_is_caught() {
    is_caught(Bug::FreesBlindly, FREED, (1, 2), "runs without its place");
}

#[test]
fn claims_of_bindings_alone_are_caught() {
    is_caught(Bug::ClaimsFew, FREED, (1, 2), "more is promised");
    is_caught(Bug::ClaimsFew, RIVALS, (1, 1), "more is promised");
}

#[test]
fn skipped_claims_are_caught() {
    is_caught(Bug::SkipsClaims, SIZED, (1, 0), "more is promised");
}
