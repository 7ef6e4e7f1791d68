//! A Volume that is copied once, on its host: at rest, or while a machine runs with it.

use std::sync::Arc;

use drover_core::completion::Completion;
use drover_core::desired::volume::format_word;
use drover_core::plan::Verdict;
use drover_core::plan::clone::{Original, Way, writers};
use drover_core::xml::volume_xml;
use drover_crds::condition::Reason;
use drover_crds::volume::VolumeFormat;
use uuid::Uuid;

use super::jobs::{Jobs, Run};
use super::transfer::{Expected, From, Target, Transfer};
use super::{given_up, mirrored, retry};
use crate::hosts::HostHandle;
use crate::hosts::holds::{Held, Hold};
use crate::hosts::volumes::PoolOnHost;
use crate::metrics::Metrics;
use crate::reconcile::Hints;

/// What is to be copied.
pub struct Clone {
    /// The fleet.
    pub fleet: String,
    /// The pool's UUID.
    pub uuid: Uuid,
    /// What is there.
    pub original: Original,
    /// How it is copied.
    pub way: Way,
    /// Held until it is done, if others have to wait for it.
    pub hold: Option<Hold>,
    /// Where to, on the same host; its capacity is what it is to be at least.
    pub target: Target,
    /// How the copy is kept.
    pub format: VolumeFormat,
    /// Who is told at the end.
    pub hints: Hints,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Clone {
    /// Starts it; whoever is to be told is told when it ends.
    pub fn start(self, jobs: &Jobs) {
        let told = (self.hints.clone(), self.target.key.clone());
        let id = self.target.id.clone();
        jobs.start(&id, told, |jobs, run| async move {
            let made = self.make(&jobs, &run).await;
            if let Err(verdict) = &made {
                let (host, reason) = (&self.host().name, &verdict.message);
                tracing::warn!(object = %self.target.key, host, reason, "the copy failed");
            }
            made
        });
    }

    async fn make(&self, jobs: &Jobs, run: &Run) -> Result<Completion, Verdict> {
        match &self.way {
            Way::Mirror(writer, consistency) => {
                mirrored::make(self, jobs, run, writer, *consistency).await
            }
            Way::Relay | Way::ByHost => self.at_rest(jobs, run).await,
        }
    }

    /// The host of both.
    pub(super) fn host(&self) -> &Arc<HostHandle> {
        &self.target.host
    }

    /// The pool of the copy.
    pub(super) fn pool(&self) -> PoolOnHost<'_> {
        PoolOnHost {
            host: self.host(),
            name: &self.target.pool,
            uuid: self.target.uuid,
        }
    }

    fn pool_of_original(&self) -> PoolOnHost<'_> {
        PoolOnHost {
            host: self.host(),
            name: &self.original.pool,
            uuid: self.uuid,
        }
    }

    // Drover starts no machine that would write into it meanwhile. What others do is seen afterwards.
    async fn at_rest(&self, jobs: &Jobs, run: &Run) -> Result<Completion, Verdict> {
        let (pool, volume) = (&self.original.pool, &self.original.volume);
        let held = Held::Volume(pool.clone(), volume.clone());
        let _hold = self.host().holds.hold(held);
        let before = self.last_written().await?;
        let copied = match self.way {
            Way::Relay => self.relay(jobs, run).await?,
            _ => self.by_host(run).await?,
        };
        match self.last_written().await? == before {
            true => Ok(copied),
            false => Err(retry(format!(
                "volume {volume} was written while it was copied"
            ))),
        }
    }

    async fn last_written(&self) -> Result<Option<String>, Verdict> {
        let domains = self.host().all_domains().await.map_err(retry)?;
        let domains = domains.iter().map(AsRef::as_ref);
        if let Some(writer) = writers(domains, &self.fleet, &self.original).first() {
            let (volume, domain) = (&self.original.volume, &writer.domain);
            let message = format!("domain {domain} has begun to write into volume {volume}");
            return Err(Verdict::new(Reason::SourceUnavailable, message));
        }
        let pool = self.pool_of_original();
        let written = pool.written_at(&self.original.volume).await;
        written.map_err(retry)
    }

    // It is made as large as it is to be before anything is in it that libvirt could take for the
    // header of an image.
    async fn relay(&self, jobs: &Jobs, run: &Run) -> Result<Completion, Verdict> {
        let size = self.original.capacity.max(self.target.capacity);
        let (name, raw) = (&self.target.volume, VolumeFormat::Raw);
        let made = self.pool().create_empty(name, size, raw).await;
        made.map_err(retry)?;
        let known = Completion {
            format: Some(raw),
            size: Some(self.original.capacity),
            ..Completion::default()
        };
        let mut transfer = Transfer {
            from: From::Volume {
                host: Arc::clone(self.host()),
                pool: self.original.pool.clone(),
                uuid: self.uuid,
                volume: self.original.volume.clone(),
                known,
            },
            expected: Expected::default(),
            targets: vec![Target {
                capacity: 0,
                ..self.target.clone()
            }],
            hints: self.hints.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        let mut ends = transfer.carry(jobs, std::slice::from_ref(run)).await;
        let copied = ends
            .pop()
            .unwrap_or_else(|| Err(retry("nobody wrote it")))?;
        Ok(Completion {
            size: Some(size),
            virtual_size: Some(size),
            ..copied
        })
    }

    async fn by_host(&self, run: &Run) -> Result<Completion, Verdict> {
        let size = self.original.capacity.max(self.target.capacity);
        let xml = volume_xml(&self.target.volume, size, format_word(self.format));
        let (pool, from) = (self.pool(), self.pool_of_original());
        let copied = pool.create_from(&self.target.volume, &xml, &from, &self.original.volume);
        tokio::select! {
            () = run.end.cancelled() => return Err(given_up()),
            copied = copied => copied.map_err(retry)?,
        }
        self.whole(size).await
    }

    /// Makes a copy that has this size as large as it is to be.
    pub(super) async fn grow(&self, size: u64) -> Result<(), Verdict> {
        let (pool, name) = (self.pool(), &self.target.volume);
        let capacity = self.target.capacity;
        if capacity <= size {
            return Ok(());
        }
        let refreshed = self.host().refresh_pool(pool.name, pool.uuid).await;
        refreshed.map_err(retry)?;
        let grown = pool.grow(name, capacity, self.format).await;
        grown.map_err(retry)
    }

    /// What is known of a copy that is whole.
    pub(super) async fn whole(&self, size: u64) -> Result<Completion, Verdict> {
        let length = self.pool().length(&self.target.volume).await;
        Ok(Completion {
            format: Some(self.format),
            size: length.map_err(retry)?,
            virtual_size: Some(size),
            ..Completion::default()
        })
    }
}
