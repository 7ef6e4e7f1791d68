//! A volume that is overwritten before it is removed.

use std::sync::Arc;

use drover_core::completion::Completion;
use drover_core::plan::Verdict;
use drover_crds::condition::Reason;
use uuid::Uuid;

use super::jobs::{JobState, Jobs};
use super::retry;
use crate::hosts::HostHandle;
use crate::hosts::volumes::PoolOnHost;
use crate::reconcile::{Hints, Key};

/// What is to be wiped.
pub struct Wipe {
    /// The name of the job.
    pub id: String,
    /// The host.
    pub host: Arc<HostHandle>,
    /// The pool.
    pub pool: String,
    /// The pool's UUID.
    pub uuid: Uuid,
    /// The volume.
    pub volume: String,
    /// Who is told at the end.
    pub hints: Hints,
    /// What they are told.
    pub key: Key,
}

impl Wipe {
    /// Starts it; whoever is to be told is told when it ends.
    pub fn start(self, jobs: &Jobs) {
        let jobs = jobs.clone();
        let run = jobs.begin(&self.id);
        tokio::spawn(async move {
            let slots = jobs.slots();
            let _slot = slots.acquire().await;
            let pool = PoolOnHost {
                host: &self.host,
                name: &self.pool,
                uuid: self.uuid,
            };
            let state = match pool.wipe(&self.volume).await {
                Ok(()) => JobState::Done(Completion::default()),
                Err(error) => {
                    tracing::warn!(object = %self.key, %error, "it is not wiped");
                    JobState::Failed(match error.is_unsupported() {
                        true => Verdict::new(Reason::NotSupported, error.to_string()),
                        false => retry(error),
                    })
                }
            };
            jobs.set(&run, state);
            self.hints.hint(self.key);
        });
    }
}
