//! The copies of an image: one volume in one pool of one host each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use drover_core::completion::Completion;
use drover_core::desired::image::{DesiredImage, hexadecimal};
use drover_core::desired::pool::{Making, making};
use drover_core::desired::volume::{DesiredVolume, Source};
use drover_core::observed::pool::ObservedPool;
use drover_core::plan::Verdict;
use drover_core::xml::type_word;
use drover_crds::condition::Reason;
use drover_crds::{ImageStatus, StoragePool, quantity};

use super::place::Place;
use super::{authorities, original};
use crate::controllers::report;
use crate::controllers::storage::{self, Outcome, PROGRESS, Work, clone, pool_on};
use crate::ctx::Ctx;
use crate::hosts::{HostError, HostHandle};
use crate::import::fetch::Policy;
use crate::import::transfer::{Expected, From, Target, Transfer};
use crate::reconcile::{Again, Key};

/// How many volumes are written at once from what is read once.
const TOGETHER: usize = 16;

/// How a copy is.
pub(super) enum Look {
    /// It is whole; what its record says, if it has been looked at.
    Ready(Option<Completion>),
    /// Its content is on its way, so far; why the last attempt failed, if one did.
    Running(Option<String>, Option<Verdict>, Again),
    /// It is there to be filled.
    Empty(Box<Target>),
    /// It waits for something.
    Waits(Verdict, Again),
    /// There is none, and none is wanted.
    Gone,
}

impl Look {
    fn waits(reason: Reason, message: impl Into<String>) -> Self {
        Self::Waits(Verdict::new(reason, message), Again::WhenHinted)
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Empty(_))
    }

    fn of(outcome: Outcome) -> Self {
        match outcome.verdict.reason {
            Reason::Available => Self::Ready(outcome.completion),
            reason if outcome.busy => {
                let failed = (reason != Reason::Importing).then_some(outcome.verdict);
                Self::Running(outcome.progress, failed, outcome.again)
            }
            _ => Self::Waits(outcome.verdict, outcome.again),
        }
    }
}

/// The name of the job that brings a copy. What one host has begun, no other one goes on with.
fn job(desired: &DesiredImage, place: &Place, by: &str) -> String {
    format!("{}/{}/{by}", desired.uid, place.pool)
}

/// The name of the job that brings a copy now.
pub(super) fn job_at(ctx: &Ctx, desired: &DesiredImage, place: &Place) -> String {
    let by = place.handle(ctx).map(|handle| handle.name.clone());
    job(desired, place, &by.unwrap_or_default())
}

/// What the status says of the content.
fn known(status: &ImageStatus) -> Completion {
    let bytes = |text: &Option<String>| quantity::Quantity::from(text.as_deref()?).bytes();
    Completion {
        format: status.format,
        backing: None,
        size: bytes(&status.size),
        virtual_size: bytes(&status.virtual_size),
        sha256: status.content_checksum.as_deref().and_then(hexadecimal),
        fetched: status.checksum.as_deref().and_then(hexadecimal),
    }
}

/// Whether a status tells of a whole copy there.
pub(super) fn was_ready(status: &ImageStatus, place: &Place) -> bool {
    let mut copies = status.pools.iter();
    copies.any(|copy| Place::from(copy) == *place && copy.state == "Ready")
}

/// Makes a copy, but for its content; that of the original, too.
pub(super) async fn settle(
    ctx: &Ctx,
    key: &Key,
    desired: &DesiredImage,
    status: &ImageStatus,
    place: &Place,
    original: Option<&Place>,
) -> Look {
    let Some(pool) = ctx.cache.pools.get("", &place.pool) else {
        let message = format!("StoragePool {} does not exist", place.pool);
        return Look::waits(Reason::NotRealized, message);
    };
    if making(pool.spec.type_) != Making::Files {
        let word = type_word(pool.spec.type_);
        let message = format!(
            "images are kept in pools of files, {} is of type {word}",
            place.pool
        );
        return Look::waits(Reason::NotSupported, message);
    }
    // It is made once: what has been whole is never made again of what may have changed.
    let made = original == Some(place) && status.original.is_none();
    let site = match Site::find(ctx, desired, &pool, place, made).await {
        Ok(site) => site,
        Err(verdict) => return Look::Waits(verdict, Again::WhenHinted),
    };
    let copy = &site.copy;
    let was_ready = was_ready(status, place);
    let names = [&copy.volume_name, &copy.owner_name(), &copy.ready_name()];
    let listed = |name: &&String| site.seen.volumes.contains(name);
    if was_ready && status.format.is_some() && names.iter().all(listed) {
        return Look::Ready(None);
    }
    if let Err(error) = site.refresh().await {
        return Look::of(Outcome::failed(&error));
    }
    let work = site.work(ctx, status);
    if status.format.is_none() {
        match work.says_nothing().await {
            Ok(false) => {}
            Ok(true) => {
                let message = "somebody was stopped before it was written down what the copy is";
                return missing(ctx, &work, Verdict::new(Reason::VolumeMissing, message)).await;
            }
            Err(error) => return Look::of(Outcome::failed(&error)),
        }
    }
    match work.settle(was_ready).await {
        None => match &copy.source {
            Source::Cloned(origin) => {
                let wanted = original::wanted(desired);
                Look::of(clone::begin(&work, key, origin, wanted).await)
            }
            _ => Look::Empty(Box::new(work.target(key))),
        },
        // Nothing is left that it could be made of again.
        Some(outcome) if original::is(status, place) => Look::of(outcome),
        Some(outcome) if outcome.verdict.reason == Reason::VolumeMissing => {
            missing(ctx, &work, outcome.verdict).await
        }
        Some(outcome) => Look::of(outcome),
    }
}

/// Where a copy is, as it was seen there.
struct Site {
    handle: Arc<HostHandle>,
    seen: Arc<ObservedPool>,
    copy: DesiredVolume,
    job: String,
}

impl Site {
    async fn find(
        ctx: &Ctx,
        desired: &DesiredImage,
        pool: &StoragePool,
        place: &Place,
        original: bool,
    ) -> Result<Self, Verdict> {
        let (handle, seen) = pool_on(ctx, pool, &place.host).await?;
        let copy = match original {
            true => desired.original(&place.pool),
            false => desired.copy(&place.pool),
        };
        Ok(Self {
            job: job(desired, place, &handle.name),
            handle,
            seen,
            copy,
        })
    }

    // Where one is to go, whatever is said of its pool, which may be going too. What an attempt to make
    // the original may have left goes with it.
    async fn left(ctx: &Ctx, desired: &DesiredImage, place: &Place) -> Result<Self, Verdict> {
        let Some(handle) = place.handle(ctx) else {
            let message = format!("nobody can reach what is in {place}");
            return Err(Verdict::new(Reason::HostUnreachable, message));
        };
        match handle.pool(&place.pool).await {
            Ok(Some(seen)) if seen.active => Ok(Self {
                job: job(desired, place, &handle.name),
                handle,
                seen,
                copy: desired.original(&place.pool),
            }),
            Ok(_) => {
                let (pool, host) = (&place.pool, &handle.name);
                let message = format!("pool {pool} is not active on {host}");
                Err(Verdict::new(Reason::NotRealized, message))
            }
            Err(error) => Err(Outcome::failed(&error).verdict),
        }
    }

    async fn refresh(&self) -> Result<(), HostError> {
        let (name, uuid) = (&self.copy.pool, self.seen.uuid);
        self.handle.refresh_pool(name, uuid).await
    }

    fn work<'a>(&'a self, ctx: &'a Ctx, status: &ImageStatus) -> Work<'a> {
        Work {
            ctx,
            desired: &self.copy,
            handle: &self.handle,
            uuid: self.seen.uuid,
            job: &self.job,
            base: None,
            known: known(status),
        }
    }
}

// A copy that was whole and is gone is not made again under volumes that are based on it. Otherwise
// what is left of it is removed, and it is as if there had been none.
async fn missing(ctx: &Ctx, work: &Work<'_>, verdict: Verdict) -> Look {
    let shared = storage::is_shared(ctx, &work.desired.pool);
    let based = ctx.cache.volumes.all().into_iter().any(|volume| {
        let status = volume.status.as_ref();
        status.is_some_and(|status| {
            (shared || status.host.as_ref() == Some(&work.handle.name))
                && volume.spec.pool == work.desired.pool
                && status
                    .backing
                    .iter()
                    .any(|base| base.volume == work.desired.volume_name)
        })
    });
    if based {
        return Look::Waits(verdict, Again::WhenHinted);
    }
    match take_away(work).await {
        Look::Gone => Look::Running(None, None, Again::After(Duration::ZERO)),
        other => other,
    }
}

/// Removes what is left where a copy was to come into being and did not: never one that is whole, of
/// which there may be no other.
pub(super) async fn remove_unfinished(
    ctx: &Ctx,
    desired: &DesiredImage,
    status: &ImageStatus,
    place: &Place,
) -> Look {
    let seen = match place.handle(ctx) {
        Some(handle) => handle.pool(&place.pool).await.ok().flatten(),
        None => None,
    };
    let ready = desired.copy(&place.pool).ready_name();
    match seen.is_some_and(|seen| seen.volumes.contains(&ready)) {
        true => Look::Waits(
            Verdict::new(Reason::RetryLater, "there is a copy of which nobody knew"),
            Again::Failed,
        ),
        false => remove(ctx, desired, status, place).await,
    }
}

/// Removes a copy that is not wanted.
pub(super) async fn remove(
    ctx: &Ctx,
    desired: &DesiredImage,
    status: &ImageStatus,
    place: &Place,
) -> Look {
    if let Some(handle) = place.handle(ctx) {
        ctx.jobs.cancel(&job(desired, place, &handle.name));
    }
    if !place.host.is_empty() && ctx.cache.hosts.get("", &place.host).is_none() {
        return Look::Gone;
    }
    if ctx.cache.pools.get("", &place.pool).is_none() {
        return Look::Gone;
    }
    let site = match Site::left(ctx, desired, place).await {
        Ok(site) => site,
        Err(verdict) => return Look::Waits(verdict, Again::WhenHinted),
    };
    if let Err(error) = site.refresh().await {
        return Look::of(Outcome::failed(&error));
    }
    take_away(&site.work(ctx, status)).await
}

async fn take_away(work: &Work<'_>) -> Look {
    let outcome = work.remove(false).await;
    if outcome.is_gone() {
        work.ctx.memory.set_progress(work.job, None);
        // A pool that is to go waits for the last of what Drover keeps in it.
        work.ctx.hints.hint(Key::pool(&work.desired.pool));
        return Look::Gone;
    }
    let again = report::unsettled(outcome.verdict.reason);
    Look::Waits(outcome.verdict, again)
}

/// Begins to bring the content to copies that wait for it: from those that are whole, or else from
/// its source, and then to as many as can be written at once. None needs a disk that is larger than
/// the largest that comes from it. Which are begun.
pub(super) async fn bring(
    ctx: &Ctx,
    desired: &DesiredImage,
    status: &ImageStatus,
    looks: &mut [(Place, Look)],
    largest: u64,
) -> Begun {
    let sources = match sources(ctx, desired, status, looks).await {
        Ok(sources) => sources,
        Err((verdict, again)) => {
            for (_, look) in looks.iter_mut() {
                if look.is_empty() {
                    *look = Look::Waits(verdict.clone(), again);
                }
            }
            return Begun::default();
        }
    };
    if let Some(wait) = gather(ctx, desired, looks, &sources) {
        let empty = looks.iter().filter(|(_, look)| look.is_empty());
        return Begun {
            places: empty.map(|(place, _)| place.clone()).collect(),
            again: Again::After(wait),
        };
    }
    let empty: Vec<(&Place, &Target)> = looks
        .iter()
        .filter_map(|(place, look)| match look {
            Look::Empty(target) => Some((place, &**target)),
            _ => None,
        })
        .collect();
    let begun = empty.chunks(TOGETHER).zip(sources);
    let mut places = BTreeSet::new();
    for (group, from) in begun {
        let transfer = Transfer {
            expected: expected(desired, status, &from, largest),
            from,
            targets: group.iter().map(|(_, target)| (*target).clone()).collect(),
            hints: ctx.hints.clone(),
            metrics: Arc::clone(&ctx.metrics),
        };
        transfer.start(&ctx.jobs);
        places.extend(group.iter().map(|(place, _)| (*place).clone()));
    }
    let again = match places.is_empty() {
        true => Again::WhenHinted,
        false => Again::After(PROGRESS),
    };
    Begun { places, again }
}

/// Copies whose content is on its way from now on, and when to look how far it is.
pub(super) struct Begun {
    pub(super) places: BTreeSet<Place>,
    pub(super) again: Again,
}

impl Default for Begun {
    fn default() -> Self {
        Self {
            places: BTreeSet::new(),
            again: Again::WhenHinted,
        }
    }
}

// How long it is until all are there for which the image is to be fetched.
fn gather(
    ctx: &Ctx,
    desired: &DesiredImage,
    looks: &[(Place, Look)],
    sources: &[From],
) -> Option<Duration> {
    let waiting = looks.iter().filter(|(_, look)| look.is_empty()).count();
    let fetched = sources.iter().any(|from| matches!(from, From::Url { .. }));
    let wait = || ctx.memory.gathering.wait(&desired.uid, waiting);
    (fetched && waiting > 0).then(wait).flatten()
}

// Each is read once at a time.
async fn sources(
    ctx: &Ctx,
    desired: &DesiredImage,
    status: &ImageStatus,
    looks: &[(Place, Look)],
) -> Result<Vec<From>, (Verdict, Again)> {
    let ready = looks.iter().filter_map(|(place, look)| {
        let known = match look {
            Look::Ready(Some(known)) => known.clone(),
            Look::Ready(None) => known(status),
            _ => return None,
        };
        let host = place.handle(ctx)?;
        let uuid = host.read(|it| it.pools.get(&place.pool).map(|(uuid, _)| *uuid))?;
        Some(From::Volume {
            host,
            pool: place.pool.clone(),
            uuid,
            volume: desired.name.volume_name(),
            known,
        })
    });
    let ready: Vec<_> = ready.collect();
    let running = looks
        .iter()
        .any(|(_, look)| matches!(look, Look::Running(..)));
    let nobody_waits = !looks.iter().any(|(_, look)| look.is_empty());
    match &desired.url {
        // What is on its way will be a source itself.
        _ if !ready.is_empty() || running || nobody_waits => Ok(ready),
        Some(url) => {
            let policy = Policy::new(ctx.import_allow.clone(), desired.sha256.is_some());
            let trust = authorities::trust(ctx, desired).await?;
            Ok(vec![From::Url {
                url: url.clone(),
                policy: Policy { trust, ..policy },
            }])
        }
        None => Ok(Vec::new()),
    }
}

fn expected(desired: &DesiredImage, status: &ImageStatus, from: &From, largest: u64) -> Expected {
    let expected = of_source(desired, status);
    Expected {
        sha256: match from {
            From::Volume { known, .. } => known.sha256.clone(),
            From::Url { .. } | From::Upload(_) => expected.sha256,
        },
        // Of one that is only kept nobody has said.
        largest: Some(largest).filter(|largest| *largest > 0),
        ..expected
    }
}

/// What must come from the image's source: what has come once is what every copy must be.
pub(super) fn of_source(desired: &DesiredImage, status: &ImageStatus) -> Expected {
    Expected {
        fetched: desired.sha256.clone(),
        sha256: known(status).sha256,
        format: desired.format,
        largest: None,
    }
}
