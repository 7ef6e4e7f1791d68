//! From names with dots to the tree.

use std::time::Duration;

use drover_rpc_proto::remote::{TypedParam, TypedParamValue};

use super::{
    BalloonStats, BandwidthMonitor, BlockDeviceStats, CacheMonitor, CpuStats, DirtyRate,
    IoThreadStats, NetworkDeviceStats, StatsTree, VcpuStats,
};
use crate::enums::{DomainDirtyRateStatus, VcpuState};
use crate::objects::DomainStatus;
use crate::objects::handle::string;
use crate::typed::{TypedParams, as_bool, as_i64, as_u64};

/// How a number in a list is found and made.
pub(super) trait Numbered: Default {
    fn number(&mut self) -> &mut u32;
}

macro_rules! numbered {
    ($($type:ty),* $(,)?) => {
        $(impl Numbered for $type {
            fn number(&mut self) -> &mut u32 {
                &mut self.number
            }
        })*
    };
}
numbered!(
    VcpuStats,
    NetworkDeviceStats,
    BlockDeviceStats,
    IoThreadStats,
    CacheMonitor,
    super::CacheBank,
    BandwidthMonitor,
    super::BandwidthNode,
);

/// Numbers may have gaps, and whoever sends them may choose any: the list is only as long as there
/// are different ones.
fn entry<T: Numbered>(list: &mut Vec<T>, number: u32) -> &mut T {
    let found = list.iter_mut().rposition(|item| *item.number() == number);
    let index = found.unwrap_or_else(|| {
        let mut item = T::default();
        *item.number() = number;
        list.push(item);
        list.len() - 1
    });
    &mut list[index]
}

/// `3.rd.bytes` to 3 and `rd.bytes`.
fn indexed(name: &str) -> Option<(u32, &str)> {
    let (number, leaf) = name.split_once('.')?;
    Some((number.parse().ok()?, leaf))
}

/// Puts a value where it belongs; none if it has the wrong type.
trait Slot {
    fn put(&mut self, value: &TypedParamValue) -> Option<()>;
}

impl Slot for Option<u64> {
    fn put(&mut self, value: &TypedParamValue) -> Option<()> {
        *self = Some(as_u64(value)?);
        Some(())
    }
}

impl Slot for Option<i64> {
    fn put(&mut self, value: &TypedParamValue) -> Option<()> {
        *self = Some(as_i64(value)?);
        Some(())
    }
}

impl Slot for Option<bool> {
    fn put(&mut self, value: &TypedParamValue) -> Option<()> {
        *self = Some(as_bool(value)?);
        Some(())
    }
}

// All times are in ns.
impl Slot for Option<Duration> {
    fn put(&mut self, value: &TypedParamValue) -> Option<()> {
        *self = Some(Duration::from_nanos(as_u64(value)?));
        Some(())
    }
}

impl Slot for Option<String> {
    fn put(&mut self, value: &TypedParamValue) -> Option<()> {
        let TypedParamValue::String(text) = value else {
            return None;
        };
        *self = Some(string(text));
        Some(())
    }
}

fn small(value: &TypedParamValue) -> Option<i32> {
    i32::try_from(as_i64(value)?).ok()
}

/// A tree that is being made.
#[derive(Default)]
pub(super) struct Builder {
    tree: StatsTree,
    state: Option<i32>,
    reason: i32,
    other: Vec<TypedParam>,
}

impl Builder {
    /// Puts a parameter where it belongs.
    pub(super) fn add(&mut self, field: &[u8], value: TypedParamValue) {
        let name = String::from_utf8_lossy(field);
        let known = match name.as_ref() {
            "state.state" => small(&value).map(|value| self.state = Some(value)),
            "state.reason" => small(&value).map(|value| self.reason = value),
            name => put(&mut self.tree, name, &value),
        };
        if known.is_none() {
            let field = field.to_vec().into();
            self.other.push(TypedParam { field, value });
        }
    }

    pub(super) fn finish(mut self) -> StatsTree {
        let state = self.state;
        self.tree.state = state.map(|state| DomainStatus::new(state, self.reason));
        self.tree.other = self.other.into();
        self.tree
    }
}

pub(super) fn tree(params: TypedParams) -> StatsTree {
    let mut builder = Builder::default();
    for param in params.into_wire() {
        builder.add(param.field.as_bytes(), param.value);
    }
    builder.finish()
}

fn put(tree: &mut StatsTree, name: &str, value: &TypedParamValue) -> Option<()> {
    let (group, rest) = name.split_once('.')?;
    match group {
        "cpu" => cpu(&mut tree.cpu, rest, value),
        "balloon" => balloon(&mut tree.balloon, rest, value),
        "vcpu" => match rest {
            "current" => tree.vcpus_current.put(value),
            "maximum" => tree.vcpus_maximum.put(value),
            _ => {
                let (number, leaf) = indexed(rest)?;
                vcpu(entry(&mut tree.vcpus, number), leaf, value)
            }
        },
        "net" if rest == "count" => tree.interface_count.put(value),
        "net" => {
            let (number, leaf) = indexed(rest)?;
            interface(entry(&mut tree.interfaces, number), leaf, value)
        }
        "block" if rest == "count" => tree.block_count.put(value),
        "block" => {
            let (number, leaf) = indexed(rest)?;
            block(entry(&mut tree.blocks, number), leaf, value)
        }
        "perf" => {
            tree.perf.insert(rest.to_owned(), as_u64(value)?);
            Some(())
        }
        "iothread" if rest == "count" => tree.iothread_count.put(value),
        "iothread" => {
            let (number, leaf) = indexed(rest)?;
            iothread(entry(&mut tree.iothreads, number), leaf, value)
        }
        "memory" => {
            let (number, leaf) = indexed(rest.strip_prefix("bandwidth.monitor.")?)?;
            bandwidth(entry(&mut tree.bandwidth_monitors, number), leaf, value)
        }
        "dirtyrate" => dirty_rate(&mut tree.dirty_rate, rest, value),
        "vm" => {
            tree.vm.insert(rest.to_owned(), value.clone());
            Some(())
        }
        _ => None,
    }
}

fn cpu(cpu: &mut CpuStats, leaf: &str, value: &TypedParamValue) -> Option<()> {
    match leaf {
        "time" => cpu.time.put(value),
        "user" => cpu.user.put(value),
        "system" => cpu.system.put(value),
        "haltpoll.success.time" => cpu.haltpoll_success.put(value),
        "haltpoll.fail.time" => cpu.haltpoll_fail.put(value),
        _ => {
            let (number, leaf) = indexed(leaf.strip_prefix("cache.monitor.")?)?;
            let monitor = entry(&mut cpu.cache_monitors, number);
            match leaf {
                "name" => monitor.name.put(value),
                "vcpus" => monitor.vcpus.put(value),
                _ => {
                    let (number, leaf) = indexed(leaf.strip_prefix("bank.")?)?;
                    let bank = entry(&mut monitor.banks, number);
                    match leaf {
                        "id" => bank.id.put(value),
                        "bytes" => bank.bytes.put(value),
                        _ => None,
                    }
                }
            }
        }
    }
}

fn balloon(balloon: &mut BalloonStats, leaf: &str, value: &TypedParamValue) -> Option<()> {
    let slot = match leaf {
        "current" => &mut balloon.current,
        "maximum" => &mut balloon.maximum,
        "swap_in" => &mut balloon.swap_in,
        "swap_out" => &mut balloon.swap_out,
        "major_fault" => &mut balloon.major_faults,
        "minor_fault" => &mut balloon.minor_faults,
        "unused" => &mut balloon.unused,
        "available" => &mut balloon.available,
        "usable" => &mut balloon.usable,
        "rss" => &mut balloon.rss,
        "last-update" => &mut balloon.last_update,
        "disk_caches" => &mut balloon.disk_caches,
        "hugetlb_pgalloc" => &mut balloon.hugetlb_allocated,
        "hugetlb_pgfail" => &mut balloon.hugetlb_failed,
        _ => return None,
    };
    slot.put(value)
}

fn vcpu(vcpu: &mut VcpuStats, leaf: &str, value: &TypedParamValue) -> Option<()> {
    match leaf {
        "state" => {
            vcpu.state = Some(VcpuState(small(value)?));
            Some(())
        }
        "time" => vcpu.time.put(value),
        "wait" => vcpu.wait.put(value),
        "delay" => vcpu.delay.put(value),
        "halted" => vcpu.halted.put(value),
        _ => {
            vcpu.custom.insert(leaf.to_owned(), value.clone());
            Some(())
        }
    }
}

fn interface(net: &mut NetworkDeviceStats, leaf: &str, value: &TypedParamValue) -> Option<()> {
    match leaf {
        "name" => net.name.put(value),
        "rx.bytes" => net.rx_bytes.put(value),
        "rx.pkts" => net.rx_packets.put(value),
        "rx.errs" => net.rx_errors.put(value),
        "rx.drop" => net.rx_dropped.put(value),
        "tx.bytes" => net.tx_bytes.put(value),
        "tx.pkts" => net.tx_packets.put(value),
        "tx.errs" => net.tx_errors.put(value),
        "tx.drop" => net.tx_dropped.put(value),
        _ => None,
    }
}

fn block(block: &mut BlockDeviceStats, leaf: &str, value: &TypedParamValue) -> Option<()> {
    match leaf {
        "name" => block.name.put(value),
        "backingIndex" => block.backing_index.put(value),
        "path" => block.path.put(value),
        "rd.reqs" => block.read_requests.put(value),
        "rd.bytes" => block.read_bytes.put(value),
        "rd.times" => block.read_time.put(value),
        "wr.reqs" => block.write_requests.put(value),
        "wr.bytes" => block.write_bytes.put(value),
        "wr.times" => block.write_time.put(value),
        "fl.reqs" => block.flush_requests.put(value),
        "fl.times" => block.flush_time.put(value),
        "errors" => block.errors.put(value),
        "allocation" => block.allocation.put(value),
        "capacity" => block.capacity.put(value),
        "physical" => block.physical.put(value),
        "threshold" => block.threshold.put(value),
        _ => None,
    }
}

fn iothread(thread: &mut IoThreadStats, leaf: &str, value: &TypedParamValue) -> Option<()> {
    match leaf {
        "poll-max-ns" => thread.poll_max.put(value),
        "poll-grow" => thread.poll_grow.put(value),
        "poll-shrink" => thread.poll_shrink.put(value),
        _ => None,
    }
}

fn bandwidth(monitor: &mut BandwidthMonitor, leaf: &str, value: &TypedParamValue) -> Option<()> {
    match leaf {
        "name" => monitor.name.put(value),
        "vcpus" => monitor.vcpus.put(value),
        _ => {
            let (number, leaf) = indexed(leaf.strip_prefix("node.")?)?;
            let node = entry(&mut monitor.nodes, number);
            match leaf {
                "id" => node.id.put(value),
                "bytes.local" => node.bytes_local.put(value),
                "bytes.total" => node.bytes_total.put(value),
                _ => None,
            }
        }
    }
}

fn dirty_rate(rate: &mut DirtyRate, leaf: &str, value: &TypedParamValue) -> Option<()> {
    match leaf {
        "calc_status" => {
            rate.status = Some(DomainDirtyRateStatus(small(value)?));
            Some(())
        }
        "calc_start_time" => rate.start.put(value),
        "calc_period" => rate.period.put(value),
        "megabytes_per_second" => rate.mib_per_second.put(value),
        "calc_mode" => rate.mode.put(value),
        _ => {
            let (number, leaf) = indexed(leaf.strip_prefix("vcpu.")?)?;
            if leaf != "megabytes_per_second" {
                return None;
            }
            rate.vcpus.insert(number, as_u64(value)?);
            Some(())
        }
    }
}
