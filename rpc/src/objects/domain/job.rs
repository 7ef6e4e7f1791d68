//! What takes long: jobs, backups, migration under way.

use std::time::Duration;

use drover_rpc_proto::remote::DomainGetJobInfoRet;

use crate::enums::DomainJobType;
use crate::error::Error;
use crate::flags::{
    DomainAbortJobFlags, DomainBackupBeginFlags, DomainDirtyRateCalcFlags, DomainGetJobStatsFlags,
    DomainMessageType, DomainMigrateMaxSpeedFlags,
};
use crate::objects::Domain;
use crate::objects::handle::{answer_from, calls, optional};
use crate::typed::TypedParams;

/// How far a job is (`virDomainJobInfo`). Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobInfo {
    /// Whether there is a job, and whether its end can be told.
    pub kind: DomainJobType,
    /// Since when it runs.
    pub elapsed: Duration,
    /// For how long it will run; only of a job whose end can be told.
    pub remaining: Duration,
    /// All that is to be done.
    pub data_total: u64,
    /// What is done.
    pub data_processed: u64,
    /// What is left to do. The guest may make it more.
    pub data_remaining: u64,
    /// Of memory, all.
    pub memory_total: u64,
    /// Of memory, what is done.
    pub memory_processed: u64,
    /// Of memory, what is left.
    pub memory_remaining: u64,
    /// Of disks, all.
    pub file_total: u64,
    /// Of disks, what is done.
    pub file_processed: u64,
    /// Of disks, what is left.
    pub file_remaining: u64,
}

impl From<DomainGetJobInfoRet> for JobInfo {
    fn from(info: DomainGetJobInfoRet) -> Self {
        Self {
            kind: DomainJobType(info.type_),
            elapsed: Duration::from_millis(info.time_elapsed),
            remaining: Duration::from_millis(info.time_remaining),
            data_total: info.data_total,
            data_processed: info.data_processed,
            data_remaining: info.data_remaining,
            memory_total: info.mem_total,
            memory_processed: info.mem_processed,
            memory_remaining: info.mem_remaining,
            file_total: info.file_total,
            file_processed: info.file_processed,
            file_remaining: info.file_remaining,
        }
    }
}

answer_from! {
    DomainGetJobInfoRet => JobInfo,
}

calls! {
    Domain;

    /// How far the job under way is.
    virDomainGetJobInfo: job_info() -> JobInfo = domain_get_job_info();

    /// Begins a backup, which the XML describes, and with it perhaps a checkpoint.
    virDomainBackupBegin: begin_backup(
        backup: &str, checkpoint: Option<&str>, flags: DomainBackupBeginFlags,
    ) -> () = domain_backup_begin(backup, optional(checkpoint), flags.bits());

    /// The backup under way, as XML.
    virDomainBackupGetXMLDesc: backup_xml() -> String = domain_backup_get_xml_desc(0);

    /// Has its dirty rate measured for as many seconds; the statistics have it then.
    virDomainStartDirtyRateCalc: start_dirty_rate(
        seconds: i32, flags: DomainDirtyRateCalcFlags,
    ) -> () = domain_start_dirty_rate_calc(seconds, flags.bits());

    /// What libvirt has to say of it: deprecated features, taints.
    virDomainGetMessages: messages(kinds: DomainMessageType) -> Vec<String>
        = domain_get_messages(kinds.bits());

    /// Limits the speed of its migration, in MiB/s.
    virDomainMigrateSetMaxSpeed: set_migration_speed(
        bandwidth: u64, flags: DomainMigrateMaxSpeedFlags,
    ) -> () = domain_migrate_set_max_speed(bandwidth, flags.bits());

    /// The limit of the speed of its migration, in MiB/s.
    virDomainMigrateGetMaxSpeed: migration_speed(flags: DomainMigrateMaxSpeedFlags) -> u64
        = domain_migrate_get_max_speed(flags.bits());

    /// The size of the cache of a compressed migration, in bytes.
    virDomainMigrateGetCompressionCache: migration_cache() -> u64
        = domain_migrate_get_compression_cache(0);

    /// Sets the size of the cache of a compressed migration, in bytes.
    virDomainMigrateSetCompressionCache: set_migration_cache(bytes: u64) -> ()
        = domain_migrate_set_compression_cache(bytes, 0);

    /// Has a migration with the flag `POSTCOPY` go on at the destination at once.
    virDomainMigrateStartPostCopy: start_postcopy() -> () = domain_migrate_start_post_copy(0);

    /// Gives a guest that waits for it its secret, `fields::DOMAIN_LAUNCH_SECURITY_*`.
    virDomainSetLaunchSecurityState: set_launch_security(params: TypedParams) -> ()
        = domain_set_launch_security_state(params.into_wire(), 0);
}

impl Domain {
    /// All that is known of the job under way, or with the flag `COMPLETED` of the last one:
    /// `fields::DOMAIN_JOB_*`.
    ///
    /// libvirt's `virDomainGetJobStats`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn job_stats(
        &self,
        flags: DomainGetJobStatsFlags,
    ) -> Result<(DomainJobType, TypedParams), Error> {
        let call = self.client.domain_get_job_stats(self.key(), flags.bits());
        let answer = call.await?;
        Ok((DomainJobType(answer.type_), answer.params.into()))
    }

    /// Ends the job under way, such as a migration; it is as if it had not begun.
    ///
    /// libvirt's `virDomainAbortJob`, or with flags `virDomainAbortJobFlags`, of libvirt 8.5.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn abort_job(&self, flags: DomainAbortJobFlags) -> Result<(), Error> {
        if flags.is_empty() {
            return self.client.domain_abort_job(self.key()).await;
        }
        self.client
            .domain_abort_job_flags(self.key(), flags.bits())
            .await
    }

    /// What protects its memory from the host, `fields::DOMAIN_LAUNCH_SECURITY_*`.
    ///
    /// libvirt's `virDomainGetLaunchSecurityInfo`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn launch_security(&self) -> Result<TypedParams, Error> {
        let flags = self.client.with_strings(0).await?;
        let call = self
            .client
            .domain_get_launch_security_info(self.key(), flags);
        call.await.map(TypedParams::from)
    }

    /// For how long the guest may stand still at the end of its migration.
    ///
    /// libvirt's `virDomainMigrateGetMaxDowntime`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn migration_downtime(&self) -> Result<Duration, Error> {
        let call = self.client.domain_migrate_get_max_downtime(self.key(), 0);
        call.await.map(Duration::from_millis)
    }

    /// Says for how long the guest may stand still at the end of its migration, in whole
    /// milliseconds.
    ///
    /// libvirt's `virDomainMigrateSetMaxDowntime`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn set_migration_downtime(&self, downtime: Duration) -> Result<(), Error> {
        let milliseconds = u64::try_from(downtime.as_millis()).unwrap_or(u64::MAX);
        self.client
            .domain_migrate_set_max_downtime(self.key(), milliseconds, 0)
            .await
    }
}
