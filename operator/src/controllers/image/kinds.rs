//! Image and ClusterImage, as one.

use drover_core::desired::image::ImageName;
use drover_crds::image::ImageContent;
use drover_crds::{ClusterImage, Image, ImageStatus};

use crate::ctx::Ctx;
use crate::reconcile::write::Object;
use crate::reconcile::{Cache, Store};

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

/// What is known of an image.
pub(in crate::controllers) struct Known {
    pub(in crate::controllers) status: ImageStatus,
    pub(in crate::controllers) deleting: bool,
}

/// An image, if there is one of this name.
pub(in crate::controllers) fn known(ctx: &Ctx, image: &ImageName) -> Option<Known> {
    match image.namespace.as_str() {
        "" => of::<ClusterImage>(ctx, image),
        _ => of::<Image>(ctx, image),
    }
}

fn of<I: ImageObject>(ctx: &Ctx, image: &ImageName) -> Option<Known> {
    let object = I::store(&ctx.cache).get(&image.namespace, &image.name)?;
    Some(Known {
        status: object.status().cloned().unwrap_or_default(),
        deleting: object.meta().deletion_timestamp.is_some(),
    })
}
