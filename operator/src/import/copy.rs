//! One volume of a host from another one there: the host does it by itself.

use std::sync::Arc;

use drover_core::completion::Completion;
use drover_core::plan::Verdict;
use uuid::Uuid;

use super::jobs::{Jobs, Run};
use super::{given_up, retry};
use crate::hosts::HostHandle;
use crate::hosts::volumes::PoolOnHost;
use crate::reconcile::{Hints, Key};

/// What is to be copied.
pub struct Copy {
    /// The name of the job.
    pub id: String,
    /// The host.
    pub host: Arc<HostHandle>,
    /// The pool.
    pub pool: String,
    /// The pool's UUID.
    pub uuid: Uuid,
    /// The volume that is there, and is not written meanwhile.
    pub source: String,
    /// The definition of the one to be made.
    pub xml: String,
    /// Its name.
    pub volume: String,
    /// Who is told at the end.
    pub hints: Hints,
    /// What they are told.
    pub key: Key,
}

impl Copy {
    /// Starts it; whoever is to be told is told when it ends.
    pub fn start(self, jobs: &Jobs) {
        let told = (self.hints.clone(), self.key.clone());
        jobs.start(&self.id.clone(), told, |_, run| self.copy(run));
    }

    async fn copy(self, run: Run) -> Result<Completion, Verdict> {
        let pool = PoolOnHost {
            host: &self.host,
            name: &self.pool,
            uuid: self.uuid,
        };
        let copied = tokio::select! {
            () = run.end.cancelled() => return Err(given_up()),
            copied = pool.create_from(&self.volume, &self.xml, &pool, &self.source) => copied,
        };
        copied.map(|()| Completion::default()).map_err(|error| {
            tracing::warn!(object = %self.key, %error, "the copy failed");
            retry(error)
        })
    }
}
