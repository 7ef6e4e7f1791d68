//! What the operator that leads does when it looks at something. What is decided, the real core decides;
//! here is what surrounds it, as in `operator/src/controllers/placement`.

use drover_core::placement::{Claim, Other, claim as decide, may_take_room};

use crate::bugs::Bug;
use crate::facts::{Ask, Placed};
use crate::index::Queue;
use crate::state::{MACHINES, NOBODY, NOWHERE, Object, State, What, Write};
use crate::world::World;

/// What becomes of it that a machine makes room, as the operator knows it.
pub(crate) fn claim(world: &World, state: &State, machine: usize) -> Option<Claim> {
    let object = state.cached[machine];
    let at = usize::from(object.room_for);
    let by = state.cached.get(at)?;
    let there = by.exists && object.makes_room_for(at, by);
    // One that is going still has its place.
    let going = by.deleting && (by.host == NOWHERE || world.bug == Some(Bug::ForgetsDeleted));
    let waits = by.host == NOWHERE;
    let desired = world.facts.desired(state.scenario, at, by.halted);
    let other = match there && !going {
        true if waits => Other::Waits(&desired),
        true if by.host == object.host => Other::Placed,
        _ => Other::Gone,
    };
    let own = world.facts.desired(state.scenario, machine, object.halted);
    Some(decide(&own, other))
}

fn write(state: &State, machine: usize, what: What) -> Write {
    Write {
        what,
        machine: small(machine),
        current: !state.behind[machine],
    }
}

pub(crate) fn small(machine: usize) -> u8 {
    u8::try_from(machine).unwrap()
}

impl World {
    /// A look at a machine that is in the queue; nothing, while it has to wait for its turn.
    pub(crate) fn look(&mut self, state: &State, machine: usize) -> Option<State> {
        let mut next = *state;
        next.queue[machine] = false;
        let object = state.cached[machine];
        if !object.exists {
            self.gone(&mut next, machine);
            return Some(next);
        }
        self.see(&mut next, machine);
        // A host that does not answer does nothing: it is looked at when it is back.
        let silent = object.bound().is_some_and(|at| !state.seen_hosts[at].there);
        if silent && object.room_for != NOBODY {
            // Nothing is stopped there: whoever waits for that has to ask elsewhere.
            next.hint(usize::from(object.room_for));
        }
        if object.deleting {
            hint_victims(&mut next, machine);
            if !silent {
                delete(&mut next, machine);
            }
            return Some(next);
        }
        let claim = claim(self, state, machine);
        let bound = object.bound().is_some();
        let ends = bound && matches!(claim, Some(Claim::Met | Claim::Void));
        let starts = bound && !object.halted && claim.is_none() && !state.runs[machine];
        let takes = starts && object.freed;
        if silent && !ends {
            return Some(next);
        }
        if (!bound || ends || takes) && !state.turn.is_over() {
            return None;
        }
        match (bound, ends, takes) {
            (false, ..) => self.place(&mut next, machine),
            (_, true, _) => {
                let freed = claim == Some(Claim::Met) && object.stopped;
                begin(&mut next, machine, &[(machine, What::Unmark { freed })]);
            }
            (_, _, true) => self.retake(&mut next, machine),
            _ => self.settle(&mut next, machine, claim.is_some()),
        }
        Some(next)
    }

    // Somebody else may have written how it counts.
    fn see(&mut self, next: &mut State, machine: usize) {
        let known = next.index.machines[machine];
        let quiet = match self.bug {
            Some(Bug::LooksAway) => true,
            Some(Bug::WakesNobody) => known.host == NOWHERE,
            _ => false,
        };
        if known != next.counted(machine) && !quiet {
            self.wake(next);
        }
    }

    // Its object is gone.
    fn gone(&mut self, next: &mut State, machine: usize) {
        next.waits[machine] = 0;
        hint_victims(next, machine);
        self.wake(next);
        for other in next.machines() {
            if next.cached[other].unbound() && next.waits[other] == 0 {
                next.hint(other);
            }
        }
    }

    // It is started or stopped where it is, and what came of it is written.
    fn settle(&mut self, next: &mut State, machine: usize, makes_room: bool) {
        let before = next.cached[machine];
        let runs = !before.halted && !makes_room;
        next.runs[machine] = runs;
        let frees = before.halted && next.spec(machine).frees;
        let after = Object {
            freed: !runs && (before.freed || frees),
            stopped: !runs && makes_room,
            ..before
        };
        if after != before && !self.own_write(next, machine, after) {
            next.hint(machine);
            return;
        }
        if after.freed && !before.freed {
            self.wake(next);
        }
        if after.stopped {
            next.hint(usize::from(after.room_for));
        }
    }

    /// The operator writes an object as it has read it; whether nobody else has written in between.
    pub(crate) fn own_write(&mut self, next: &mut State, machine: usize, object: Object) -> bool {
        if next.behind[machine] {
            return false;
        }
        next.write(machine, object);
        // It is told of it as well.
        next.deliver(machine);
        true
    }

    // It asks for its place again.
    fn retake(&mut self, next: &mut State, machine: usize) {
        let mut waiting = self.sync(next);
        waiting.remove(&machine);
        let host = next.cached[machine].host;
        let ask = Ask {
            only: Some(host),
            ..Ask::anew(machine)
        };
        let placed = match self.bug {
            Some(Bug::RetakesUnasked) => Ok(host),
            _ => self.facts.place(next.index, ask),
        };
        let what = |_| What::Retake;
        self.answer(next, machine, waiting, placed.map(what));
    }

    // Whoever finds no place waits, before anything else happens.
    fn answer(
        &mut self,
        next: &mut State,
        machine: usize,
        mut waiting: Queue,
        found: Result<What, u16>,
    ) {
        match found {
            Ok(what) => begin(next, machine, &[(machine, what)]),
            Err(why) if self.bug == Some(Bug::WaitsLate) => {
                begin(next, machine, &[(machine, What::Wait(why))]);
            }
            Err(why) => waiting.insert(machine, self.facts.why(why)),
        }
        self.hint(next, waiting);
    }

    fn place(&mut self, next: &mut State, machine: usize) {
        let spec = next.spec(machine);
        let victims = victims(next, machine);
        if spec.group && self.place_group(next, machine) {
            return;
        }
        let halted = next.cached[machine].halted;
        let stops = may_take_room(&self.facts.desired(next.scenario, machine, halted));
        if stops || victims != [false; MACHINES] {
            return self.place_beside(next, machine, stops, victims);
        }
        let mut waiting = self.sync(next);
        waiting.remove(&machine);
        let placed = self.facts.place(next.index, Ask::anew(machine));
        // One of a group has its turn until all is written.
        let host = match placed {
            Ok(host) if !spec.group => host,
            _ => return self.answer(next, machine, waiting, placed.map(What::Bind)),
        };
        self.hint(next, waiting);
        self.assume(next, machine, host);
    }

    // The others do not have to wait until it is written where it is: it counts there already.
    fn assume(&mut self, next: &mut State, machine: usize, host: u8) {
        let sent = write(next, machine, What::Bind(host));
        let mut free = next.sent.iter_mut();
        let free = free.find(|it| it.what == What::Nothing);
        *free.unwrap() = sent;
        if self.bug == Some(Bug::ForgetsSent) {
            return;
        }
        let mut to = next.index;
        to.machines[machine].host = host;
        // Nobody is told to stop before it is known to be there.
        to.machines[machine].makes_room = self.bug != Some(Bug::StopsUnwritten);
        next.assumed[machine] = Some(next.cached[machine].life);
        match self.bug {
            Some(Bug::WakesNobody) => next.index = to,
            _ => self.note(next, to),
        }
    }

    // With all of its group that wait; not, if there are enough of them already.
    fn place_group(&mut self, next: &mut State, machine: usize) -> bool {
        let (members, placed) = members(&next.cached, next);
        let needed = next.about().min_member.saturating_sub(placed);
        if needed == 0 {
            return false;
        }
        let mut waiting = self.sync(next);
        waiting.remove(&machine);
        match self.facts.together(next.index, members, needed) {
            Ok(hosts) => {
                let binds = hosts.iter().enumerate();
                let binds = binds.filter_map(|(at, host)| Some((at, What::Bind((*host)?))));
                begin(next, machine, &binds.collect::<Vec<_>>());
                // There are enough without it.
                next.turn.again = hosts[machine].is_none();
            }
            Err(Some(why)) => waiting.insert(machine, self.facts.why(why)),
            Err(None) => {}
        }
        self.hint(next, waiting);
        true
    }

    // Where others have made room for it, or are to.
    fn place_beside(
        &mut self,
        next: &mut State,
        machine: usize,
        stops: bool,
        victims: [bool; MACHINES],
    ) {
        let mut waiting = self.sync(next);
        waiting.remove(&machine);
        if !stops {
            // Their room is their own again, as they see for themselves.
            hint_victims(next, machine);
        }
        let off = |at: usize| stops && victims[at] && next.cached[at].stopped;
        let off: [bool; MACHINES] = std::array::from_fn(off);
        let mut beside = next.index;
        for at in next.machines().filter(|at| off[*at]) {
            // For everybody else they count as before.
            beside.machines[at].host = NOWHERE;
        }
        let ask = Ask {
            stops,
            ..Ask::anew(machine)
        };
        let placed: Placed = self.facts.place(beside, ask);
        let wanted = self.facts.stops(beside, ask);
        self.answer(next, machine, waiting, placed.map(What::Bind));
        if placed.is_ok() || !stops {
            return;
        }
        let host = |at: usize| next.cached[at].host;
        let there = |at: usize| next.seen_hosts[usize::from(host(at))].there;
        if next
            .machines()
            .any(|at| victims[at] && !off[at] && there(at))
        {
            return;
        }
        let keep = wanted.map(|(host, _)| host);
        let lost = next.machines().filter(|at| victims[*at]);
        let lost = lost.filter(|at| Some(host(*at)) != keep);
        let mut writes: Vec<_> = lost.map(|at| (at, What::Unmark { freed: false })).collect();
        if let Some((_, goes)) = wanted {
            let life = next.cached[machine].life;
            // But for what goes anyway, and what is not known to be there.
            let there = |at: usize| next.cached[at].bound() == keep.map(usize::from);
            let goes = |at: &usize| goes[*at] && !next.cached[*at].deleting && there(*at);
            let mark = |at| (at, What::Mark(small(machine), life));
            writes.extend(next.machines().filter(goes).map(mark));
        }
        begin(next, machine, &writes);
    }
}

// A turn that these writes are left of.
fn begin(next: &mut State, owner: usize, writes: &[(usize, What)]) {
    let mut turn = next.turn;
    for (machine, what) in writes {
        turn.push(write(next, *machine, *what));
    }
    if !turn.is_over() {
        turn.owner = small(owner);
        next.turn = turn;
    }
}

// It stops, and its object goes.
fn delete(next: &mut State, machine: usize) {
    next.runs[machine] = false;
    if next.behind[machine] {
        next.hint(machine);
        return;
    }
    let life = next.cached[machine].life;
    let gone = Object {
        exists: false,
        ..Object::fresh(life)
    };
    next.write(machine, gone);
}

/// The machines of the group that wait, and how many are placed.
pub(crate) fn members(objects: &[Object; MACHINES], of: &State) -> ([bool; MACHINES], usize) {
    let member = |at: &usize| of.spec(*at).group && objects[*at].exists && !objects[*at].deleting;
    let mut waiting = [false; MACHINES];
    for at in of.machines().filter(member) {
        waiting[at] = objects[at].bound().is_none();
    }
    let bound = |at: &usize| member(at) && objects[*at].bound().is_some();
    (waiting, of.machines().filter(bound).count())
}

// Those that make room for it.
fn victims(state: &State, machine: usize) -> [bool; MACHINES] {
    let of = &state.cached[machine];
    std::array::from_fn(|at| state.cached[at].makes_room_for(machine, of))
}

// They see for themselves whether somebody needs their room.
pub(crate) fn hint_victims(next: &mut State, machine: usize) {
    for at in next.machines() {
        let object = next.cached[at];
        if object.exists && object.room_for != NOBODY && usize::from(object.room_for) == machine {
            next.hint(at);
        }
    }
}
