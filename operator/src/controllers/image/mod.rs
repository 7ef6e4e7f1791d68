//! Images: fetched once for the fleet, and kept once in each pool of each host that has volumes of
//! them.

mod authorities;
mod copies;
mod deletion;
mod gather;
mod kinds;
mod leave;
mod original;
mod place;
mod sent;

use std::collections::BTreeSet;
use std::sync::Arc;

use drover_core::completion::Completion;
use drover_core::desired::image::{DesiredImage, ImageName};
use drover_core::plan::Verdict;
use drover_crds::condition::Reason;
use drover_crds::image::ImageCopy;
use drover_crds::{ImageStatus, LocalRef, VirtualMachine, Volume, quantity};
use futures::future::join_all;
use kube::ResourceExt;

use self::copies::Look;
pub use self::gather::Gathering;
pub use self::kinds::ImageObject;
pub(super) use self::kinds::{copy_on, is_of_a_guest, pool_of_medium};
pub(super) use self::original::hint_images;
use self::place::Place;
use self::sent::Sent;
use crate::controllers::report::{self, Report};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::reconcile::{Again, Key};

/// Looks at one image.
///
/// # Errors
/// When the API server says no.
pub async fn reconcile<I: ImageObject>(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    let store = I::store(&ctx.cache);
    let Some(image) = store.get(&key.namespace, &key.name) else {
        return Ok(Again::WhenHinted);
    };
    let desired = DesiredImage::parse(image.meta(), image.content(), &ctx.fleet);
    if image.meta().deletion_timestamp.is_some() {
        return deletion::delete(ctx, key, &*image, &desired).await;
    }
    let image = report::ensure_finalizer(ctx, store, image).await?;
    let before = image.status().cloned().unwrap_or_default();
    let mut wanted = demand(ctx, &desired.name);
    let sent = sent::look(ctx, key, &*image, &desired, &wanted).await;
    let original = original::place(ctx, &desired, &before);
    let here = original.as_ref().ok().and_then(Option::as_ref);
    wanted.extend(here.cloned());
    let mut looks = look(ctx, key, &desired, &before, &wanted, (here, &sent)).await;
    let largest = largest(ctx, &desired.name);
    let begun = copies::bring(ctx, &desired, &before, &mut looks, largest).await;
    sent::wait(ctx, key, &desired, &before, &sent, &mut looks);
    let mut status = status(&before, &looks, &begun.places);
    match &desired.upload {
        Some(_) => status.original = sent.recorded(&looks),
        None => original::record(&mut status, here),
    }
    let verdict = original.err().or_else(|| verdict(&looks, &status));
    let verdict = verdict.unwrap_or_else(|| match desired.upload {
        Some(_) => sent::verdict(ctx, key, &desired, &before, &sent, &looks),
        None => {
            let message = "it is fetched when a Volume comes from it";
            Verdict::new(Reason::Available, message)
        }
    });
    let again = report::sooner(again(&looks, begun.again), sent.again);
    let changed = told(&status) != told(&before);
    let report = Report {
        key,
        object: &*image,
        before: &before,
        status,
        verdict,
        others: Vec::new(),
    };
    let later = report::report(ctx, store, report).await?;
    if changed || ctx.memory.was_in_doubt(key) {
        hint_users(ctx, &desired.name);
    }
    Ok(report::sooner(later, again))
}

// What Volumes wait for, or say of why they wait.
fn told(status: &ImageStatus) -> Vec<ImageCopy> {
    let copies = status.pools.iter().cloned();
    let still = |copy| ImageCopy {
        progress: None,
        ..copy
    };
    copies.map(still).collect()
}

// Where copies of it are to be: wherever a Volume of it is, or a machine with it in a drive.
fn demand(ctx: &Ctx, image: &ImageName) -> BTreeSet<Place> {
    let volumes = users(ctx, image).into_iter();
    let places = volumes.filter_map(|volume| {
        let host = crate::controllers::volume::place(ctx, &volume)?;
        Some(Place::new(ctx, volume.spec.pool.clone(), host))
    });
    let machines = readers(ctx, image).into_iter();
    let drives = machines.flat_map(|machine| {
        let host = machine.host().cloned();
        let desired = ctx.desired(&machine).ok();
        host.zip(desired).map_or_else(Vec::new, |(host, desired)| {
            let drives = desired.images().filter(|(_, name)| *name == image);
            let pools = drives.filter_map(|(drive, _)| pool_of_medium(ctx, &desired, drive));
            let places = pools.map(|pool| Place::new(ctx, pool, host.clone()));
            places.collect()
        })
    });
    places.chain(drives).collect()
}

// Whether one of these names it, of an object in this namespace.
fn is_named(
    image: &ImageName,
    namespace: Option<&str>,
    own: Option<&LocalRef>,
    of_cluster: Option<&LocalRef>,
) -> bool {
    let named = match image.namespace.as_str() {
        "" => of_cluster,
        here if namespace == Some(here) => own,
        _ => None,
    };
    named.is_some_and(|named| named.name == image.name)
}

// The machines that have it in a drive.
fn readers(ctx: &Ctx, image: &ImageName) -> Vec<Arc<VirtualMachine>> {
    let mut machines = ctx.cache.machines.all();
    machines.retain(|machine| {
        let namespace = machine.metadata.namespace.as_deref();
        let mut disks = machine.spec.disks.iter();
        disks.any(|disk| {
            let (own, of_cluster) = (disk.image.as_ref(), disk.cluster_image.as_ref());
            is_named(image, namespace, own, of_cluster)
        })
    });
    machines
}

// The Volumes that come from it.
fn users(ctx: &Ctx, image: &ImageName) -> Vec<Arc<Volume>> {
    let mut volumes = ctx.cache.volumes.all();
    volumes.retain(|volume| {
        let namespace = volume.metadata.namespace.as_deref();
        volume.spec.source.as_ref().is_some_and(|source| {
            let (own, of_cluster) = (source.image.as_ref(), source.cluster_image.as_ref());
            is_named(image, namespace, own, of_cluster)
        })
    });
    volumes
}

// How large the largest of them is; 0 if nobody says: a drive takes any medium.
fn largest(ctx: &Ctx, image: &ImageName) -> u64 {
    if !readers(ctx, image).is_empty() {
        return 0;
    }
    let volumes = users(ctx, image).into_iter();
    let sizes = volumes.filter_map(|it| it.spec.capacity.bytes());
    sizes.max().unwrap_or(0)
}

fn hint_users(ctx: &Ctx, image: &ImageName) {
    for volume in users(ctx, image) {
        let namespace = volume.namespace().unwrap_or_default();
        ctx.hints.hint(Key::volume(&namespace, &volume.name_any()));
    }
    for machine in readers(ctx, image) {
        ctx.hints.hint(Key::of_machine(&machine));
    }
}

async fn look(
    ctx: &Ctx,
    key: &Key,
    desired: &DesiredImage,
    before: &ImageStatus,
    wanted: &BTreeSet<Place>,
    (original, sent): (Option<&Place>, &Sent),
) -> Vec<(Place, Look)> {
    let had = before.pools.iter().map(Place::from);
    let all = had.chain(wanted.iter().cloned()).chain(sent.place());
    let all: BTreeSet<Place> = all.collect();
    let looks = all.into_iter().map(|place| async {
        let kept = desired.keep || wanted.contains(&place) || sent.is_at(&place);
        let look = match kept {
            true => copies::settle(ctx, key, desired, before, &place, original).await,
            false if sent.place().as_ref() == Some(&place) => {
                copies::remove_unfinished(ctx, desired, before, &place).await
            }
            false => copies::remove(ctx, desired, before, &place).await,
        };
        (place, look)
    });
    join_all(looks).await
}

fn status(before: &ImageStatus, looks: &[(Place, Look)], begun: &BTreeSet<Place>) -> ImageStatus {
    let mut status = ImageStatus {
        pools: looks
            .iter()
            .filter_map(|(place, look)| copy(place, look, begun.contains(place)))
            .collect(),
        ..before.clone()
    };
    let ready = status.pools.iter().filter(|copy| copy.state == "Ready");
    status.copies = i64::try_from(ready.count()).ok();
    let known = looks.iter().find_map(|(_, look)| match look {
        Look::Ready(Some(known)) => Some(known),
        _ => None,
    });
    if let Some(known) = known {
        tell(&mut status, known);
    }
    status
}

fn tell(status: &mut ImageStatus, known: &Completion) {
    let sum = |sum: &Option<String>| sum.as_ref().map(|sum| format!("sha256:{sum}"));
    status.size = known.size.map(quantity::exact);
    status.virtual_size = known.virtual_size.map(quantity::exact);
    status.format = known.format;
    status.checksum = sum(&known.fetched);
    status.content_checksum = sum(&known.sha256);
}

fn copy(place: &Place, look: &Look, begun: bool) -> Option<ImageCopy> {
    let (state, progress, message) = match look {
        Look::Gone => return None,
        Look::Ready(_) => ("Ready", None, None),
        Look::Running(progress, failed, _) => {
            let why = failed.as_ref().map(|verdict| verdict.message.clone());
            ("Importing", progress.clone(), why)
        }
        Look::Empty(_) if begun => ("Importing", None, None),
        Look::Empty(_) => ("Waiting", None, Some("another copy comes first".to_owned())),
        Look::Waits(verdict, _) => {
            let state = match verdict.reason {
                Reason::HostUnreachable => "Unreachable",
                Reason::Deleting | Reason::InUse => "Removing",
                Reason::Importing | Reason::WaitingForUpload => "Waiting",
                _ => "Failed",
            };
            (state, None, Some(verdict.message.clone()))
        }
    };
    Some(ImageCopy {
        pool: place.pool.clone(),
        host: place.host.clone(),
        state: state.to_owned(),
        progress,
        message,
    })
}

// As bad as the worst of its copies that somebody can do something about; none if there is no copy, and
// none on its way.
fn verdict(looks: &[(Place, Look)], status: &ImageStatus) -> Option<Verdict> {
    let waits = |look: &Look| match look {
        Look::Waits(verdict, _) | Look::Running(_, Some(verdict), _) => Some(verdict.clone()),
        _ => None,
    };
    let failed = looks.iter().find_map(|(place, look)| {
        let verdict = waits(look)?;
        let passing = matches!(
            verdict.reason,
            Reason::HostUnreachable | Reason::Deleting | Reason::InUse
        );
        if verdict.reason == Reason::WaitingForUpload {
            return Some(verdict);
        }
        let message = format!("{place}: {}", verdict.message);
        (!passing).then(|| Verdict::new(verdict.reason, message))
    });
    if failed.is_some() {
        return failed;
    }
    let coming = looks
        .iter()
        .filter(|(_, look)| matches!(look, Look::Running(..) | Look::Empty(_)))
        .count();
    Some(match (coming, status.copies.unwrap_or(0)) {
        (0, 0) => return None,
        (0, 1) => Verdict::new(Reason::Available, "there is one copy"),
        (0, copies) => Verdict::new(Reason::Available, format!("there are {copies} copies")),
        (coming, _) => Verdict::new(
            Reason::Importing,
            format!("{coming} of {} copies are on their way", looks.len()),
        ),
    })
}

fn again(looks: &[(Place, Look)], begun: Again) -> Again {
    let all = looks.iter().map(|(_, look)| match look {
        Look::Running(_, _, again) | Look::Waits(_, again) => *again,
        Look::Ready(_) | Look::Gone | Look::Empty(_) => Again::WhenHinted,
    });
    all.fold(begun, report::sooner)
}
