//! A smaller world: one volume of a machine on one host, and steps of which nobody knows the outcome.

use std::time::Duration;

use drover_core::desired::volume::DesiredVolume;
use drover_core::observed::volume::{ObservedVolume, VolumeFacts};
use drover_core::plan::volume::{Progress, Step, plan, plan_deletion};
use drover_crds::condition::Reason;

use crate::explore::{Limit, Model, explore};

const VOLUME: &str = "
apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {name: web-root, namespace: shop, uid: u-4}
spec: {pool: fast, capacity: 1Gi, reclaimPolicy: Delete}
";
const MOST_FAULTS: u8 = 3;
const MOST_EDITS: u8 = 4;

/// An object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Object {
    There,
    Deleting,
    Gone,
}

/// The machine's domain, which names the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Domain {
    Nothing,
    Off,
    Running,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    volume: Object,
    machine: Object,
    domain: Domain,
    owner: bool,
    data: bool,
    ready: bool,
    // Whether it has been told that it is whole: a guest may have written to it.
    precious: bool,
    // What the status says.
    was_ready: bool,
    // What the operator remembers.
    created: bool,
    // A step that may take effect later.
    late: Option<u8>,
    retain: bool,
    faults: u8,
    edits: u8,
    broken: bool,
}

const STEPS: [Step; 9] = [
    Step::CreateOwner,
    Step::DiscardData,
    Step::CreateData,
    Step::Import,
    Step::CreateReady,
    Step::Grow,
    Step::DeleteReady,
    Step::DeleteData,
    Step::DeleteOwner,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Act,
    ActLate,
    Land,
    Lapse,
    /// What the operator remembers is gone.
    Restart,
    /// Somebody removes the completion record.
    LoseRecord,
    DeleteVolume,
    CreateVolume,
    DeleteMachine,
    CreateMachine,
    /// The machine's own plan goes on.
    Machine,
}

/// A decision that is replaced by a wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    /// Nobody asks who uses it.
    ForgetsUsers,
    /// That it was whole is not remembered.
    ForgetsReady,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Rest(Reason),
    Step(Step),
    LetGo,
}

struct World {
    keeps: DesiredVolume,
    deletes: DesiredVolume,
    bug: Option<Bug>,
}

impl World {
    fn new(bug: Option<Bug>) -> Self {
        let object = serde_saphyr::from_str(VOLUME).unwrap();
        let deletes = DesiredVolume::parse(&object, "lab", None).unwrap();
        let keeps = DesiredVolume {
            delete: false,
            ..deletes.clone()
        };
        Self {
            keeps,
            deletes,
            bug,
        }
    }

    fn choose(&self, state: &State) -> Choice {
        let desired = if state.retain {
            &self.keeps
        } else {
            &self.deletes
        };
        let observed = ObservedVolume {
            data: state.data.then(|| VolumeFacts {
                key: "/srv/fast/shop_web-root".to_owned(),
                capacity: desired.capacity,
            }),
            owner: state.owner.then(|| desired.owner.clone()),
            ready: state.ready.then(|| "complete".to_owned()),
        };
        // Nothing is made in its place while a removal may still take effect: libvirt goes by the name.
        let removal = |at: u8| STEPS[usize::from(at)].is_destructive();
        if state.late.is_some_and(removal) {
            return Choice::Rest(Reason::RetryLater);
        }
        let used = state.domain != Domain::Nothing && self.bug != Some(Bug::ForgetsUsers);
        let users = vec!["shop_web".to_owned(); usize::from(used)];
        match state.volume {
            Object::Gone => Choice::Rest(Reason::Deleting),
            Object::Deleting if state.machine == Object::There => Choice::Rest(Reason::InUse),
            Object::Deleting => {
                let plan = plan_deletion(
                    desired,
                    &observed,
                    state.was_ready,
                    &users,
                    Progress::Unknown,
                );
                match (plan.step, plan.verdict.reason) {
                    // Its name is not free while something may still be done to it.
                    (Some(Step::DeleteOwner), _) | (None, Reason::Deleting)
                        if state.late.is_some() =>
                    {
                        Choice::Rest(Reason::RetryLater)
                    }
                    (Some(step), _) => Choice::Step(step),
                    (None, Reason::Deleting) => Choice::LetGo,
                    (None, reason) => Choice::Rest(reason),
                }
            }
            Object::There => {
                let was_ready = state.was_ready && self.bug != Some(Bug::ForgetsReady);
                let progress = match state.created {
                    true => Progress::Created,
                    false => Progress::Unknown,
                };
                let plan = plan(desired, &observed, was_ready, progress);
                match plan.step {
                    Some(step) if step.is_destructive() && used => Choice::Rest(Reason::InUse),
                    Some(step) => Choice::Step(step),
                    None => Choice::Rest(plan.verdict.reason),
                }
            }
        }
    }

    fn act(&self, state: &State) -> Option<State> {
        let mut next = match self.choose(state) {
            Choice::Rest(Reason::Available) if !state.was_ready => State {
                was_ready: true,
                precious: state.data,
                ..*state
            },
            Choice::Rest(_) => return None,
            Choice::Step(step) => carry_out(state, step),
            Choice::LetGo => State {
                volume: Object::Gone,
                was_ready: false,
                ..*state
            },
        };
        if let Choice::Step(step) = self.choose(state) {
            next.created = match step {
                Step::CreateData => true,
                _ => state.created && next.data && !next.ready,
            };
        }
        Some(next)
    }
}

fn carry_out(state: &State, step: Step) -> State {
    let mut next = *state;
    match step {
        Step::CreateOwner => next.owner = true,
        // It is refused where there is one already.
        Step::CreateData => next.data = true,
        Step::CreateReady => next.ready = true,
        Step::DeleteReady => next.ready = false,
        Step::DiscardData | Step::DeleteData => (next.data, next.precious) = (false, false),
        Step::DeleteOwner => next.owner = false,
        Step::Import | Step::Grow | Step::Wipe => {}
    }
    let unused = state.domain == Domain::Nothing;
    let asked_for = state.volume == Object::Deleting && !state.retain && unused;
    next.broken |= step.is_destructive() && state.precious && !asked_for;
    next
}

// The machine's plan: its domain is made when the volume is whole, and goes with its object.
fn machine_acts(state: &State) -> Option<State> {
    let whole = state.volume == Object::There && state.was_ready && state.ready;
    let next = |domain| Some(State { domain, ..*state });
    match (state.machine, state.domain) {
        (Object::There, Domain::Nothing) if whole => next(Domain::Off),
        (Object::There, Domain::Off) if whole => next(Domain::Running),
        (Object::Deleting, Domain::Running) => next(Domain::Off),
        (Object::Deleting, Domain::Off) => next(Domain::Nothing),
        (Object::Deleting, Domain::Nothing) => Some(State {
            machine: Object::Gone,
            ..*state
        }),
        _ => None,
    }
}

fn faults(world: &World, state: &State, into: &mut Vec<(Action, State)>) {
    let hurt = State {
        faults: state.faults + 1,
        ..*state
    };
    if let (Choice::Step(step), None) = (world.choose(state), state.late) {
        let late = STEPS.iter().position(|known| *known == step);
        let late = late.map(|at| u8::try_from(at).unwrap());
        into.push((Action::ActLate, State { late, ..hurt }));
    }
    if state.created {
        let created = false;
        into.push((Action::Restart, State { created, ..hurt }));
    }
    if state.ready && state.was_ready {
        let ready = false;
        into.push((Action::LoseRecord, State { ready, ..hurt }));
    }
}

fn users(state: &State, into: &mut Vec<(Action, State)>) {
    let edited = State {
        edits: state.edits + 1,
        ..*state
    };
    let volume = |volume| State { volume, ..edited };
    let machine = |machine| State { machine, ..edited };
    match state.volume {
        Object::There => into.push((Action::DeleteVolume, volume(Object::Deleting))),
        Object::Gone => into.push((Action::CreateVolume, volume(Object::There))),
        Object::Deleting => {}
    }
    match state.machine {
        Object::There => into.push((Action::DeleteMachine, machine(Object::Deleting))),
        Object::Gone => into.push((Action::CreateMachine, machine(Object::There))),
        Object::Deleting => {}
    }
}

impl Model for World {
    type State = State;
    type Key = State;
    type Action = Action;

    fn seeds(&mut self) -> Vec<State> {
        let empty = State {
            volume: Object::There,
            machine: Object::There,
            domain: Domain::Nothing,
            owner: false,
            data: false,
            ready: false,
            precious: false,
            was_ready: false,
            created: false,
            late: None,
            retain: false,
            faults: 0,
            edits: 0,
            broken: false,
        };
        let retain = true;
        vec![empty, State { retain, ..empty }]
    }

    fn key(&self, state: &State) -> State {
        *state
    }

    fn next(&mut self, state: &State, into: &mut Vec<(Action, State)>) {
        into.extend(self.act(state).map(|next| (Action::Act, next)));
        into.extend(machine_acts(state).map(|next| (Action::Machine, next)));
        if let Some(step) = state.late {
            let lapsed = State {
                late: None,
                ..*state
            };
            into.push((Action::Lapse, lapsed));
            let landed = carry_out(&lapsed, STEPS[usize::from(step)]);
            into.push((Action::Land, landed));
        }
        if state.faults < MOST_FAULTS {
            faults(self, state, into);
        }
        if state.edits < MOST_EDITS {
            users(state, into);
        }
    }

    fn violation(&mut self, state: &State) -> Option<String> {
        let words = "data is removed that somebody uses, or nobody asked to remove";
        state.broken.then(|| words.to_owned())
    }

    fn stuck(&mut self, state: &State) -> Option<String> {
        if self.bug.is_some() {
            return None;
        }
        let mut state = State {
            late: None,
            created: false,
            ..*state
        };
        for _ in 0..30 {
            let next = self.act(&state).or_else(|| machine_acts(&state));
            let Some(next) = next else {
                let Choice::Rest(reason) = self.choose(&state) else {
                    return Some("it is not at rest".to_owned());
                };
                let well = match state.volume {
                    // A record that came late says that data was whole which is gone: it is refused
                    // to make it again, and a person has to look.
                    Object::There if state.ready && !state.data => reason == Reason::VolumeMissing,
                    Object::There => reason == Reason::Available,
                    Object::Deleting => reason == Reason::InUse && state.machine == Object::There,
                    Object::Gone => true,
                };
                return (!well).then(|| format!("it ends as {reason:?}"));
            };
            state = next;
        }
        Some("it does not settle".to_owned())
    }

    fn tell(&self, action: Option<Action>, state: &State) -> String {
        let action = action.map_or("it begins".to_owned(), |action| format!("{action:?}"));
        let records = [
            (state.owner, "owner"),
            (state.data, "data"),
            (state.ready, "ready"),
            (state.precious, "(precious)"),
            (state.was_ready, "status: Ready"),
            (state.retain, "Retain"),
        ];
        let records: Vec<_> = records
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, word)| *word)
            .collect();
        let late = state.late.map(|at| STEPS[usize::from(at)]);
        format!(
            "{action:<14} volume {:?}, machine {:?}, domain {:?}, late {late:?}, {}",
            state.volume,
            state.machine,
            state.domain,
            records.join(" ")
        )
    }
}

const LIMIT: Limit = Limit {
    states: 2_000_000,
    time: Duration::from_secs(60),
};

#[test]
fn no_volume_is_lost() {
    let report = explore(&mut World::new(None), LIMIT);
    report.print("volume");
    assert!(report.found.is_none() && report.complete);
}

fn is_caught(bug: Bug) {
    let report = explore(&mut World::new(Some(bug)), LIMIT);
    report.print(&format!("volume, {bug:?}"));
    let found = report.found.unwrap();
    assert!(found.what.contains("data is removed"), "{}", found.what);
}

#[test]
fn forgotten_users_are_caught() {
    is_caught(Bug::ForgetsUsers);
}

#[test]
fn a_forgotten_whole_volume_is_caught() {
    is_caught(Bug::ForgetsReady);
}
