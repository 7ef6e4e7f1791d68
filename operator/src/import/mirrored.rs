//! A Volume that is copied while a machine runs with it. The machine goes on with its own disk, whatever
//! becomes of the copy.

use std::time::Duration;

use drover_core::completion::Completion;
use drover_core::plan::Verdict;
use drover_core::plan::clone::Writer;
use drover_crds::condition::Reason;
use drover_crds::quantity;
use drover_crds::volume::Consistency;

use super::clone::Clone;
use super::jobs::{JobState, Jobs, Run};
use super::{given_up, refused, retry};
use crate::hosts::HostError;
use crate::hosts::holds::Held;
use crate::hosts::mirror::{LiveDisk, Reached, Told};

/// How long the first pause is until it is looked again how far it is, and the longest: an event tells
/// when it is done.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often a guest is told to go on.
const ATTEMPTS: usize = 3;

pub(super) async fn make(
    clone: &Clone,
    jobs: &Jobs,
    run: &Run,
    writer: &Writer,
    consistency: Consistency,
) -> Result<Completion, Verdict> {
    let disk = LiveDisk {
        host: clone.host(),
        domain: &writer.domain,
        uuid: writer.uuid,
        target: &writer.target,
    };
    if consistency == Consistency::Frozen {
        // Before all of it is copied in vain.
        let answered = disk.host.guest(disk.domain, disk.uuid).await;
        answered.map_err(|error| unfrozen(&error))?;
    }
    let size = size(clone, &disk).await?;
    let (pool, name) = (clone.pool(), &clone.target.volume);
    // QEMU copies only to what is as large.
    let made = pool.create_empty(name, size, clone.format).await;
    made.map_err(retry)?;
    let facts = pool.facts(name).await.map_err(retry)?;
    let path = facts.ok_or_else(|| retry("it is gone again"))?.key;
    let begun = disk.begin(&path, clone.format, clone.target.blocks).await;
    let mut told = begun.map_err(retry)?;
    let same = tokio::select! {
        () = run.end.cancelled() => Err(End::Because(given_up())),
        same = until_same(&disk, &mut told, jobs, run) => same,
    };
    // From here on nobody may stop in the middle: a guest may stand still.
    match same {
        Ok(()) => finish(&disk, consistency).await?,
        Err(End::Itself) => {
            let domain = disk.domain;
            return Err(retry(format!(
                "domain {domain} has stopped, or QEMU has given the copy up"
            )));
        }
        Err(End::Because(verdict)) => {
            give_up(&disk).await;
            return Err(verdict);
        }
    }
    if !told.ended_well().await {
        return Err(retry("nobody knows whether all of it was written"));
    }
    clone.grow(size).await?;
    clone.whole(size.max(clone.target.capacity)).await
}

/// Why it is not written to the end.
enum End {
    /// Nobody writes it any more.
    Itself,
    /// It is to be ended.
    Because(Verdict),
}

async fn size(clone: &Clone, disk: &LiveDisk<'_>) -> Result<u64, Verdict> {
    let size = disk.size().await.map_err(retry)?;
    let capacity = clone.target.capacity;
    if capacity > 0 && size > capacity {
        let (size, declared) = (quantity::bytes(size), quantity::bytes(capacity));
        return Err(refused(format!(
            "spec.capacity: must be at least {size}, the size of the disk, got {declared}"
        )));
    }
    Ok(size)
}

async fn until_same(
    disk: &LiveDisk<'_>,
    told: &mut Told,
    jobs: &Jobs,
    run: &Run,
) -> Result<(), End> {
    let mut pause = FIRST_PAUSE;
    loop {
        let reached = disk.reached().await;
        match reached.map_err(|error| End::Because(retry(error)))? {
            Reached::Same => return Ok(()),
            Reached::Nowhere => return Err(End::Itself),
            Reached::Percent(percent) => jobs.set(run, JobState::Running(Some(percent))),
        }
        told.wait(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

// Ends it at a moment of which the copy is to be.
async fn finish(disk: &LiveDisk<'_>, consistency: Consistency) -> Result<(), Verdict> {
    match consistency {
        Consistency::CrashConsistent => end(disk).await,
        Consistency::Paused => {
            let _still = disk.host.holds.hold(Held::Domain(disk.uuid));
            let suspended = disk.suspend().await;
            let ended = match &suspended {
                Ok(_) => end(disk).await,
                Err(error) => {
                    give_up(disk).await;
                    Err(retry(error))
                }
            };
            // One of which nobody knows may stand still, too.
            if !matches!(suspended, Ok(false)) {
                go_on(disk, consistency).await;
            }
            ended
        }
        Consistency::Frozen => {
            let ended = match disk.freeze().await {
                Ok(()) => end(disk).await,
                Err(error) => {
                    give_up(disk).await;
                    Err(unfrozen(&error))
                }
            };
            // An agent that was too slow may still do it.
            match go_on(disk, consistency).await {
                true => ended,
                // What follows is another attempt, before which it is told so again.
                false => Err(ended.err().unwrap_or_else(|| {
                    let domain = disk.domain;
                    retry(format!(
                        "the file systems of domain {domain} may be held still"
                    ))
                })),
            }
        }
    }
}

async fn end(disk: &LiveDisk<'_>) -> Result<(), Verdict> {
    disk.end().await.map_err(retry)
}

// What it leaves is ended before the next attempt, should it not be ended now.
async fn give_up(disk: &LiveDisk<'_>) {
    if let Err(error) = disk.end().await {
        tracing::warn!(%error, "a copy that is given up is still written");
    }
}

// A guest that cannot be told to go on is told so again before the next attempt, and a machine whose
// CPUs stand still goes on as its own spec says.
async fn go_on(disk: &LiveDisk<'_>, consistency: Consistency) -> bool {
    for _ in 0..ATTEMPTS {
        let told = match consistency {
            Consistency::Frozen => disk.thaw().await,
            Consistency::Paused | Consistency::CrashConsistent => disk.resume().await,
        };
        match told {
            Ok(()) => return true,
            Err(error) => {
                tracing::warn!(domain = disk.domain, %error, "a guest does not go on");
            }
        }
    }
    false
}

fn unfrozen(error: &HostError) -> Verdict {
    let message = format!("spec.source.volume.consistency: Frozen: {error}");
    Verdict::new(Reason::SourceUnavailable, message)
}
