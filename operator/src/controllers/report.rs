//! The end of every look: the status, if it says something new, and an event for a transition.

use std::time::Duration;

use drover_core::plan::Verdict;
use drover_crds::condition::{self, Entry, Reason, Status};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, ResourceExt};
use serde::Serialize;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Transition;
use crate::reconcile::write::{self, Object};
use crate::reconcile::{Again, Key, Store};

/// How long a state that will pass has to last to be worth a write.
const PASSING: Duration = Duration::from_secs(4);

/// A status and where its conditions are.
pub trait Reported: Serialize + PartialEq + Clone + Default {
    /// Its conditions.
    fn conditions(&self) -> &[Condition];
    /// Puts the generation and the conditions in.
    fn set(&mut self, generation: Option<i64>, conditions: Vec<Condition>);
}

macro_rules! reported {
    ($($status:ty),*) => {$(
        impl Reported for $status {
            fn conditions(&self) -> &[Condition] {
                &self.conditions
            }

            fn set(&mut self, generation: Option<i64>, conditions: Vec<Condition>) {
                self.observed_generation = generation;
                self.conditions = conditions;
            }
        }
    )*};
}

reported!(
    drover_crds::HostStatus,
    drover_crds::StoragePoolStatus,
    drover_crds::NetworkStatus,
    drover_crds::ImageStatus,
    drover_crds::VolumeStatus,
    drover_crds::VirtualMachineStatus
);

/// What is to be reported of an object.
pub struct Report<'a, K, S> {
    /// The object.
    pub key: &'a Key,
    /// The object as it was read.
    pub object: &'a K,
    /// Its status as it was read.
    pub before: &'a S,
    /// Everything of its new status but the conditions.
    pub status: S,
    /// How it is.
    pub verdict: Verdict,
    /// Conditions beside `Ready` and what follows from it.
    pub others: Vec<Entry>,
}

/// Completes a status with its conditions.
pub fn complete<K: Object, S: Reported>(report: &Report<'_, K, S>) -> S {
    let Verdict { reason, message } = &report.verdict;
    let entries = condition::entries(*reason, message, report.others.clone());
    let generation = report.object.meta().generation;
    let before = report.before.conditions();
    let mut status = report.status.clone();
    status.set(
        generation,
        condition::conditions(before, generation, Timestamp::now(), entries),
    );
    status
}

/// Writes a status if it says something new, and when to look again on its account.
///
/// # Errors
/// What the API server says.
pub async fn report<K: Object, S: Reported>(
    ctx: &Ctx,
    store: &Store<K>,
    report: Report<'_, K, S>,
) -> Result<Again, Error> {
    when_due(ctx, store, report, false, false).await
}

/// The same of an object whose status others write as well: not over what they have written since it
/// was read. `soon`: however soon it may pass.
///
/// # Errors
/// What the API server says.
pub async fn exactly<K: Object, S: Reported>(
    ctx: &Ctx,
    store: &Store<K>,
    report: Report<'_, K, S>,
    soon: bool,
) -> Result<Again, Error> {
    when_due(ctx, store, report, true, soon).await
}

async fn when_due<K: Object, S: Reported>(
    ctx: &Ctx,
    store: &Store<K>,
    report: Report<'_, K, S>,
    exactly: bool,
    soon: bool,
) -> Result<Again, Error> {
    let status = complete(&report);
    if status == *report.before {
        ctx.memory.release(report.key);
        return Ok(Again::WhenHinted);
    }
    match held(ctx, &report).filter(|_| !soon) {
        Some(wait) => Ok(Again::After(wait)),
        None => put(ctx, store, report, exactly).await,
    }
}

// How long a state that will pass is still not worth a write.
fn held<K: Object, S: Reported>(ctx: &Ctx, report: &Report<'_, K, S>) -> Option<Duration> {
    if !passes(report) {
        return None;
    }
    let reason = report.verdict.reason.as_str();
    let wait = PASSING.saturating_sub(ctx.memory.held_for(report.key, reason));
    (!wait.is_zero()).then_some(wait)
}

/// Writes a status if it says something new, however soon it may pass.
///
/// # Errors
/// What the API server says.
pub async fn at_once<K: Object, S: Reported>(
    ctx: &Ctx,
    store: &Store<K>,
    report: Report<'_, K, S>,
) -> Result<Again, Error> {
    put(ctx, store, report, false).await
}

async fn put<K: Object, S: Reported>(
    ctx: &Ctx,
    store: &Store<K>,
    report: Report<'_, K, S>,
    exactly: bool,
) -> Result<Again, Error> {
    ctx.memory.release(report.key);
    let status = complete(&report);
    if status == *report.before {
        return Ok(Again::WhenHinted);
    }
    let written = match write::status(&ctx.client, report.object, &status, exactly).await {
        Err(error) if write::is_gone(&error) || write::is_conflict(&error) => {
            return Ok(Again::Failed);
        }
        Err(error) => {
            ctx.memory.doubt(report.key);
            return Err(error.into());
        }
        Ok(written) => written,
    };
    store.wrote(written);
    tell(
        ctx,
        report.object,
        report.before.conditions(),
        &report.verdict,
    );
    Ok(Again::WhenHinted)
}

// Whether the object was on its way before, and is still, so that the next look will say more.
fn passes<K: Object, S: Reported>(report: &Report<'_, K, S>) -> bool {
    let before = report.before.conditions();
    let observed = condition::find(before, "Ready");
    let same_generation =
        observed.and_then(|ready| ready.observed_generation) == report.object.meta().generation;
    let deleting = report.object.meta().deletion_timestamp.is_some();
    let reason = report.verdict.reason;
    if !reason.also().contains(&"Reconciling") || deleting {
        return false;
    }
    match observed {
        // A first status that says only that something begins is for nobody. That there is no place
        // is told at once: it may stay like that.
        None => reason != Reason::Unschedulable,
        Some(ready) => {
            reason.ready() == Status::False
                && same_generation
                && ready.status == "False"
                && condition::is_true(before, "Reconciling")
        }
    }
}

/// Publishes an event when an object's `Ready` has another reason than before.
pub fn tell<K: Object>(ctx: &Ctx, object: &K, before: &[Condition], verdict: &Verdict) {
    let reason = verdict.reason.as_str();
    if condition::find(before, "Ready").is_some_and(|ready| ready.reason == reason) {
        return;
    }
    let warning =
        verdict.reason.also().contains(&"Stalled") || verdict.reason.ready() == Status::Unknown;
    ctx.events.tell(Transition {
        regarding: reference(object),
        reason: reason.to_owned(),
        action: "Reconcile".to_owned(),
        note: verdict.message.clone(),
        warning,
    });
}

fn reference<K: Object>(object: &K) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        namespace: object.namespace(),
        name: Some(object.name_any()),
        uid: object.uid(),
        ..ObjectReference::default()
    }
}

/// Puts the finalizer on, once.
///
/// # Errors
/// What the API server says.
pub async fn ensure_finalizer<K: Object>(
    ctx: &Ctx,
    store: &Store<K>,
    object: std::sync::Arc<K>,
) -> Result<std::sync::Arc<K>, Error> {
    if write::has_finalizer(&*object) {
        return Ok(object);
    }
    let written = write::add_finalizer(&ctx.client, &*object).await?;
    store.wrote(written.clone());
    Ok(std::sync::Arc::new(written))
}

/// Whether a deleted object is to be cleaned up after, by the API server's newest word: it is still
/// this object that is deleted, and not only because its kind is being taken away, which is nobody's
/// wish to lose machines and data.
///
/// # Errors
/// What the API server says.
pub async fn is_unwanted<K: Object>(ctx: &Ctx, object: &K) -> Result<Unwanted, Error> {
    let namespace = object.namespace().unwrap_or_default();
    let newest = K::api(&ctx.client, &namespace)
        .get_opt(&object.name_any())
        .await?;
    let same = newest.is_some_and(|newest| {
        newest.uid() == object.uid() && newest.meta().deletion_timestamp.is_some()
    });
    if !same {
        return Ok(Unwanted::Another);
    }
    let kinds: Api<CustomResourceDefinition> = Api::all(ctx.client.clone());
    let kind = format!("{}.{}", K::plural(&()), K::group(&()));
    let kind = kinds.get_metadata_opt(&kind).await?;
    let withdrawn = kind.is_some_and(|kind| kind.metadata.deletion_timestamp.is_some());
    Ok(match withdrawn {
        true => Unwanted::KindWithdrawn,
        false => Unwanted::Yes,
    })
}

/// What the deletion of an object means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    /// What stands for it on the hosts is to go.
    Yes,
    /// Its kind is being taken away: what is on the hosts stays.
    KindWithdrawn,
    /// It is not this object that is being deleted.
    Another,
}

/// Lets a deleted object go.
///
/// # Errors
/// What the API server says.
pub async fn let_go<K: Object>(ctx: &Ctx, key: &Key, object: &K) -> Result<Again, Error> {
    ctx.memory.release(key);
    if !write::has_finalizer(object) {
        return Ok(Again::WhenHinted);
    }
    match write::remove_finalizer(&ctx.client, object).await {
        Err(error) if write::is_gone(&error) => Ok(Again::WhenHinted),
        Err(error) if write::is_conflict(&error) => Ok(Again::Failed),
        other => {
            other?;
            Ok(Again::WhenHinted)
        }
    }
}

/// When to look again at what could not be done. What a host cannot do, it cannot do in a moment
/// either: a change of the object, or another libvirt there, hints.
#[must_use]
pub fn unsettled(reason: Reason) -> Again {
    match reason {
        Reason::NotSupported => Again::WhenHinted,
        _ => Again::Failed,
    }
}

/// The sooner of two.
#[must_use]
pub fn sooner(a: Again, b: Again) -> Again {
    match (a, b) {
        (Again::Failed, _) | (_, Again::Failed) => Again::Failed,
        (Again::After(a), Again::After(b)) => Again::After(a.min(b)),
        (Again::After(wait), Again::WhenHinted) | (Again::WhenHinted, Again::After(wait)) => {
            Again::After(wait)
        }
        (Again::WhenHinted, Again::WhenHinted) => Again::WhenHinted,
    }
}
