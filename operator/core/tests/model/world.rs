//! Everything that can happen in the small world, one thing at a time.

use crate::action::Action;
use crate::bugs::Bug;
use crate::explore::Model;
use crate::facts::Facts;
use crate::invariants;
use crate::operator::{Choice, Operator};
use crate::state::{
    Call, HOSTS, Key, MACHINES, NAMES, NO_DOMAIN, NOWHERE, Object, State, Want, What,
};

/// How many faults and edits there are at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) faults: u8,
    pub(crate) edits: u8,
}

pub(crate) struct World {
    pub(crate) facts: Facts,
    pub(crate) bug: Option<Bug>,
    pub(crate) budget: Budget,
    /// Whether each state is asked how it ends.
    pub(crate) ends: bool,
    /// Whether a binding that names the wrong host is a violation in itself.
    pub(crate) bindings: bool,
    /// The one beginning, if not all are taken.
    pub(crate) seed: Option<usize>,
    /// States from which everything is known to end well.
    pub(crate) sound: crate::hash::Set<Key>,
}

pub(crate) type Next = Vec<(Action, State)>;

impl World {
    pub(crate) fn new(bug: Option<Bug>, budget: Budget) -> Self {
        Self {
            facts: Facts::new(),
            bug,
            budget,
            ends: bug.is_none(),
            bindings: bug.is_none(),
            seed: None,
            sound: crate::hash::Set::default(),
        }
    }

    pub(crate) fn choose(&mut self, state: &State, machine: usize) -> Choice {
        let mut operator = Operator {
            facts: &mut self.facts,
            bug: self.bug,
        };
        operator.choose(state, machine)
    }

    fn operator_acts(&mut self, state: &State, into: &mut Next) {
        for machine in 0..MACHINES {
            let state = &self.look_elsewhere(state, machine);
            let choice = self.choose(state, machine);
            if let Choice::Rest(_) = choice {
                continue;
            }
            let number = u8::try_from(machine).unwrap();
            if let Some(next) = self.act(state, machine, choice) {
                into.push((Action::Act(number), next));
            }
            if let Some(next) = self.act_late(state, machine, choice) {
                into.push((Action::ActLate(number), next));
            }
        }
    }

    // What was seen of a machine where it is not bound is looked at anew before it counts.
    fn look_elsewhere(&self, state: &State, machine: usize) -> State {
        let mut next = *state;
        for (at, host) in next.hosts.iter_mut().enumerate() {
            let elsewhere = state.cached[machine].bound() != Some(at);
            if elsewhere && host.connected && self.facts.info(host.known[machine]).ours {
                host.known[machine] = host.actual[machine];
            }
        }
        next
    }

    /// Does what was decided, at once.
    pub(crate) fn act(&mut self, state: &State, machine: usize, choice: Choice) -> Option<State> {
        let mut next = *state;
        match choice {
            Choice::Rest(_) => return None,
            // Every write names the version that it was decided on.
            Choice::Bind(..) | Choice::LetGo | Choice::Claim
                if state.behind[machine] && self.bug != Some(Bug::BindsBlindly) =>
            {
                return None;
            }
            Choice::Bind(host, epoch) => {
                next.broken = invariants::wrong_binding(&self.facts, state, machine, host);
                bind(&mut next, machine, u8::try_from(host).unwrap(), epoch);
                next.deliver(machine);
            }
            Choice::Claim => {
                next.write(machine, state.objects[machine]);
                next.deliver(machine);
            }
            Choice::LetGo => {
                let want = state.objects[machine].want;
                let gone = Object {
                    exists: false,
                    ..Object::fresh(want)
                };
                next.write(machine, gone);
                next.deliver(machine);
            }
            Choice::Step(host, ..) => {
                let call = call(state, machine, choice);
                next.broken = invariants::wrong_step(self, state, machine, &call);
                let domain = self.facts.effect(&call, state.hosts[host].actual[machine]);
                next.hosts[host].actual[machine] = domain;
                // What was done is looked at anew.
                next.hosts[host].known[machine] = domain;
            }
        }
        Some(next)
    }

    fn act_late(&mut self, state: &State, machine: usize, choice: Choice) -> Option<State> {
        let slot = state
            .late
            .iter()
            .position(|call| call.what == What::Nothing)?;
        if state.faults >= self.budget.faults || matches!(choice, Choice::LetGo | Choice::Claim) {
            return None;
        }
        let sent = call(state, machine, choice);
        // An operator has one call in flight for a machine, and hangs up on one that is late: what
        // waits behind it is never done.
        let same = |call: &Call| call.what == sent.what && call.machine == sent.machine;
        if state.late.iter().any(same) {
            return None;
        }
        let mut next = *state;
        next.faults += 1;
        next.late[slot] = sent;
        next.doubt[machine] |= next.late[slot].what == What::Bind;
        let Choice::Step(host, step, epoch) = choice else {
            return Some(next);
        };
        next.broken = invariants::wrong_step(self, state, machine, &next.late[slot]);
        next.hosts[host].known[machine] = state.hosts[host].actual[machine];
        if self.bug == Some(Bug::RetriesBlindly) && self.facts.kind(step).starts {
            let free = |at: &usize| {
                *at != host
                    && state
                        .objects
                        .iter()
                        .all(|object| object.bound() != Some(*at))
            };
            let other = (0..HOSTS).find(free)?;
            bind(&mut next, machine, u8::try_from(other).unwrap(), epoch + 1);
            next.deliver(machine);
            next.hosts[host].known[machine] = NO_DOMAIN;
        }
        Some(next)
    }

    fn late_calls(&mut self, state: &State, into: &mut Next) {
        for (slot, call) in state.late.iter().enumerate() {
            if call.what == What::Nothing {
                continue;
            }
            let number = u8::try_from(slot).unwrap();
            let mut next = *state;
            next.late[slot] = Call::default();
            into.push((Action::Lapse(number), next));
            let machine = usize::from(call.machine);
            let host = usize::from(call.host);
            match call.what {
                What::Bind if call.current || self.bug == Some(Bug::BindsBlindly) => {
                    if state.objects[machine].exists {
                        bind(&mut next, machine, call.host, call.epoch);
                    }
                }
                What::Step if state.hosts[host].up => {
                    let found = state.hosts[host].actual[machine];
                    next.hosts[host].actual[machine] = self.facts.effect(call, found);
                }
                _ => continue,
            }
            into.push((Action::Land(number), next));
        }
    }

    fn news(&self, state: &State, into: &mut Next) {
        for (at, host) in state
            .hosts
            .iter()
            .enumerate()
            .filter(|(_, host)| host.connected)
        {
            for machine in 0..MACHINES {
                let (host_number, number) =
                    (u8::try_from(at).unwrap(), u8::try_from(machine).unwrap());
                let mut next = *state;
                if host.known[machine] != host.actual[machine] {
                    next.hosts[at].known[machine] = host.actual[machine];
                    into.push((Action::Look(host_number, number), next));
                }
                let ours = self.facts.info(host.known[machine]).ours;
                if self.bug == Some(Bug::TrustsEvent) && ours {
                    next.hosts[at].known[machine] = NO_DOMAIN;
                    into.push((Action::OldEvent(host_number, number), next));
                }
            }
        }
        for machine in 0..MACHINES {
            if state.behind[machine] {
                let mut next = *state;
                next.deliver(machine);
                into.push((Action::Deliver(u8::try_from(machine).unwrap()), next));
            }
        }
    }

    fn hosts_change(&mut self, state: &State, into: &mut Next) {
        for at in 0..HOSTS {
            let number = u8::try_from(at).unwrap();
            let host = state.hosts[at];
            let mut push =
                |action: fn(u8) -> Action, next: State| into.push((action(number), next));
            if host.up && !host.connected {
                push(Action::Connect, connect(state, at));
            }
            if !host.up {
                let mut next = *state;
                next.hosts[at].up = true;
                push(Action::PowerOn, next);
            }
            if !host.up && !host.connected && !host.off && state.edits < self.budget.edits {
                let mut next = *state;
                next.edits += 1;
                next.hosts[at].off = true;
                push(Action::ConfirmOff, next);
            }
            if state.faults >= self.budget.faults {
                continue;
            }
            if host.connected {
                let mut next = *state;
                next.faults += 1;
                next.hosts[at].connected = false;
                push(Action::Cut, next);
            }
            if host.up {
                push(Action::PowerCut, self.power_cut(state, at));
            }
        }
    }

    fn power_cut(&mut self, state: &State, at: usize) -> State {
        let mut next = *state;
        next.faults += 1;
        (next.hosts[at].up, next.hosts[at].connected) = (false, false);
        for domain in &mut next.hosts[at].actual {
            *domain = self.facts.stopped(*domain, "Unknown");
        }
        // The connections that they were sent on are gone.
        for call in &mut next.late {
            if call.what == What::Step && usize::from(call.host) == at {
                *call = Call::default();
            }
        }
        next
    }

    fn faults(&mut self, state: &State, into: &mut Next) {
        if state.faults >= self.budget.faults {
            return;
        }
        let mut hurt = *state;
        hurt.faults += 1;
        let taken = takeover(&hurt);
        let taken = match self.bug {
            Some(Bug::SkipsClaims) => taken,
            _ => claim(&self.facts, &taken),
        };
        into.push((Action::Takeover, taken));
        for machine in 0..MACHINES {
            let number = u8::try_from(machine).unwrap();
            for at in 0..HOSTS {
                let found = state.hosts[at].actual[machine];
                let stopped = self.facts.stopped(found, "Shutdown");
                if stopped != found {
                    let mut next = hurt;
                    next.hosts[at].actual[machine] = stopped;
                    into.push((Action::Stop(u8::try_from(at).unwrap(), number), next));
                }
            }
            let object = state.objects[machine];
            if !object.exists {
                continue;
            }
            let mut next = hurt;
            next.replaced(machine);
            next.write(machine, Object::fresh(object.want.flip(Want::LIFE)));
            into.push((Action::Lose(number), next));
            let (host, epoch) = state.replaced[machine];
            if host != NOWHERE && (host, epoch) != (object.host, object.epoch) {
                let mut next = hurt;
                next.write(
                    machine,
                    Object {
                        host,
                        epoch,
                        by_hand: true,
                        ..object
                    },
                );
                next.restored = true;
                // A server that starts from a backup ends every watch: all is listed anew.
                (0..MACHINES).for_each(|machine| next.deliver(machine));
                into.push((Action::Restore(number), next));
            }
        }
    }

    fn users(&self, state: &State, into: &mut Next) {
        if state.edits >= self.budget.edits {
            return;
        }
        for machine in 0..MACHINES {
            let number = u8::try_from(machine).unwrap();
            let object = state.objects[machine];
            let mut push = |action: Action, object: Object| {
                let mut next = *state;
                next.edits += 1;
                next.write(machine, object);
                into.push((action, next));
            };
            if !object.exists {
                push(
                    Action::Create(number),
                    Object::fresh(object.want.flip(Want::LIFE)),
                );
                continue;
            }
            if object.deleting {
                continue;
            }
            push(
                Action::Delete(number),
                Object {
                    deleting: true,
                    ..object
                },
            );
            for bit in [Want::HALTED, Want::UNPLUGGED] {
                let want = object.want.flip(bit);
                push(Action::Edit(number, bit), Object { want, ..object });
            }
        }
    }
}

/// The operator connects to a host and lists it.
pub(crate) fn connect(state: &State, at: usize) -> State {
    let mut next = *state;
    let host = &mut next.hosts[at];
    (host.connected, host.listed, host.off) = (true, true, false);
    host.known = host.actual;
    next
}

/// Another operator leads: it lists the hosts that it can reach.
pub(crate) fn takeover(state: &State) -> State {
    let mut next = *state;
    for host in &mut next.hosts {
        host.listed = host.connected;
        host.known = match host.connected {
            true => host.actual,
            false => [NO_DOMAIN; MACHINES],
        };
    }
    (0..MACHINES).for_each(|machine| next.deliver(machine));
    next
}

// Before it places anything it writes to every machine that does not run where it is bound, so that a
// binding of the operator before it comes too late.
fn claim(facts: &Facts, state: &State) -> State {
    let mut next = *state;
    for machine in 0..MACHINES {
        let object = next.objects[machine];
        let runs = |at: usize| facts.info(next.hosts[at].known[machine]).active;
        if object.exists && !object.bound().is_some_and(runs) {
            next.write(machine, object);
            next.deliver(machine);
        }
    }
    next
}

fn bind(state: &mut State, machine: usize, host: u8, epoch: u8) {
    state.replaced(machine);
    let object = state.objects[machine];
    let object = Object {
        host,
        epoch,
        by_hand: object.by_hand && object.host == host,
        ..object
    };
    state.write(machine, object);
}

fn call(state: &State, machine: usize, choice: Choice) -> Call {
    let object = state.cached[machine];
    let call = Call {
        machine: u8::try_from(machine).unwrap(),
        want: object.want,
        deleting: object.deleting,
        ..Call::default()
    };
    match choice {
        Choice::Bind(host, epoch) => Call {
            what: What::Bind,
            host: u8::try_from(host).unwrap(),
            epoch,
            current: !state.behind[machine],
            want: Want(0),
            ..call
        },
        Choice::Step(host, step, epoch) => Call {
            what: What::Step,
            host: u8::try_from(host).unwrap(),
            step,
            base: state.hosts[host].known[machine],
            epoch,
            ..call
        },
        Choice::Rest(_) | Choice::LetGo | Choice::Claim => call,
    }
}

impl Model for World {
    type State = State;
    type Key = Key;
    type Action = Action;

    fn seeds(&mut self) -> Vec<State> {
        let all = crate::seeds::all(self);
        match self.seed {
            Some(seed) => vec![all[seed]],
            None => all,
        }
    }

    fn key(&self, state: &State) -> Key {
        state.key()
    }

    fn next(&mut self, state: &State, into: &mut Next) {
        self.operator_acts(state, into);
        self.late_calls(state, into);
        self.news(state, into);
        self.hosts_change(state, into);
        self.faults(state, into);
        self.users(state, into);
    }

    fn violation(&mut self, state: &State) -> Option<String> {
        let misbound = || invariants::misbound(&self.facts, state);
        invariants::broken(&self.facts, state).or_else(|| self.bindings.then(misbound).flatten())
    }

    fn stuck(&mut self, state: &State) -> Option<String> {
        self.ends.then(|| invariants::stuck(self, state)).flatten()
    }

    fn tell(&self, action: Option<Action>, state: &State) -> String {
        crate::tell::line(&self.facts, action, state)
    }
}

/// Names, for messages.
pub(crate) fn host_name(host: u8) -> &'static str {
    NAMES.get(usize::from(host)).copied().unwrap_or("-")
}
