//! Everything that can happen in the small world, one thing at a time.

use crate::bugs::Bug;
use crate::explore::Model;
use crate::facts::Facts;
use crate::hash::Set;
use crate::invariants::{self, MOST_STEPS};
use crate::key::Key;
use crate::scenario::{ALL, begin};
use crate::state::{HOSTS, Host, MACHINES, Object, State, What};

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// The operator looks at a machine.
    Look(u8),
    /// It looks at a host.
    LookAtHost(u8),
    /// The next write of its turn takes effect, or is refused.
    Write,
    /// A binding that was sent takes effect, or is refused.
    Arrive(u8),
    /// The watch tells of a machine's object.
    Deliver(u8),
    /// The watch tells of a host's object.
    DeliverHost(u8),
    /// Another operator leads.
    Takeover,
    /// The same, while the one before writes that a machine has given its place up.
    TakeoverFreeing(u8),
    /// A write of the operator before takes effect, or is refused.
    Land(u8),
    /// It never does.
    Lapse(u8),
    /// A user makes a machine.
    Create(u8),
    /// A user deletes a machine.
    Delete(u8),
    /// A user halts or starts a machine.
    Halt(u8),
    /// A user makes a machine take less.
    Shrink(u8),
    /// A host has more, or less.
    Resize(u8),
    /// A host is cordoned, or no longer.
    Cordon(u8),
    /// A host comes, or goes.
    Host(u8),
}

/// How many faults and edits there are at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) faults: u8,
    pub(crate) edits: u8,
}

pub(crate) struct World {
    pub(crate) facts: Facts,
    pub(crate) bug: Option<Bug>,
    budget: Budget,
    /// The one scenario, if not all are taken.
    pub(crate) scenario: Option<u8>,
    /// Whom the last that happened could help.
    pub(crate) may_wake: [bool; MACHINES],
    /// States from which everything is known to end well.
    pub(crate) sound: Set<Key>,
}

type Next = Vec<(Action, State)>;

impl World {
    pub(crate) fn new(bug: Option<Bug>, budget: Budget) -> Self {
        let mut facts = Facts::default();
        facts.ignores_never = bug == Some(Bug::IgnoresNever);
        facts.renews_quietly = bug == Some(Bug::RenewsQuietly);
        facts.forgets_stops = bug == Some(Bug::ForgetsStops);
        Self {
            facts,
            bug,
            budget,
            scenario: None,
            may_wake: [false; MACHINES],
            sound: Set::default(),
        }
    }

    /// What the operator does, and is told, when nobody does anything else.
    pub(crate) fn goes_on(&mut self, state: &State, into: &mut Next) {
        for at in 0..HOSTS {
            let number = u8::try_from(at).unwrap();
            if state.hosts_behind[at] {
                let mut next = *state;
                next.seen_hosts[at] = state.hosts[at];
                (next.hosts_behind[at], next.queued_hosts[at]) = (false, true);
                into.push((Action::DeliverHost(number), next));
            }
            if state.queued_hosts[at] {
                into.push((Action::LookAtHost(number), self.look_at_host(state, at)));
            }
        }
        for machine in state.machines() {
            let number = u8::try_from(machine).unwrap();
            if state.behind[machine] {
                let mut next = *state;
                next.deliver(machine);
                into.push((Action::Deliver(number), next));
            }
        }
        if !state.turn.is_over() {
            into.push((Action::Write, self.write(state)));
        }
        for (slot, write) in state.sent.iter().enumerate() {
            if write.is_sent() {
                let number = u8::try_from(slot).unwrap();
                into.push((Action::Arrive(number), self.arrive(state, slot)));
            }
        }
        for machine in state.machines().filter(|at| state.queue[*at]) {
            // Whoever is looked at is looked at again only when that is over.
            if state.is_busy(machine) {
                continue;
            }
            if let Some(next) = self.look(state, machine) {
                into.push((Action::Look(u8::try_from(machine).unwrap()), next));
            }
        }
    }

    fn comes_to_rest(&mut self, mut state: State) -> State {
        let mut next = Vec::new();
        for step in 0..MOST_STEPS {
            self.goes_on(&state, &mut next);
            if next.is_empty() {
                break;
            }
            state = next.swap_remove(step % next.len()).1;
            next.clear();
        }
        state
    }

    fn look_at_host(&mut self, state: &State, at: usize) -> State {
        let mut next = *state;
        next.queued_hosts[at] = false;
        self.wake(&mut next);
        for machine in state.machines() {
            if state.cached[machine].bound() == Some(at) {
                next.hint(machine);
            }
        }
        next
    }

    fn late_writes(&mut self, state: &State, into: &mut Next) {
        for (slot, write) in state.late.iter().enumerate() {
            if write.what != What::Nothing {
                let number = u8::try_from(slot).unwrap();
                into.push((Action::Land(number), self.land(state, slot, true)));
                into.push((Action::Lapse(number), self.land(state, slot, false)));
            }
        }
    }

    fn faults(&self, state: &State, into: &mut Next) {
        if state.faults >= self.budget.faults {
            return;
        }
        let taken = self.take_over(state, None);
        into.extend(taken.map(|next| (Action::Takeover, next)));
        for machine in state.machines() {
            let object = state.cached[machine];
            let frees = state.spec(machine).frees && object.halted && !object.freed;
            if frees && object.bound().is_some() && !object.deleting && state.turn.is_over() {
                let number = u8::try_from(machine).unwrap();
                let taken = self.take_over(state, Some(machine));
                into.extend(taken.map(|next| (Action::TakeoverFreeing(number), next)));
            }
        }
    }

    fn users(&self, state: &State, into: &mut Next) {
        if state.edits >= self.budget.edits {
            return;
        }
        let may = state.about().may;
        for machine in state.machines() {
            let number = u8::try_from(machine).unwrap();
            let object = state.objects[machine];
            let mut push = |action: Action, object: Object| {
                let mut next = *state;
                next.edits += 1;
                next.write(machine, object);
                next.torn |= next.spec(machine).group && object.deleting;
                into.push((action, next));
            };
            let has = |bits: u8| bits & (1 << machine) != 0;
            if has(may.come_and_go) && !object.exists {
                push(Action::Create(number), Object::fresh(!object.life));
            }
            if !object.exists || object.deleting {
                continue;
            }
            if has(may.come_and_go) {
                let deleting = true;
                push(Action::Delete(number), Object { deleting, ..object });
            }
            if has(may.halt) {
                let halted = !object.halted;
                push(Action::Halt(number), Object { halted, ..object });
            }
            if has(may.smaller) && !object.small {
                let small = true;
                push(Action::Shrink(number), Object { small, ..object });
            }
        }
    }

    fn hosts_change(&self, state: &State, into: &mut Next) {
        if state.edits >= self.budget.edits {
            return;
        }
        let may = state.about().may;
        for at in 0..HOSTS {
            let has = |bits: u8| bits & (1 << at) != 0;
            let number = u8::try_from(at).unwrap();
            let host = state.hosts[at];
            let mut push = |action: Action, host: Host| {
                let mut next = *state;
                next.edits += 1;
                if state.hosts_behind[at] {
                    next.seen_hosts[at] = state.hosts[at];
                }
                next.hosts[at] = host;
                next.hosts_behind[at] = true;
                next.shrunk[at] = (next.shrunk[at] || state.hosts[at].large) && !host.large;
                into.push((action, next));
            };
            if has(may.resize) && host.there {
                let large = !host.large;
                push(Action::Resize(number), Host { large, ..host });
            }
            if has(may.cordon) && host.there {
                let cordoned = !host.cordoned;
                push(Action::Cordon(number), Host { cordoned, ..host });
            }
            if has(may.hosts) {
                let there = !host.there;
                push(Action::Host(number), Host { there, ..host });
            }
        }
    }
}

impl Model for World {
    type State = State;
    type Key = Key;
    type Action = Action;

    fn seeds(&mut self) -> Vec<State> {
        let all = match self.scenario {
            Some(scenario) => scenario..scenario + 1,
            None => 0..u8::try_from(ALL.len()).unwrap(),
        };
        let begins: Vec<State> = all.map(begin).collect();
        // Some wait for a place, and are only told of what happens then.
        let rest: Vec<State> = begins.iter().map(|it| self.comes_to_rest(*it)).collect();
        [begins, rest].concat()
    }

    fn key(&self, state: &State) -> Key {
        state.key()
    }

    fn next(&mut self, state: &State, into: &mut Next) {
        self.goes_on(state, into);
        self.late_writes(state, into);
        self.faults(state, into);
        self.users(state, into);
        self.hosts_change(state, into);
    }

    fn violation(&mut self, state: &State) -> Option<String> {
        invariants::broken(state)
    }

    fn stuck(&mut self, state: &State) -> Option<String> {
        invariants::stuck(self, state)
    }

    fn tell(&self, action: Option<Action>, state: &State) -> String {
        crate::tell::line(action, state)
    }
}
