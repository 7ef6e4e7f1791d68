//! What is remembered of a machine between two looks. Losing it costs time, never data.

use super::changes::Change;
use super::machine::Fate;
use crate::identity::Stop;
use crate::observed::domain::ObservedDomain;

/// A run that the guest itself ends before this was no run.
pub const LASTING_MILLIS: u64 = 60_000;
/// Crashes that are further apart have nothing to do with each other.
pub const CRASHES_WITHIN_MILLIS: u64 = 600_000;
const FIRST_WAIT_MILLIS: u64 = 10_000;
const LONGEST_WAIT_MILLIS: u64 = 300_000;

/// What is remembered of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct History {
    /// When the guest was asked to shut down.
    pub shutdown_asked: Option<u64>,
    /// When it was last asked again.
    pub shutdown_asked_again: Option<u64>,
    /// When it was last started.
    pub started: Option<u64>,
    /// Whether it has been seen active since it was last seen off.
    pub active: bool,
    /// How many crashes, or starts that failed, came one soon after the other.
    pub crashes: u32,
    /// When the last of them was seen.
    pub crashed: Option<u64>,
    /// How the last run ended, as an event told it.
    pub stop: Option<Stop>,
    /// The reset that was carried out, by its annotation's value.
    pub reset: Option<String>,
    /// Changes that could not be made while it runs, by their keys, and why.
    pub refused: Vec<(String, String)>,
    /// Changes that were asked for, by their keys, and when: the guest may have to agree.
    pub asked: Vec<(String, u64)>,
}

impl History {
    /// What a status tells of crashes before this operator began.
    #[must_use]
    pub fn restored(crashes: u32, retry_at: Option<u64>) -> Self {
        let crashed = retry_at.map(|at| at.saturating_sub(back_off_millis(crashes)));
        Self {
            crashes,
            crashed,
            ..Self::default()
        }
    }

    /// Takes note of how the domain is.
    pub fn look(&mut self, domain: Option<&ObservedDomain>, now: u64) {
        if domain.is_some_and(|domain| domain.state.is_active()) {
            self.active = true;
            let lasting = self.started.is_some_and(|at| now >= at + LASTING_MILLIS);
            let old = self
                .crashed
                .is_none_or(|at| now >= at + CRASHES_WITHIN_MILLIS);
            if lasting && old {
                self.crashes = 0;
                self.crashed = None;
            }
            return;
        }
        self.refused.clear();
        self.asked.clear();
        let ours = self.shutdown_asked.take().is_some();
        self.shutdown_asked_again = None;
        let short = self
            .started
            .take()
            .is_some_and(|at| now < at + LASTING_MILLIS);
        if !std::mem::take(&mut self.active) {
            return;
        }
        let stop = self.stop.or(domain.map(ObservedDomain::stop));
        let crash = match stop {
            Some(Stop::Crash) => true,
            Some(Stop::GuestShutdown) => short,
            Some(Stop::Outside | Stop::HostLost) | None => false,
        };
        if crash && !ours {
            self.crash(now);
        }
    }

    /// Takes note of a start.
    pub fn start(&mut self, now: u64, went_well: bool) {
        self.stop = None;
        if went_well {
            self.started = Some(now);
            self.active = true;
        } else {
            self.crash(now);
        }
    }

    /// Takes note of a request to shut down.
    pub fn shutdown(&mut self, now: u64) {
        self.shutdown_asked.get_or_insert(now);
        self.shutdown_asked_again = Some(now);
    }

    /// Takes note of a change that cannot be made while the machine runs.
    pub fn refuse(&mut self, change: &Change, words: impl Into<String>) {
        let key = change.key();
        self.refused.retain(|(known, _)| *known != key);
        self.refused.push((key, words.into()));
    }

    /// Takes note of a change that was asked for.
    pub fn ask(&mut self, change: &Change, now: u64) {
        let key = change.key();
        if !self.asked.iter().any(|(known, _)| *known == key) {
            self.asked.push((key, now));
        }
    }

    /// Forgets changes that have come about.
    pub fn settle(&mut self, changes: &[(Change, Fate)]) {
        let open = |key: &str| changes.iter().any(|(change, _)| change.key() == key);
        self.asked.retain(|(key, _)| open(key));
        self.refused.retain(|(key, _)| open(key));
    }

    /// When the next start may be tried.
    #[must_use]
    pub fn retry_at(&self) -> u64 {
        self.crashed
            .map_or(0, |at| at.saturating_add(back_off_millis(self.crashes)))
    }

    fn crash(&mut self, now: u64) {
        let near = self
            .crashed
            .is_some_and(|at| now < at + CRASHES_WITHIN_MILLIS);
        self.crashes = if near {
            self.crashes.saturating_add(1)
        } else {
            1
        };
        self.crashed = Some(now);
    }
}

/// How long after so many crashes the next start waits: not at all after the first, 10 s after the
/// second, doubled each time up to 5 minutes.
#[must_use]
pub fn back_off_millis(crashes: u32) -> u64 {
    match crashes {
        0 | 1 => 0,
        more => FIRST_WAIT_MILLIS
            .saturating_mul(1 << (more - 2).min(10))
            .min(LONGEST_WAIT_MILLIS),
    }
}
