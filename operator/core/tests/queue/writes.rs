//! Writes take effect, one at a time: those of the turn, and those of an operator that led before.

use crate::bugs::Bug;
use crate::operator::{hint_victims, members};
use crate::state::{NOBODY, NOWHERE, Object, State, Turn, WRITES, What, Write};
use crate::world::World;

impl World {
    /// The next write of the turn.
    pub(crate) fn write(&mut self, state: &State) -> State {
        let mut next = *state;
        let turn = &mut next.turn;
        let write = turn.writes[0];
        turn.writes.rotate_left(1);
        *turn.writes.last_mut().unwrap() = Write::default();
        let machine = usize::from(write.machine);
        let owner = usize::from(turn.owner);
        if !self.is_skipped(state, write) {
            match self.take_effect(&mut next, write) {
                true => self.written(&mut next, write),
                // Somebody else has written: it is looked at again.
                false => {
                    next.turn.again |= machine == owner || matches!(write.what, What::Mark(..));
                    next.torn |= next.spec(machine).group;
                }
            }
        }
        if next.turn.is_over() {
            if next.turn.again {
                next.hint(owner);
            }
            next.turn = Turn::default();
        }
        next
    }

    /// A binding that was sent takes effect, or is refused.
    pub(crate) fn arrive(&mut self, state: &State, slot: usize) -> State {
        let mut next = *state;
        let write = std::mem::take(&mut next.sent[slot]);
        next.sent[slot..].rotate_left(1);
        let machine = usize::from(write.machine);
        if self.take_effect(&mut next, write) {
            self.written(&mut next, write);
        } else {
            // It does not have the place.
            next.assumed[machine] = None;
            next.hint(machine);
            self.wake(&mut next);
            next.torn |= next.spec(machine).group;
        }
        next
    }

    // A planted bug looks once more, and leaves out what does not fit any longer.
    fn is_skipped(&self, state: &State, write: Write) -> bool {
        let What::Bind(host) = write.what else {
            return false;
        };
        let host = state.seen_hosts[usize::from(host)];
        self.bug == Some(Bug::TearsGroup) && (host.cordoned || !host.there)
    }

    /// Whether a write takes effect.
    fn take_effect(&mut self, next: &mut State, write: Write) -> bool {
        let machine = usize::from(write.machine);
        if let What::Wait(why) = write.what {
            next.waits[machine] = why;
            return true;
        }
        let blind = match write.what {
            What::Bind(_) => self.bug == Some(Bug::BindsBlindly),
            What::Free => self.bug == Some(Bug::FreesBlindly),
            _ => false,
        };
        let before = next.objects[machine];
        if !before.exists || !(write.current || blind) {
            return false;
        }
        let after = match write.what {
            What::Bind(host) => Object { host, ..before },
            What::Retake => Object {
                freed: false,
                ..before
            },
            What::Free => Object {
                freed: true,
                ..before
            },
            What::Mark(other, life) => Object {
                room_for: other,
                room_for_life: life,
                stopped: false,
                ..before
            },
            What::Unmark { freed } => Object {
                room_for: NOBODY,
                room_for_life: false,
                stopped: false,
                freed: before.freed || freed,
                ..before
            },
            What::Nothing | What::Wait(_) => before,
        };
        next.write(machine, after);
        let spec = next.spec(machine);
        if before.host == NOWHERE && !(spec.frees || spec.preemption) {
            next.runs[machine] = true;
        }
        true
    }

    // The operator that leads has written it, and knows what it has written.
    fn written(&mut self, next: &mut State, write: Write) {
        let machine = usize::from(write.machine);
        if let What::Wait(_) = write.what {
            return;
        }
        let other = usize::from(next.cached[machine].room_for);
        next.deliver(machine);
        match write.what {
            What::Bind(_) => {
                if self.bug != Some(Bug::WakesNobody) {
                    self.wake(next);
                }
                if next.spec(machine).group {
                    let (waiting, _) = members(&next.cached, next);
                    let others = next.machines().filter(|at| waiting[*at]);
                    others.for_each(|at| next.hint(at));
                }
                hint_victims(next, machine);
            }
            What::Unmark { .. } if usize::from(next.turn.owner) == machine => {
                self.wake(next);
                // It may have to ask another one.
                if other < next.about().machines.len() {
                    next.hint(other);
                }
            }
            _ => {}
        }
    }

    /// A write of an operator that led before takes effect now, or never.
    pub(crate) fn land(&mut self, state: &State, slot: usize, lands: bool) -> State {
        let mut next = *state;
        let write = std::mem::take(&mut next.late[slot]);
        next.late[slot..].rotate_left(1);
        let machine = usize::from(write.machine);
        if !(lands && self.take_effect(&mut next, write)) {
            next.torn |= next.spec(machine).group;
        }
        next
    }

    /// Another operator leads, and reads everything. What the one before has decided, and may still
    /// write, it lets come too late. Nothing, if more would be under way than there is room for here.
    pub(crate) fn take_over(&self, state: &State, freeing: Option<usize>) -> Option<State> {
        let mut next = *state;
        next.faults += 1;
        let free = freeing.map(|machine| Write {
            what: What::Free,
            machine: u8::try_from(machine).unwrap(),
            current: !state.behind[machine],
        });
        let sent = state.late.iter().chain(&state.turn.writes);
        let sent = sent.chain(&state.sent);
        let sent = sent.copied().filter(|it| it.is_sent()).chain(free);
        next.late = [Write::default(); WRITES];
        let mut slots = next.late.iter_mut();
        for write in sent {
            *slots.next()? = write;
        }
        freeing.into_iter().for_each(|it| next.runs[it] = false);
        for machine in next.machines() {
            if self.claims(next.objects[machine]) {
                next.outdate(machine);
            }
        }
        next.relist();
        Some(next)
    }

    // Whether it is written once before anything is placed: one that has all of its place is not, nor one
    // that is to go.
    fn claims(&self, object: Object) -> bool {
        let unbound = object.unbound();
        match self.bug {
            Some(Bug::SkipsClaims) => false,
            Some(Bug::ClaimsFew) => unbound,
            _ => unbound || (!object.deleting && (object.freed || object.room_for != NOBODY)),
        }
    }
}
