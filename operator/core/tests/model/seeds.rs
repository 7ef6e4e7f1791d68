//! Where the world begins.

use crate::invariants;
use crate::operator::Choice;
use crate::state::{Host, MACHINES, NO_DOMAIN, NOWHERE, Object, State, Want};
use crate::world::{World, takeover};

/// Where the one of two machines that run is.
pub(crate) const RUNNING: usize = 1;
/// Where the one of a machine that was placed twice is.
pub(crate) const LEFT_BEHIND: usize = 2;

/// Every beginning.
pub(crate) fn all(world: &mut World) -> Vec<State> {
    let empty = empty();
    let running = settled(world, &empty);
    let left_behind = left_behind(world, &empty);
    vec![empty, running, left_behind, strangers(world, &running)]
}

// Two machines that are declared, and three hosts that have nothing.
fn empty() -> State {
    let host = Host {
        up: true,
        connected: true,
        listed: true,
        ..Host::default()
    };
    let object = Object::fresh(Want(0));
    State {
        hosts: [host; 3],
        objects: [object; MACHINES],
        cached: [object; MACHINES],
        replaced: [(NOWHERE, 0); MACHINES],
        ..State::default()
    }
}

fn settled(world: &mut World, state: &State) -> State {
    let mut state = *state;
    loop {
        let before = state;
        for machine in 0..MACHINES {
            let choice = world.choose(&state, machine);
            if matches!(choice, Choice::Rest(_)) {
                continue;
            }
            state = world.act(&state, machine, choice).unwrap_or(state);
        }
        if state == before || invariants::broken(&world.facts, &state).is_some() {
            state.replaced = [(NOWHERE, 0); MACHINES];
            return state;
        }
    }
}

// Machine 0 was on a host that died, was placed anew, and the host is back with what it had.
fn left_behind(world: &mut World, empty: &State) -> State {
    let dead = 2;
    let mut state = *empty;
    (state.objects[0].host, state.objects[0].epoch) = (2, 1);
    state.cached = state.objects;
    let mut state = settled(world, &state);
    let had = state.hosts[dead].actual;
    state.objects[0] = Object::fresh(Want(0));
    state.hosts[dead].actual = had.map(|domain| world.facts.stopped(domain, "Unknown"));
    state.hosts[dead].known = state.hosts[dead].actual;
    state.hosts[dead].connected = false;
    (state.hosts[dead].off, state.hosts[dead].up) = (true, false);
    let mut state = settled(world, &takeover(&state));
    let host = &mut state.hosts[dead];
    (host.up, host.connected, host.listed, host.off) = (true, true, true, false);
    host.known = host.actual;
    settled(world, &state)
}

// Machine 0 is bound where somebody else's domain has its UUID, and so would machine 1 be.
fn strangers(world: &mut World, running: &State) -> State {
    let mut state = *running;
    for (machine, domain) in [(0, world.facts.unmarked), (1, world.facts.other_owner)] {
        let host = state.objects[machine].bound().unwrap();
        state.hosts[host].actual = [NO_DOMAIN; MACHINES];
        state.hosts[host].actual[machine] = domain;
        state.hosts[host].known = state.hosts[host].actual;
    }
    state
}
