//! Where a volume's content comes from.

use drover_core::desired::image::ImageName;
use drover_core::desired::volume::{DesiredVolume, Source, format_word};
use drover_core::plan::Verdict;
use drover_core::plan::clone::Wanted;
use drover_core::xml::volume_xml;
use drover_crds::condition::Reason;
use drover_crds::volume::VolumeFormat;
use drover_crds::{ImageStatus, quantity};
use std::sync::Arc;
use uuid::Uuid;

use crate::controllers::image;
use crate::controllers::storage::{Base, Outcome, Work, clone};
use crate::ctx::Ctx;
use crate::hosts::HostHandle;
use crate::hosts::volumes::PoolOnHost;
use crate::import::copy::Copy;
use crate::import::fetch::Policy;
use crate::import::transfer::{Expected, From, Transfer};
use crate::reconcile::Key;

/// The copy of the image that the volume comes from, in its pool and on its host. An image that is
/// not there yet is brought on its way.
pub(super) async fn base(
    ctx: &Ctx,
    desired: &DesiredVolume,
    handle: &HostHandle,
    uuid: Uuid,
) -> Result<Option<Base>, Box<Outcome>> {
    let Some(name) = desired.source.image() else {
        return Ok(None);
    };
    let status = ready_copy(ctx, desired, name, &handle.name)
        .and_then(|status| unconverted(ctx, desired, name, status))
        .map_err(|verdict| Box::new(Outcome::of(verdict)))?;
    let pool = PoolOnHost {
        host: handle,
        name: &desired.pool,
        uuid,
    };
    let volume = name.volume_name();
    let facts = match status.format {
        Some(format) => pool.facts_as(&volume, format).await,
        None => pool.facts(&volume).await,
    };
    let facts = facts.map_err(|error| Box::new(Outcome::failed(&error)))?;
    let Some((facts, format)) = facts.zip(status.format) else {
        ctx.hints.hint(Key::image(name));
        let message = format!("{name}: its copy on {} is gone", handle.name);
        return Err(Box::new(Outcome::of(Verdict::new(
            Reason::Importing,
            message,
        ))));
    };
    Ok(Some(Base {
        volume,
        key: facts.key,
        format,
        capacity: facts.capacity,
    }))
}

fn ready_copy(
    ctx: &Ctx,
    desired: &DesiredVolume,
    name: &ImageName,
    host: &str,
) -> Result<ImageStatus, Verdict> {
    let status = image::copy_on(ctx, name, &desired.pool, host)?;
    let size = status.virtual_size.as_deref();
    let size = size.and_then(|size| quantity::Quantity::from(size).bytes());
    if let Some(size) = size.filter(|size| *size > desired.capacity) {
        let size = quantity::bytes(size);
        let declared = quantity::bytes(desired.capacity);
        let message =
            format!("spec.capacity: must be at least {size}, the size of {name}, got {declared}");
        return Err(Verdict::new(Reason::SourceRefused, message));
    }
    Ok(status)
}

// A guest may have written what a raw copy of a Volume begins with: no host looks into it.
fn unconverted(
    ctx: &Ctx,
    desired: &DesiredVolume,
    name: &ImageName,
    status: ImageStatus,
) -> Result<ImageStatus, Verdict> {
    let copied = matches!(desired.source, Source::Copied(_));
    let converted =
        (status.format, desired.format) == (Some(VolumeFormat::Raw), VolumeFormat::Qcow2);
    match copied && converted && image::is_of_a_guest(ctx, name) {
        true => {
            let message = format!(
                "spec.format: raw is needed with cloneStrategy Copy of {name}, which is a raw copy of \
                 a Volume; got qcow2"
            );
            Err(Verdict::new(Reason::SourceRefused, message))
        }
        false => Ok(status),
    }
}

/// Begins to bring its content, and how it is then.
pub(super) async fn fill(work: &Work<'_>, key: &Key) -> Outcome {
    let desired = work.desired;
    if let Source::Cloned(origin) = &desired.source {
        let wanted = Wanted {
            capacity: Some(desired.capacity),
            format: Some(desired.format),
            blocks: desired.blocks,
        };
        return clone::begin(work, key, origin, wanted).await;
    }
    bring(work, key);
    work.importing(None)
}

fn bring(work: &Work<'_>, key: &Key) {
    let (ctx, desired) = (work.ctx, work.desired);
    match (&desired.source, work.base) {
        (Source::Fetched { url, sha256 }, _) => {
            let transfer = Transfer {
                from: From::Url {
                    url: url.clone(),
                    policy: Policy::new(ctx.import_allow.clone(), sha256.is_some()),
                },
                expected: Expected {
                    fetched: sha256.clone(),
                    sha256: None,
                    format: Some(desired.format),
                    largest: Some(desired.capacity),
                },
                targets: vec![work.target(key)],
                hints: ctx.hints.clone(),
                metrics: Arc::clone(&ctx.metrics),
            };
            transfer.start(&ctx.jobs);
        }
        (Source::Copied(name), Some(base))
            if base.format == VolumeFormat::Raw && image::is_of_a_guest(ctx, name) =>
        {
            clone::relay(work, key, base);
        }
        (Source::Copied(_), Some(base)) => {
            let format = format_word(desired.format);
            let copy = Copy {
                id: work.job.to_owned(),
                host: Arc::clone(work.handle),
                pool: desired.pool.clone(),
                uuid: work.uuid,
                source: base.volume.clone(),
                xml: volume_xml(&desired.volume_name, desired.capacity, format),
                volume: desired.volume_name.clone(),
                hints: ctx.hints.clone(),
                key: key.clone(),
            };
            copy.start(&ctx.jobs);
        }
        (Source::Blank | Source::Overlay(_) | Source::Copied(_) | Source::Cloned(_), _) => {}
    }
}
