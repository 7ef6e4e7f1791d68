//! An image whose object is being deleted.

use std::collections::BTreeSet;

use drover_core::desired::image::DesiredImage;
use drover_core::plan::{Verdict, used_by};
use drover_crds::condition::Reason;
use futures::future::join_all;

use super::copies::{self, Look};
use super::kinds::ImageObject;
use super::place::Place;
use super::{readers, sent};
use crate::controllers::report::{self, Report, Unwanted};
use crate::controllers::sites;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::reconcile::{Again, Key};

/// Removes all copies, unless a Volume comes from it, and then lets its object go.
pub(super) async fn delete<I: ImageObject>(
    ctx: &Ctx,
    key: &Key,
    image: &I,
    desired: &DesiredImage,
) -> Result<Again, Error> {
    match report::is_unwanted(ctx, image).await? {
        Unwanted::Yes => {}
        Unwanted::KindWithdrawn => return report::let_go(ctx, key, image).await,
        Unwanted::Another => return Ok(Again::Failed),
    }
    let before = image.status().cloned().unwrap_or_default();
    let volumes = super::users(ctx, &desired.name);
    let volumes = volumes.iter().map(|it| sites::full_name(&**it));
    let machines = readers(ctx, &desired.name);
    let machines = machines.iter().map(|it| sites::full_name(&**it));
    let users: Vec<String> = volumes.chain(machines).collect();
    let mut status = before.clone();
    let verdict = match used_by("objects", &users) {
        Some(message) => Verdict::new(Reason::InUse, message),
        None => {
            ctx.uploads.close(key);
            let places = before.pools.iter().map(Place::from);
            let places: BTreeSet<Place> = places.chain(sent::of_status(&before)).collect();
            let looks = places.into_iter().map(|place| async {
                let look = copies::remove(ctx, desired, &before, &place).await;
                (place, look)
            });
            let looks = join_all(looks).await;
            status.pools = looks
                .iter()
                .filter_map(|(place, look)| super::copy(place, look, false))
                .collect();
            let waits = looks.into_iter().find_map(|(_, look)| match look {
                Look::Waits(verdict, _) => Some(verdict),
                _ => None,
            });
            waits.unwrap_or_else(|| Verdict::new(Reason::Deleting, ""))
        }
    };
    if verdict.reason == Reason::Deleting && status.pools.is_empty() {
        return report::let_go(ctx, key, image).await;
    }
    let again = report::unsettled(verdict.reason);
    let report = Report {
        key,
        object: image,
        before: &before,
        status,
        verdict,
        others: Vec::new(),
    };
    report::report(ctx, I::store(&ctx.cache), report).await?;
    Ok(again)
}
