//! Every state that can be reached, nearest first: a violation is found by the shortest way.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use crate::hash::Set;

/// A world that moves from state to state.
pub(crate) trait Model {
    type State: Copy;
    type Key: Eq + Hash;
    type Action: Copy + Debug;

    /// Where it begins.
    fn seeds(&mut self) -> Vec<Self::State>;
    /// States with the same key behave in the same way.
    fn key(&self, state: &Self::State) -> Self::Key;
    /// Everything that can happen next.
    fn next(&mut self, state: &Self::State, into: &mut Vec<(Self::Action, Self::State)>);
    /// What is wrong with a state.
    fn violation(&mut self, state: &Self::State) -> Option<String>;
    /// What is wrong with what becomes of a state when nothing fails any more.
    fn stuck(&mut self, state: &Self::State) -> Option<String>;
    /// A line for a person: what happened, and what came of it.
    fn tell(&self, action: Option<Self::Action>, state: &Self::State) -> String;
}

/// How far to go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) states: usize,
    pub(crate) time: Duration,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    /// Every state within so many steps of a beginning was seen.
    pub(crate) depth: usize,
    /// Whether there was nothing more to see.
    pub(crate) complete: bool,
    pub(crate) time: Duration,
    pub(crate) found: Option<Found>,
}

/// A violation, and the shortest way to it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) what: String,
    pub(crate) trace: Vec<String>,
}

impl Found {
    /// How many steps it takes.
    pub(crate) fn steps(&self) -> usize {
        self.trace.len() - 1
    }
}

impl Report {
    pub(crate) fn print(&self, title: &str) {
        let seconds = self.time.as_secs_f64();
        let rate = self.states as f64 / seconds.max(1e-9);
        let end = match (&self.found, self.complete) {
            (Some(_), _) => "a violation",
            (None, true) => "all there is",
            (None, false) => "no violation",
        };
        println!(
            "{title}: {} states, {} transitions, depth {} complete, {seconds:.1} s, {rate:.0} states/s: {end}",
            self.states, self.transitions, self.depth
        );
        if let Some(found) = &self.found {
            println!("  {} ({} steps)", found.what, found.steps());
            for (at, line) in found.trace.iter().enumerate() {
                println!("  {at:>3} {line}");
            }
        }
    }
}

struct Seen<M: Model> {
    states: Vec<M::State>,
    // Whence, and by what.
    from: Vec<Option<(u32, M::Action)>>,
    keys: Set<M::Key>,
}

impl<M: Model> Seen<M> {
    fn add(&mut self, model: &M, state: M::State, from: Option<(u32, M::Action)>) -> bool {
        let new = self.keys.insert(model.key(&state));
        if new {
            self.states.push(state);
            self.from.push(from);
        }
        new
    }

    fn trace(&self, model: &M) -> Vec<String> {
        let mut lines = Vec::new();
        let mut at = self.states.len() - 1;
        loop {
            let from = self.from[at];
            lines.push(model.tell(from.map(|(_, action)| action), &self.states[at]));
            let Some((before, _)) = from else { break };
            at = before as usize;
        }
        lines.reverse();
        lines
    }
}

// How long it takes is all that the clock is read for.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

/// Goes breadth first through what can happen, until a violation or a limit.
pub(crate) fn explore<M: Model>(model: &mut M, limit: Limit) -> Report {
    let begun = now();
    let mut seen: Seen<M> = Seen {
        states: Vec::new(),
        from: Vec::new(),
        keys: Set::default(),
    };
    let mut report = Report {
        states: 0,
        transitions: 0,
        depth: 0,
        complete: false,
        time: Duration::ZERO,
        found: None,
    };
    for seed in model.seeds() {
        enter(model, &mut seen, &mut report, seed, None);
    }
    let (mut at, mut level, mut depth) = (0, seen.states.len(), 0);
    let mut next = Vec::new();
    while report.found.is_none() {
        if at == level {
            report.depth = depth;
            depth += 1;
            level = seen.states.len();
        }
        if at == seen.states.len() {
            report.complete = true;
            break;
        }
        if seen.states.len() >= limit.states || (at % 1_024 == 0 && begun.elapsed() >= limit.time) {
            break;
        }
        let state = seen.states[at];
        model.next(&state, &mut next);
        report.transitions += next.len();
        for (action, state) in next.drain(..) {
            let from = Some((u32::try_from(at).unwrap(), action));
            enter(model, &mut seen, &mut report, state, from);
            if report.found.is_some() {
                break;
            }
        }
        at += 1;
    }
    report.states = seen.states.len();
    report.time = begun.elapsed();
    report
}

fn enter<M: Model>(
    model: &mut M,
    seen: &mut Seen<M>,
    report: &mut Report,
    state: M::State,
    from: Option<(u32, M::Action)>,
) {
    if report.found.is_some() || !seen.add(model, state, from) {
        return;
    }
    let wrong = model.violation(&state).or_else(|| model.stuck(&state));
    report.found = wrong.map(|what| Found {
        what,
        trace: seen.trace(model),
    });
}
