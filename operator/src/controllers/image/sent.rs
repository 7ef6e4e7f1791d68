//! Images that a person sends: where the original is kept, and what stands in the way of sending it.

use std::collections::BTreeSet;
use std::time::Duration;

use drover_core::desired::image::{DesiredImage, ImageName, Keeping};
use drover_core::desired::pool::{Making, making};
use drover_core::plan::Verdict;
use drover_core::plan::volume::owner_is;
use drover_core::upload::{self, Candidate};
use drover_crds::condition::Reason;
use drover_crds::image::ImagePlace;
use drover_crds::{ImageStatus, StoragePool};
use kube::ResourceExt;

use super::copies::{self, Look};
use super::kinds::ImageObject;
use super::leave::{self, Asked};
use super::place::Place;
use crate::controllers::storage::{self, closed_to, pool_on};
use crate::ctx::Ctx;
use crate::hosts::volumes::PoolOnHost;
use crate::reconcile::{Again, Key};
use crate::upload::Opening;

/// How soon what stands in the way of a request is looked at again.
const SOON: Duration = Duration::from_secs(5);

/// The original of an image that a person sends.
pub(super) struct Sent {
    /// Where it is, or is to be.
    place: Option<Place>,
    /// Whether there is to be something.
    kept: bool,
    /// Whether the place is to be written down before anything is made there.
    new: bool,
    /// Why it cannot be sent.
    told: Option<Verdict>,
    /// When to look again.
    pub(super) again: Again,
}

impl Default for Sent {
    fn default() -> Self {
        Self {
            place: None,
            kept: false,
            new: false,
            told: None,
            again: Again::WhenHinted,
        }
    }
}

impl Sent {
    fn kept(place: Place) -> Self {
        Self {
            place: Some(place),
            kept: true,
            ..Self::default()
        }
    }

    fn told(verdict: Verdict) -> Self {
        Self {
            told: Some(verdict),
            again: Again::After(SOON),
            ..Self::default()
        }
    }

    /// Whether there is to be one here.
    pub(super) fn is_at(&self, place: &Place) -> bool {
        self.kept && self.place.as_ref() == Some(place)
    }

    /// Where something of it may be.
    pub(super) fn place(&self) -> Option<Place> {
        self.place.clone().filter(|_| !self.new)
    }

    /// What the status is to say of where it is.
    pub(super) fn recorded(&self, looks: &[(Place, Look)]) -> Option<ImagePlace> {
        let place = self.place.as_ref()?;
        let mut looks = looks.iter();
        let left = looks.any(|(at, look)| at == place && !matches!(look, Look::Gone));
        (self.kept || self.new || left).then(|| place.into())
    }
}

/// Where the status says that the original is.
pub(super) fn of_status(status: &ImageStatus) -> Option<Place> {
    status.original.as_ref().map(Place::from)
}

// Whether all of it has been there once: then there is an original, though nobody may see it now.
fn was_whole(status: &ImageStatus) -> bool {
    status.size.is_some() || has_copy(status)
}

fn has_copy(status: &ImageStatus) -> bool {
    copy_of(status).is_some()
}

fn copy_of(status: &ImageStatus) -> Option<Place> {
    let mut copies = status.pools.iter();
    copies.find(|copy| copy.state == "Ready").map(Place::from)
}

/// Looks where it is, or finds a place if somebody asks for leave to send it.
pub(super) async fn look<I: ImageObject>(
    ctx: &Ctx,
    key: &Key,
    image: &I,
    desired: &DesiredImage,
    wanted: &BTreeSet<Place>,
) -> Sent {
    let Some(keeping) = &desired.upload else {
        return Sent::default();
    };
    let before = image.status().cloned().unwrap_or_default();
    let (had, whole) = (of_status(&before), was_whole(&before));
    let there = match whole {
        true => had.clone().or_else(|| copy_of(&before)),
        false => found(ctx, desired, keeping, had.as_ref()).await,
    };
    if let Some(place) = &there
        && (!whole || has_copy(&before))
    {
        // Nobody has to send it.
        ctx.uploads.close(key);
        return Sent::kept(place.clone());
    }
    let asked = leave::asked(ctx, key, image);
    let place = match there.or(usable(ctx, desired, had.clone()).await) {
        Some(place) => Some(place),
        None if matches!(asked, Ok(Asked::Not)) => had.clone(),
        None => match choose(ctx, desired, keeping, wanted).await {
            Ok(place) => Some(place),
            Err(verdict) => return Sent::told(verdict),
        },
    };
    if place != had {
        return Sent {
            place,
            new: true,
            again: Again::After(Duration::ZERO),
            ..Sent::default()
        };
    }
    let given = match asked {
        Ok(asked) => leave::give(ctx, key, image, asked).await,
        Err(verdict) => Err(verdict),
    };
    let busy = ctx.uploads.so_far(key).is_some();
    let invited = ctx.uploads.invited_for(key);
    Sent {
        kept: place.is_some() && (whole || busy || invited.is_some()),
        place,
        new: false,
        again: match (&given, invited) {
            (Err(_), _) => Again::After(SOON),
            (Ok(()), Some(left)) => Again::After(left),
            (Ok(()), None) => Again::WhenHinted,
        },
        told: given.err(),
    }
}

// The pools that could keep it.
fn pools(ctx: &Ctx, keeping: &Keeping) -> Vec<String> {
    if let Some(declared) = &keeping.pool {
        return vec![declared.clone()];
    }
    let all = ctx.cache.pools.all().into_iter();
    let files = all.filter(|pool| making(pool.spec.type_) == Making::Files);
    let mut names: Vec<_> = files.map(|pool| pool.name_any()).collect();
    names.sort();
    names
}

// The hosts that could keep it in this pool.
fn hosts(pool: &StoragePool, keeping: &Keeping) -> Vec<String> {
    let hosts = pool.status.iter().flat_map(|status| &status.hosts);
    let names = hosts.map(|state| state.name.clone());
    let wanted = |name: &String| keeping.host.as_ref().is_none_or(|wanted| wanted == name);
    names.filter(wanted).collect()
}

// Where it is already, whole and of this image: after the cluster is lost nothing else tells.
async fn found(
    ctx: &Ctx,
    desired: &DesiredImage,
    keeping: &Keeping,
    had: Option<&Place>,
) -> Option<Place> {
    let mut found = Vec::new();
    for name in pools(ctx, keeping) {
        let Some(pool) = ctx.cache.pools.get("", &name) else {
            continue;
        };
        let copy = desired.copy(&name);
        let known = had.filter(|had| had.pool == name);
        let known = known.map(|had| had.host.clone());
        let all: BTreeSet<String> = hosts(&pool, keeping).into_iter().chain(known).collect();
        for host in all {
            // Also while nobody has said yet that the pool is as it should be.
            let Some(handle) = ctx.hosts.get(&host) else {
                continue;
            };
            let Ok(Some(seen)) = handle.pool(&name).await else {
                continue;
            };
            if !seen.volumes.contains(&copy.ready_name()) {
                continue;
            }
            let pool = PoolOnHost {
                host: &handle,
                name: &name,
                uuid: seen.uuid,
            };
            let owner = pool.record(&copy.owner_name()).await.ok().flatten();
            if owner.is_some_and(|owner| owner_is(&owner, &copy)) {
                found.push(Place::new(ctx, name.clone(), host));
            }
        }
    }
    let same = found.iter().position(|place| Some(place) == had);
    (!found.is_empty()).then(|| found.swap_remove(same.unwrap_or(0)))
}

// A pool on a host, if it is there, and for images of this namespace. The cluster's are for every one.
async fn room(
    ctx: &Ctx,
    desired: &DesiredImage,
    pool: &StoragePool,
    host: &str,
) -> Result<u64, Verdict> {
    let namespace = desired.name.namespace.as_str();
    let host = &storage::writer_for(pool, host)?;
    let closed = match namespace {
        "" => None,
        namespace => closed_to(ctx, namespace, pool, host),
    };
    match closed {
        Some(closed) => Err(closed),
        None => pool_on(ctx, pool, host)
            .await
            .map(|(_, seen)| seen.available),
    }
}

// A place that was chosen before, if it can be had.
async fn usable(ctx: &Ctx, desired: &DesiredImage, had: Option<Place>) -> Option<Place> {
    let had = had?;
    let pool = ctx.cache.pools.get("", &had.pool)?;
    let room = room(ctx, desired, &pool, &had.host).await;
    room.ok().map(|_| had)
}

async fn choose(
    ctx: &Ctx,
    desired: &DesiredImage,
    keeping: &Keeping,
    wanted: &BTreeSet<Place>,
) -> Result<Place, Verdict> {
    let waits = |message: String| Verdict::new(Reason::WaitingForUpload, message);
    let name = upload::pool(keeping.pool.as_deref(), &pools(ctx, keeping)).map_err(waits)?;
    let Some(pool) = ctx.cache.pools.get("", &name) else {
        return Err(waits(format!("StoragePool {name} does not exist")));
    };
    let mut candidates = Vec::new();
    let mut why = Vec::new();
    for host in hosts(&pool, keeping) {
        match room(ctx, desired, &pool, &host).await {
            Ok(available) => candidates.push(Candidate {
                wanted: wanted.contains(&Place::new(ctx, name.clone(), host.clone())),
                available,
                host,
            }),
            Err(verdict) => why.push(format!("{host}: {}", verdict.message)),
        }
    }
    let chosen = upload::host(&candidates).map(|it| it.host.clone());
    let chosen = chosen.ok_or_else(|| {
        let host = keeping.host.as_ref().map(|host| format!(" on Host {host}"));
        let on = host.unwrap_or_default();
        let why = why.join("; ");
        let message = format!("pool {name} has no room{on}: {why}");
        waits(message.trim_end_matches(": ").to_owned())
    })?;
    Ok(Place::new(ctx, name, chosen))
}

/// Lets the original be sent, if it is that what everybody waits for.
pub(super) fn wait(
    ctx: &Ctx,
    key: &Key,
    desired: &DesiredImage,
    before: &ImageStatus,
    original: &Sent,
    looks: &mut [(Place, Look)],
) {
    let comes = |look: &Look| matches!(look, Look::Ready(_) | Look::Running(..));
    if desired.upload.is_none() || looks.iter().any(|(_, look)| comes(look)) {
        return;
    }
    for (place, look) in looks.iter_mut() {
        let Look::Empty(target) = look else { continue };
        if original.is_at(place) && ctx.uploads.invited_for(key).is_some() {
            let opening = Opening {
                target: (**target).clone(),
                expected: copies::of_source(desired, before),
            };
            ctx.uploads.open(key, opening);
        }
        let verdict = why_not(ctx, key, desired, before, original);
        *look = Look::Waits(verdict, Again::WhenHinted);
    }
}

/// How an image is of which there is no copy, and none on its way.
pub(super) fn verdict(
    ctx: &Ctx,
    key: &Key,
    desired: &DesiredImage,
    before: &ImageStatus,
    original: &Sent,
    looks: &[(Place, Look)],
) -> Verdict {
    let silent = looks.iter().find_map(|(place, look)| match look {
        Look::Waits(verdict, _) if verdict.reason == Reason::HostUnreachable => {
            let message = format!("{place}: {}", verdict.message);
            Some(Verdict::new(verdict.reason, message))
        }
        _ => None,
    });
    match silent {
        Some(silent) if was_whole(before) => silent,
        _ => why_not(ctx, key, desired, before, original),
    }
}

fn why_not(
    ctx: &Ctx,
    key: &Key,
    desired: &DesiredImage,
    before: &ImageStatus,
    original: &Sent,
) -> Verdict {
    if let Some(told) = &original.told {
        return told.clone();
    }
    let words = command(&desired.name);
    let invited = ctx.uploads.invited_for(key).and(original.place.as_ref());
    let message = match invited {
        _ if was_whole(before) => {
            format!("what was sent is gone, and there is no other copy; send it again: {words}")
        }
        Some(place) => format!("it is waited for, to be kept in {place}"),
        None => format!("it is to be sent: {words}"),
    };
    let place = original.place.as_ref();
    let failure =
        place.and_then(|place| ctx.jobs.last_failure(&copies::job_at(ctx, desired, place)));
    match failure {
        None => Verdict::new(Reason::WaitingForUpload, message),
        Some(failure) => {
            let reason = match failure.reason {
                refused @ (Reason::ChecksumMismatch | Reason::SourceRefused) => refused,
                _ => Reason::WaitingForUpload,
            };
            let why = failure.message;
            Verdict::new(
                reason,
                format!("what was sent was no use: {why}; {message}"),
            )
        }
    }
}

/// What a person is to do.
fn command(image: &ImageName) -> String {
    let ImageName { namespace, name } = image;
    match namespace.as_str() {
        "" => format!("drover image upload --cluster-image {name} FILE"),
        namespace => format!("drover image upload -n {namespace} {name} FILE"),
    }
}
