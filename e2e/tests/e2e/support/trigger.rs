//! At a request that matches, something happens: points that a test chooses, not chance.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use drover_e2e::{Lab, operator};

use super::world::start_operator_at;

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

/// What is to be done with a request that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is passed on.
    Pass,
    /// Something happens at it.
    Act,
    /// Who sent it is dead.
    Drop,
}

/// A request: its words, and the how-manieth it is of those that have these words and were passed on.
pub(crate) type Point = (String, usize);

#[derive(Debug)]
struct Armed {
    matching: String,
    nth: usize,
    moment: Moment,
    act: Act,
}

/// Something happens at each of many requests, once.
#[derive(Debug)]
struct Each {
    points: BTreeSet<Point>,
    passed: BTreeMap<String, usize>,
    moment: Moment,
    act: Act,
    kubeconfig: PathBuf,
}

#[derive(Debug, Default)]
struct State {
    armed: Option<Armed>,
    each: Option<Each>,
    trace: Option<Vec<String>>,
    seen: usize,
    fired: bool,
    released: bool,
}

/// Shared by proxies and a test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trigger {
    state: Arc<(Mutex<State>, Condvar)>,
    // How many operators were killed at one of many points.
    killed: Arc<AtomicU64>,
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

    /// Does it at each of these, once. An operator that was killed is started again with
    /// `kubeconfig`.
    pub(crate) fn arm_each(
        &self,
        points: BTreeSet<Point>,
        moment: Moment,
        act: Act,
        kubeconfig: &Path,
    ) {
        let each = Each {
            points,
            passed: BTreeMap::new(),
            moment,
            act,
            kubeconfig: kubeconfig.to_owned(),
        };
        *self.state.0.lock().unwrap() = State {
            each: Some(each),
            ..State::default()
        };
    }

    /// The points of [`Trigger::arm_each`] that have not come yet.
    pub(crate) fn left(&self) -> BTreeSet<Point> {
        let state = self.state.0.lock().unwrap();
        let each = state.each.as_ref();
        each.map(|each| each.points.clone()).unwrap_or_default()
    }

    /// Writes down every request from now on.
    pub(crate) fn record(&self) {
        *self.state.0.lock().unwrap() = State {
            trace: Some(Vec::new()),
            ..State::default()
        };
    }

    /// What was written down.
    pub(crate) fn trace(&self) -> Vec<String> {
        let state = self.state.0.lock().unwrap();
        state.trace.clone().unwrap_or_default()
    }

    /// Lets go what is held, and forgets what was wanted.
    pub(crate) fn disarm(&self) {
        let mut state = self.state.0.lock().unwrap();
        (state.armed, state.each, state.trace) = (None, None, None);
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

    /// Which operator it is that connects now.
    pub(crate) fn whose(&self) -> u64 {
        self.killed.load(Ordering::Acquire)
    }

    /// What is to be done with a request: counted once, when it comes.
    pub(crate) fn comes(&self, words: &str, whose: u64) -> Fate {
        let mut state = self.state.0.lock().unwrap();
        // What a dead operator still had on its way does not arrive.
        if whose != self.whose() {
            return Fate::Drop;
        }
        if let Some(trace) = &mut state.trace {
            trace.push(words.to_owned());
        }
        if let Some(each) = &mut state.each {
            return each.comes(words);
        }
        let Some(armed) = &state.armed else {
            return Fate::Pass;
        };
        if state.fired || !words.contains(&armed.matching) {
            return Fate::Pass;
        }
        let nth = armed.nth;
        state.seen += 1;
        match state.seen == nth {
            true => Fate::Act,
            false => Fate::Pass,
        }
    }

    /// Does what is to be done at this moment of the request; whether the connection goes on.
    pub(crate) fn act(&self, lab: &Lab, moment: Moment) -> bool {
        let mut state = self.state.0.lock().unwrap();
        if let Some(each) = state.each.as_ref().filter(|each| each.moment == moment) {
            if each.act == Act::Kill {
                operator::kill(lab).unwrap();
                self.killed.fetch_add(1, Ordering::AcqRel);
                start_operator_at(lab, &each.kubeconfig);
            }
            return false;
        }
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

impl Each {
    fn comes(&mut self, words: &str) -> Fate {
        let passed = self.passed.entry(words.to_owned()).or_default();
        let hit = self.points.remove(&(words.to_owned(), *passed + 1));
        // What is stopped before it is passed on comes again.
        if !hit || self.moment == Moment::After {
            *passed += 1;
        }
        match hit {
            true => Fate::Act,
            false => Fate::Pass,
        }
    }
}
