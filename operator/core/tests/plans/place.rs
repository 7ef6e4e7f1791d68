//! When a machine that is off keeps its place on its host.

use drover_core::desired::machine::{DesiredMachine, RunStrategy, WhenHalted};
use drover_core::plan::machine::keeps_place;
use drover_crds::condition::Reason;

use super::given;
use super::world::{EPOCH, World, off, running};

fn of(strategy: RunStrategy, when_halted: WhenHalted) -> DesiredMachine {
    let mut desired = given::machine();
    desired.strategy = strategy;
    desired.placement.when_halted = when_halted;
    desired
}

// Whether it has its place after it has settled, if it had it, and if it had not.
fn keeps(desired: &DesiredMachine, mut world: World) -> [bool; 2] {
    let (plan, _) = world.settle(desired);
    let domain = world.domain.unwrap();
    [true, false].map(|had| keeps_place(desired, &domain, &plan, had))
}

#[test]
fn only_what_is_off_as_declared_gives_its_place_up() {
    let (keep, free) = (WhenHalted::KeepPlace, WhenHalted::FreePlace);
    for (strategy, when_halted, expected) in [
        (RunStrategy::Always, free, [true, true]),
        (RunStrategy::Halted, keep, [true, false]),
        (RunStrategy::Halted, free, [false, false]),
        (RunStrategy::Manual, keep, [true, false]),
        (RunStrategy::Manual, free, [false, false]),
    ] {
        let desired = of(strategy, when_halted);
        let world = World::new(Some(off(&desired, EPOCH)));
        assert_eq!(
            keeps(&desired, world),
            expected,
            "{strategy:?} {when_halted:?}"
        );
    }
}

#[test]
fn what_runs_has_its_place_however_it_was_started() {
    let desired = of(RunStrategy::Manual, WhenHalted::FreePlace);
    let world = World::new(Some(running(&desired, EPOCH)));
    assert_eq!(keeps(&desired, world), [true, true]);
}

#[test]
fn what_is_to_be_started_or_waits_for_its_next_start_keeps_what_it_had() {
    let desired = of(RunStrategy::Always, WhenHalted::FreePlace);
    let mut world = World::new(Some(off(&desired, EPOCH)));
    let plan = world.plan(&desired);
    let domain = world.domain.clone().unwrap();
    assert!(plan.step.is_some());
    assert!(keeps_place(&desired, &domain, &plan, true));
    assert!(!keeps_place(&desired, &domain, &plan, false));
    world.history.crashes = 3;
    world.history.crashed = Some(world.now);
    while let Some(step) = world.plan(&desired).step {
        world.apply(&desired, &step);
    }
    let plan = world.plan(&desired);
    assert_eq!(plan.verdict.reason, Reason::CrashLoopBackOff);
    let domain = world.domain.unwrap();
    assert!(keeps_place(&desired, &domain, &plan, true));
}
