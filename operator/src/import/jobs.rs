//! What is on its way into volumes: how far each is, and how it ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drover_core::completion::Completion;
use drover_core::plan::Verdict;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How many sources are read at once.
const AT_ONCE: usize = 8;

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
    cancel: CancellationToken,
}

/// All jobs, each by a name that no other has.
#[derive(Clone)]
pub struct Jobs {
    jobs: Arc<Mutex<HashMap<String, Job>>>,
    slots: Arc<Semaphore>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            jobs: Arc::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
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
        }
    }

    /// Forgets a job.
    pub fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Ends a job.
    pub fn cancel(&self, id: &str) {
        if let Some(job) = self.lock().remove(id) {
            job.cancel.cancel();
        }
    }

    /// Begins a job; what is returned tells when it is to end.
    pub(super) fn begin(&self, id: &str) -> CancellationToken {
        let mut jobs = self.lock();
        let job = jobs.entry(id.to_owned()).or_default();
        job.state = Some(JobState::Running(None));
        job.cancel = CancellationToken::new();
        job.cancel.clone()
    }

    /// Notes how a job is, unless it was ended.
    pub(super) fn set(&self, id: &str, state: JobState) {
        if let Some(job) = self.lock().get_mut(id) {
            job.state = Some(state);
        }
    }
}
