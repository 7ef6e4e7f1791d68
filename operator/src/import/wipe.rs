//! A volume that is overwritten before it is removed.

use std::sync::Arc;

use drover_core::completion::Completion;
use drover_core::plan::Verdict;
use drover_crds::condition::Reason;
use uuid::Uuid;

use super::jobs::Jobs;
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
        let told = (self.hints.clone(), self.key.clone());
        jobs.start(&self.id.clone(), told, |_, _| self.wipe());
    }

    async fn wipe(self) -> Result<Completion, Verdict> {
        let pool = PoolOnHost {
            host: &self.host,
            name: &self.pool,
            uuid: self.uuid,
        };
        match pool.wipe(&self.volume).await {
            Ok(()) => Ok(Completion::default()),
            Err(error) => {
                tracing::warn!(object = %self.key, %error, "it is not wiped");
                Err(match error.is_unsupported() {
                    true => Verdict::new(Reason::NotSupported, error.to_string()),
                    false => retry(error),
                })
            }
        }
    }
}
