//! The host itself: CPUs, memory, sleep.

use std::collections::BTreeMap;
use std::time::Duration;

use drover_rpc_proto::remote;

use crate::client::Client;
use crate::enums::NodeSuspendTarget;
use crate::error::Error;
use crate::flags::NodeAllocPagesFlags;
use crate::objects::CpuSet;
use crate::objects::handle::{answer_from, c_string, client_calls, string};
use crate::objects::params::twice;
use crate::typed::TypedParams;

/// The host's CPUs and memory (`virNodeInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// The CPUs' model: the architecture, such as `x86_64`.
    pub model: String,
    /// Its memory, in KiB.
    pub memory: u64,
    /// How many CPUs are on.
    pub cpus: u32,
    /// Their frequency, in MHz; 0 if it is not known.
    pub mhz: u32,
    /// How many NUMA nodes it has; 1 if it has none.
    pub nodes: u32,
    /// How many sockets a node has.
    pub sockets: u32,
    /// How many cores a socket has.
    pub cores: u32,
    /// How many threads a core has.
    pub threads: u32,
}

impl From<remote::NodeGetInfoRet> for NodeInfo {
    fn from(info: remote::NodeGetInfoRet) -> Self {
        let count = |n: i32| u32::try_from(n).unwrap_or(0);
        Self {
            model: c_string(&info.model),
            memory: info.memory,
            cpus: count(info.cpus),
            mhz: count(info.mhz),
            nodes: count(info.nodes),
            sockets: count(info.sockets),
            cores: count(info.cores),
            threads: count(info.threads),
        }
    }
}

/// Which CPUs the host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCpuMap {
    /// How many there can be.
    pub present: u32,
    /// Those that are on.
    pub online: CpuSet,
}

/// How many pages of one size a NUMA node has free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreePages {
    /// The NUMA node; -1 is the whole host.
    pub cell: i32,
    /// The pages' size, in KiB.
    pub size: u32,
    /// How many are free.
    pub count: u64,
}

/// How the host confines its guests (`virSecurityModel`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityModel {
    /// Such as `selinux` or `apparmor`; empty without any.
    pub model: String,
    /// Its domain of interpretation.
    pub doi: String,
}

impl From<remote::NodeGetSecurityModelRet> for SecurityModel {
    fn from(wire: remote::NodeGetSecurityModelRet) -> Self {
        Self {
            model: c_string(&wire.model),
            doi: c_string(&wire.doi),
        }
    }
}

answer_from! {
    remote::NodeGetInfoRet => NodeInfo,
    remote::NodeGetSecurityModelRet => SecurityModel,
}

client_calls! {
    /// The host's CPUs and memory.
    virNodeGetInfo: node_info() -> NodeInfo = node_get_info();

    /// How the host confines its guests.
    virNodeGetSecurityModel: security_model() -> SecurityModel = node_get_security_model();

    /// The host's free memory, in bytes.
    virNodeGetFreeMemory: free_memory() -> u64 = node_get_free_memory();

    /// The free memory of NUMA nodes, in bytes: of `count` nodes from `first` on.
    virNodeGetCellsFreeMemory: cells_free_memory(first: u32, count: u32) -> Vec<u64>
        = node_get_cells_free_memory(
            i32::try_from(first).unwrap_or(i32::MAX), i32::try_from(count).unwrap_or(i32::MAX)
        );

    /// Sets how the host shares memory pages, `fields::NODE_MEMORY_*`.
    virNodeSetMemoryParameters: set_node_memory_parameters(params: TypedParams) -> ()
        = node_set_memory_parameters(params.into_wire(), 0);

    /// Has the host sleep for whole seconds, at least 60.
    virNodeSuspendForDuration: suspend_node(target: NodeSuspendTarget, duration: Duration) -> ()
        = node_suspend_for_duration(target.0.cast_unsigned(), duration.as_secs(), 0);
}

impl Client {
    /// Which CPUs the host has, and which of them are on.
    ///
    /// libvirt's `virNodeGetCPUMap`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn node_cpu_map(&self) -> Result<NodeCpuMap, Error> {
        let answer = self.node_get_cpu_map(1, 1, 0).await?;
        Ok(NodeCpuMap {
            present: u32::try_from(answer.ret).unwrap_or(0),
            online: CpuSet::from_map(&answer.cpumap),
        })
    }

    /// The time that one CPU of the host, or all of them, have spent on what, in ns.
    ///
    /// libvirt's `virNodeGetCPUStats`, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn node_cpu_stats(&self, cpu: Option<u32>) -> Result<BTreeMap<String, u64>, Error> {
        let cpu = cpu.map_or(-1, |cpu| i32::try_from(cpu).unwrap_or(i32::MAX));
        let ask = |count| async move {
            let answer = self.node_get_cpu_stats(cpu, count, 0).await?;
            Ok((answer.params, answer.nparams))
        };
        let stats = twice(ask).await?.into_iter();
        Ok(stats
            .map(|stat| (string(&stat.field), stat.value))
            .collect())
    }

    /// The memory of one NUMA node, or of the whole host, in KiB.
    ///
    /// libvirt's `virNodeGetMemoryStats`, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn node_memory_stats(
        &self,
        cell: Option<u32>,
    ) -> Result<BTreeMap<String, u64>, Error> {
        let cell = cell.map_or(-1, |cell| i32::try_from(cell).unwrap_or(i32::MAX));
        let ask = |count| async move {
            let answer = self.node_get_memory_stats(count, cell, 0).await?;
            Ok((answer.params, answer.nparams))
        };
        let stats = twice(ask).await?.into_iter();
        Ok(stats
            .map(|stat| (string(&stat.field), stat.value))
            .collect())
    }

    /// How the host shares memory pages, `fields::NODE_MEMORY_*`.
    ///
    /// libvirt's `virNodeGetMemoryParameters`, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn node_memory_parameters(&self) -> Result<TypedParams, Error> {
        let flags = self.with_strings(0).await?;
        let ask = |count| async move {
            let answer = self.node_get_memory_parameters(count, flags).await?;
            Ok((answer.params, answer.nparams))
        };
        twice(ask).await.map(TypedParams::from)
    }

    /// What the host's AMD SEV can do, `fields::NODE_SEV_*`.
    ///
    /// libvirt's `virNodeGetSEVInfo`, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn sev_info(&self) -> Result<TypedParams, Error> {
        let flags = self.with_strings(0).await?;
        let ask = |count| async move {
            let answer = self.node_get_sev_info(count, flags).await?;
            Ok((answer.params, answer.nparams))
        };
        twice(ask).await.map(TypedParams::from)
    }

    /// How many pages of these sizes (in KiB) are free: on `cells` NUMA nodes from `first` on, where
    /// -1 is the whole host.
    ///
    /// libvirt's `virNodeGetFreePages`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn free_pages(
        &self,
        sizes: &[u32],
        first: i32,
        cells: u32,
    ) -> Result<Vec<FreePages>, Error> {
        let counts = self
            .node_get_free_pages(sizes.to_vec(), first, cells, 0)
            .await?;
        let mut pages = Vec::new();
        for (cell, counts) in (first..).zip(counts.chunks(sizes.len().max(1))) {
            for (size, count) in sizes.iter().zip(counts) {
                let (size, count) = (*size, *count);
                pages.push(FreePages { cell, size, count });
            }
        }
        Ok(pages)
    }

    /// Has the kernel hold (or with the flag `ADD`, more) pages ready: sizes in KiB, and how many
    /// of each, on NUMA nodes as for [`Self::free_pages`]. Says for how many nodes it went well.
    ///
    /// libvirt's `virNodeAllocPages`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn allocate_pages(
        &self,
        pages: &[(u32, u64)],
        first: i32,
        cells: u32,
        flags: NodeAllocPagesFlags,
    ) -> Result<u32, Error> {
        let (sizes, counts) = pages.iter().copied().unzip();
        let done = self
            .node_alloc_pages(sizes, counts, first, cells, flags.bits())
            .await?;
        Ok(u32::try_from(done).unwrap_or(0))
    }
}
