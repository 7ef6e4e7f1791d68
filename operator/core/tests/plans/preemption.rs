//! A machine that makes room for another one is shut down, stays off, and starts again afterwards.

use drover_core::desired::machine::{DesiredMachine, RunStrategy};
use drover_core::observed::domain::DomainState;
use drover_core::plan::machine::Step;
use drover_crds::condition::Reason;

use super::given;
use super::world::{EPOCH, World, off, running, words};

const OTHER: &str = "shop/db-1";

fn of(strategy: RunStrategy) -> DesiredMachine {
    DesiredMachine {
        strategy,
        ..given::machine()
    }
}

fn runs(desired: &DesiredMachine) -> World {
    let mut world = World::new(Some(running(desired, EPOCH)));
    if desired.strategy != RunStrategy::Halted {
        world.settle(desired);
    }
    world
}

#[test]
fn it_is_asked_to_shut_down_and_says_for_whom() {
    let desired = of(RunStrategy::Always);
    let mut world = runs(&desired);
    world.making_room = Some(OTHER);
    let plan = world.plan(&desired);
    assert_eq!(plan.verdict.reason, Reason::Preempted);
    assert!(
        plan.verdict
            .message
            .starts_with("it makes room for shop/db-1: its "),
        "{}",
        plan.verdict.message
    );
    let step = plan.step.unwrap();
    assert!(matches!(step, Step::Shutdown(_)), "its guest has its time");
    world.obedient = false;
    let (plan, steps) = world.settle(&desired);
    assert_eq!(words(&steps).last().unwrap(), "Destroy");
    assert_eq!(plan.verdict.reason, Reason::Preempted);
    assert_eq!(plan.verdict.message, "it is off until shop/db-1 is placed");
}

#[test]
fn whatever_its_strategy_it_starts_again_when_it_is_let() {
    for strategy in [
        RunStrategy::Always,
        RunStrategy::RerunOnFailure,
        RunStrategy::Manual,
    ] {
        let desired = of(strategy);
        let mut world = runs(&desired);
        world.making_room = Some(OTHER);
        let (plan, _) = world.settle(&desired);
        let state = world.domain.as_ref().unwrap().state;
        assert_eq!(state, DomainState::Shutoff, "{strategy:?}");
        assert_eq!(plan.verdict.reason, Reason::Preempted, "{strategy:?}");
        // Another operator knows nothing of how it came to be off.
        world.history = Default::default();
        assert_eq!(world.settle(&desired).1, [], "{strategy:?}");
        world.making_room = None;
        let (plan, _) = world.settle(&desired);
        let state = world.domain.as_ref().unwrap().state;
        assert_eq!(state, DomainState::Running, "{strategy:?}");
        assert_eq!(plan.verdict.reason, Reason::Running, "{strategy:?}");
    }
}

#[test]
fn one_that_is_off_does_not_start() {
    for strategy in [RunStrategy::Always, RunStrategy::RerunOnFailure] {
        let desired = of(strategy);
        let mut world = World::new(Some(off(&desired, EPOCH)));
        world.making_room = Some(OTHER);
        let (plan, steps) = world.settle(&desired);
        assert!(!words(&steps).contains(&"Start".to_owned()), "{steps:?}");
        assert_eq!(plan.verdict.reason, Reason::Preempted);
    }
}

#[test]
fn one_that_is_to_be_off_is_off_as_declared() {
    let desired = of(RunStrategy::Halted);
    for domain in [off(&desired, EPOCH), running(&desired, EPOCH)] {
        let mut world = World::new(Some(domain));
        world.making_room = Some(OTHER);
        let (plan, _) = world.settle(&desired);
        assert_eq!(plan.verdict.reason, Reason::Halted);
    }
}
