//! What must hold in every state.

use drover_crds::condition::Reason;

use crate::facts::Facts;
use crate::operator::Choice;
use crate::state::{Call, HOSTS, MACHINES, NAMES, NOWHERE, State, Want};
use crate::world::{World, connect, takeover};

// Nothing takes more steps than this when nothing fails.
const MOST_ROUNDS: usize = 40;

/// What is wrong with a state.
pub(crate) fn broken(facts: &Facts, state: &State) -> Option<String> {
    if let Some(words) = state.broken {
        return Some(words.to_owned());
    }
    for machine in 0..MACHINES {
        let live = |at: &usize| {
            let info = facts.info(state.hosts[*at].actual[machine]);
            info.ours && info.active
        };
        let live: Vec<_> = (0..HOSTS).filter(live).map(|at| NAMES[at]).collect();
        if live.len() > 1 {
            return Some(format!("m{machine} runs on {}", live.join(" and on ")));
        }
    }
    for (at, host) in state.hosts.iter().enumerate() {
        if host.actual.contains(&facts.touched) {
            return Some(format!("a domain of others was changed on {}", NAMES[at]));
        }
        let here = |machine: &usize| state.objects[*machine].bound() == Some(at);
        // A host has room for one.
        if !state.restored && (0..MACHINES).filter(here).count() > 1 {
            return Some(format!("more is promised of {} than it has", NAMES[at]));
        }
    }
    None
}

/// A machine that runs is bound to where it runs, or to nowhere yet, unless a person has written its
/// binding.
pub(crate) fn misbound(facts: &Facts, state: &State) -> Option<String> {
    (0..MACHINES).find_map(|machine| {
        let object = state.objects[machine];
        let bound = object.bound().filter(|_| !object.by_hand)?;
        let runs = |at: &usize| {
            let info = facts.info(state.hosts[*at].actual[machine]);
            info.ours && info.active && *at != bound
        };
        let at = (0..HOSTS).find(runs)?;
        let (runs, bound) = (NAMES[at], NAMES[bound]);
        Some(format!("m{machine} runs on {runs} and is bound to {bound}"))
    })
}

/// What is wrong with a binding that was decided on.
pub(crate) fn wrong_binding(
    facts: &Facts,
    state: &State,
    machine: usize,
    host: usize,
) -> Option<&'static str> {
    let info = |at: usize| facts.info(state.hosts[at].known[machine]);
    let here = info(host);
    let newer = |at: usize| info(at).ours && !state.hosts[at].off && info(at).epoch > here.epoch;
    let old = here.ours && !here.active && (0..HOSTS).any(newer);
    old.then_some("an old copy is chosen, and a newer one is known")
}

/// What is wrong with a step that was decided on.
pub(crate) fn wrong_step(
    world: &World,
    state: &State,
    machine: usize,
    call: &Call,
) -> Option<&'static str> {
    let kind = world.facts.kind(call.step);
    let object = state.cached[machine];
    let declared_off = object.deleting || object.want.has(Want::HALTED);
    if (kind.ends && !declared_off) || (kind.removes && !object.deleting) {
        return Some("a machine is stopped or removed that is declared to run");
    }
    let epoch = world.facts.info(call.base).epoch;
    let newer = state.hosts.iter().any(|host| {
        let info = world.facts.info(host.known[machine]);
        info.ours && info.epoch > epoch
    });
    (kind.starts && newer).then_some("a copy is started, and a newer one is known")
}

/// What is wrong with how a state ends, if nothing fails from now on.
pub(crate) fn stuck(world: &mut World, state: &State) -> Option<String> {
    let mut state = healed(state);
    let mut seen = Vec::new();
    for _ in 0..MOST_ROUNDS {
        if !world.sound.insert(state.key()) {
            return None;
        }
        seen.push(state.key());
        let mut moved = false;
        for machine in 0..MACHINES {
            let choice = world.choose(&state, machine);
            if let Some(next) = world.act(&state, machine, choice) {
                (state, moved) = (next, true);
            }
        }
        if let Some(words) = broken(&world.facts, &state) {
            return Some(format!("when all is well again: {words}"));
        }
        if !moved {
            return (0..MACHINES).find_map(|machine| unsettled(world, &state, machine));
        }
    }
    Some(format!("it does not settle: {seen:?}"))
}

// All hosts are on and answer, late calls are gone, and an operator begins.
fn healed(state: &State) -> State {
    let mut next = *state;
    next.late = Default::default();
    (next.faults, next.edits) = (0, 0);
    next.replaced = [(NOWHERE, 0); MACHINES];
    for at in 0..HOSTS {
        next.hosts[at].up = true;
        next = connect(&next, at);
    }
    takeover(&next)
}

fn unsettled(world: &mut World, state: &State, machine: usize) -> Option<String> {
    let object = state.objects[machine];
    let Choice::Rest(reason) = world.choose(state, machine) else {
        return Some(format!("m{machine}: it is not at rest"));
    };
    if !object.exists {
        return None;
    }
    let info = |at: usize| world.facts.info(state.hosts[at].actual[machine]);
    let foreign = (0..HOSTS).any(|at| info(at).foreign);
    let well = match reason {
        Reason::Running => object
            .bound()
            .is_some_and(|at| info(at).ours && info(at).active),
        Reason::Halted => object
            .bound()
            .is_some_and(|at| info(at).ours && !info(at).active),
        Reason::UUIDConflict => foreign || needs_a_person(world, state, machine),
        // What is left of it is where another machine has the room.
        Reason::Unschedulable => (0..HOSTS).any(|at| info(at).ours),
        _ => false,
    };
    let halted = object.want.has(Want::HALTED);
    let well = well && !object.deleting && !(reason == Reason::Running && halted);
    (!well).then(|| format!("m{machine} ends as {reason:?}"))
}

// It is on two hosts, and which of them has the data that counts, nobody can tell: no binding says
// so, or one that is older than what is elsewhere, or that a person wrote.
fn needs_a_person(world: &World, state: &State, machine: usize) -> bool {
    let info = |at: usize| world.facts.info(state.hosts[at].actual[machine]);
    let object = state.objects[machine];
    let all = (0..HOSTS).filter(|at| info(*at).ours);
    let highest = all.clone().map(|at| info(at).epoch).max().unwrap_or(0);
    match object.bound().filter(|here| info(*here).ours) {
        None => all.filter(|at| info(*at).epoch == highest).count() > 1,
        Some(here) => {
            let own = info(here).epoch.max(object.epoch);
            let mut others = all.filter(|at| *at != here);
            others.any(|at| info(at).epoch >= own || (object.by_hand && info(at).active))
        }
    }
}
