//! Statistics of domains, as a tree.

mod device;
mod monitor;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use drover_rpc_proto::remote::procedures::ConnectGetAllDomainStats;
use drover_rpc_proto::remote::{
    CONNECT_GET_ALL_DOMAIN_STATS_MAX, ConnectGetAllDomainStatsArgs, DOMAIN_LIST_MAX,
    DomainStatsRecord, STRING_MAX, TypedParam, TypedParamValue,
};
use drover_xdr::{Decode, Decoder};

use crate::client::Client;
use crate::enums::{DomainDirtyRateStatus, VcpuState};
use crate::error::Error;
use crate::flags::{ConnectGetAllDomainStatsFlags, DomainStatsTypes};
use crate::objects::{Domain, DomainStatus};
use crate::typed::TypedParams;

pub use device::{BlockDeviceStats, IoThreadStats, NetworkDeviceStats};
pub use monitor::{BandwidthMonitor, BandwidthNode, CacheBank, CacheMonitor};

/// The statistics of one domain. What was not asked for, or is not known, is none or empty.
#[derive(Debug, Clone)]
pub struct DomainStats {
    /// Whose they are.
    pub domain: Domain,
    /// What they are.
    pub values: StatsTree,
}

/// The statistics of a domain by group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatsTree {
    /// Group `STATE`: the state and its reason.
    pub state: Option<DomainStatus>,
    /// Groups `CPU_TOTAL` and its neighbours.
    pub cpu: CpuStats,
    /// Group `BALLOON`.
    pub balloon: BalloonStats,
    /// Group `VCPU`: how many virtual CPUs there are.
    pub vcpus_current: Option<u64>,
    /// Group `VCPU`: how many virtual CPUs there can be.
    pub vcpus_maximum: Option<u64>,
    /// Group `VCPU`: each of them that is on.
    pub vcpus: Vec<VcpuStats>,
    /// Group `INTERFACE`: how many network interfaces there are. Some have no statistics.
    pub interface_count: Option<u64>,
    /// Group `INTERFACE`.
    pub interfaces: Vec<NetworkDeviceStats>,
    /// Group `BLOCK`: how many disks (and, by flag, backing files) there are.
    pub block_count: Option<u64>,
    /// Group `BLOCK`.
    pub blocks: Vec<BlockDeviceStats>,
    /// Group `PERF`: counters by name, such as `cache_misses`.
    pub perf: BTreeMap<String, u64>,
    /// Group `IOTHREAD`: how many I/O threads there are.
    pub iothread_count: Option<u64>,
    /// Group `IOTHREAD`.
    pub iothreads: Vec<IoThreadStats>,
    /// Group `MEMORY`: what is measured of the bandwidth of memory.
    pub bandwidth_monitors: Vec<BandwidthMonitor>,
    /// Group `DIRTYRATE`.
    pub dirty_rate: DirtyRate,
    /// Group `VM`: what the hypervisor counts, by its own names, such as `halt_wakeup.sum`.
    pub vm: BTreeMap<String, TypedParamValue>,
    /// All that is not known here, or has an unexpected type.
    pub other: TypedParams,
}

/// CPU time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CpuStats {
    /// All that it has used.
    pub time: Option<Duration>,
    /// As the host's user.
    pub user: Option<Duration>,
    /// In the host's kernel.
    pub system: Option<Duration>,
    /// Waiting for a wakeup that came in time.
    pub haltpoll_success: Option<Duration>,
    /// Waiting for a wakeup that did not come in time.
    pub haltpoll_fail: Option<Duration>,
    /// What is measured of the CPUs' caches.
    pub cache_monitors: Vec<CacheMonitor>,
}

/// Memory, as the balloon driver sees it: KiB, but for faults and huge pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BalloonStats {
    /// What the guest has, in KiB.
    pub current: Option<u64>,
    /// The most it may have, in KiB.
    pub maximum: Option<u64>,
    /// Read from swap, in KiB.
    pub swap_in: Option<u64>,
    /// Written to swap, in KiB.
    pub swap_out: Option<u64>,
    /// Page faults that had to read.
    pub major_faults: Option<u64>,
    /// Page faults that did not.
    pub minor_faults: Option<u64>,
    /// What the guest does not use at all, in KiB.
    pub unused: Option<u64>,
    /// What the guest sees, in KiB.
    pub available: Option<u64>,
    /// What can be had without swapping, in KiB.
    pub usable: Option<u64>,
    /// What the host has given the process, in KiB.
    pub rss: Option<u64>,
    /// When the guest last told, as seconds since 1970.
    pub last_update: Option<u64>,
    /// Caches that can be given up, in KiB.
    pub disk_caches: Option<u64>,
    /// Huge pages the guest has got.
    pub hugetlb_allocated: Option<u64>,
    /// Huge pages the guest has not got.
    pub hugetlb_failed: Option<u64>,
}

/// A virtual CPU.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VcpuStats {
    /// Its number.
    pub number: u32,
    /// What it does.
    pub state: Option<VcpuState>,
    /// The CPU time it has used.
    pub time: Option<Duration>,
    /// How long it wanted to run and something else ran.
    pub wait: Option<Duration>,
    /// How long it was held up by the host's other work.
    pub delay: Option<Duration>,
    /// Whether the guest has halted it.
    pub halted: Option<bool>,
    /// What the hypervisor counts, by its own names, such as `exits.sum`.
    pub custom: BTreeMap<String, TypedParamValue>,
}

/// How fast the guest writes to its memory; see [`Domain::start_dirty_rate`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DirtyRate {
    /// How far the measurement is.
    pub status: Option<DomainDirtyRateStatus>,
    /// When it began, as seconds since 1970.
    pub start: Option<i64>,
    /// How long it took, in seconds.
    pub period: Option<u64>,
    /// The rate, in MiB/s.
    pub mib_per_second: Option<u64>,
    /// How it was measured, such as `page-sampling`.
    pub mode: Option<String>,
    /// The rate of each virtual CPU, in MiB/s.
    pub vcpus: BTreeMap<u32, u64>,
}

impl StatsTree {
    /// Makes the tree of the parameters of a record.
    #[must_use]
    pub fn new(params: TypedParams) -> Self {
        parse::tree(params)
    }
}

impl Client {
    /// Statistics of all domains: of these groups (or with none named, of all groups), of the
    /// domains that the flags choose.
    ///
    /// libvirt's `virConnectGetAllDomainStats`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn domain_stats(
        &self,
        groups: DomainStatsTypes,
        flags: ConnectGetAllDomainStatsFlags,
    ) -> Result<Vec<DomainStats>, Error> {
        self.stats(Vec::new(), groups, flags).await
    }

    /// Statistics of these domains, which must be of this connection; of none if there are none.
    ///
    /// libvirt's `virDomainListGetStats`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn domain_stats_of(
        &self,
        domains: &[Domain],
        groups: DomainStatsTypes,
        flags: ConnectGetAllDomainStatsFlags,
    ) -> Result<Vec<DomainStats>, Error> {
        // On the wire no domains are all domains.
        if domains.is_empty() {
            return Ok(Vec::new());
        }
        let named = domains.iter().map(Domain::key).collect();
        self.stats(named, groups, flags).await
    }

    async fn stats(
        &self,
        named: Vec<drover_rpc_proto::remote::Domain>,
        groups: DomainStatsTypes,
        flags: ConnectGetAllDomainStatsFlags,
    ) -> Result<Vec<DomainStats>, Error> {
        let args = ConnectGetAllDomainStatsArgs {
            doms: named,
            stats: groups.bits(),
            flags: flags.bits(),
        };
        self.call_reading::<ConnectGetAllDomainStats, _>(&args, |body| {
            let mut input = Decoder::new(body);
            let all = input.list_with(
                DOMAIN_LIST_MAX as usize,
                DomainStatsRecord::MIN_SIZE,
                |input| self.read_stats(input),
            )?;
            input.finish()?;
            Ok(all)
        })
        .await
    }

    // Thousands of records of dozens of parameters each: they go where they belong while they are
    // read, without a list of their own in between.
    fn read_stats(&self, input: &mut Decoder<'_>) -> Result<DomainStats, drover_xdr::Error> {
        let dom = drover_rpc_proto::remote::Domain::decode(input)?;
        let mut values = parse::Builder::default();
        input.list_with(
            CONNECT_GET_ALL_DOMAIN_STATS_MAX as usize,
            TypedParam::MIN_SIZE,
            |input| {
                let field = input.opaque(STRING_MAX as usize)?;
                values.add(field, TypedParamValue::decode(input)?);
                Ok(())
            },
        )?;
        Ok(DomainStats {
            domain: Domain::from_wire(self, dom),
            values: values.finish(),
        })
    }
}

impl Domain {
    /// Its statistics, of these groups or with none named of all groups.
    ///
    /// libvirt's `virDomainListGetStats`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn stats(&self, groups: DomainStatsTypes) -> Result<StatsTree, Error> {
        let flags = ConnectGetAllDomainStatsFlags::empty();
        let call = self
            .client
            .domain_stats_of(std::slice::from_ref(self), groups, flags);
        let stats = call.await?.into_iter().next();
        Ok(stats.map(|stats| stats.values).unwrap_or_default())
    }
}
