//! One source into any number of volumes: read once, checked on the way.

use std::sync::Arc;

use bytes::Bytes;
use drover_core::completion::Completion;
use drover_core::desired::volume::format_word;
use drover_core::image::{self, Image};
use drover_core::plan::Verdict;
use drover_crds::condition::Reason;
use drover_crds::quantity;
use drover_crds::volume::VolumeFormat;
use futures::future::join_all;
use uuid::Uuid;

use super::content::{Content, Origin};
use super::download::Download;
use super::fetch::Policy;
use super::jobs::{JobState, Jobs, Run};
use super::received::Received;
pub use super::target::Target;
use super::target::{Writer, Written};
use super::{refused, retry, unavailable};
use crate::hosts::HostHandle;
use crate::hosts::volumes::PoolOnHost;
use crate::metrics::Metrics;
use crate::reconcile::Hints;

/// Where content comes from.
pub enum From {
    /// A URL.
    Url {
        /// The URL.
        url: String,
        /// What may be fetched.
        policy: Policy,
    },
    /// Somebody who sends it; none after it has been read.
    Upload(Option<Received>),
    /// A complete volume.
    Volume {
        /// The host that has it.
        host: Arc<HostHandle>,
        /// Its pool.
        pool: String,
        /// The pool's UUID.
        uuid: Uuid,
        /// Its name.
        volume: String,
        /// What is known of it.
        known: Completion,
    },
}

/// What the content must be.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The SHA-256 of what is fetched.
    pub fetched: Option<String>,
    /// The SHA-256 of the content.
    pub sha256: Option<String>,
    /// How it is kept.
    pub format: Option<VolumeFormat>,
    /// The largest disk that it may hold.
    pub largest: Option<u64>,
}

/// One source into any number of volumes.
pub struct Transfer {
    /// Where the content comes from.
    pub from: From,
    /// What it must be.
    pub expected: Expected,
    /// Where it goes.
    pub targets: Vec<Target>,
    /// Who is told at the end.
    pub hints: Hints,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Transfer {
    /// Starts it; whoever is to be told is told when it ends.
    pub fn start(mut self, jobs: &Jobs) {
        let jobs = jobs.clone();
        let runs = self.targets.iter().map(|target| jobs.begin(&target.id));
        let runs: Vec<_> = runs.collect();
        tokio::spawn(async move {
            // Whoever sends by hand is no faster for waiting, and is not waited for by others.
            let slots = jobs.slots();
            let _slot = match &self.from {
                From::Upload(_) => None,
                From::Url { .. } | From::Volume { .. } => Some(slots.acquire().await),
            };
            let ends = self.carry(&jobs, &runs).await;
            for ((target, run), end) in self.targets.iter().zip(runs).zip(ends) {
                self.end(&jobs, target, &run, end);
            }
        });
    }

    /// Brings it to the end, and how it ended in each volume. Each has an attempt at its job.
    pub(super) async fn carry(
        &mut self,
        jobs: &Jobs,
        runs: &[Run],
    ) -> Vec<Result<Completion, Verdict>> {
        let mut writers = Vec::new();
        let read = self.run(jobs, runs, &mut writers).await;
        let mut written = join_all(writers.into_iter().map(Writer::end)).await;
        // Nothing was written where the source was of no use.
        written.resize(runs.len(), Ok(Written::Abandoned));
        let ends = written.into_iter().map(|written| result(&read, written));
        ends.collect()
    }

    async fn run(
        &mut self,
        jobs: &Jobs,
        runs: &[Run],
        writers: &mut Vec<Writer>,
    ) -> Result<Completion, Verdict> {
        let mut content = self.open().await?;
        let head = content.head().await?;
        let found = self.check_head(&head, content.length)?;
        let targets = self.targets.iter().zip(runs);
        writers.extend(
            targets.map(|(target, run)| Writer::start(target.clone(), content.length, run.clone())),
        );
        self.pump(jobs, &mut content, found, writers).await?;
        let completion = self.check(&head, &mut content, found).await?;
        let (head, size) = (Bytes::from(head), completion.virtual_size.unwrap_or(0));
        join_all(writers.iter_mut().map(|it| it.commit(head.clone(), size))).await;
        Ok(completion)
    }

    fn end(&self, jobs: &Jobs, target: &Target, run: &Run, result: Result<Completion, Verdict>) {
        let state = match result {
            Ok(completion) => JobState::Done(completion),
            Err(verdict) => {
                let (host, reason) = (&target.host.name, &verdict.message);
                tracing::warn!(object = %target.key, host, reason, "the import failed");
                JobState::Failed(verdict)
            }
        };
        jobs.set(run, state);
        self.hints.hint(target.key.clone());
    }

    async fn open(&mut self) -> Result<Content, Verdict> {
        let metrics = Arc::clone(&self.metrics);
        match &mut self.from {
            From::Url { url, policy } => {
                let download = Download::open(url, policy.clone()).await;
                let download = download.map_err(|error| unavailable(&error))?;
                Content::fetched(Origin::Download(Box::new(download)), metrics).await
            }
            From::Upload(received) => {
                let received = received.take();
                let received = received.ok_or_else(|| retry("it has been read already"))?;
                Content::fetched(Origin::Received(received), metrics).await
            }
            From::Volume {
                host,
                pool,
                uuid,
                volume,
                known,
            } => {
                let pool = PoolOnHost {
                    host,
                    name: pool,
                    uuid: *uuid,
                };
                let download = pool.download_sparse(volume).await.map_err(retry)?;
                Ok(Content::volume(download, known.size))
            }
        }
    }

    async fn pump(
        &self,
        jobs: &Jobs,
        content: &mut Content,
        found: Image,
        writers: &mut [Writer],
    ) -> Result<(), Verdict> {
        let mut told = None;
        while let Some(part) = content.next().await? {
            if !writers.iter().any(Writer::is_open) {
                return Err(retry("no volume takes it"));
            }
            for writer in &mut *writers {
                writer.send(part.clone()).await;
            }
            let percent = content.percent();
            if percent != told {
                told = percent;
                for writer in writers.iter().filter(|writer| writer.is_open()) {
                    jobs.set(&writer.run, JobState::Running(percent));
                }
            }
            self.check_length(found, content.read())?;
        }
        Ok(())
    }

    // What unpacks without end ends here. qcow2 has its tables beside the data, and perhaps snapshots.
    fn check_length(&self, found: Image, length: u64) -> Result<(), Verdict> {
        match (found, self.expected.largest) {
            (Image::Raw, _) => self.check_size(length),
            (Image::Qcow2 { .. }, Some(largest)) if length / 2 > largest + (32 << 20) => {
                let (length, largest) = (quantity::bytes(length), quantity::bytes(largest));
                let message =
                    format!("a qcow2 image of {length} and more, for a disk of {largest}");
                Err(refused(message))
            }
            (Image::Qcow2 { .. }, _) => Ok(()),
        }
    }

    // What it is. What Drover's own record calls raw a guest may have written: nobody looks into it.
    fn found(&self, head: &[u8]) -> Result<Image, Verdict> {
        if let From::Volume { known, .. } = &self.from
            && known.format == Some(VolumeFormat::Raw)
        {
            return Ok(Image::Raw);
        }
        let header = &head[..head.len().min(image::HEADER_LENGTH)];
        image::inspect(header).map_err(|error| refused(error.to_string()))
    }

    // Before anything is written: what it is, and whether it may be where it is to go.
    fn check_head(&self, head: &[u8], length: Option<u64>) -> Result<Image, Verdict> {
        let found = self.found(head)?;
        let format = format_of(found);
        if let Some(wanted) = self.expected.format.filter(|wanted| *wanted != format) {
            let (found, wanted) = (format_word(format), format_word(wanted));
            let message = format!("spec.format: the image is {found}, declared is {wanted}");
            return Err(refused(message));
        }
        match found {
            Image::Qcow2 { virtual_size } => self.check_size(virtual_size)?,
            Image::Raw => self.check_size(length.unwrap_or(0))?,
        }
        Ok(found)
    }

    fn check_size(&self, size: u64) -> Result<(), Verdict> {
        match self.expected.largest {
            Some(largest) if size > largest => {
                let (size, declared) = (quantity::bytes(size), quantity::bytes(largest));
                Err(refused(format!(
                    "spec.capacity: must be at least {size}, the image's size, got {declared}"
                )))
            }
            _ => Ok(()),
        }
    }

    // That all of it has come, and is what it should be.
    async fn check(
        &self,
        head: &[u8],
        content: &mut Content,
        found: Image,
    ) -> Result<Completion, Verdict> {
        content.whole()?;
        let (sha256, fetched) = content.sums().await?;
        let differs = |wanted: &Option<String>, found: &str| {
            let wanted = wanted.as_deref().filter(|wanted| *wanted != found)?;
            let message = format!("declared is sha256:{wanted}, the content is sha256:{found}");
            Some(Verdict::new(Reason::ChecksumMismatch, message))
        };
        let mismatch = fetched
            .as_ref()
            .and_then(|fetched| differs(&self.expected.fetched, fetched))
            .or_else(|| differs(&self.expected.sha256, &sha256));
        if let Some(mismatch) = mismatch {
            return Err(mismatch);
        }
        let size = content.read().max(head.len() as u64);
        let known = match &self.from {
            From::Volume { known, .. } => known.fetched.clone(),
            From::Url { .. } | From::Upload(_) => None,
        };
        Ok(Completion {
            format: Some(format_of(found)),
            backing: None,
            size: Some(size),
            virtual_size: Some(match found {
                Image::Qcow2 { virtual_size } => virtual_size,
                Image::Raw => size,
            }),
            sha256: Some(sha256),
            fetched: fetched.or(known),
        })
    }
}

fn format_of(found: Image) -> VolumeFormat {
    match found {
        Image::Qcow2 { .. } => VolumeFormat::Qcow2,
        Image::Raw => VolumeFormat::Raw,
    }
}

// What went wrong in a volume says more than that nobody took the content.
fn result(
    read: &Result<Completion, Verdict>,
    written: Result<Written, Verdict>,
) -> Result<Completion, Verdict> {
    match (written?, read) {
        (_, Err(verdict)) => Err(verdict.clone()),
        (Written::Whole, Ok(completion)) => Ok(completion.clone()),
        (Written::Abandoned, Ok(_)) => Err(retry("it was given up")),
    }
}
