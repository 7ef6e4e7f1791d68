//! Disks: sizes, statistics, jobs, limits.

use drover_rpc_proto::remote::{
    DomainBlockStatsRet, DomainDiskError, DomainFsinfo, DomainGetBlockInfoRet,
    DomainGetBlockJobInfoRet, DomainGetDiskErrorsRet, DomainGetFsinfoRet,
};

use crate::enums::{DomainBlockJobType, DomainDiskErrorCode};
use crate::error::Error;
use crate::flags::{
    DomainBlockCommitFlags, DomainBlockCopyFlags, DomainBlockJobAbortFlags,
    DomainBlockJobInfoFlags, DomainBlockJobSetSpeedFlags, DomainBlockPullFlags,
    DomainBlockRebaseFlags, DomainBlockResizeFlags, DomainModificationImpact,
};
use crate::objects::Domain;
use crate::objects::handle::{Answer, answer_from, calls, optional, string};
use crate::objects::params::twice;
use crate::typed::TypedParams;

/// The sizes of a disk (`virDomainBlockInfo`), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockInfo {
    /// What the guest sees.
    pub capacity: u64,
    /// What is used of the host's storage.
    pub allocation: u64,
    /// How large its container on the host is, such as the file.
    pub physical: u64,
}

impl From<DomainGetBlockInfoRet> for BlockInfo {
    fn from(info: DomainGetBlockInfoRet) -> Self {
        Self {
            capacity: info.capacity,
            allocation: info.allocation,
            physical: info.physical,
        }
    }
}

/// What has gone over a disk (`virDomainBlockStatsStruct`). What the host does not count is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockStats {
    /// Read requests.
    pub read_requests: Option<u64>,
    /// Bytes read.
    pub read_bytes: Option<u64>,
    /// Write requests.
    pub write_requests: Option<u64>,
    /// Bytes written.
    pub write_bytes: Option<u64>,
    /// Errors; Xen's alone.
    pub errors: Option<u64>,
}

impl From<DomainBlockStatsRet> for BlockStats {
    fn from(stats: DomainBlockStatsRet) -> Self {
        let count = |n: i64| u64::try_from(n).ok();
        Self {
            read_requests: count(stats.rd_req),
            read_bytes: count(stats.rd_bytes),
            write_requests: count(stats.wr_req),
            write_bytes: count(stats.wr_bytes),
            errors: count(stats.errs),
        }
    }
}

/// A job that works on a disk (`virDomainBlockJobInfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockJob {
    /// What it does.
    pub kind: DomainBlockJobType,
    /// Its speed limit: MiB/s, or bytes/s if the flags asked for these; 0 is none.
    pub bandwidth: u64,
    /// How far it is, in units of its own.
    pub current: u64,
    /// Where it ends, in the same units. A copy that is at its end keeps up with the guest until it
    /// is aborted or pivoted.
    pub end: u64,
}

impl Answer<DomainGetBlockJobInfoRet> for Option<BlockJob> {
    fn answer(wire: DomainGetBlockJobInfoRet, _: &crate::Client) -> Self {
        (wire.found != 0).then_some(BlockJob {
            kind: DomainBlockJobType(wire.type_),
            bandwidth: wire.bandwidth,
            current: wire.cur,
            end: wire.end,
        })
    }
}

/// A disk with an error (`virDomainDiskError`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskError {
    /// Its `<target dev=…/>`.
    pub disk: String,
    /// The error.
    pub error: DomainDiskErrorCode,
}

impl From<DomainDiskError> for DiskError {
    fn from(wire: DomainDiskError) -> Self {
        Self {
            disk: string(&wire.disk),
            error: DomainDiskErrorCode(wire.error),
        }
    }
}

/// A file system that the guest has mounted (`virDomainFSInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystem {
    /// Where, in the guest.
    pub mount_point: String,
    /// The guest's name of the device.
    pub name: String,
    /// Its type, such as `ext4`.
    pub kind: String,
    /// The disks it is on, by `<target dev=…/>`.
    pub disks: Vec<String>,
}

impl From<DomainFsinfo> for FileSystem {
    fn from(wire: DomainFsinfo) -> Self {
        Self {
            mount_point: string(&wire.mountpoint),
            name: string(&wire.name),
            kind: string(&wire.fstype),
            disks: wire.dev_aliases.iter().map(string).collect(),
        }
    }
}

impl Answer<DomainGetFsinfoRet> for Vec<FileSystem> {
    fn answer(wire: DomainGetFsinfoRet, _: &crate::Client) -> Self {
        wire.info.into_iter().map(FileSystem::from).collect()
    }
}

answer_from! {
    DomainGetBlockInfoRet => BlockInfo,
    DomainBlockStatsRet => BlockStats,
}

calls! {
    Domain;

    /// The sizes of a disk, named by its `<target dev=…/>` or its source.
    virDomainGetBlockInfo: block_info(disk: &str) -> BlockInfo = domain_get_block_info(disk, 0);

    /// What has gone over a disk; with an empty name, over all of them.
    virDomainBlockStats: block_stats(disk: &str) -> BlockStats = domain_block_stats(disk);

    /// Makes a disk larger, or smaller: the size is in KiB, or in bytes with the flag `BYTES`.
    virDomainBlockResize: block_resize(disk: &str, size: u64, flags: DomainBlockResizeFlags) -> ()
        = domain_block_resize(disk, size, flags.bits());

    /// Bytes of a disk as the guest sees it.
    virDomainBlockPeek: block_peek(disk: &str, offset: u64, size: u32) -> Vec<u8>
        = domain_block_peek(disk, offset, size, 0);

    /// The job that works on a disk, if there is one.
    virDomainGetBlockJobInfo: block_job(disk: &str, flags: DomainBlockJobInfoFlags)
        -> Option<BlockJob> = domain_get_block_job_info(disk, flags.bits());

    /// Ends the job that works on a disk; with the flag `PIVOT` a copy becomes the disk.
    virDomainBlockJobAbort: block_job_abort(disk: &str, flags: DomainBlockJobAbortFlags) -> ()
        = domain_block_job_abort(disk, flags.bits());

    /// Limits the speed of the job: MiB/s, or bytes/s by flag; 0 is no limit.
    virDomainBlockJobSetSpeed: block_job_set_speed(
        disk: &str, bandwidth: u64, flags: DomainBlockJobSetSpeedFlags,
    ) -> () = domain_block_job_set_speed(disk, bandwidth, flags.bits());

    /// Copies the backing files into the disk, so that it needs them no more. Begins a job.
    virDomainBlockPull: block_pull(disk: &str, bandwidth: u64, flags: DomainBlockPullFlags) -> ()
        = domain_block_pull(disk, bandwidth, flags.bits());

    /// Copies the backing files above `base` into the disk. Begins a job.
    virDomainBlockRebase: block_rebase(
        disk: &str, base: Option<&str>, bandwidth: u64, flags: DomainBlockRebaseFlags,
    ) -> () = domain_block_rebase(disk, optional(base), bandwidth, flags.bits());

    /// Copies the disk to the `<disk>` of this XML; the parameters are
    /// `fields::DOMAIN_BLOCK_COPY_*`. Begins a job.
    virDomainBlockCopy: block_copy(
        disk: &str, destination: &str, params: TypedParams, flags: DomainBlockCopyFlags,
    ) -> () = domain_block_copy(disk, destination, params.into_wire(), flags.bits());

    /// Writes what is in the files from `top` (or the disk itself) down to `base` into `base`.
    /// Begins a job.
    virDomainBlockCommit: block_commit(
        disk: &str, base: Option<&str>, top: Option<&str>, bandwidth: u64,
        flags: DomainBlockCommitFlags,
    ) -> () = domain_block_commit(disk, optional(base), optional(top), bandwidth, flags.bits());

    /// Limits the throughput of a disk; the parameters are `fields::DOMAIN_BLOCK_IOTUNE_*`.
    virDomainSetBlockIoTune: set_block_io_tune(
        disk: &str, params: TypedParams, flags: DomainModificationImpact,
    ) -> () = domain_set_block_io_tune(disk, params.into_wire(), flags.bits());

    /// Has the event `BLOCK_THRESHOLD` sent when a disk (`vda`, or `vda[1]` for a backing file) has
    /// been written up to this byte.
    virDomainSetBlockThreshold: set_block_threshold(device: &str, threshold: u64) -> ()
        = domain_set_block_threshold(device, threshold, 0);

    /// Defines a throttle group, which disks can share.
    virDomainSetThrottleGroup: set_throttle_group(
        group: &str, params: TypedParams, flags: DomainModificationImpact,
    ) -> () = domain_set_throttle_group(group, params.into_wire(), flags.bits());

    /// Takes a throttle group away.
    virDomainDelThrottleGroup: delete_throttle_group(
        group: &str, flags: DomainModificationImpact,
    ) -> () = domain_del_throttle_group(optional(Some(group)), flags.bits());

    /// The file systems that the guest has mounted, as its agent says.
    virDomainGetFSInfo: file_systems() -> Vec<FileSystem> = domain_get_fsinfo(0);
}

impl Domain {
    /// What has gone over a disk, all that is counted; see `fields::DOMAIN_BLOCK_STATS_*`.
    ///
    /// libvirt's `virDomainBlockStatsFlags`, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn block_stats_all(&self, disk: &str) -> Result<TypedParams, Error> {
        let flags = self.client.with_strings(0).await?;
        let ask = |count| async move {
            let call = self
                .client
                .domain_block_stats_flags(self.key(), disk, count, flags);
            call.await.map(|answer| (answer.params, answer.nparams))
        };
        twice(ask).await.map(TypedParams::from)
    }

    /// The limits of a disk; see `fields::DOMAIN_BLOCK_IOTUNE_*`.
    ///
    /// libvirt's `virDomainGetBlockIoTune`, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn block_io_tune(
        &self,
        disk: &str,
        flags: DomainModificationImpact,
    ) -> Result<TypedParams, Error> {
        let flags = self.client.with_strings(flags.bits()).await?;
        let ask = |count| async move {
            let disk = optional(Some(disk));
            let call = self
                .client
                .domain_get_block_io_tune(self.key(), disk, count, flags);
            call.await.map(|answer| (answer.params, answer.nparams))
        };
        twice(ask).await.map(TypedParams::from)
    }

    /// The disks that have an error.
    ///
    /// libvirt's `virDomainGetDiskErrors`, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn disk_errors(&self) -> Result<Vec<DiskError>, Error> {
        let ask = |count: i32| async move {
            let call = self
                .client
                .domain_get_disk_errors(self.key(), count.unsigned_abs(), 0);
            let answer: DomainGetDiskErrorsRet = call.await?;
            Ok((answer.errors, answer.nerrors))
        };
        let errors = twice(ask).await?;
        Ok(errors.into_iter().map(DiskError::from).collect())
    }
}
