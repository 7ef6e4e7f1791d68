//! When a machine is started, stopped, paused and reset.

use drover_core::desired::machine::{DesiredMachine, RunStrategy};
use drover_core::identity::Stop;
use drover_core::observed::domain::DomainState;
use drover_core::plan::strategy::{Next, TABLE, after};
use drover_crds::condition::Reason;

use super::given;
use super::world::{EPOCH, World, off, running, words};

fn of(strategy: RunStrategy) -> DesiredMachine {
    DesiredMachine {
        strategy,
        ..given::machine()
    }
}

fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::GuestShutdown => "Shutdown",
        Stop::Crash => "Crashed",
        Stop::Outside => "Destroyed",
        Stop::HostLost => "Unknown",
    }
}

#[test]
fn each_strategy_after_each_way_to_stop() {
    for (strategy, cells) in TABLE {
        for (stop, next) in cells {
            let desired = of(strategy);
            let mut world = World::new(Some(running(&desired, EPOCH)));
            if strategy == RunStrategy::Halted {
                world.domain = Some(off(&desired, EPOCH));
            } else {
                world.settle(&desired);
            }
            world.now += 100_000;
            world.stop(reason(stop));
            let (plan, steps) = world.settle(&desired);
            let started = words(&steps).contains(&"Start".to_owned());
            assert_eq!(
                started,
                next == Next::Start,
                "{strategy:?} {stop:?} {steps:?}"
            );
            let expected = if started {
                Reason::Running
            } else {
                Reason::Halted
            };
            assert_eq!(plan.verdict.reason, expected, "{strategy:?} {stop:?}");
            // The daemon forgets how it stopped; what was decided stays decided.
            if !started {
                world.history = Default::default();
                if let Some(domain) = &mut world.domain {
                    domain.reason = "Unknown";
                }
                assert_eq!(world.settle(&desired).1, [], "{strategy:?} {stop:?}");
            }
            assert_eq!(after(strategy, stop), next);
        }
    }
}

#[test]
fn an_event_tells_a_shutdown_from_outside() {
    let desired = of(RunStrategy::RerunOnFailure);
    let mut world = World::new(Some(running(&desired, EPOCH)));
    world.settle(&desired);
    world.history.stop = Some(Stop::Outside);
    world.stop("Shutdown");
    world.settle(&desired);
    let ended = world.config().mark.as_ref().unwrap().recorded.ended;
    assert_eq!(ended, Some(Stop::Outside));
}

#[test]
fn once_is_once_whoever_is_killed() {
    let desired = of(RunStrategy::Once);
    for killed_after in 0..5 {
        let mut world = World::new(None);
        for _ in 0..killed_after {
            if let Some(step) = world.plan(&desired).step {
                world.apply(&desired, &step);
            }
        }
        world.history = Default::default();
        let (plan, _) = world.settle(&desired);
        assert_eq!(plan.verdict.reason, Reason::Running, "{killed_after}");
        for why in ["Shutdown", "Crashed", "Destroyed"] {
            world.stop(why);
            let (plan, steps) = world.settle(&desired);
            assert_eq!(
                (plan.verdict.reason, steps),
                (Reason::Halted, vec![]),
                "{why}"
            );
        }
    }
}

fn asking(strategy: RunStrategy, set: impl FnOnce(&mut DesiredMachine)) -> DesiredMachine {
    let mut desired = of(strategy);
    set(&mut desired);
    desired
}

#[test]
fn by_hand() {
    let manual = RunStrategy::Manual;
    let mut world = World::new(None);
    assert_eq!(world.settle(&of(manual)).0.verdict.reason, Reason::Halted);
    let start = asking(manual, |it| {
        it.asked.started = Some("2026-01-01T00:00:00Z".into())
    });
    let (plan, steps) = world.settle(&start);
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(words(&steps)[..2], ["Record Config", "Start"]);
    // It acts once.
    world.stop("Shutdown");
    assert_eq!(world.settle(&start).0.verdict.reason, Reason::Halted);
    let again = asking(manual, |it| {
        it.asked.started = Some("2026-01-02T00:00:00Z".into())
    });
    assert_eq!(world.settle(&again).0.verdict.reason, Reason::Running);
    let stop = asking(manual, |it| {
        it.asked.started = Some("2026-01-02T00:00:00Z".into());
        it.asked.stopped = Some("2026-01-03T00:00:00Z".into());
    });
    assert_eq!(world.settle(&stop).0.verdict.reason, Reason::Halted);
    // What somebody else does with it is as good.
    let domain = world.domain.as_mut().unwrap();
    (domain.state, domain.reason) = (DomainState::Running, "Booted");
    domain.live.clone_from(&domain.inactive);
    assert_eq!(world.settle(&stop).0.verdict.reason, Reason::Running);
}

#[test]
fn a_machine_that_is_made_with_a_start_in_git_starts() {
    let mut world = World::new(None);
    let desired = asking(RunStrategy::Manual, |it| {
        it.asked.started = Some("2026-01-01T00:00:00Z".into());
    });
    assert_eq!(world.settle(&desired).0.verdict.reason, Reason::Running);
}

#[test]
fn a_restart_is_once_for_each_value() {
    for strategy in [
        RunStrategy::Always,
        RunStrategy::RerunOnFailure,
        RunStrategy::Manual,
    ] {
        let desired = asking(strategy, |it| it.asked.restarted = Some("a".into()));
        let mut world = World::new(Some(running(&of(strategy), EPOCH)));
        let (plan, steps) = world.settle(&desired);
        assert_eq!(plan.verdict.reason, Reason::Running, "{strategy:?}");
        let count = |word: &str| words(&steps).iter().filter(|it| *it == word).count();
        assert_eq!(
            (count("Shutdown Button"), count("Start")),
            (1, 1),
            "{strategy:?}"
        );
        assert_eq!(words(&steps)[0], "Record Config", "it is noted first");
        // The cluster is lost, and Git has the value still.
        world.history = Default::default();
        assert_eq!(world.settle(&desired).1, [], "{strategy:?}");
    }
    let desired = asking(RunStrategy::Halted, |it| {
        it.asked.restarted = Some("a".into())
    });
    let mut world = World::new(Some(off(&of(RunStrategy::Halted), EPOCH)));
    assert_eq!(words(&world.settle(&desired).1), ["Record Config"]);
}

#[test]
fn a_restart_is_ended_by_whoever_comes() {
    let desired = asking(RunStrategy::Manual, |it| {
        it.asked.restarted = Some("a".into())
    });
    for killed_after in 0..6 {
        let mut world = World::new(Some(running(&of(RunStrategy::Manual), EPOCH)));
        for _ in 0..killed_after {
            if let Some(step) = world.plan(&desired).step {
                world.apply(&desired, &step);
            }
        }
        world.history = Default::default();
        let (plan, _) = world.settle(&desired);
        assert_eq!(plan.verdict.reason, Reason::Running, "{killed_after}");
    }
}

#[test]
fn a_reset_is_once_for_each_value() {
    let desired = asking(RunStrategy::Always, |it| it.asked.reset = Some("a".into()));
    let mut world = World::new(Some(running(&of(RunStrategy::Always), EPOCH)));
    let (plan, steps) = world.settle(&desired);
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(words(&steps), ["Record Config", "Reset", "Record Live"]);
    world.history = Default::default();
    assert_eq!(world.settle(&desired).1, []);
    // A machine that is made has nothing to reset.
    let mut world = World::new(None);
    assert_eq!(words(&world.settle(&desired).1), ["Create", "Start"]);
}

#[test]
fn paused() {
    let mut desired = given::machine();
    desired.paused = true;
    let mut world = World::new(None);
    let (plan, _) = world.settle(&desired);
    assert_eq!(plan.verdict.reason, Reason::Paused);
    let (plan, steps) = world.settle(&given::machine());
    assert_eq!(
        (plan.verdict.reason, words(&steps)),
        (Reason::Running, vec!["Resume".to_owned()])
    );
    let (plan, steps) = world.settle(&desired);
    assert_eq!(
        (plan.verdict.reason, words(&steps)),
        (Reason::Paused, vec!["Suspend".to_owned()])
    );
}
