//! What is on its way into volumes: how far each is, and how it ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drover_core::completion::Completion;
use drover_core::plan::Verdict;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::reconcile::{Hints, Key};

/// How many sources are read at once.
const AT_ONCE: usize = 8;

/// How long it is after a failure until the next attempt, and after many of them.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How a job is.
#[derive(Debug, Clone, PartialEq)]
pub enum JobState {
    /// There is none.
    None,
    /// It goes on; this many per cent of it are done, if that can be said.
    Running(Option<u64>),
    /// It is complete and right.
    Done(Completion),
    /// It failed.
    Failed(Verdict),
}

#[derive(Default)]
struct Job {
    state: Option<JobState>,
    last_failure: Option<Verdict>,
    // How often it has failed, and when it may be tried again.
    failures: u32,
    due: Option<Instant>,
    run: Option<Run>,
}

/// One attempt at a job. What one says that is not the last is of no interest.
#[derive(Debug, Clone)]
pub(super) struct Run {
    id: String,
    number: u64,
    /// Tells when it is to end.
    pub(super) end: CancellationToken,
}

/// All jobs, each by a name that no other has.
#[derive(Clone)]
pub struct Jobs {
    jobs: Arc<Mutex<HashMap<String, Job>>>,
    slots: Arc<Semaphore>,
    runs: Arc<AtomicU64>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            jobs: Arc::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            runs: Arc::default(),
        }
    }
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who may read a source now. It is to be held while that goes on.
    pub(super) fn slots(&self) -> Arc<Semaphore> {
        Arc::clone(&self.slots)
    }

    /// How a job is.
    #[must_use]
    pub fn state(&self, id: &str) -> JobState {
        let state = self.lock().get(id).and_then(|job| job.state.clone());
        state.unwrap_or(JobState::None)
    }

    /// Why the last attempt failed.
    #[must_use]
    pub fn last_failure(&self, id: &str) -> Option<Verdict> {
        self.lock().get(id).and_then(|job| job.last_failure.clone())
    }

    /// Makes room for another attempt, and remembers why the last one failed.
    pub fn retry(&self, id: &str) {
        if let Some(job) = self.lock().get_mut(id)
            && let Some(JobState::Failed(verdict)) = job.state.take()
        {
            job.last_failure = Some(verdict);
            job.due = Some(Instant::now() + LONGEST_PAUSE.min(PAUSE * (1 << job.failures.min(6))));
            job.failures += 1;
        }
    }

    /// How long it is until the next attempt; none if it may be made now.
    #[must_use]
    pub fn pause(&self, id: &str) -> Option<Duration> {
        let due = self.lock().get(id).and_then(|job| job.due)?;
        let left = due.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Forgets a job.
    pub fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Ends a job.
    pub fn cancel(&self, id: &str) {
        let job = self.lock().remove(id);
        if let Some(run) = job.and_then(|job| job.run) {
            run.end.cancel();
        }
    }

    /// Begins an attempt; one that went on before ends.
    pub(super) fn begin(&self, id: &str) -> Run {
        let run = Run {
            id: id.to_owned(),
            number: self.runs.fetch_add(1, Ordering::Relaxed),
            end: CancellationToken::new(),
        };
        let mut jobs = self.lock();
        let job = jobs.entry(id.to_owned()).or_default();
        job.state = Some(JobState::Running(None));
        if let Some(before) = job.run.replace(run.clone()) {
            before.end.cancel();
        }
        run
    }

    /// Does a job when it is its turn, notes how it ended, and tells whoever waits for that.
    pub(super) fn start<W, F>(&self, id: &str, told: (Hints, Key), work: W)
    where
        W: FnOnce(Self, Run) -> F + Send + 'static,
        F: Future<Output = Result<Completion, Verdict>> + Send,
    {
        let (jobs, run) = (self.clone(), self.begin(id));
        tokio::spawn(async move {
            let slots = jobs.slots();
            let _slot = slots.acquire().await;
            let state = match work(jobs.clone(), run.clone()).await {
                Ok(known) => JobState::Done(known),
                Err(verdict) => JobState::Failed(verdict),
            };
            jobs.set(&run, state);
            let (hints, key) = told;
            hints.hint(key);
        });
    }

    /// Notes how a job is, by its last attempt.
    pub(super) fn set(&self, run: &Run, state: JobState) {
        let mut jobs = self.lock();
        let job = jobs.get_mut(&run.id);
        let last = |job: &&mut Job| job.run.as_ref().is_some_and(|it| it.number == run.number);
        if let Some(job) = job.filter(last) {
            job.state = Some(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{JobState, Jobs};

    #[test]
    fn only_the_last_attempt_counts() {
        let jobs = Jobs::default();
        let first = jobs.begin("a");
        jobs.set(&first, JobState::Running(Some(1)));
        jobs.cancel("a");
        assert!(first.end.is_cancelled());
        let second = jobs.begin("a");
        jobs.set(&first, JobState::Done(Default::default()));
        assert_eq!(jobs.state("a"), JobState::Running(None));
        let third = jobs.begin("a");
        assert!(second.end.is_cancelled() && !third.end.is_cancelled());
        jobs.set(&third, JobState::Running(Some(7)));
        assert_eq!(jobs.state("a"), JobState::Running(Some(7)));
    }
}
