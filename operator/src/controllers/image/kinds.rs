//! Image and ClusterImage, as one.

use drover_core::desired::image::ImageName;
use drover_core::desired::machine::{DesiredDisk, DesiredMachine};
use drover_core::plan::Verdict;
use drover_crds::condition::{self, Reason};
use drover_crds::image::ImageContent;
use drover_crds::{ClusterImage, Image, ImageStatus};

use super::place::Place;
use crate::ctx::Ctx;
use crate::reconcile::write::Object;
use crate::reconcile::{Cache, Key, Store};

/// An Image or a ClusterImage.
pub trait ImageObject: Object {
    /// What it is.
    fn content(&self) -> &ImageContent;
    /// Its status.
    fn status(&self) -> Option<&ImageStatus>;
    /// All of its kind.
    fn store(cache: &Cache) -> &Store<Self>;
}

impl ImageObject for Image {
    fn content(&self) -> &ImageContent {
        &self.spec.content
    }

    fn status(&self) -> Option<&ImageStatus> {
        self.status.as_ref()
    }

    fn store(cache: &Cache) -> &Store<Self> {
        &cache.images
    }
}

impl ImageObject for ClusterImage {
    fn content(&self) -> &ImageContent {
        &self.spec.content
    }

    fn status(&self) -> Option<&ImageStatus> {
        self.status.as_ref()
    }

    fn store(cache: &Cache) -> &Store<Self> {
        &cache.cluster_images
    }
}

/// What is known of an image, if there is one of this name, and whether it is to go.
fn known(ctx: &Ctx, image: &ImageName) -> Option<(ImageStatus, bool)> {
    match image.namespace.as_str() {
        "" => of::<ClusterImage>(ctx, image),
        _ => of::<Image>(ctx, image),
    }
}

fn of<I: ImageObject>(ctx: &Ctx, image: &ImageName) -> Option<(ImageStatus, bool)> {
    let object = I::store(&ctx.cache).get(&image.namespace, &image.name)?;
    let deleting = object.meta().deletion_timestamp.is_some();
    Some((object.status().cloned().unwrap_or_default(), deleting))
}

/// Whether an image is the copy of a Volume: a guest may have written what it begins with.
pub(in crate::controllers) fn is_of_a_guest(ctx: &Ctx, name: &ImageName) -> bool {
    let image = ctx.cache.images.get(&name.namespace, &name.name);
    image.is_some_and(|image| image.spec.content.source.volume.is_some())
}

/// What is known of an image that has a whole copy in a pool on a host. One that has none is brought on
/// its way.
pub(in crate::controllers) fn copy_on(
    ctx: &Ctx,
    name: &ImageName,
    pool: &str,
    host: &str,
) -> Result<ImageStatus, Verdict> {
    let unavailable = |why: &str| {
        let message = format!("{name} {why}");
        Err(Verdict::new(Reason::SourceUnavailable, message))
    };
    let status = match known(ctx, name) {
        None => return unavailable("does not exist"),
        Some((_, true)) => return unavailable("is being deleted"),
        Some((status, false)) => status,
    };
    let mut copies = status.pools.iter();
    let place = Place::new(ctx, pool.to_owned(), host.to_owned());
    let copy = copies.find(|copy| Place::from(*copy) == place);
    if copy.is_some_and(|copy| copy.state == "Ready") {
        return Ok(status);
    }
    ctx.hints.hint(Key::image(name));
    let ready = condition::find(&status.conditions, "Ready");
    if let Some(ready) = ready.filter(|it| it.reason == Reason::WaitingForUpload.as_str()) {
        let message = format!("{name}: {}", ready.message);
        return Err(Verdict::new(Reason::WaitingForUpload, message));
    }
    let why = copy.and_then(|copy| copy.message.clone());
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let whither = match place.host.as_str() {
        "" => format!("pool {pool}"),
        host => host.to_owned(),
    };
    let message = format!("{name} is on its way to {whither}{why}");
    Err(Verdict::new(Reason::Importing, message))
}

/// The pool that keeps the copy of the image in a drive: the one that the drive names, or else that of
/// the machine's first disk.
pub(in crate::controllers) fn pool_of_medium(
    ctx: &Ctx,
    machine: &DesiredMachine,
    drive: &DesiredDisk,
) -> Option<String> {
    let of_disk = |disk: &DesiredDisk| match &disk.template {
        Some(template) => Some(template.pool.clone()),
        None => {
            let name = disk.volume.as_ref()?;
            let volume = ctx.cache.volumes.get(&machine.namespace, name)?;
            Some(volume.spec.pool.clone())
        }
    };
    let named = drive.pool.clone();
    named.or_else(|| machine.disks.iter().find_map(of_disk))
}
