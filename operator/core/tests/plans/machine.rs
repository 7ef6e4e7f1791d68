//! A machine on its host.

use drover_core::desired::machine::{DesiredMachine, MachineDeletionPolicy};
use drover_core::observed::domain::{DomainState, ObservedDomain};
use drover_core::plan::machine::{
    History, LASTING_MILLIS, Plan, Situation, Step, back_off_millis, plan,
};
use drover_crds::condition::Reason;
use proptest::prelude::*;

use super::definitions::written;
use super::given;

const EPOCH: i64 = 3;

/// A host with one domain or none, an operator, and the time.
#[derive(Debug, Clone)]
struct World {
    domain: Option<ObservedDomain>,
    history: History,
    now: u64,
    deleting: bool,
    // What the guest makes of a request to shut down.
    obedient: bool,
    // Starts that fail before one goes well.
    bad_starts: u32,
}

impl World {
    fn new(domain: Option<ObservedDomain>) -> Self {
        Self {
            domain,
            history: History::default(),
            now: 1_000_000,
            deleting: false,
            obedient: true,
            bad_starts: 0,
        }
    }

    fn plan(&self, desired: &DesiredMachine) -> Plan {
        plan(&Situation {
            desired,
            disks: &given::disks(),
            observed: self.domain.as_ref(),
            name_taken: false,
            epoch: EPOCH,
            deleting: self.deleting,
            history: self.history,
            now: self.now,
        })
    }

    fn apply(&mut self, desired: &DesiredMachine, step: Step) {
        let definition = written(desired, EPOCH);
        match (step, self.domain.as_mut()) {
            (Step::Define, None) => self.domain = Some(off(desired, EPOCH)),
            (Step::Define, Some(domain)) => {
                (domain.inactive, domain.persistent) = (Some(definition), true);
            }
            (Step::ClearAutostart, Some(domain)) => domain.autostart = false,
            (Step::Start, Some(domain)) => {
                assert!(!domain.state.is_active());
                let mark = domain.mark().unwrap();
                assert_eq!(mark.epoch, EPOCH, "an old placement is never started");
                if self.bad_starts > 0 {
                    self.bad_starts -= 1;
                    self.history.failures += 1;
                    self.history.failed = Some(self.now);
                    return;
                }
                self.history.started = Some(self.now);
                (domain.state, domain.reason) = (DomainState::Running, "Booted");
                domain.live = domain.inactive.clone();
            }
            (Step::Resume, Some(domain)) => {
                (domain.state, domain.reason) = (DomainState::Running, "Unpaused");
            }
            (Step::Shutdown, Some(_)) => {
                self.history.shutdown_asked.get_or_insert(self.now);
                self.history.shutdown_asked_again = Some(self.now);
                if self.obedient {
                    self.stop("Shutdown");
                }
            }
            (Step::Destroy, Some(_)) => self.stop("Destroyed"),
            (Step::Undefine, Some(domain)) => {
                assert!(
                    !domain.state.is_active(),
                    "a running guest is never undefined"
                );
                self.domain = None;
            }
            (Step::RemoveMark, Some(domain)) => {
                for definition in [&mut domain.live, &mut domain.inactive]
                    .into_iter()
                    .flatten()
                {
                    definition.mark = None;
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn stop(&mut self, reason: &'static str) {
        self.history.started = None;
        let Some(domain) = self.domain.as_mut() else {
            return;
        };
        (domain.state, domain.reason, domain.live) = (DomainState::Shutoff, reason, None);
        if !domain.persistent {
            self.domain = None;
        }
    }

    /// Applies plans and lets time pass until nothing is left to do or to wait for.
    fn settle(&mut self, desired: &DesiredMachine) -> (Plan, Vec<Step>) {
        let mut steps = Vec::new();
        for _ in 0..60 {
            let plan = self.plan(desired);
            match (plan.step, plan.wait_millis) {
                (Some(step), _) => {
                    steps.push(step);
                    self.apply(desired, step);
                }
                (None, Some(wait)) => {
                    assert!(wait > 0);
                    self.now += wait;
                }
                (None, None) => return (plan, steps),
            }
        }
        panic!("it does not settle: {steps:?} {self:?}");
    }
}

fn off(desired: &DesiredMachine, epoch: i64) -> ObservedDomain {
    ObservedDomain {
        name: desired.domain_name.clone(),
        uuid: desired.uuid,
        state: DomainState::Shutoff,
        reason: "Unknown",
        persistent: true,
        autostart: false,
        live: None,
        inactive: Some(written(desired, epoch)),
    }
}

fn running(desired: &DesiredMachine, epoch: i64) -> ObservedDomain {
    ObservedDomain {
        state: DomainState::Running,
        reason: "Booted",
        live: Some(written(desired, epoch)),
        ..off(desired, epoch)
    }
}

fn halted() -> DesiredMachine {
    DesiredMachine {
        run: false,
        ..given::machine()
    }
}

#[test]
fn from_nothing_to_running_and_back() {
    let mut world = World::new(None);
    let (plan, steps) = world.settle(&given::machine());
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(steps, [Step::Define, Step::Start]);
    let (plan, steps) = world.settle(&halted());
    assert_eq!(plan.verdict.reason, Reason::Halted);
    assert_eq!(steps, [Step::Shutdown]);
    world.deleting = true;
    let (plan, steps) = world.settle(&halted());
    assert_eq!(plan.verdict.reason, Reason::Deleting);
    assert_eq!((steps, world.domain), (vec![Step::Undefine], None));
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
        (off(&desired, EPOCH), vec![Step::Start]),
        (paused, vec![Step::Resume]),
        (autostarted, vec![Step::ClearAutostart]),
        (transient, vec![Step::Define]),
        (running(&desired, EPOCH), vec![]),
    ] {
        let (plan, steps) = World::new(Some(domain)).settle(&desired);
        assert_eq!((plan.verdict.reason, steps), (Reason::Running, expected));
    }
}

#[test]
fn one_of_an_earlier_placement_is_written_anew_before_it_starts() {
    let desired = given::machine();
    let (_, steps) = World::new(Some(off(&desired, 1))).settle(&desired);
    assert_eq!(steps, [Step::Define, Step::Start]);
}

#[test]
fn after_the_cluster_was_made_anew_a_running_machine_is_adopted() {
    let desired = given::machine();
    let mut before = desired.clone();
    before.uid = "of an earlier life".to_owned();
    let mut world = World::new(Some(running(&before, EPOCH)));
    let (plan, steps) = world.settle(&desired);
    // Only what its next start takes is written: it goes on running.
    assert_eq!(
        (plan.verdict.reason, steps),
        (Reason::Running, vec![Step::Define])
    );
    let domain = world.domain.unwrap();
    assert_eq!(domain.mark(), Some(&desired.mark(EPOCH)));
}

#[test]
fn a_change_waits_for_the_next_start() {
    let desired = given::machine();
    let mut edited = running(&desired, EPOCH);
    edited.inactive.as_mut().unwrap().memory_kib *= 2;
    let mut world = World::new(Some(edited));
    let (plan, steps) = world.settle(&desired);
    assert_eq!(
        (plan.verdict.reason, steps),
        (Reason::RestartRequired, vec![])
    );
    assert_eq!(plan.differences[0].path, "spec.memory.guest");
    assert!(
        plan.verdict.message.contains("512Mi -> 256Mi"),
        "{}",
        plan.verdict.message
    );
    world.stop("Shutdown");
    let (plan, steps) = world.settle(&desired);
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(steps, [Step::Define, Step::Start]);
}

#[test]
fn what_belongs_to_others_stays() {
    let desired = given::machine();
    let mut other = desired.clone();
    other.namespace = "bank".to_owned();
    let mut unmarked = running(&desired, EPOCH);
    for definition in [&mut unmarked.live, &mut unmarked.inactive] {
        definition.as_mut().unwrap().mark = None;
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
        disks: &given::disks(),
        observed: None,
        name_taken: true,
        epoch: EPOCH,
        deleting: false,
        history: History::default(),
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
    assert_eq!(steps[..6], [Step::Shutdown; 6]);
    assert_eq!(steps[6..], [Step::Destroy]);
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
    world.bad_starts = 4;
    let start = world.now;
    let first = world.plan(&desired).step.unwrap();
    world.apply(&desired, first);
    let second = world.plan(&desired).step.unwrap();
    world.apply(&desired, second);
    let plan = world.plan(&desired);
    assert_eq!(plan.verdict.reason, Reason::CrashLoopBackOff);
    let (plan, _) = world.settle(&desired);
    assert_eq!(plan.verdict.reason, Reason::Running);
    let waited: u64 = (1..=4).map(back_off_millis).sum();
    // And then until the run has lasted.
    let lasting = LASTING_MILLIS + 1;
    assert_eq!(world.now - start, waited + lasting);
    assert_eq!(back_off_millis(100), 300_000);
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
        let mut inactive = written(&desired, epoch);
        if edited {
            inactive.memory_kib += 1024;
        }
        let active = state.is_active();
        let persistent = persistent || !active;
        ObservedDomain {
            state,
            reason,
            persistent,
            autostart: autostart && persistent,
            live: active.then(|| written(&desired, epoch)),
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
        let desired = DesiredMachine { run, ..given::machine() };
        let mut world = World { obedient, bad_starts, ..World::new(domain) };
        // The operator is killed, and forgets.
        for steps in crash_after {
            for _ in 0..steps {
                if let Some(step) = world.plan(&desired).step {
                    world.apply(&desired, step);
                }
            }
            world.history = History::default();
        }
        let (plan, _) = world.settle(&desired);
        let domain = world.domain.clone().unwrap();
        let expected = match (run, domain.live.as_ref()) {
            (false, _) => Reason::Halted,
            (true, _) if plan.differences.is_empty() => Reason::Running,
            (true, _) => Reason::RestartRequired,
        };
        prop_assert_eq!(plan.verdict.reason, expected);
        prop_assert_eq!(domain.state.is_active(), run);
        prop_assert!(!domain.autostart && domain.persistent);
        prop_assert_eq!(domain.mark(), Some(&desired.mark(EPOCH)));
        world.deleting = true;
        world.settle(&desired);
        prop_assert_eq!(world.domain, None);
    }
}
