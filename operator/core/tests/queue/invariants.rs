//! What must hold in every state, and when nothing happens any more.

use crate::facts::{Ask, NAMES};
use crate::operator::{claim, members};
use crate::scenario::SIZES;
use crate::state::{HOSTS, MACHINES, State, What, Write};
use crate::world::World;

// Nothing takes more steps than this when nobody does anything.
pub(crate) const MOST_STEPS: usize = 200;

/// What is wrong with a state.
pub(crate) fn broken(state: &State) -> Option<String> {
    if let Some(words) = state.broken {
        return Some(words.to_owned());
    }
    let wrong = state.machines().find_map(|machine| stops(state, machine));
    let wrong = wrong.or_else(|| (0..HOSTS).find_map(|at| promised(state, at)));
    wrong.or_else(|| apart(state)).or_else(|| torn(state))
}

// Who is told to stop for whom.
fn stops(state: &State, machine: usize) -> Option<String> {
    let object = state.objects[machine];
    if object.bound().is_some() && object.freed && state.runs[machine] {
        return Some(format!("m{machine} runs without its place"));
    }
    let other = usize::from(object.room_for);
    if !object.exists || other >= MACHINES {
        return None;
    }
    let (spec, by) = (state.spec(machine), state.spec(other));
    let may = spec.preemption && by.preemption && spec.priority < by.priority;
    (!may).then(|| format!("m{machine} may not be stopped for m{other}"))
}

// What is promised of a host.
fn promised(state: &State, at: usize) -> Option<String> {
    // Its place has gone to whom it makes room for.
    let gone = |machine: usize| {
        let object = state.objects[machine];
        let other = usize::from(object.room_for);
        let by = state.objects.get(other);
        by.is_some_and(|by| {
            object.stopped && object.makes_room_for(other, by) && by.bound() == Some(at)
        })
    };
    let here = |machine: &usize| {
        let object = state.objects[*machine];
        object.bound() == Some(at) && !object.freed && !gone(*machine)
    };
    let sizes = state.machines().filter(here);
    let sum: u8 = sizes.map(|machine| state.size(machine)).sum();
    let has = SIZES[at][usize::from(state.hosts[at].large)];
    if state.shrunk[at] || sum <= has {
        return None;
    }
    let name = NAMES[at];
    let waits = |machine: &usize| here(machine) && state.objects[*machine].stopped;
    Some(match state.machines().find(waits) {
        Some(victim) => format!("the room of m{victim} on {name} has gone to another"),
        None => format!("more is promised of {name} than it has"),
    })
}

fn apart(state: &State) -> Option<String> {
    (0..HOSTS).find_map(|at| {
        let here = |machine: &usize| {
            state.spec(*machine).apart && state.objects[*machine].bound() == Some(at)
        };
        let many = state.machines().filter(here).count() > 1;
        many.then(|| format!("machines that have to be apart are on {}", NAMES[at]))
    })
}

fn torn(state: &State) -> Option<String> {
    let writes = state.turn.writes.iter().chain(&state.late);
    let mut binds = writes.filter(|it| matches!(it.what, What::Bind(_)));
    let is_being_placed = |it: &Write| state.spec(usize::from(it.machine)).group;
    let (_, placed) = members(&state.objects, state);
    let min_member = state.about().min_member;
    let part = placed > 0 && placed < min_member;
    let is_wrong = part && !state.torn && !binds.any(is_being_placed);
    is_wrong.then(|| format!("a group is placed in part: {placed} of {min_member}"))
}

/// What is wrong with how a state ends, if nobody does anything from now on.
pub(crate) fn stuck(world: &mut World, state: &State) -> Option<String> {
    let mut state = *state;
    // The writes of an operator that is gone come to nothing.
    while let Some(slot) = state.late.iter().position(|it| it.what != What::Nothing) {
        state = world.land(&state, slot, false);
    }
    let mut next = Vec::new();
    let mut way = Vec::new();
    for step in 0..MOST_STEPS {
        if !world.sound.insert(state.key()) {
            return None;
        }
        world.goes_on(&state, &mut next);
        if next.is_empty() {
            return at_rest(world, &state).map(|words| format!("{words}, after {way:?}"));
        }
        // Each in turn, so that none keeps the others from it.
        let (action, then) = next.swap_remove(step % next.len());
        way.push(action);
        state = then;
        next.clear();
        if let Some(words) = broken(&state) {
            return Some(format!("{words}, after {way:?}"));
        }
    }
    Some(format!("it does not come to rest: {way:?}"))
}

fn at_rest(world: &mut World, state: &State) -> Option<String> {
    if !state.rests() {
        return Some("it does not go on, and is not at rest".to_owned());
    }
    let mut machines = state.machines();
    machines.find_map(|machine| unsettled(world, state, machine))
}

// Nothing is under way: what the caches have is what there is.
fn unsettled(world: &mut World, state: &State, machine: usize) -> Option<String> {
    let object = state.objects[machine];
    let silent = object.bound().is_some_and(|at| !state.hosts[at].there);
    if !object.exists || silent {
        return None;
    }
    if object.deleting {
        return Some(format!("m{machine} is not deleted"));
    }
    if claim(world, state, machine).is_some() {
        return Some(format!("m{machine} is off for nobody"));
    }
    let view = state.view();
    let anew = Ask::anew(machine);
    if object.unbound() {
        let stops = state.spec(machine).preemption && !object.halted;
        let ask = Ask { stops, ..anew };
        let (waiting, placed) = members(&state.objects, state);
        let needed = state.about().min_member.saturating_sub(placed);
        let fits = match state.spec(machine).group && needed > 0 {
            true => world.facts.together(view, waiting, needed).is_ok(),
            false => world.facts.place(view, ask).is_ok(),
        };
        if fits {
            return Some(format!("m{machine} waits, and there is room"));
        }
        let wanted = world.facts.stops(view, ask);
        return wanted.map(|_| format!("m{machine} waits, and could stop others"));
    }
    let runs = state.runs[machine];
    if object.halted {
        return runs.then(|| format!("m{machine} runs, and is to be off"));
    }
    let only = Some(object.host);
    let fits = !object.freed || world.facts.place(view, Ask { only, ..anew }).is_ok();
    (!runs && fits).then(|| format!("m{machine} is off, and there is room"))
}
