//! One reconciler a kind: observe, plan, apply, and always write the status.

pub mod host;
pub mod image;
pub mod machine;
pub mod network;
pub mod placement;
pub mod pool;
pub mod report;
pub mod reservations;
pub mod sightings;
pub mod sites;
mod storage;
pub mod takeover;
pub mod volume;

use std::sync::Arc;

use drover_crds::{ClusterImage, Image};

use crate::ctx::Ctx;
use crate::error::Error;
use crate::metrics::Outcome;
use crate::reconcile::{Again, Key, Kind, Lane, Queue};

/// Takes objects from the queue, for as long as it is polled.
pub async fn work(ctx: Arc<Ctx>, queue: Arc<Queue>) {
    loop {
        let key = queue.next(|key| lane(&ctx, key)).await;
        let controller = key.kind.as_str();
        // Whatever is taken was put there once.
        ctx.metrics.queue_add(controller);
        let running = ctx.metrics.reconcile(controller);
        let result = reconcile(&ctx, &key).await;
        let (again, outcome) = match result {
            Ok(Again::WhenHinted) => (Again::WhenHinted, Outcome::Success),
            Ok(again) => (again, Outcome::RequeueAfter),
            Err(error) => {
                tracing::warn!(object = %key, %error, "failed and is tried again");
                ctx.metrics.queue_retry(controller);
                (Again::Failed, Outcome::Error)
            }
        };
        running.end(outcome);
        queue.done(key, again);
        // A look that had to wait for nothing has kept its thread: while there are many of them the
        // Lease and the hosts' sessions want it too.
        tokio::task::yield_now().await;
    }
}

// The host that is asked when an object is looked at, if there is one that is known beforehand.
fn lane(ctx: &Ctx, key: &Key) -> Lane {
    let (namespace, name) = (&key.namespace, &key.name);
    let host = match key.kind {
        Kind::Host => Some(name.clone()),
        Kind::VirtualMachine => {
            let machine = ctx.cache.machines.get(namespace, name);
            machine.and_then(|machine| machine.host().cloned())
        }
        Kind::Volume => {
            let volume = ctx.cache.volumes.get(namespace, name);
            volume.and_then(|volume| volume.host().cloned())
        }
        Kind::StoragePool | Kind::Network | Kind::ClusterImage | Kind::Image => None,
    };
    host.map_or(Lane::Kind(key.kind), Lane::Host)
}

async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    match key.kind {
        Kind::Host => host::reconcile(ctx, key).await,
        Kind::StoragePool => pool::reconcile(ctx, key).await,
        Kind::Network => network::reconcile(ctx, key).await,
        Kind::ClusterImage => image::reconcile::<ClusterImage>(ctx, key).await,
        Kind::Image => image::reconcile::<Image>(ctx, key).await,
        Kind::Volume => volume::reconcile(ctx, key).await,
        Kind::VirtualMachine => machine::reconcile(ctx, key).await,
    }
}
