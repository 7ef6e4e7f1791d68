//! One reconciler a kind: observe, plan, apply, and always write the status.

pub mod host;
pub mod machine;
pub mod network;
pub mod placement;
pub mod pool;
pub mod promises;
pub mod report;
pub mod sightings;
pub mod sites;
pub mod volume;

use std::sync::Arc;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::metrics::Outcome;
use crate::reconcile::{Again, Key, Kind, Queue};

/// Takes objects from the queue, for as long as it is polled.
pub async fn work(ctx: Arc<Ctx>, queue: Arc<Queue>) {
    loop {
        let key = queue.next().await;
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
        ctx.metrics.set_queue_depth(controller, queue.depth());
        queue.done(key, again);
        // A look that had to wait for nothing has kept its thread: while there are many of them the
        // Lease and the hosts' sessions want it too.
        tokio::task::yield_now().await;
    }
}

async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    match key.kind {
        Kind::Host => host::reconcile(ctx, key).await,
        Kind::StoragePool => pool::reconcile(ctx, key).await,
        Kind::Network => network::reconcile(ctx, key).await,
        Kind::Volume => volume::reconcile(ctx, key).await,
        Kind::VirtualMachine => machine::reconcile(ctx, key).await,
    }
}
