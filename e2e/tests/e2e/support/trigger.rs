//! At the n-th request that matches, something happens: points that a test chooses, not chance.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use drover_e2e::{Lab, operator};

/// Before the request is passed on, or after its reply has come and before that is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// The operator is killed; nothing more is passed on.
    Kill,
    /// The connection is closed.
    Cut,
    /// Nothing is passed on until the trigger is released.
    Hold,
}

#[derive(Debug)]
struct Armed {
    matching: String,
    nth: usize,
    moment: Moment,
    act: Act,
}

#[derive(Debug, Default)]
struct State {
    armed: Option<Armed>,
    seen: usize,
    fired: bool,
    released: bool,
}

/// Shared by a proxy and a test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trigger {
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Trigger {
    /// Waits for the n-th request in whose words `matching` is.
    pub(crate) fn arm(&self, matching: &str, nth: usize, moment: Moment, act: Act) {
        let armed = Armed {
            matching: matching.to_owned(),
            nth,
            moment,
            act,
        };
        *self.state.0.lock().unwrap() = State {
            armed: Some(armed),
            ..State::default()
        };
    }

    /// Lets go what is held, and forgets what was wanted.
    pub(crate) fn disarm(&self) {
        let mut state = self.state.0.lock().unwrap();
        state.armed = None;
        state.released = true;
        self.state.1.notify_all();
    }

    /// Waits until it happens; whether it did.
    pub(crate) fn fired_within(&self, limit: Duration) -> bool {
        let state = self.state.0.lock().unwrap();
        let waited = self
            .state
            .1
            .wait_timeout_while(state, limit, |state| !state.fired);
        waited.unwrap().0.fired
    }

    /// Whether this is the request: counted once, when it comes.
    pub(crate) fn counts(&self, words: &str) -> bool {
        let mut state = self.state.0.lock().unwrap();
        let Some(armed) = &state.armed else {
            return false;
        };
        if state.fired || !words.contains(&armed.matching) {
            return false;
        }
        let nth = armed.nth;
        state.seen += 1;
        state.seen == nth
    }

    /// Does what is to be done at this moment of the request; whether the connection goes on.
    pub(crate) fn act(&self, lab: &Lab, moment: Moment) -> bool {
        let mut state = self.state.0.lock().unwrap();
        let Some(act) = state
            .armed
            .as_ref()
            .filter(|armed| armed.moment == moment)
            .map(|armed| armed.act)
        else {
            return true;
        };
        if act == Act::Kill {
            operator::kill(lab).unwrap();
        }
        state.fired = true;
        self.state.1.notify_all();
        if act == Act::Hold {
            let limit = Duration::from_secs(120);
            let held = self
                .state
                .1
                .wait_timeout_while(state, limit, |state| !state.released);
            drop(held.unwrap());
        }
        act == Act::Hold
    }
}
