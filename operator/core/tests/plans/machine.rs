//! A machine on its host.

use std::sync::Arc;

use drover_core::desired::machine::{DesiredMachine, MachineDeletionPolicy, RunStrategy};
use drover_core::observed::domain::{DomainState, ObservedDomain};
use drover_core::plan::history::LASTING_MILLIS;
use drover_core::plan::machine::{Request, Situation, Step, plan};
use drover_crds::condition::Reason;
use proptest::prelude::*;

use super::given;
use super::world::{CLUSTER, EPOCH, World, mark, off, running, words};

pub(crate) fn halted() -> DesiredMachine {
    DesiredMachine {
        strategy: RunStrategy::Halted,
        ..given::machine()
    }
}

#[test]
fn from_nothing_to_running_and_back() {
    let mut world = World::new(None);
    let (plan, steps) = world.settle(&given::machine());
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(words(&steps), ["Create", "Start"]);
    let (plan, steps) = world.settle(&halted());
    assert_eq!(plan.verdict.reason, Reason::Halted);
    assert_eq!(words(&steps), ["Shutdown Button"]);
    world.deleting = true;
    let (plan, steps) = world.settle(&halted());
    assert_eq!(plan.verdict.reason, Reason::Deleting);
    assert_eq!(
        (words(&steps), world.domain),
        (vec!["Undefine".to_owned()], None)
    );
}

#[test]
fn what_somebody_did_is_put_right() {
    let desired = given::machine();
    let paused = ObservedDomain {
        state: DomainState::Paused,
        reason: "User",
        ..running(&desired, EPOCH)
    };
    let autostarted = ObservedDomain {
        autostart: true,
        ..running(&desired, EPOCH)
    };
    let transient = ObservedDomain {
        persistent: false,
        inactive: None,
        ..running(&desired, EPOCH)
    };
    for (domain, expected) in [
        (off(&desired, EPOCH), vec!["Start"]),
        (paused, vec!["Resume"]),
        (autostarted, vec!["ClearAutostart"]),
        (transient, vec!["Define"]),
        (running(&desired, EPOCH), vec![]),
    ] {
        let (plan, steps) = World::new(Some(domain)).settle(&desired);
        assert_eq!(plan.verdict.reason, Reason::Running);
        assert_eq!(words(&steps), expected);
    }
}

#[test]
fn one_of_an_earlier_placement_is_marked_anew_before_it_starts() {
    let desired = given::machine();
    let (_, steps) = World::new(Some(off(&desired, 1))).settle(&desired);
    assert_eq!(words(&steps), ["Record Config", "Start"]);
}

#[test]
fn after_the_cluster_was_made_anew_a_running_machine_is_adopted() {
    let desired = given::machine();
    let mut before = desired.clone();
    before.uid = "of an earlier life".to_owned();
    let mut world = World::new(Some(running(&before, EPOCH)));
    let (plan, steps) = world.settle(&desired);
    // Only its marks are written: it goes on running.
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(words(&steps), ["Record Config", "Record Live"]);
    let domain = world.domain.unwrap();
    assert_eq!(domain.mark(), Some(&mark(&desired, EPOCH)));
}

#[test]
fn what_belongs_to_others_stays() {
    let desired = given::machine();
    let mut other = desired.clone();
    other.namespace = "bank".to_owned();
    let mut unmarked = running(&desired, EPOCH);
    for definition in [&mut unmarked.live, &mut unmarked.inactive] {
        Arc::make_mut(definition.as_mut().unwrap()).mark = None;
    }
    for domain in [unmarked, running(&other, EPOCH), off(&other, EPOCH)] {
        for desired in [given::machine(), halted()] {
            let mut world = World::new(Some(domain.clone()));
            let plan = world.plan(&desired);
            assert_eq!(
                (plan.step, plan.verdict.reason),
                (None, Reason::UUIDConflict)
            );
            world.deleting = true;
            let plan = world.plan(&desired);
            assert_eq!((plan.step, plan.verdict.reason), (None, Reason::Deleting));
        }
    }
    let plan = plan(&Situation {
        desired: &desired,
        site: &given::site(),
        observed: None,
        name_taken: true,
        manager: CLUSTER,
        take_over: false,
        adoption: false,
        misplaced: None,
        making_room: None,
        epoch: EPOCH,
        deleting: false,
        history: &World::new(None).history,
        now: 0,
    });
    assert_eq!(
        (plan.step, plan.verdict.reason),
        (None, Reason::NameConflict)
    );
}

#[test]
fn a_guest_that_does_not_hear_is_asked_again_and_then_powered_off() {
    let desired = halted();
    let mut world = World::new(Some(running(&desired, EPOCH)));
    world.obedient = false;
    let start = world.now;
    let (plan, steps) = world.settle(&desired);
    assert_eq!(plan.verdict.reason, Reason::Halted);
    // At 0, 5, ... 25 s, and the end at 30 s.
    assert_eq!(words(&steps[..6]), ["Shutdown Button"; 6]);
    assert_eq!(steps[6..], [Step::Destroy]);
    assert_eq!(world.now - start, 30_000);
}

#[test]
fn an_agent_is_asked_first_and_given_ten_seconds() {
    let desired = halted();
    let mut world = World::new(Some(running(&desired, EPOCH)));
    world.live().agent = true;
    world.obedient = false;
    let start = world.now;
    let first = world.plan(&desired).step.unwrap();
    assert_eq!(first, Step::Shutdown(Request::Agent));
    world.apply(&desired, &first);
    let plan = world.plan(&desired);
    assert!(
        plan.verdict.message.contains("agent"),
        "{}",
        plan.verdict.message
    );
    assert_eq!(plan.wait_millis, Some(10_000));
    let (_, steps) = world.settle(&desired);
    // At 10, 15, 20, 25 s, and the end at 30 s.
    assert_eq!(words(&steps[..4]), ["Shutdown Button"; 4]);
    assert_eq!(steps[4..], [Step::Destroy]);
    assert_eq!(world.now - start, 30_000);
}

#[test]
fn without_a_grace_period_it_is_powered_off_at_once() {
    let desired = DesiredMachine {
        grace_millis: 0,
        ..halted()
    };
    let (_, steps) = World::new(Some(running(&desired, EPOCH))).settle(&desired);
    assert_eq!(steps, [Step::Destroy]);
}

#[test]
fn an_orphan_goes_on_running_without_its_mark() {
    let desired = DesiredMachine {
        deletion_policy: MachineDeletionPolicy::Orphan,
        ..given::machine()
    };
    let mut world = World::new(Some(running(&desired, EPOCH)));
    world.deleting = true;
    let (_, steps) = world.settle(&desired);
    assert_eq!(steps, [Step::RemoveMark]);
    assert!(world.domain.unwrap().state.is_active());
}

#[test]
fn starts_that_fail_are_tried_less_and_less_often() {
    let desired = given::machine();
    let mut world = World::new(None);
    world.bad_starts = 5;
    let start = world.now;
    let mut waits = Vec::new();
    let mut last = start;
    for _ in 0..30 {
        let plan = world.plan(&desired);
        match (plan.step, plan.wait_millis) {
            (Some(step @ Step::Start { .. }), _) => {
                waits.push((world.now - last) / 1_000);
                last = world.now;
                world.apply(&desired, &step);
            }
            (Some(step), _) => world.apply(&desired, &step),
            (None, Some(wait)) => {
                assert_eq!(plan.verdict.reason, Reason::CrashLoopBackOff);
                world.now += wait;
            }
            (None, None) => break,
        }
    }
    // The second is at once.
    assert_eq!(waits, [0, 0, 10, 20, 40, 80]);
    assert_eq!(world.plan(&desired).verdict.reason, Reason::Running);
}

#[test]
fn a_crash_counts_and_a_stop_from_outside_does_not() {
    let desired = given::machine();
    let mut world = World::new(None);
    world.settle(&desired);
    for _ in 0..5 {
        world.stop("Destroyed");
        let (_, steps) = world.settle(&desired);
        assert_eq!(words(&steps), ["Start"]);
    }
    assert_eq!(world.history.crashes, 0);
    world.stop("Crashed");
    let (_, steps) = world.settle(&desired);
    assert_eq!(words(&steps), ["Start"], "the first is at once");
    world.stop("Crashed");
    let plan = world.plan(&desired);
    assert_eq!(plan.verdict.reason, Reason::CrashLoopBackOff);
    assert_eq!(plan.wait_millis, Some(10_000));
    world.settle(&desired);
    world.now += LASTING_MILLIS + 600_000;
    world.plan(&desired);
    assert_eq!(world.history.crashes, 0, "an old crash is forgotten");
}

fn any_domain() -> impl Strategy<Value = Option<ObservedDomain>> {
    let states = prop_oneof![
        Just((DomainState::Running, "Booted")),
        Just((DomainState::Blocked, "Unknown")),
        Just((DomainState::Paused, "User")),
        Just((DomainState::Shutdown, "User")),
        Just((DomainState::Shutoff, "Destroyed")),
        Just((DomainState::Crashed, "Panicked")),
        Just((DomainState::PmSuspended, "Unknown")),
    ];
    let domain = (
        states,
        any::<bool>(),
        any::<bool>(),
        1..=EPOCH,
        any::<bool>(),
    );
    let domain = domain.prop_map(|((state, reason), persistent, autostart, epoch, edited)| {
        let desired = given::machine();
        let whole = running(&desired, epoch);
        let mut inactive = whole.inactive.clone().unwrap();
        if edited {
            let larger = given::machine_from(&given::MACHINE.replace("256Mi", "512Mi"));
            let whole = off(&larger, epoch).inactive.unwrap();
            Arc::make_mut(&mut inactive)
                .values
                .clone_from(&whole.values);
        }
        let active = state.is_active();
        let persistent = persistent || !active;
        ObservedDomain {
            state,
            reason,
            persistent,
            autostart: autostart && persistent,
            live: whole.live.filter(|_| active),
            inactive: persistent.then_some(inactive),
            ..off(&desired, epoch)
        }
    });
    prop::option::of(domain)
}

proptest! {
    #[test]
    fn from_anywhere_it_comes_to_what_is_declared(
        domain in any_domain(),
        run in any::<bool>(),
        obedient in any::<bool>(),
        bad_starts in 0..4_u32,
        crash_after in prop::collection::vec(0..4_usize, 0..3),
    ) {
        let desired = if run { given::machine() } else { halted() };
        let mut world = World { obedient, bad_starts, ..World::new(domain) };
        // The operator is killed, and forgets.
        for steps in crash_after {
            for _ in 0..steps {
                if let Some(step) = world.plan(&desired).step {
                    world.apply(&desired, &step);
                }
            }
            world.history = Default::default();
        }
        let (plan, _) = world.settle(&desired);
        let domain = world.domain.clone().unwrap();
        let expected = if run { Reason::Running } else { Reason::Halted };
        prop_assert_eq!(plan.verdict.reason, expected);
        prop_assert_eq!(domain.state.is_active(), run);
        prop_assert!(!domain.autostart && domain.persistent);
        prop_assert_eq!(domain.mark(), Some(&mark(&desired, EPOCH)));
        let (_, again) = world.settle(&desired);
        prop_assert_eq!(again, [], "what is done is done");
        world.deleting = true;
        world.settle(&desired);
        prop_assert_eq!(world.domain, None);
    }
}
