//! One import: from a URL into a volume, checked on the way, the header last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use drover_core::desired::volume::{DesiredVolume, Source};
use drover_core::image::{self, Image};
use drover_core::plan::Verdict;
use drover_crds::condition::Reason;
use drover_crds::quantity;
use drover_rpc::Upload;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::address::Allowed;
use super::fetch::{self, Body, FetchError, Policy};
use crate::hosts::HostHandle;
use crate::hosts::volumes::PoolOnHost;
use crate::metrics::Metrics;
use crate::reconcile::{Hints, Key};

/// What is held back until everything else has arrived and is right: without it a qcow2 image is
/// nothing that anybody would open.
const HEAD: usize = 64 << 10;

/// How an import is.
#[derive(Debug, Clone, PartialEq)]
pub enum ImportState {
    /// There is none.
    None,
    /// It is on its way, this many per cent of it, if that can be said.
    Running(Option<u64>),
    /// It is complete and right.
    Done,
    /// It failed.
    Failed(Verdict),
}

/// What is to be imported.
pub struct Import {
    /// The volume.
    pub desired: DesiredVolume,
    /// The host.
    pub host: Arc<HostHandle>,
    /// The pool's UUID.
    pub pool: Uuid,
    /// Private networks that it may come from.
    pub allow: Allowed,
    /// Who is told at the end.
    pub hints: Hints,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What they are told.
    pub key: Key,
}

#[derive(Default)]
struct Job {
    state: Option<ImportState>,
    last_failure: Option<Verdict>,
    task: Option<JoinHandle<()>>,
}

/// All imports, by the UID of the Volume.
#[derive(Default, Clone)]
pub struct Imports(Arc<Mutex<HashMap<String, Job>>>);

impl Imports {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How an import is.
    #[must_use]
    pub fn state(&self, uid: &str) -> ImportState {
        self.lock()
            .get(uid)
            .and_then(|job| job.state.clone())
            .unwrap_or(ImportState::None)
    }

    /// Why the last attempt failed.
    #[must_use]
    pub fn last_failure(&self, uid: &str) -> Option<Verdict> {
        self.lock()
            .get(uid)
            .and_then(|job| job.last_failure.clone())
    }

    /// Makes room for another attempt, and remembers why the last one failed.
    pub fn retry(&self, uid: &str) {
        if let Some(job) = self.lock().get_mut(uid)
            && let Some(ImportState::Failed(verdict)) = job.state.take()
        {
            job.last_failure = Some(verdict);
        }
    }

    /// Forgets an import.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Ends an import.
    pub fn cancel(&self, uid: &str) {
        if let Some(task) = self.lock().remove(uid).and_then(|job| job.task) {
            task.abort();
        }
    }

    /// Starts an import; whoever is to be told is told when it ends.
    pub fn start(&self, import: Import) {
        let uid = import.desired.uid.clone();
        let imports = self.clone();
        let mut jobs = self.lock();
        let job = jobs.entry(uid.clone()).or_default();
        job.state = Some(ImportState::Running(None));
        job.task = Some(tokio::spawn(async move {
            let (hints, key) = (import.hints.clone(), import.key.clone());
            let state = match run(&import, &imports).await {
                Ok(()) => ImportState::Done,
                Err(verdict) => {
                    tracing::warn!(object = %key, reason = verdict.message, "the import failed");
                    ImportState::Failed(verdict)
                }
            };
            imports.set(&uid, state);
            hints.hint(key);
        }));
    }

    fn set(&self, uid: &str, state: ImportState) {
        if let Some(job) = self.lock().get_mut(uid) {
            job.state = Some(state);
        }
    }
}

fn refused(message: impl Into<String>) -> Verdict {
    Verdict::new(Reason::SourceRefused, message)
}

fn retry(error: impl std::fmt::Display) -> Verdict {
    Verdict::new(Reason::RetryLater, error.to_string())
}

fn unavailable(error: &FetchError) -> Verdict {
    // What is not there today may be there tomorrow.
    let reason = match error {
        FetchError::Status { .. } => Reason::SourceUnavailable,
        error if error.is_permanent() => Reason::SourceRefused,
        _ => Reason::SourceUnavailable,
    };
    Verdict::new(reason, error.to_string())
}

async fn run(import: &Import, imports: &Imports) -> Result<(), Verdict> {
    let Source::Http { url, sha256 } = &import.desired.source else {
        return Ok(());
    };
    let policy = Policy::new(import.allow.clone(), sha256.is_some());
    let body = fetch::open(url, &policy)
        .await
        .map_err(|error| unavailable(&error))?;
    let length = body.length.ok_or_else(|| {
        refused("the server does not say how long the content is (no Content-Length)")
    })?;
    let mut content = Content {
        body,
        hash: Sha256::new(),
        rest: Bytes::new(),
        read: 0,
        metrics: Arc::clone(&import.metrics),
    };
    let head = content.head(length).await?;
    let virtual_size = check(&import.desired, &head, length)?;
    let pool = PoolOnHost {
        host: &import.host,
        name: &import.desired.pool,
        uuid: import.pool,
    };
    let name = &import.desired.volume_name;
    if length > HEAD as u64 {
        let rest = length - HEAD as u64;
        let upload = pool.upload(name, HEAD as u64, rest).await.map_err(retry)?;
        let tell = |read: u64| {
            let percent = read * 100 / length.max(1);
            imports.set(&import.desired.uid, ImportState::Running(Some(percent)));
        };
        copy(&mut content, upload, length, tell).await?;
    }
    content.end(length, sha256.as_deref()).await?;
    let mut upload = pool
        .upload(name, 0, head.len() as u64)
        .await
        .map_err(retry)?;
    upload.write_all(&head).await.map_err(retry)?;
    upload.finish().await.map_err(retry)?;
    // libvirt learns what it is, and how large, by looking.
    import
        .host
        .refresh_pool(&import.desired.pool, import.pool)
        .await
        .map_err(retry)?;
    if virtual_size < import.desired.capacity {
        pool.grow(name, import.desired.capacity)
            .await
            .map_err(retry)?;
    }
    Ok(())
}

// Whether the content may be in the volume, and the size of the disk that it holds.
fn check(desired: &DesiredVolume, head: &[u8], length: u64) -> Result<u64, Verdict> {
    let header = &head[..head.len().min(image::HEADER_LENGTH)];
    let found = image::inspect(header).map_err(|error| refused(error.to_string()))?;
    let (format, size) = match found {
        Image::Qcow2 { virtual_size } => ("qcow2", virtual_size),
        Image::Raw => ("raw", length),
    };
    if format != desired.format {
        let message = format!(
            "spec.format: the image is {format}, declared is {}",
            desired.format
        );
        return Err(refused(message));
    }
    if size > desired.capacity {
        let (size, declared) = (quantity::bytes(size), quantity::bytes(desired.capacity));
        let message =
            format!("spec.capacity: must be at least {size}, the image's size, got {declared}");
        return Err(refused(message));
    }
    Ok(size)
}

// The content as it comes, with its checksum.
struct Content {
    body: Body,
    hash: Sha256,
    // Of the last chunk, what has not been used.
    rest: Bytes,
    read: u64,
    metrics: Arc<Metrics>,
}

impl Content {
    async fn next(&mut self) -> Result<Option<Bytes>, Verdict> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        let chunk = self
            .body
            .chunk()
            .await
            .map_err(|error| unavailable(&error))?;
        if let Some(chunk) = &chunk {
            self.hash.update(chunk);
            self.read += chunk.len() as u64;
            self.metrics.imported(chunk.len() as u64);
        }
        Ok(chunk)
    }

    async fn head(&mut self, length: u64) -> Result<Vec<u8>, Verdict> {
        let wanted = usize::try_from(length).unwrap_or(HEAD).min(HEAD);
        let mut head = Vec::with_capacity(wanted);
        while head.len() < wanted {
            let Some(mut chunk) = self.next().await? else {
                return Err(self.short(length));
            };
            let taken = chunk.split_to((wanted - head.len()).min(chunk.len()));
            head.extend_from_slice(&taken);
            self.rest = chunk;
        }
        if head.is_empty() {
            return Err(refused("there is nothing at the URL"));
        }
        Ok(head)
    }

    async fn end(&mut self, length: u64, sha256: Option<&str>) -> Result<(), Verdict> {
        if self.next().await?.is_some() || self.read != length {
            return Err(self.short(length));
        }
        let found = format!("{:x}", self.hash.clone().finalize());
        match sha256 {
            Some(wanted) if wanted != found => {
                let message = format!("declared is sha256:{wanted}, the content is sha256:{found}");
                Err(Verdict::new(Reason::ChecksumMismatch, message))
            }
            _ => Ok(()),
        }
    }

    fn short(&self, length: u64) -> Verdict {
        let message = format!("{} of {length} bytes came", self.read);
        Verdict::new(Reason::SourceUnavailable, message)
    }
}

async fn copy(
    content: &mut Content,
    mut upload: Upload,
    length: u64,
    tell: impl Fn(u64),
) -> Result<(), Verdict> {
    while upload.left() > 0 {
        let Some(chunk) = content.next().await? else {
            return Err(content.short(length));
        };
        if chunk.len() as u64 > upload.left() {
            return Err(content.short(length));
        }
        upload.write_all(&chunk).await.map_err(retry)?;
        tell(content.read);
    }
    upload.finish().await.map_err(retry)
}
