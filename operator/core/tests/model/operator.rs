//! What the operator that leads decides, from what it knows: the real core does, and here is only
//! what surrounds it.

use drover_core::placement::{Course, Decision, Sight, Sighting, course, decide};
use drover_crds::condition::Reason;

use crate::bugs::Bug;
use crate::facts::{Ask, Facts, Planned, Room};
use crate::state::{HOSTS, MACHINES, NAMES, NO_STEP, Object, State};

/// What it decides about one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Nothing can be done, or nothing is left to do.
    Rest(Reason),
    /// Its object is written as it is: if that succeeds, a binding that was sent before comes too late.
    Claim,
    /// It is bound to this host, by this placement.
    Bind(usize, u8),
    /// A step on this host, of this placement.
    Step(usize, u16, u8),
    /// Nothing of it is left: its object goes.
    LetGo,
}

pub(crate) struct Operator<'a> {
    pub(crate) facts: &'a mut Facts,
    pub(crate) bug: Option<Bug>,
}

impl Operator<'_> {
    pub(crate) fn choose(&mut self, state: &State, machine: usize) -> Choice {
        let object = state.cached[machine];
        if !object.exists {
            return Choice::Rest(Reason::Deleting);
        }
        let forgets = self.bug == Some(Bug::ForgetsDoubt);
        if state.doubt[machine] && !forgets {
            return Choice::Claim;
        }
        let sightings = self.sightings(state, machine);
        match (object.bound(), object.deleting) {
            (Some(host), true) => self.remove(state, machine, host, object),
            (None, true) => self.remove_unbound(state, machine, object, &sightings),
            (Some(host), false) => self.settle(state, machine, host, object, &sightings),
            (None, false) => self.place(state, machine, &sightings, 1),
        }
    }

    fn sightings(&self, state: &State, machine: usize) -> [Sighting<'static>; HOSTS] {
        std::array::from_fn(|at| {
            let host = &state.hosts[at];
            let info = self.facts.info(host.known[machine]);
            let sight = match (info.ours, info.foreign) {
                (true, _) => Sight::Copy {
                    active: info.active,
                    epoch: match self.bug {
                        Some(Bug::ForgetsEpoch) => 1,
                        _ => info.epoch.into(),
                    },
                },
                (_, true) => Sight::Foreign,
                _ => Sight::Nothing,
            };
            Sighting {
                host: NAMES[at],
                listed: host.listed || self.bug == Some(Bug::SkipsBarrier),
                off: match self.bug {
                    Some(Bug::TrustsSilence) => !host.connected,
                    _ => host.off,
                },
                sight,
            }
        })
    }

    fn place(
        &mut self,
        state: &State,
        machine: usize,
        sightings: &[Sighting<'_>],
        least: i64,
    ) -> Choice {
        // A binding of which nobody knows what came of it is settled before another is decided on: it
        // may still take its room.
        if state.doubt.contains(&true) && self.bug != Some(Bug::ForgetsDoubt) {
            return Choice::Rest(Reason::RetryLater);
        }
        let (only, epoch) = match decide(sightings) {
            Decision::Wait(_) => return Choice::Rest(Reason::WaitingForHosts),
            Decision::Ambiguous(hosts) if self.bug == Some(Bug::ForgetsEpoch) => {
                return Choice::Bind(position(hosts[hosts.len() - 1]), 1);
            }
            Decision::RunsTwice(_) | Decision::Ambiguous(_) | Decision::Taken(_) => {
                return Choice::Rest(Reason::UUIDConflict);
            }
            Decision::Stay {
                host,
                epoch,
                active: true,
            } => return Choice::Bind(position(host), small(epoch.max(least))),
            Decision::Stay { host, epoch, .. } => (Some(position(host)), epoch),
            Decision::Anew { epoch } => (None, epoch),
        };
        match self.room(state, machine, only) {
            Some(host) => Choice::Bind(host, small(epoch.max(least))),
            None => Choice::Rest(Reason::Unschedulable),
        }
    }

    // What is promised: to machines that are bound, and to what is there of those that are not.
    fn room(&mut self, state: &State, machine: usize, only: Option<usize>) -> Option<usize> {
        let full = |at: usize| {
            (0..MACHINES).any(|other| {
                let here = match state.cached[other].bound() {
                    Some(host) => host == at,
                    None => self.facts.info(state.hosts[at].known[other]).ours,
                };
                other != machine && here
            })
        };
        let room = Room {
            reachable: std::array::from_fn(|at| state.hosts[at].connected),
            full: std::array::from_fn(full),
            only: only.map(|host| u8::try_from(host).unwrap()),
        };
        self.facts.room(room).map(usize::from)
    }

    fn settle(
        &mut self,
        state: &State,
        machine: usize,
        host: usize,
        object: Object,
        sightings: &[Sighting<'_>],
    ) -> Choice {
        let silent = !state.hosts[host].connected;
        if silent && self.bug == Some(Bug::TrustsSilence) {
            return self.place(state, machine, sightings, i64::from(object.epoch) + 1);
        }
        if silent {
            return Choice::Rest(Reason::HostUnreachable);
        }
        let domain = state.hosts[host].known[machine];
        let info = self.facts.info(domain);
        let epoch = object.epoch.max(info.epoch);
        let planned = self.plan(object, domain, epoch);
        let here = info.ours.then_some(info.active);
        let foreign = info.foreign;
        match course(NAMES[host], epoch.into(), here, sightings) {
            Course::Raise { epoch } => return Choice::Bind(host, small(epoch)),
            Course::Replace { epoch } if !foreign => {
                return self.place(state, machine, sightings, epoch);
            }
            _ if !self.facts.kind(planned.step).defines => {}
            Course::RunsElsewhere(_) | Course::Outdone { .. } => {
                return Choice::Rest(Reason::UUIDConflict);
            }
            Course::Wait(_) => return Choice::Rest(Reason::WaitingForHosts),
            Course::Go | Course::Replace { .. } => {}
        }
        step(host, planned, epoch)
    }

    fn plan(&mut self, object: Object, domain: u16, epoch: u8) -> Planned {
        let info = self.facts.info(domain);
        let other_life = info.second_life != object.want.has(crate::state::Want::LIFE);
        if self.bug == Some(Bug::DestroysOtherUid) && info.ours && info.active && other_life {
            return Planned {
                step: self.facts.destroy(),
                reason: Reason::Starting,
            };
        }
        self.facts.plan(Ask {
            want: object.want,
            epoch,
            deleting: object.deleting,
            domain,
        })
    }

    fn remove(&mut self, state: &State, machine: usize, host: usize, object: Object) -> Choice {
        if !state.hosts[host].connected {
            return Choice::Rest(Reason::HostUnreachable);
        }
        let planned = self.plan(object, state.hosts[host].known[machine], object.epoch);
        match (planned.step, planned.reason) {
            (NO_STEP, Reason::Deleting) => Choice::LetGo,
            _ => step(host, planned, object.epoch),
        }
    }

    fn remove_unbound(
        &mut self,
        state: &State,
        machine: usize,
        object: Object,
        sightings: &[Sighting<'_>],
    ) -> Choice {
        match decide(sightings) {
            Decision::Wait(_) => Choice::Rest(Reason::WaitingForHosts),
            Decision::RunsTwice(_) => Choice::Rest(Reason::UUIDConflict),
            // All of them go, whichever counts.
            Decision::Ambiguous(hosts) => self.remove(
                state,
                machine,
                position(hosts[0]),
                Object { epoch: 1, ..object },
            ),
            Decision::Stay { host, epoch, .. } => {
                let epoch = small(epoch);
                self.remove(state, machine, position(host), Object { epoch, ..object })
            }
            Decision::Taken(_) | Decision::Anew { .. } => Choice::LetGo,
        }
    }
}

fn step(host: usize, planned: Planned, epoch: u8) -> Choice {
    match planned.step {
        NO_STEP => Choice::Rest(planned.reason),
        step => Choice::Step(host, step, epoch),
    }
}

fn position(host: &str) -> usize {
    NAMES.iter().position(|name| *name == host).unwrap()
}

fn small(epoch: i64) -> u8 {
    u8::try_from(epoch).unwrap()
}
