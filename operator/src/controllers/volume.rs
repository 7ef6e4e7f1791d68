//! Volumes.

use std::sync::Arc;
use std::time::Duration;

use drover_core::desired::volume::DesiredVolume;
use drover_core::observed::pool::ObservedPool;
use drover_core::plan::Verdict;
use drover_core::plan::volume::{Progress, Step, plan, plan_deletion};
use drover_crds::condition::{self, Reason};
use drover_crds::{Volume, VolumeStatus, quantity};
use kube::ResourceExt;

use super::report::{self, Report};
use super::sites::MOST_STEPS;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::volumes::PoolOnHost;
use crate::hosts::{HostError, HostHandle};
use crate::import::job::{Import, ImportState};
use crate::reconcile::{Again, Key};

/// Looks at one Volume.
///
/// # Errors
/// When the API server says no.
pub async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    let Some(volume) = ctx.cache.volumes.get(&key.namespace, &key.name) else {
        ctx.hint_waiting();
        return Ok(Again::WhenHinted);
    };
    let desired = DesiredVolume::parse(&volume, &ctx.fleet)?;
    let host = place(ctx, &volume);
    if volume.metadata.deletion_timestamp.is_some() {
        return delete(ctx, key, &volume, &desired, host.as_deref()).await;
    }
    let volume = report::ensure_finalizer(ctx, &ctx.cache.volumes, volume).await?;
    let Some(host) = host else {
        let message = "it is made where the first machine that uses it is placed";
        let outcome = Outcome::of(Verdict::new(Reason::Creating, message));
        return tell(ctx, key, &volume, None, outcome).await;
    };
    let outcome = match ready_pool(ctx, &desired.pool, &host).await {
        Ok((handle, pool)) => settle(ctx, key, &volume, &desired, &handle, &pool).await,
        Err(verdict) => Outcome::of(verdict),
    };
    tell(ctx, key, &volume, Some(host), outcome).await
}

// What a look at a volume found.
struct Outcome {
    verdict: Verdict,
    progress: Option<String>,
    // Its key and its size, if it has been looked at.
    facts: Option<(String, u64)>,
    again: Again,
}

impl Outcome {
    fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            progress: None,
            facts: None,
            again: Again::WhenHinted,
        }
    }

    fn failed(error: &HostError) -> Self {
        let reason = match error {
            error if error.is_unreachable() => Reason::HostUnreachable,
            _ => Reason::RetryLater,
        };
        Self {
            again: Again::Failed,
            ..Self::of(Verdict::new(reason, error.to_string()))
        }
    }
}

// The host that has it or is to have it.
fn place(ctx: &Ctx, volume: &Volume) -> Option<String> {
    let recorded = volume
        .status
        .as_ref()
        .and_then(|status| status.host.clone());
    recorded.or_else(|| volume.spec.host.clone()).or_else(|| {
        users(ctx, volume)
            .into_iter()
            .find_map(|machine| machine.status.as_ref()?.host.clone())
    })
}

fn users(ctx: &Ctx, volume: &Volume) -> Vec<Arc<drover_crds::VirtualMachine>> {
    let (namespace, name) = (volume.namespace(), volume.name_any());
    let mut machines = ctx.cache.machines.all();
    machines.retain(|machine| {
        let names = |disk: &drover_crds::virtual_machine::Disk| match &disk.volume {
            Some(volume) => volume.name == name,
            None => format!("{}-{}", machine.name_any(), disk.name) == name,
        };
        machine.namespace() == namespace && machine.spec.disks.iter().any(names)
    });
    machines
}

// The pool on the host, if it is as it should be there.
async fn ready_pool(
    ctx: &Ctx,
    name: &str,
    host: &str,
) -> Result<(Arc<HostHandle>, Arc<ObservedPool>), Verdict> {
    let Some(pool) = ctx.cache.pools.get("", name) else {
        return Err(Verdict::new(
            Reason::NotRealized,
            format!("StoragePool {name} does not exist"),
        ));
    };
    let Some(handle) = ctx.hosts.get(host) else {
        return Err(Verdict::new(
            Reason::HostUnreachable,
            format!("Host {host} is not there"),
        ));
    };
    if let Err(error) = handle.client() {
        return Err(Verdict::new(Reason::HostUnreachable, error.to_string()));
    }
    let status = pool.status.clone().unwrap_or_default();
    let state = status.hosts.iter().find(|state| state.name == host);
    if state.is_none_or(|state| state.state != "Active") {
        let why = state
            .and_then(|state| state.message.clone())
            .unwrap_or_default();
        let message = format!("pool {name} is not ready on {host}: {why}");
        return Err(Verdict::new(
            Reason::NotRealized,
            message.trim_end_matches(": "),
        ));
    }
    match handle.pool(name).await {
        Ok(Some(observed)) => Ok((handle, observed)),
        Ok(None) => Err(Verdict::new(
            Reason::NotRealized,
            format!("pool {name} is not on {host}"),
        )),
        Err(error) => Err(Outcome::failed(&error).verdict),
    }
}

// Takes the plan's steps until there is nothing more to do but wait.
async fn settle(
    ctx: &Ctx,
    key: &Key,
    volume: &Volume,
    desired: &DesiredVolume,
    handle: &Arc<HostHandle>,
    pool: &ObservedPool,
) -> Outcome {
    let status = volume.status.clone().unwrap_or_default();
    let was_ready = status.key.is_some();
    if is_settled(volume, desired, pool) {
        return Outcome::of(Verdict::new(Reason::Available, "it is there and whole"));
    }
    let work = Work {
        ctx,
        key,
        desired,
        handle,
        uuid: pool.uuid,
    };
    if let Err(error) = handle.refresh_pool(&desired.pool, pool.uuid).await {
        return Outcome::failed(&error);
    }
    for _ in 0..MOST_STEPS {
        match work.round(was_ready).await {
            Ok(None) => {}
            Ok(Some(outcome)) => return outcome,
            Err(error) if error.rpc().is_some_and(drover_rpc::Error::outcome_unknown) => {}
            Err(error) => return Outcome::failed(&error),
        }
    }
    let verdict = Verdict::new(Reason::Creating, "it is not settled yet");
    Outcome {
        again: Again::Failed,
        ..Outcome::of(verdict)
    }
}

// Nothing has to be asked: the pool still has all of it, and the spec is the one that was met.
fn is_settled(volume: &Volume, desired: &DesiredVolume, pool: &ObservedPool) -> bool {
    let status = volume.status.clone().unwrap_or_default();
    let met = status.observed_generation == volume.metadata.generation
        && condition::find(&status.conditions, "Ready").is_some_and(|ready| {
            ready.status == "True" && ready.reason == Reason::Available.as_str()
        });
    let listed = |name: &str| pool.volumes.iter().any(|volume| volume == name);
    met && listed(&desired.volume_name)
        && listed(&desired.owner_name())
        && listed(&desired.ready_name())
}

// One volume in one pool of one host.
struct Work<'a> {
    ctx: &'a Ctx,
    key: &'a Key,
    desired: &'a DesiredVolume,
    handle: &'a Arc<HostHandle>,
    uuid: uuid::Uuid,
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
    async fn round(&self, was_ready: bool) -> Result<Option<Outcome>, HostError> {
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
        if step.is_destructive() || step == Step::Grow {
            let users = self.domains_that_use(path).await?;
            if let Some(outcome) = in_use(step, &users, facts.clone()) {
                return Ok(Some(outcome));
            }
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
            Step::Grow => pool.grow(&desired.volume_name, desired.capacity).await,
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

fn in_use(step: Step, users: &[String], facts: Option<(String, u64)>) -> Option<Outcome> {
    let first = users.first()?;
    let verdict = match step {
        Step::Grow => Verdict::new(
            Reason::Available,
            format!("it grows once domain {first} is off and gone"),
        ),
        _ => Verdict::new(
            Reason::InUse,
            format!("domain {first} uses it: nothing is removed"),
        ),
    };
    Some(Outcome {
        facts,
        ..Outcome::of(verdict)
    })
}

async fn tell(
    ctx: &Ctx,
    key: &Key,
    volume: &Volume,
    host: Option<String>,
    outcome: Outcome,
) -> Result<Again, Error> {
    let before = volume.status.clone().unwrap_or_default();
    let mut status = VolumeStatus {
        progress: outcome.progress,
        ..before.clone()
    };
    if let Some(host) = host {
        let name = drover_core::identity::volume_name(&key.namespace, &key.name);
        (status.host, status.volume_name) = (Some(host), Some(name));
    }
    if let (Some((path, capacity)), Reason::Available) = (outcome.facts, outcome.verdict.reason) {
        (status.key, status.capacity) = (Some(path), Some(quantity::bytes(capacity)));
    }
    let ready = outcome.verdict.reason == Reason::Available;
    let was_ready = condition::is_true(&before.conditions, "Ready");
    let verdict = outcome.verdict;
    let report = Report {
        key,
        object: volume,
        before: &before,
        status,
        verdict,
        others: Vec::new(),
    };
    let again = report::report(ctx, &ctx.cache.volumes, report).await?;
    if ready != was_ready {
        for machine in users(ctx, volume) {
            ctx.hints
                .hint(Key::machine(&key.namespace, &machine.name_any()));
        }
        ctx.hints.hint(Key::pool(&volume.spec.pool));
    }
    Ok(report::sooner(again, outcome.again))
}

async fn delete(
    ctx: &Ctx,
    key: &Key,
    volume: &Volume,
    desired: &DesiredVolume,
    host: Option<&str>,
) -> Result<Again, Error> {
    ctx.imports.cancel(&desired.uid);
    let waiting = users(ctx, volume);
    let waiting = waiting
        .iter()
        .find(|machine| machine.metadata.deletion_timestamp.is_none());
    let outcome = match (waiting, host) {
        (Some(machine), _) => {
            let message = format!("machine {} uses it", machine.name_any());
            Outcome::of(Verdict::new(Reason::InUse, message))
        }
        (None, None) => Outcome::of(Verdict::new(Reason::Deleting, "")),
        (None, Some(host)) => remove(ctx, key, desired, host).await,
    };
    if outcome.verdict.reason == Reason::Deleting && outcome.again == Again::WhenHinted {
        ctx.memory.set_progress(&desired.uid, None);
        let again = report::let_go(ctx, key, volume).await?;
        ctx.hints.hint(Key::pool(&desired.pool));
        return Ok(again);
    }
    tell(ctx, key, volume, None, outcome).await?;
    Ok(Again::Failed)
}

async fn remove(ctx: &Ctx, key: &Key, desired: &DesiredVolume, host: &str) -> Outcome {
    let Some(handle) = ctx.hosts.get(host) else {
        return Outcome::of(Verdict::new(
            Reason::Deleting,
            format!("Host {host} is not there"),
        ));
    };
    let pool = match handle.pool(&desired.pool).await {
        Ok(Some(pool)) if pool.active => pool,
        // Without its pool it cannot be reached any more.
        Ok(_) => return Outcome::of(Verdict::new(Reason::Deleting, "")),
        Err(error) => return Outcome::failed(&error),
    };
    if let Err(error) = handle.refresh_pool(&desired.pool, pool.uuid).await {
        return Outcome::failed(&error);
    }
    let work = Work {
        ctx,
        key,
        desired,
        handle: &handle,
        uuid: pool.uuid,
    };
    for _ in 0..MOST_STEPS {
        match work.deletion_round().await {
            Ok(None) => {}
            Ok(Some(outcome)) => return outcome,
            Err(error) => return Outcome::failed(&error),
        }
    }
    Outcome {
        again: Again::Failed,
        ..Outcome::of(Verdict::new(Reason::Deleting, ""))
    }
}

impl Work<'_> {
    async fn deletion_round(&self) -> Result<Option<Outcome>, HostError> {
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
        let plan = plan_deletion(self.desired, &observed, &users);
        let Some(step) = plan.step else {
            return Ok(Some(Outcome::of(plan.verdict)));
        };
        self.take(step).await.map(|()| None)
    }
}
