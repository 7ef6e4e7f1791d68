//! The operator's index of the fleet: brought in step when it is used, and with it those that wait.

use drover_core::schedule::Waiting;

use crate::bugs::Bug;
use crate::facts::Why;
use crate::state::{State, View};
use crate::world::World;

pub(crate) type Queue = Waiting<usize, Why>;

impl World {
    // What the caches have.
    fn view(&self, state: &State) -> View {
        let mut view = state.view();
        if self.bug == Some(Bug::GivesRoomAway) {
            for (counted, object) in view.machines.iter_mut().zip(&state.cached) {
                counted.freed |= object.stopped;
            }
        }
        view
    }

    /// In step with the caches. What happened is told to those that wait.
    pub(crate) fn sync(&mut self, state: &mut State) -> Queue {
        let mut waiting = self.waiting(state);
        let view = self.view(state);
        self.happens(state, &mut waiting, view);
        for machine in state.machines() {
            if !state.is_assumed(machine) {
                state.assumed[machine] = None;
            }
        }
        waiting
    }

    fn waiting(&self, state: &State) -> Queue {
        let mut waiting = Queue::default();
        for (machine, number) in state.waits.into_iter().enumerate() {
            if number > 0 {
                waiting.insert(machine, self.facts.why(number));
            }
        }
        waiting
    }

    // What makes the fleet be like this is told.
    fn happens(&mut self, state: &mut State, waiting: &mut Queue, view: View) {
        let events = self.facts.events(state.index, view);
        events.iter().for_each(|event| waiting.note(event));
        let could = |machine: usize| {
            let number = state.waits[machine];
            number > 0 && events.iter().any(|it| self.facts.could_help(number, it))
        };
        self.may_wake = std::array::from_fn(could);
        if self.bug == Some(Bug::WakesAll) && !events.is_empty() {
            let waits = |at: &usize| state.waits[*at] > 0;
            let all: Vec<usize> = state.machines().filter(waits).collect();
            all.into_iter().for_each(|it| self.wake_one(state, it));
        }
        state.index = view;
    }

    /// The fleet is told of something before the caches are. Whom it could help is hinted at its next use in
    /// the operator, and here at once.
    pub(crate) fn note(&mut self, state: &mut State, view: View) {
        let mut waiting = self.waiting(state);
        self.happens(state, &mut waiting, view);
        self.hint(state, waiting);
    }

    /// Those that something could have helped are looked at; the others go on to wait.
    pub(crate) fn hint(&mut self, state: &mut State, mut waiting: Queue) {
        let helped = waiting.take_helped();
        state.waits = Default::default();
        for (machine, why) in waiting.iter() {
            state.waits[*machine] = why.number;
        }
        for machine in helped {
            self.wake_one(state, machine);
        }
    }

    fn wake_one(&mut self, state: &mut State, machine: usize) {
        if !self.may_wake[machine] {
            state.broken = Some("a machine is woken by what could not help it");
        }
        state.hint(machine);
    }

    /// What `Index::wake` does.
    pub(crate) fn wake(&mut self, state: &mut State) {
        if state.waits.iter().any(|it| *it > 0) {
            let waiting = self.sync(state);
            self.hint(state, waiting);
        }
    }
}
