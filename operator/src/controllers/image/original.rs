//! The copy of an image that all others come from, where there is nowhere else to get it: that of a
//! Volume. It is made once, and stays as long as the image does.

use drover_core::desired::image::DesiredImage;
use drover_core::plan::Verdict;
use drover_core::plan::clone::Wanted;
use drover_crds::ImageStatus;
use kube::ResourceExt;

use super::copies::was_ready;
use super::place::Place;
use crate::controllers::storage::clone;
use crate::ctx::Ctx;
use crate::reconcile::Key;

/// Where it is, or is to be made; nothing, if the image can be got elsewhere.
///
/// # Errors
/// Why there is no such place yet.
pub(super) fn place(
    ctx: &Ctx,
    desired: &DesiredImage,
    before: &ImageStatus,
) -> Result<Option<Place>, Verdict> {
    let Some(origin) = &desired.origin else {
        return Ok(None);
    };
    if let Some(known) = &before.original {
        return Ok(Some(Place::from(known)));
    }
    let namespace = &desired.name.namespace;
    let there = clone::host_of(ctx, namespace, &origin.volume);
    let volume = ctx.cache.volumes.get(namespace, &origin.volume);
    match (there, volume) {
        (Ok(host), Some(volume)) => {
            let pool = volume.spec.pool.clone();
            Ok(Some(Place::new(ctx, pool, host)))
        }
        // After the loss of the cluster the Volume may be gone, and what was made of it is not.
        (there, _) => match found(ctx, desired) {
            Some(place) => Ok(Some(place)),
            None => there.map(|_| None),
        },
    }
}

fn found(ctx: &Ctx, desired: &DesiredImage) -> Option<Place> {
    let record = desired.copy("").ready_name();
    let mut places: Vec<Place> = Vec::new();
    for host in ctx.hosts.all() {
        host.read(|inventory| {
            let pools = inventory.pools.iter().filter(|(_, (_, slot))| {
                let seen = slot.value.as_ref();
                seen.is_some_and(|seen| seen.volumes.contains(&record))
            });
            places.extend(pools.map(|(pool, _)| Place::new(ctx, pool.clone(), host.name.clone())));
        });
    }
    places.into_iter().min()
}

/// Whether a copy is the original, and whole.
pub(super) fn is(status: &ImageStatus, place: &Place) -> bool {
    let known = status.original.as_ref();
    known.is_some_and(|known| Place::from(known) == *place)
}

/// What it is to be.
pub(super) fn wanted(desired: &DesiredImage) -> Wanted {
    Wanted {
        capacity: None,
        format: desired.format,
        blocks: false,
    }
}

/// Notes where it is when it is whole.
pub(super) fn record(status: &mut ImageStatus, place: Option<&Place>) {
    let Some(place) = place.filter(|_| status.original.is_none()) else {
        return;
    };
    if was_ready(status, place) {
        status.original = Some(place.into());
    }
}

/// Asks for a look at the images whose originals wait for a Volume.
pub(in crate::controllers) fn hint_images(ctx: &Ctx, namespace: &str, volume: &str) {
    for image in ctx.cache.images.all() {
        let origin = image.spec.content.source.volume.as_ref();
        let made = image
            .status
            .as_ref()
            .is_some_and(|it| it.original.is_some());
        let here = image.metadata.namespace.as_deref() == Some(namespace);
        if here && !made && origin.is_some_and(|origin| origin.name == volume) {
            let name = drover_core::desired::image::ImageName {
                namespace: namespace.to_owned(),
                name: image.name_any(),
            };
            ctx.hints.hint(Key::image(&name));
        }
    }
}
