//! A host with one domain or none, an operator that looks at it, and the time.

use std::sync::Arc;

use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::Site;
use drover_core::identity::Mark;
use drover_core::observed::domain::{Definition, DomainState, ObservedDomain};
use drover_core::plan::foresee::{after, stopped};
use drover_core::plan::history::History;
use drover_core::plan::machine::{Plan, Situation, Step, plan};

use super::given;

pub(crate) const EPOCH: i64 = 3;
pub(crate) const CLUSTER: &str = "c-1";

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) domain: Option<ObservedDomain>,
    pub(crate) history: History,
    pub(crate) now: u64,
    pub(crate) deleting: bool,
    pub(crate) adoption: bool,
    pub(crate) take_over: bool,
    pub(crate) manager: &'static str,
    pub(crate) making_room: Option<&'static str>,
    pub(crate) misplaced: Option<&'static str>,
    // What the guest makes of a request to shut down.
    pub(crate) obedient: bool,
    // Starts that fail before one goes well.
    pub(crate) bad_starts: u32,
    // What the guest makes of a device that is to be let go.
    pub(crate) lets_go: bool,
    pub(crate) site: Site,
}

impl World {
    pub(crate) fn new(domain: Option<ObservedDomain>) -> Self {
        Self {
            domain,
            history: History::default(),
            now: 1_000_000,
            deleting: false,
            adoption: false,
            take_over: false,
            manager: CLUSTER,
            misplaced: None,
            making_room: None,
            obedient: true,
            bad_starts: 0,
            lets_go: true,
            site: given::site(),
        }
    }

    fn situation<'a>(&'a self, desired: &'a DesiredMachine) -> Situation<'a> {
        Situation {
            desired,
            site: &self.site,
            observed: self.domain.as_ref(),
            name_taken: false,
            manager: self.manager,
            take_over: self.take_over,
            adoption: self.adoption,
            misplaced: self.misplaced,
            making_room: self.making_room,
            epoch: EPOCH,
            deleting: self.deleting,
            history: &self.history,
            now: self.now,
        }
    }

    /// What the operator makes of what it sees.
    pub(crate) fn plan(&mut self, desired: &DesiredMachine) -> Plan {
        self.history.look(self.domain.as_ref(), self.now);
        let plan = plan(&self.situation(desired));
        self.history.settle(&plan.changes);
        plan
    }

    pub(crate) fn apply(&mut self, desired: &DesiredMachine, step: &Step) {
        match step {
            Step::Start { .. } => {
                let domain = self.domain.as_ref().unwrap();
                assert!(!domain.state.is_active());
                let epoch = domain.mark().unwrap().epoch;
                assert_eq!(epoch, EPOCH, "an old placement is never started");
                let well = self.bad_starts == 0;
                self.history.start(self.now, well);
                if !well {
                    self.bad_starts -= 1;
                    return;
                }
            }
            Step::Shutdown(_) => {
                self.history.shutdown(self.now);
                if !self.obedient {
                    return;
                }
            }
            Step::Reset { value } => self.history.reset = Some(value.clone()),
            Step::Undefine => assert!(!self.domain.as_ref().unwrap().state.is_active()),
            Step::Change(change) => {
                self.history.ask(change, self.now);
                if change.to == "none" && !self.lets_go {
                    return;
                }
            }
            _ => {}
        }
        self.domain = after(self.domain.clone(), step, &self.situation(desired));
    }

    /// The guest or somebody else ends its run.
    pub(crate) fn stop(&mut self, reason: &'static str) {
        self.domain = self
            .domain
            .take()
            .and_then(|domain| stopped(domain, reason));
    }

    /// Applies plans and lets time pass until nothing is left to do or to wait for.
    pub(crate) fn settle(&mut self, desired: &DesiredMachine) -> (Plan, Vec<Step>) {
        let mut steps = Vec::new();
        for _ in 0..60 {
            let plan = self.plan(desired);
            match (&plan.step, plan.wait_millis) {
                (Some(step), _) => {
                    steps.push(step.clone());
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

    pub(crate) fn live(&mut self) -> &mut Definition {
        Arc::make_mut(self.domain.as_mut().unwrap().live.as_mut().unwrap())
    }

    pub(crate) fn config(&mut self) -> &mut Definition {
        Arc::make_mut(self.domain.as_mut().unwrap().inactive.as_mut().unwrap())
    }
}

/// The mark that Drover gives a machine that it makes.
pub(crate) fn mark(desired: &DesiredMachine, epoch: i64) -> Mark {
    mark_at(desired, epoch, &given::site())
}

fn mark_at(desired: &DesiredMachine, epoch: i64, site: &Site) -> Mark {
    let mut world = World::new(None);
    world.site.clone_from(site);
    let desired = &DesiredMachine {
        existing: false,
        observe: false,
        ..desired.clone()
    };
    let Some(Step::Create { mark }) = world.plan(desired).step else {
        panic!("it is made");
    };
    Mark { epoch, ..*mark }
}

pub(crate) fn off(desired: &DesiredMachine, epoch: i64) -> ObservedDomain {
    off_at(desired, epoch, &given::site())
}

pub(crate) fn off_at(desired: &DesiredMachine, epoch: i64, site: &Site) -> ObservedDomain {
    let mark = Box::new(mark_at(desired, epoch, site));
    let mut world = World::new(None);
    world.site.clone_from(site);
    after(None, &Step::Create { mark }, &world.situation(desired)).unwrap()
}

pub(crate) fn running(desired: &DesiredMachine, epoch: i64) -> ObservedDomain {
    let off = off(desired, epoch);
    ObservedDomain {
        state: DomainState::Running,
        reason: "Booted",
        live: off.inactive.clone(),
        ..off
    }
}

/// A machine that says this beside what every machine says.
pub(crate) fn with(more: &str) -> DesiredMachine {
    given::machine_from(&format!("{}{more}", given::MACHINE))
}

/// The short names of steps.
pub(crate) fn words(steps: &[Step]) -> Vec<String> {
    let word = |step: &Step| match step {
        Step::Change(change) => format!("Change {}", change.path),
        Step::Record { side, .. } => format!("Record {side:?}"),
        Step::Shutdown(request) => format!("Shutdown {request:?}"),
        other => other.name().to_owned(),
    };
    steps.iter().map(word).collect()
}
