//! A volume that is overwritten before it is removed.

use std::sync::Arc;

use drover_core::plan::Verdict;
use drover_core::plan::volume::Progress;

use super::work::{Outcome, PROGRESS, Turn, Work};
use crate::import::jobs::JobState;
use crate::import::wipe::Wipe;
use crate::reconcile::{Again, Key};

impl Work<'_> {
    /// How far it is overwritten. It may take long: whoever looks at it does not wait.
    pub(super) fn wiping(&self, verdict: Verdict) -> Turn {
        let (memory, jobs) = (&self.ctx.memory, &self.ctx.jobs);
        let id = format!("{}/wipe", self.job);
        let rest = |verdict, pause| {
            Turn::Rest(Box::new(Outcome {
                again: Again::After(pause),
                ..Outcome::of(verdict)
            }))
        };
        match jobs.state(&id) {
            JobState::None => {
                if let Some(pause) = jobs.pause(&id) {
                    return rest(jobs.last_failure(&id).unwrap_or(verdict), pause);
                }
                let wipe = Wipe {
                    host: Arc::clone(self.handle),
                    pool: self.desired.pool.clone(),
                    uuid: self.uuid,
                    volume: self.desired.volume_name.clone(),
                    hints: self.ctx.hints.clone(),
                    key: Key::volume(&self.desired.namespace, &self.desired.name),
                    id,
                };
                wipe.start(jobs);
                rest(verdict, PROGRESS)
            }
            JobState::Running(_) => rest(verdict, PROGRESS),
            JobState::Done(_) => {
                jobs.forget(&id);
                memory.set_progress(self.job, Some(Progress::Wiped));
                Turn::Next
            }
            JobState::Failed(verdict) => {
                jobs.retry(&id);
                rest(verdict, jobs.pause(&id).unwrap_or(PROGRESS))
            }
        }
    }
}
