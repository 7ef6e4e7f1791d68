//! A running domain's disk written twice: QEMU copies all of it to another volume, and then whatever the
//! guest writes, until somebody ends it. At that moment both are the same.

use std::time::Duration;

use drover_core::observed::domain::DomainState;
use drover_core::xml::mirror_xml;
use drover_crds::volume::VolumeFormat;
use drover_rpc::proto::remote::DomainEventBlockJob2Msg;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;
use uuid::Uuid;

use super::{HostError, HostHandle, domain_ref};

// VIR_DOMAIN_BLOCK_COPY_REUSE_EXT: what it is written into is there. VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB:
// it does not outlive the domain's process. VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES: no guest writes
// faster than it is copied. Not shallow: what the disk is based on is copied, too.
const REUSE: u32 = 2;
const TRANSIENT: u32 = 4;
const SYNCHRONOUS: u32 = 8;
// virConnectDomainEventBlockJobStatus.
const FAILED: i32 = 1;
const READY: i32 = 3;
/// How long, in seconds, a guest's agent may take to hold its file systems still, or to let go.
const FREEZES_WITHIN: i32 = 10;
/// How long the end of a block job is waited for after libvirt says that it has ended.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// What libvirt told of a block job.
#[derive(Debug, Clone)]
pub struct BlockJob {
    domain: Uuid,
    target: String,
    status: i32,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// So many per cent.
    Percent(u64),
    /// Both are the same from now on.
    Same,
    /// Nobody writes it any more.
    Nowhere,
}

impl HostHandle {
    /// Tells those who wait how a block job went on.
    pub(super) fn block_job(&self, event: &DomainEventBlockJob2Msg) {
        self.tell_block_job(BlockJob {
            domain: Uuid::from_bytes(event.dom.uuid),
            target: event.dst.to_string(),
            status: event.status,
        });
    }
}

/// A disk of a running domain.
#[derive(Debug, Clone, Copy)]
pub struct LiveDisk<'a> {
    /// The host.
    pub host: &'a HostHandle,
    /// The domain's name.
    pub domain: &'a str,
    /// Its UUID.
    pub uuid: Uuid,
    /// The disk's device.
    pub target: &'a str,
}

impl LiveDisk<'_> {
    fn domain(&self) -> drover_rpc::proto::remote::Domain {
        domain_ref(self.domain, self.uuid)
    }

    fn mark(&self) {
        self.host.mark_domain(self.uuid, self.domain);
    }

    /// Its size as QEMU has it.
    ///
    /// # Errors
    /// When libvirt refuses.
    pub async fn size(&self) -> Result<u64, HostError> {
        let client = self.host.client()?;
        let info = client.domain_get_block_info(self.domain(), self.target, 0);
        let info = info.await.map_err(self.host.failed("reading a disk"))?;
        Ok(info.capacity)
    }

    /// Begins to write it to a volume of the same size, too.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn begin(
        &self,
        path: &str,
        format: VolumeFormat,
        block: bool,
    ) -> Result<Told, HostError> {
        let client = self.host.client()?;
        let told = self.host.listen_to_block_jobs();
        let xml = mirror_xml(path, format, block);
        let flags = REUSE | TRANSIENT | SYNCHRONOUS;
        let begun = client.domain_block_copy(self.domain(), self.target, xml, Vec::new(), flags);
        let begun = begun.await;
        self.mark();
        begun.map_err(self.host.failed("copying a running domain's disk"))?;
        Ok(Told {
            told,
            domain: self.uuid,
            target: self.target.to_owned(),
        })
    }

    /// How far it is.
    ///
    /// # Errors
    /// When libvirt refuses.
    pub async fn reached(&self) -> Result<Reached, HostError> {
        let client = self.host.client()?;
        let info = client.domain_get_block_job_info(self.domain(), self.target, 0);
        let info = info
            .await
            .map_err(self.host.failed("looking how far a copy is"))?;
        Ok(match (info.found, info.cur, info.end) {
            (0, ..) => Reached::Nowhere,
            // libvirt says so only when they are.
            (_, current, end) if current == end => Reached::Same,
            (_, current, end) => {
                let hundreds = u128::from(current) * 100;
                let percent = hundreds / u128::from(end.max(1));
                Reached::Percent(u64::try_from(percent).unwrap_or(99).min(99))
            }
        })
    }

    /// Ends it; the domain goes on with its own disk.
    ///
    /// # Errors
    /// When libvirt refuses, as it does when there is nothing to end, or nobody knows whether it was
    /// done.
    pub async fn end(&self) -> Result<(), HostError> {
        let client = self.host.client()?;
        let ended = client.domain_block_job_abort(self.domain(), self.target, 0);
        let ended = ended.await;
        self.mark();
        ended.map_err(self.host.failed("ending the copying of a disk"))
    }

    /// Makes the domain's CPUs stand still; whether they did not before.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn suspend(&self) -> Result<bool, HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("pausing the domain");
        let state = client.domain_get_state(self.domain(), 0).await;
        let state = DomainState::from_number(state.map_err(&failed)?.state);
        if !matches!(state, DomainState::Running | DomainState::Blocked) {
            return Ok(false);
        }
        let suspended = client.domain_suspend(self.domain()).await;
        self.mark();
        suspended.map(|()| true).map_err(failed)
    }

    /// Lets the domain's CPUs go on.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn resume(&self) -> Result<(), HostError> {
        let client = self.host.client()?;
        let resumed = client.domain_resume(self.domain()).await;
        self.mark();
        resumed.map_err(self.host.failed("resuming the domain"))
    }

    /// Has the guest's agent hold its file systems still.
    ///
    /// # Errors
    /// When the agent does not answer or says no, in its own words.
    pub async fn freeze(&self) -> Result<(), HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("freezing the guest's file systems");
        let patience = client.domain_agent_set_response_timeout(self.domain(), FREEZES_WITHIN, 0);
        patience.await.map_err(&failed)?;
        let frozen = client.domain_fsfreeze(self.domain(), Vec::new(), 0).await;
        frozen.map(drop).map_err(failed)
    }

    /// Has the guest's agent let them go. It does no harm where they are not held.
    ///
    /// # Errors
    /// When the agent does not answer or says no, in its own words.
    pub async fn thaw(&self) -> Result<(), HostError> {
        let client = self.host.client()?;
        let failed = self.host.failed("thawing the guest's file systems");
        let patience = client.domain_agent_set_response_timeout(self.domain(), FREEZES_WITHIN, 0);
        patience.await.map_err(&failed)?;
        let thawed = client.domain_fsthaw(self.domain(), Vec::new(), 0).await;
        thawed.map(drop).map_err(failed)
    }
}

/// What libvirt tells of one disk's block job from its beginning on.
#[derive(Debug)]
pub struct Told {
    told: Receiver<BlockJob>,
    domain: Uuid,
    target: String,
}

impl Told {
    /// The next that is told; none when something was missed.
    async fn next(&mut self) -> Option<i32> {
        loop {
            let job = self.told.recv().await.ok()?;
            if job.domain == self.domain && job.target == self.target {
                return Some(job.status);
            }
        }
    }

    /// Waits until something is told, or for so long.
    pub async fn wait(&mut self, pause: Duration) {
        // What it was is asked for.
        if !matches!(timeout(pause, self.next()).await, Err(_) | Ok(Some(_))) {
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether it ended well: that libvirt ended it does not say that all had been written.
    pub async fn ended_well(mut self) -> bool {
        let end = async {
            loop {
                match self.next().await {
                    Some(READY) => {}
                    other => return other,
                }
            }
        };
        let end = timeout(TOLD_WITHIN, end).await;
        matches!(end, Ok(Some(status)) if status != FAILED)
    }
}
