//! One volume in one pool of one host: a look and a step at a time.

use std::sync::Arc;
use std::time::Duration;

use drover_core::desired::volume::DesiredVolume;
use drover_core::plan::Verdict;
use drover_core::plan::volume::{Progress, Step, plan, plan_deletion};
use drover_crds::condition::Reason;

use super::Outcome;
use crate::ctx::Ctx;
use crate::hosts::volumes::PoolOnHost;
use crate::hosts::{HostError, HostHandle};
use crate::import::job::{Import, ImportState};
use crate::reconcile::{Again, Key};

// One volume in one pool of one host.
pub(super) struct Work<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) key: &'a Key,
    pub(super) desired: &'a DesiredVolume,
    pub(super) handle: &'a Arc<HostHandle>,
    pub(super) uuid: uuid::Uuid,
}

impl Work<'_> {
    fn pool(&self) -> PoolOnHost<'_> {
        PoolOnHost {
            host: self.handle,
            name: &self.desired.pool,
            uuid: self.uuid,
        }
    }

    // One look and one step; an outcome when there is nothing more to do.
    pub(super) async fn round(&self, was_ready: bool) -> Result<Option<Outcome>, HostError> {
        let Some(pool) = self.handle.pool(&self.desired.pool).await? else {
            let message = format!("pool {} is gone", self.desired.pool);
            return Ok(Some(Outcome::of(Verdict::new(
                Reason::NotRealized,
                message,
            ))));
        };
        let observed = self.pool().observe(self.desired, &pool).await?;
        let progress = self.ctx.memory.progress(&self.desired.uid);
        let plan = plan(self.desired, &observed, was_ready, progress);
        let facts = observed
            .data
            .as_ref()
            .map(|data| (data.key.clone(), data.capacity));
        let Some(step) = plan.step else {
            self.ctx.memory.set_progress(&self.desired.uid, None);
            return Ok(Some(Outcome {
                facts,
                ..Outcome::of(plan.verdict)
            }));
        };
        let path = facts.as_ref().map(|(key, _)| key.as_str());
        if step.is_destructive()
            && let Some(user) = self.domains_that_use(path).await?.first()
        {
            let message = format!("domain {user} uses it: nothing is removed");
            let outcome = Outcome::of(Verdict::new(Reason::InUse, message));
            return Ok(Some(Outcome { facts, ..outcome }));
        }
        if step == Step::Import {
            return Ok(self.import().map(|outcome| Outcome { facts, ..outcome }));
        }
        self.take(step).await.map(|()| None)
    }

    async fn domains_that_use(&self, path: Option<&str>) -> Result<Vec<String>, HostError> {
        let domains = self.handle.all_domains().await?;
        let using = domains.iter().filter(|domain| {
            domain
                .definitions()
                .any(|found| found.uses(&self.desired.pool, &self.desired.volume_name, path))
        });
        Ok(using.map(|domain| domain.name.clone()).collect())
    }

    // A running guest's disk is made larger by QEMU, which holds it.
    async fn grow(&self) -> Result<(), HostError> {
        let desired = self.desired;
        let domains = self.handle.all_domains().await?;
        let place = (desired.pool.clone(), desired.volume_name.clone());
        let running = domains.iter().find_map(|domain| {
            let mut disks = domain.live.as_ref()?.disks.iter();
            let disk = disks.find(|disk| disk.volume.as_ref() == Some(&place))?;
            Some((domain, disk.target.as_str()))
        });
        match running {
            Some((domain, target)) => {
                let (name, uuid) = (&domain.name, domain.uuid);
                let handle = self.handle;
                handle
                    .grow_disk(name, uuid, target, desired.capacity)
                    .await?;
            }
            None => {
                let pool = self.pool();
                pool.grow(&desired.volume_name, desired.capacity).await?;
            }
        }
        // libvirt learns how large it is by looking.
        self.handle.refresh_pool(&desired.pool, self.uuid).await
    }

    async fn take(&self, step: Step) -> Result<(), HostError> {
        tracing::info!(
            host = self.handle.name,
            volume = self.desired.volume_name,
            ?step,
            "step"
        );
        let (pool, desired) = (self.pool(), self.desired);
        match step {
            Step::CreateOwner => {
                let text = format!("{}\nuid {}", desired.owner(), desired.uid);
                pool.create_record(&desired.owner_name(), &text).await
            }
            Step::CreateData => {
                pool.create_data(desired).await?;
                self.ctx
                    .memory
                    .set_progress(&desired.uid, Some(Progress::Created));
                Ok(())
            }
            Step::CreateReady => {
                let text = format!("complete\nformat {}", desired.format);
                pool.create_record(&desired.ready_name(), &text).await
            }
            Step::Grow => self.grow().await,
            Step::DiscardData | Step::DeleteData => pool.delete(&desired.volume_name).await,
            Step::DeleteReady => pool.delete(&desired.ready_name()).await,
            Step::DeleteOwner => pool.delete(&desired.owner_name()).await,
            Step::Import => Ok(()),
        }
    }

    // Starts the import, or says how far it is; nothing when it is done.
    fn import(&self) -> Option<Outcome> {
        let (imports, uid) = (&self.ctx.imports, &self.desired.uid);
        match imports.state(uid) {
            ImportState::None => {
                imports.start(Import {
                    desired: self.desired.clone(),
                    host: Arc::clone(self.handle),
                    pool: self.uuid,
                    allow: self.ctx.import_allow.clone(),
                    hints: self.ctx.hints.clone(),
                    metrics: Arc::clone(&self.ctx.metrics),
                    key: self.key.clone(),
                });
                Some(self.importing(None))
            }
            ImportState::Running(percent) => Some(self.importing(percent)),
            ImportState::Done => {
                imports.forget(uid);
                self.ctx.memory.set_progress(uid, Some(Progress::Filled));
                None
            }
            ImportState::Failed(verdict) => {
                imports.retry(uid);
                // What arrived is no use: it is removed before the next attempt.
                self.ctx.memory.set_progress(uid, None);
                let again = match verdict.reason {
                    Reason::SourceUnavailable | Reason::RetryLater => Again::Failed,
                    _ => Again::After(Duration::from_secs(60)),
                };
                Some(Outcome {
                    again,
                    ..Outcome::of(verdict)
                })
            }
        }
    }

    // While it is tried again, what went wrong the last time is still what is known.
    fn importing(&self, percent: Option<u64>) -> Outcome {
        let progress = percent.map(|percent| format!("{percent}%"));
        let verdict = self
            .ctx
            .imports
            .last_failure(&self.desired.uid)
            .unwrap_or_else(|| Verdict::new(Reason::Importing, "its content is on its way"));
        Outcome {
            progress,
            again: Again::After(Duration::from_secs(5)),
            ..Outcome::of(verdict)
        }
    }
}

impl Work<'_> {
    pub(super) async fn deletion_round(
        &self,
        was_ready: bool,
    ) -> Result<Option<Outcome>, HostError> {
        let Some(pool) = self.handle.pool(&self.desired.pool).await? else {
            return Ok(Some(Outcome::of(Verdict::new(Reason::Deleting, ""))));
        };
        let observed = self.pool().observe(self.desired, &pool).await?;
        let path = observed.data.as_ref().map(|data| data.key.as_str());
        let users = self.domains_that_use(path).await?;
        // All of it is gone: nothing is left that a record could belong to.
        if observed.owner.is_none() && observed.data.is_none() && observed.ready.is_none() {
            return Ok(Some(Outcome::of(Verdict::new(Reason::Deleting, ""))));
        }
        let plan = plan_deletion(self.desired, &observed, was_ready, &users);
        let Some(step) = plan.step else {
            return Ok(Some(Outcome::of(plan.verdict)));
        };
        self.take(step).await.map(|()| None)
    }
}
