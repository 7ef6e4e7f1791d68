//! One volume in one pool of one host: a look and a step at a time.

use std::sync::Arc;
use std::time::Duration;

use drover_core::completion::Completion;
use drover_core::desired::pool::DesiredPool;
use drover_core::desired::volume::{DesiredVolume, Source, format_word};
use drover_core::identity::POOL_MARKER;
use drover_core::observed::pool::ObservedPool;
use drover_core::observed::volume::VolumeFacts;
use drover_core::plan::Verdict;
use drover_core::plan::volume::{Progress, Step, plan, plan_deletion};
use drover_crds::condition::Reason;
use drover_crds::volume::{Backing, VolumeFormat};

use super::{carriers, clone, users};
use crate::controllers::report;
use crate::controllers::sites::MOST_STEPS;
use crate::ctx::Ctx;
use crate::hosts::volumes::PoolOnHost;
use crate::hosts::{HostError, HostHandle};
use crate::import::jobs::JobState;
use crate::import::transfer::Target;
use crate::reconcile::{Again, Key};

/// How often it is looked how far content has come.
pub(in crate::controllers) const PROGRESS: Duration = Duration::from_secs(2);

/// What a look at a volume found.
pub(in crate::controllers) struct Outcome {
    pub(in crate::controllers) verdict: Verdict,
    /// Whether its content is on its way now, perhaps after an attempt that failed.
    pub(in crate::controllers) busy: bool,
    pub(in crate::controllers) progress: Option<String>,
    /// Its key and its size, if it has been looked at.
    pub(in crate::controllers) facts: Option<VolumeFacts>,
    /// What it is based on.
    pub(in crate::controllers) backing: Vec<Backing>,
    /// What its record says, if it is whole.
    pub(in crate::controllers) completion: Option<Completion>,
    pub(in crate::controllers) again: Again,
}

impl Outcome {
    /// Whether nothing is left of what was to go.
    pub(in crate::controllers) fn is_gone(&self) -> bool {
        self.verdict.reason == Reason::Deleting && self.again == Again::WhenHinted
    }

    pub(in crate::controllers) fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            busy: false,
            progress: None,
            facts: None,
            backing: Vec::new(),
            completion: None,
            again: Again::WhenHinted,
        }
    }

    pub(in crate::controllers) fn failed(error: &HostError) -> Self {
        let reason = match error {
            error if error.is_unreachable() => Reason::HostUnreachable,
            error if error.is_unsupported() => Reason::NotSupported,
            _ => Reason::RetryLater,
        };
        Self {
            again: report::unsettled(reason),
            ..Self::of(Verdict::new(reason, error.to_string()))
        }
    }
}

/// What a look and a step came to.
pub(super) enum Turn {
    /// It is to be looked at again.
    Next,
    /// Its content is to be brought, which nobody does yet.
    Fill,
    /// There is nothing more to do now.
    Rest(Box<Outcome>),
}

fn on_its_way() -> Verdict {
    Verdict::new(Reason::Importing, "its content is on its way")
}

impl Turn {
    fn rest(verdict: Verdict) -> Self {
        Self::Rest(Box::new(Outcome::of(verdict)))
    }
}

/// What a volume is based on, or copied from.
#[derive(Debug, Clone)]
pub(in crate::controllers) struct Base {
    /// Its name in the pool.
    pub(in crate::controllers) volume: String,
    /// Its path.
    pub(in crate::controllers) key: String,
    /// How it is kept.
    pub(in crate::controllers) format: VolumeFormat,
    /// Its size as a guest sees it.
    pub(in crate::controllers) capacity: u64,
}

/// One volume in one pool of one host.
pub(in crate::controllers) struct Work<'a> {
    pub(in crate::controllers) ctx: &'a Ctx,
    pub(in crate::controllers) desired: &'a DesiredVolume,
    pub(in crate::controllers) handle: &'a Arc<HostHandle>,
    pub(in crate::controllers) uuid: uuid::Uuid,
    /// The name of the job that brings its content.
    pub(in crate::controllers) job: &'a str,
    pub(in crate::controllers) base: Option<&'a Base>,
    /// What was known of it when it was whole before.
    pub(in crate::controllers) known: Completion,
}

impl Work<'_> {
    pub(in crate::controllers) fn pool(&self) -> PoolOnHost<'_> {
        PoolOnHost {
            host: self.handle,
            name: &self.desired.pool,
            uuid: self.uuid,
        }
    }

    /// The volume as content is written into it.
    pub(in crate::controllers) fn target(&self, key: &Key) -> Target {
        Target {
            id: self.job.to_owned(),
            key: key.clone(),
            host: Arc::clone(self.handle),
            pool: self.desired.pool.clone(),
            uuid: self.uuid,
            volume: self.desired.volume_name.clone(),
            capacity: self.desired.capacity,
            blocks: self.desired.blocks,
        }
    }

    /// Takes the plan's steps until there is nothing more to do but wait; nothing, if its content is to
    /// be brought, which nobody does yet.
    pub(in crate::controllers) async fn settle(&self, was_ready: bool) -> Option<Outcome> {
        for _ in 0..MOST_STEPS {
            match self.turn(was_ready).await {
                Ok(Turn::Next) => {}
                Ok(Turn::Fill) => return None,
                Ok(Turn::Rest(outcome)) => return Some(*outcome),
                Err(error) if error.rpc().is_some_and(drover_rpc::Error::outcome_unknown) => {}
                Err(error) => return Some(Outcome::failed(&error)),
            }
        }
        let verdict = Verdict::new(Reason::Creating, "it is not settled yet");
        Some(Outcome {
            again: Again::Failed,
            ..Outcome::of(verdict)
        })
    }

    /// Whether its record is there, and empty: somebody was stopped between making it and writing it.
    pub(in crate::controllers) async fn says_nothing(&self) -> Result<bool, HostError> {
        let record = self.pool().record(&self.desired.ready_name()).await?;
        Ok(record.is_some_and(|text| text.is_empty()))
    }

    /// Takes the steps by which it goes. It is gone when that is told of it and nothing is to be tried
    /// again.
    pub(in crate::controllers) async fn remove(&self, was_ready: bool) -> Outcome {
        for _ in 0..MOST_STEPS {
            match self.deletion_turn(was_ready).await {
                Ok(Turn::Next | Turn::Fill) => {}
                Ok(Turn::Rest(outcome)) => return *outcome,
                Err(error) => return Outcome::failed(&error),
            }
        }
        Outcome {
            again: Again::Failed,
            ..Outcome::of(Verdict::new(Reason::Deleting, ""))
        }
    }

    // One look and one step.
    async fn turn(&self, was_ready: bool) -> Result<Turn, HostError> {
        let (memory, jobs) = (&self.ctx.memory, &self.ctx.jobs);
        let Some(pool) = self.handle.pool(&self.desired.pool).await? else {
            let message = format!("pool {} is gone", self.desired.pool);
            return Ok(Turn::rest(Verdict::new(Reason::NotRealized, message)));
        };
        if self.is_unmarked(&pool) {
            // The pool tells of it too.
            self.ctx.hints.hint(Key::pool(&self.desired.pool));
            let message = format!("volume {POOL_MARKER} is gone: nothing is made in the pool");
            return Ok(Turn::rest(Verdict::new(Reason::VolumeMissing, message)));
        }
        let observed = self.pool().observe(self.desired, &pool).await?;
        let plan = plan(
            self.desired,
            &observed,
            was_ready,
            memory.progress(self.job),
        );
        let Some(step) = plan.step else {
            memory.set_progress(self.job, None);
            let mut outcome = Outcome::of(plan.verdict);
            if outcome.verdict.reason == Reason::Available {
                jobs.forget(self.job);
                let record = observed.ready.as_deref().unwrap_or_default();
                self.complete(&mut outcome, Completion::parse(record))
                    .await?;
            }
            outcome.facts = observed.data;
            return Ok(Turn::Rest(Box::new(outcome)));
        };
        let path = observed.data.as_ref().map(|data| data.key.as_str());
        if step == Step::DiscardData {
            clone::mend(self, path).await?;
        }
        if step.is_destructive()
            && let Some(user) = self.users(&pool, path).await?.first()
        {
            let message = format!("{user} uses it: nothing is removed");
            let mut outcome = Outcome::of(Verdict::new(Reason::InUse, message));
            outcome.facts = observed.data;
            return Ok(Turn::Rest(Box::new(outcome)));
        }
        if step == Step::Import {
            return Ok(self.filling());
        }
        self.take(step).await.map(|()| Turn::Next)
    }

    // What looks like an empty pool may be a folder on which nothing is mounted.
    fn is_unmarked(&self, seen: &ObservedPool) -> bool {
        let pool = self.ctx.cache.pools.get("", &self.desired.pool);
        let marked =
            pool.is_some_and(|pool| DesiredPool::parse(&pool, &self.ctx.fleet).is_marked());
        marked && !seen.volumes.iter().any(|volume| volume == POOL_MARKER)
    }

    // What a volume that is whole is based on must be there.
    async fn complete(&self, outcome: &mut Outcome, known: Completion) -> Result<(), HostError> {
        if let Some((volume, format)) = &known.backing {
            let Some(facts) = self.pool().facts(volume).await? else {
                let message = format!("volume {volume}, which it is based on, is gone");
                outcome.verdict = Verdict::new(Reason::VolumeMissing, message);
                return Ok(());
            };
            outcome.backing.push(Backing {
                volume: volume.clone(),
                key: facts.key,
                format: *format,
            });
        }
        outcome.completion = Some(known);
        Ok(())
    }

    async fn users(
        &self,
        pool: &ObservedPool,
        path: Option<&str>,
    ) -> Result<Vec<String>, HostError> {
        let carriers = self.carriers();
        users(self.ctx, &self.pool(), &carriers, pool, self.desired, path).await
    }

    fn carriers(&self) -> Vec<Arc<HostHandle>> {
        carriers(self.ctx, &self.desired.pool, self.handle)
    }

    // What another host was asked to remove may still go.
    fn is_free(&self, name: &str) -> Result<(), HostError> {
        for host in self.carriers() {
            let pool = PoolOnHost {
                host: &host,
                name: &self.desired.pool,
                uuid: self.uuid,
            };
            pool.is_free(name)?;
        }
        Ok(())
    }

    // How far its content is.
    fn filling(&self) -> Turn {
        let (memory, jobs) = (&self.ctx.memory, &self.ctx.jobs);
        match jobs.state(self.job) {
            JobState::None if jobs.pause(self.job).is_some() => {
                let pause = jobs.pause(self.job).unwrap_or_default();
                let failure = jobs.last_failure(self.job);
                let verdict = failure.unwrap_or_else(on_its_way);
                Turn::Rest(Box::new(Outcome {
                    again: Again::After(pause),
                    ..Outcome::of(verdict)
                }))
            }
            JobState::None => {
                // Whatever comes into being from now on is what was begun here.
                memory.set_progress(self.job, Some(Progress::Created));
                Turn::Fill
            }
            JobState::Running(percent) => Turn::Rest(Box::new(self.importing(percent))),
            JobState::Done(_) => {
                memory.set_progress(self.job, Some(Progress::Filled));
                Turn::Next
            }
            JobState::Failed(verdict) => {
                jobs.retry(self.job);
                // What arrived is no use: it is removed before the next attempt.
                memory.set_progress(self.job, None);
                let again = jobs.pause(self.job).map_or(Again::Failed, Again::After);
                Turn::Rest(Box::new(Outcome {
                    again,
                    ..Outcome::of(verdict)
                }))
            }
        }
    }

    /// While it is tried again, what went wrong the last time is still what is known.
    pub(in crate::controllers) fn importing(&self, percent: Option<u64>) -> Outcome {
        let verdict = self
            .ctx
            .jobs
            .last_failure(self.job)
            .unwrap_or_else(on_its_way);
        Outcome {
            busy: true,
            progress: percent.map(|percent| format!("{percent}%")),
            again: Again::After(PROGRESS),
            ..Outcome::of(verdict)
        }
    }

    // A running guest's disk is made larger by QEMU, which holds it.
    async fn grow(&self) -> Result<(), HostError> {
        let desired = self.desired;
        if !self.grow_live().await? {
            let pool = self.pool();
            let (name, capacity) = (&desired.volume_name, desired.capacity);
            pool.grow(name, capacity, desired.format).await?;
        }
        // libvirt learns how large it is by looking.
        self.handle.refresh_pool(&desired.pool, self.uuid).await
    }

    // Whether one runs with it.
    async fn grow_live(&self) -> Result<bool, HostError> {
        let desired = self.desired;
        let place = (desired.pool.clone(), desired.volume_name.clone());
        for host in self.carriers() {
            let domains = host.all_domains().await?;
            let running = domains.iter().find_map(|domain| {
                let mut disks = domain.live.as_ref()?.disks.iter();
                let disk = disks.find(|disk| disk.volume.as_ref() == Some(&place))?;
                Some((domain, disk.target.as_str()))
            });
            if let Some((domain, target)) = running {
                let (name, uuid) = (&domain.name, domain.uuid);
                host.grow_disk(name, uuid, target, desired.capacity).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn take(&self, step: Step) -> Result<(), HostError> {
        let (pool, desired) = (self.pool(), self.desired);
        let (host, volume) = (&self.handle.name, &desired.volume_name);
        tracing::info!(host, volume, ?step, "step");
        match step {
            Step::CreateOwner => {
                self.is_free(&desired.owner_name())?;
                let text = format!("{}\nuid {}", desired.owner, desired.uid);
                pool.create_record(&desired.owner_name(), &text).await
            }
            Step::CreateData => {
                self.is_free(&desired.volume_name)?;
                let base = self
                    .base
                    .map(|base| (base.key.as_str(), format_word(base.format)));
                pool.create_data(desired, base).await?;
                let progress = Some(Progress::Created);
                self.ctx.memory.set_progress(self.job, progress);
                Ok(())
            }
            Step::CreateReady => {
                self.is_free(&desired.ready_name())?;
                let text = self.completion().to_string();
                pool.create_record(&desired.ready_name(), &text).await
            }
            Step::Grow => self.grow().await,
            Step::DiscardData | Step::DeleteData => pool.delete(&desired.volume_name).await,
            Step::DeleteReady => pool.delete(&desired.ready_name()).await,
            Step::DeleteOwner => pool.delete(&desired.owner_name()).await,
            Step::Import | Step::Wipe => Ok(()),
        }
    }

    // What is known of it now that it is whole.
    fn completion(&self) -> Completion {
        let known = match self.ctx.jobs.state(self.job) {
            JobState::Done(known) => known,
            _ => self.known.clone(),
        };
        let overlay = matches!(self.desired.source, Source::Overlay(_));
        let base = self.base.filter(|_| overlay);
        Completion {
            format: known.format.or(Some(self.desired.format)),
            backing: base.map(|base| (base.volume.clone(), base.format)),
            ..known
        }
    }

    // One look at a volume that is to go, and one step.
    async fn deletion_turn(&self, was_ready: bool) -> Result<Turn, HostError> {
        let gone = || Turn::rest(Verdict::new(Reason::Deleting, ""));
        let Some(pool) = self.handle.pool(&self.desired.pool).await? else {
            return Ok(gone());
        };
        let observed = self.pool().observe(self.desired, &pool).await?;
        let path = observed.data.as_ref().map(|data| data.key.as_str());
        // All of it is gone: nothing is left that a record could belong to.
        if observed.owner.is_none() && observed.data.is_none() && observed.ready.is_none() {
            return Ok(gone());
        }
        if observed.ready.is_none() && !was_ready {
            clone::mend(self, path).await?;
        }
        let users = self.users(&pool, path).await?;
        let progress = self.ctx.memory.progress(self.job);
        let plan = plan_deletion(self.desired, &observed, was_ready, &users, progress);
        let Some(step) = plan.step else {
            return Ok(Turn::rest(plan.verdict));
        };
        if step == Step::Wipe {
            return Ok(self.wiping(plan.verdict));
        }
        self.take(step).await.map(|()| Turn::Next)
    }
}
