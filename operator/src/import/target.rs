//! A volume that content is written into: the header last, after everything else is right.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use drover_core::image::{self, Image};
use drover_core::plan::Verdict;
use drover_crds::volume::VolumeFormat;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::content::HEAD;
use super::holes::{Part, zeros};
use super::jobs::Run;
use super::{given_up, retry};
use crate::hosts::HostHandle;
use crate::hosts::volumes::PoolOnHost;
use crate::reconcile::Key;

/// How many parts may wait for a target.
const WAITING: usize = 4;
/// How long a target may take nothing while others wait for it.
const STALL: Duration = Duration::from_secs(60);

/// A volume to be filled.
#[derive(Clone)]
pub struct Target {
    /// The name of the job.
    pub id: String,
    /// Who is told at the end.
    pub key: Key,
    /// The host.
    pub host: Arc<HostHandle>,
    /// The pool.
    pub pool: String,
    /// The pool's UUID.
    pub uuid: Uuid,
    /// The volume.
    pub volume: String,
    /// How large it is to be at least.
    pub capacity: u64,
    /// Whether what is not written has other bytes than zeros: that of a block device.
    pub blocks: bool,
}

impl Target {
    fn pool(&self) -> PoolOnHost<'_> {
        PoolOnHost {
            host: &self.host,
            name: &self.pool,
            uuid: self.uuid,
        }
    }
}

/// What a target is told.
enum Message {
    Part(Part),
    /// Everything is right: this is the head, and the size of the disk in it.
    Commit(Bytes, u64),
}

/// How far a target came that did not fail by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is complete.
    Whole,
    /// Nobody told it to complete it.
    Abandoned,
}

/// A target that is being written.
pub(super) struct Writer {
    /// The target.
    target: Target,
    /// The attempt at its job.
    pub(super) run: Run,
    sender: Option<mpsc::Sender<Message>>,
    task: JoinHandle<Result<Written, Verdict>>,
    stalled: bool,
}

impl Writer {
    /// Begins. `length` is that of all of the content, if it is known.
    pub(super) fn start(target: Target, length: Option<u64>, run: Run) -> Self {
        let (sender, parts) = mpsc::channel(WAITING);
        let (writing, end) = (target.clone(), run.end.clone());
        let task = tokio::spawn(async move {
            tokio::select! {
                () = end.cancelled() => Err(given_up()),
                written = write(&writing, parts, length) => written,
            }
        });
        Self {
            target,
            run,
            sender: Some(sender),
            task,
            stalled: false,
        }
    }

    /// Whether it takes any more.
    pub(super) fn is_open(&self) -> bool {
        self.sender.is_some()
    }

    /// Hands it a part. One that fails, or takes nothing for too long, is left behind.
    pub(super) async fn send(&mut self, part: Part) {
        self.tell(Message::Part(part)).await;
    }

    async fn tell(&mut self, message: Message) {
        let Some(sender) = &self.sender else { return };
        match sender.send_timeout(message, STALL).await {
            Ok(()) => {}
            Err(error) => {
                self.stalled = matches!(error, mpsc::error::SendTimeoutError::Timeout(_));
                self.sender = None;
            }
        }
    }

    /// Completes it with its head.
    pub(super) async fn commit(&mut self, head: Bytes, virtual_size: u64) {
        self.tell(Message::Commit(head, virtual_size)).await;
        self.sender = None;
    }

    /// How it ended.
    pub(super) async fn end(mut self) -> Result<Written, Verdict> {
        self.sender = None;
        if self.stalled {
            self.task.abort();
            let seconds = STALL.as_secs();
            let message = format!("{} took nothing for {seconds} s", self.target.host.name);
            return Err(retry(message));
        }
        self.task.await.unwrap_or_else(|error| Err(retry(error)))
    }
}

async fn write(
    target: &Target,
    mut parts: mpsc::Receiver<Message>,
    length: Option<u64>,
) -> Result<Written, Verdict> {
    let pool = target.pool();
    let rest = length.map(|length| length.saturating_sub(HEAD as u64));
    let mut upload = None;
    while let Some(message) = parts.recv().await {
        let part = match message {
            Message::Part(part) => part,
            Message::Commit(head, virtual_size) => {
                if let Some(upload) = upload {
                    let upload: drover_rpc::SparseUpload = upload;
                    upload.finish().await.map_err(retry)?;
                }
                complete(target, &head, virtual_size).await?;
                return Ok(Written::Whole);
            }
        };
        let upload = match &mut upload {
            Some(upload) => upload,
            None => {
                let opened = pool.upload_sparse(&target.volume, HEAD as u64, rest).await;
                upload.insert(opened.map_err(retry)?)
            }
        };
        match part {
            Part::Data(bytes) => upload.write(&bytes).await.map_err(retry)?,
            Part::Hole(length) if target.blocks => {
                for bytes in zeros(length) {
                    upload.write(&bytes).await.map_err(retry)?;
                }
            }
            Part::Hole(length) => upload.hole(length).await.map_err(retry)?,
        }
    }
    Ok(Written::Abandoned)
}

async fn complete(target: &Target, head: &[u8], virtual_size: u64) -> Result<(), Verdict> {
    let pool = target.pool();
    let name = &target.volume;
    let upload = pool.upload(name, 0, head.len() as u64).await;
    let mut upload = upload.map_err(retry)?;
    upload.write_all(head).await.map_err(retry)?;
    upload.finish().await.map_err(retry)?;
    // libvirt learns what it is, and how large, by looking.
    let refreshed = target.host.refresh_pool(&target.pool, target.uuid).await;
    refreshed.map_err(retry)?;
    if virtual_size < target.capacity {
        let format = match image::inspect(head) {
            Ok(Image::Raw) => VolumeFormat::Raw,
            _ => VolumeFormat::Qcow2,
        };
        let grown = pool.grow(name, target.capacity, format).await;
        grown.map_err(retry)?;
    }
    Ok(())
}
