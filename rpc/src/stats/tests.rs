//! Names to the tree and what is left over.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use drover_rpc_proto::remote::TypedParamValue;
use proptest::prelude::*;

use super::StatsTree;
use crate::enums::{DomainDirtyRateStatus, DomainState, VcpuState};
use crate::typed::TypedParams;

fn sample() -> TypedParams {
    TypedParams::new()
        .with_i32("state.state", 1)
        .with_i32("state.reason", 1)
        .with_u64("cpu.time", 5_000_000_000)
        .with_str("cpu.cache.monitor.0.name", "vcpus_0")
        .with_u32("cpu.cache.monitor.0.bank.1.id", 7)
        .with_u64("cpu.cache.monitor.0.bank.1.bytes", 4096)
        .with_u64("balloon.current", 1024)
        .with_u64("balloon.last-update", 1_700_000_000)
        .with_u32("vcpu.current", 2)
        .with_i32("vcpu.0.state", 1)
        .with_i32("vcpu.3.state", 0)
        .with_u64("vcpu.3.time", 7)
        .with_bool("vcpu.3.halted", true)
        .with_u64("vcpu.3.exits.sum", 42)
        .with_u32("net.count", 1)
        .with_str("net.0.name", "vnet0")
        .with_u64("net.0.rx.bytes", 11)
        .with_u32("block.count", 2)
        .with_str("block.0.name", "vda")
        .with_u64("block.0.rd.times", 3)
        .with_str("block.1.name", "vda")
        .with_u32("block.1.backingIndex", 1)
        .with_u64("perf.cache_misses", 9)
        .with_u64("iothread.1.poll-max-ns", 32768)
        .with_u64("memory.bandwidth.monitor.0.node.0.bytes.local", 12)
        .with_i32("dirtyrate.calc_status", 2)
        .with_i64("dirtyrate.megabytes_per_second", 3)
        .with_u64("dirtyrate.vcpu.1.megabytes_per_second", 2)
        .with_u64("vm.remote_tlb_flush.sum", 77)
}

#[test]
fn every_group_has_its_place() {
    let tree = StatsTree::new(sample());
    let status = tree.state.unwrap();
    assert_eq!(
        (status.state, status.reason.number()),
        (DomainState::RUNNING, 1)
    );
    assert_eq!(tree.cpu.time, Some(Duration::from_secs(5)));
    let monitor = &tree.cpu.cache_monitors[0];
    assert_eq!(
        (monitor.banks[0].number, monitor.banks[0].bytes),
        (1, Some(4096))
    );
    assert_eq!(tree.balloon.last_update, Some(1_700_000_000));
    assert_eq!(tree.vcpus_current, Some(2));
    let [first, last] = tree.vcpus.as_slice() else {
        unreachable!("{:?}", tree.vcpus);
    };
    assert_eq!((first.number, first.state), (0, Some(VcpuState::RUNNING)));
    assert_eq!((last.number, last.halted), (3, Some(true)));
    assert_eq!(last.custom["exits.sum"], TypedParamValue::Ullong(42));
    assert_eq!(tree.interfaces[0].name.as_deref(), Some("vnet0"));
    assert_eq!(tree.blocks[0].read_time, Some(Duration::from_nanos(3)));
    assert_eq!(tree.blocks[1].backing_index, Some(1));
    assert_eq!(tree.perf["cache_misses"], 9);
    assert_eq!(
        tree.iothreads[0].poll_max,
        Some(Duration::from_nanos(32768))
    );
    assert_eq!(tree.bandwidth_monitors[0].nodes[0].bytes_local, Some(12));
    assert_eq!(
        tree.dirty_rate.status,
        Some(DomainDirtyRateStatus::MEASURED)
    );
    assert_eq!(
        (tree.dirty_rate.mib_per_second, tree.dirty_rate.vcpus[&1]),
        (Some(3), 2)
    );
    assert_eq!(tree.vm["remote_tlb_flush.sum"], TypedParamValue::Ullong(77));
    assert!(tree.other.is_empty(), "{}", tree.other);
}

#[test]
fn what_is_not_known_is_kept() {
    let strange = TypedParams::new()
        .with_u64("gpu.0.time", 1)
        .with_u64("block.x.rd.reqs", 2)
        .with_u64("block.0.rd.colour", 3)
        .with_str("cpu.time", "long")
        .with_u64("nothing", 4)
        .with_u64("net.99999999999.rx.bytes", 5);
    let tree = StatsTree::new(strange.clone());
    assert_eq!(tree.other, strange);
}

/// The names that the headers define, by constant.
fn defined() -> BTreeMap<&'static str, &'static str> {
    let source = include_str!("../generated/fields.rs");
    let constants = source.lines().filter_map(|line| {
        let line = line.strip_prefix("pub const DOMAIN_STATS_")?;
        let (constant, value) = line.split_once(": &str = \"")?;
        Some((constant, value.strip_suffix("\";")?))
    });
    constants.collect()
}

/// `BLOCK_SUFFIX_RD_REQS` to `block.0.rd.reqs`.
fn whole(defined: &BTreeMap<&str, &str>, constant: &str) -> Option<String> {
    let value = defined.get(constant)?;
    let stem = constant.strip_suffix("_PREFIX").unwrap_or(constant);
    match stem.rsplit_once("_SUFFIX_") {
        Some((list, _)) => Some(whole(defined, &format!("{list}_PREFIX"))? + "0" + value),
        None => Some((*value).to_owned()),
    }
}

#[test]
fn the_names_of_the_headers_are_known() {
    let defined = defined();
    let mut tried = 0;
    for constant in defined.keys().filter(|name| !name.ends_with("_PREFIX")) {
        // How many parts a list has is seen from the list.
        let counts = constant.contains("MONITOR") && constant.ends_with("_COUNT");
        let Some(name) = whole(&defined, constant) else {
            assert!(constant.starts_with("CUSTOM_"), "{constant}");
            continue;
        };
        let number = StatsTree::new(TypedParams::new().with_u32(&name, 1));
        let text = StatsTree::new(TypedParams::new().with_str(&name, "x"));
        let known = number.other.is_empty() || text.other.is_empty();
        assert!(
            known != counts || name == "state.reason",
            "{constant}: {name}"
        );
        tried += 1;
    }
    assert!(tried > 90, "{tried}");
}

const GROUPS: [&str; 10] = [
    "state",
    "cpu",
    "balloon",
    "vcpu",
    "net",
    "block",
    "perf",
    "iothread",
    "memory",
    "dirtyrate",
];

proptest! {
    #[test]
    fn strange_groups_are_kept(names in proptest::collection::vec("[a-z]{1,5}(\\.[0-9a-z]{1,4}){0,4}", 0..40)) {
        let mut params = TypedParams::new();
        for name in &names {
            params.push(name, TypedParamValue::Ullong(1));
        }
        let other = StatsTree::new(params).other;
        for name in &names {
            let group = name.split('.').next().unwrap();
            let known = name.contains('.') && (GROUPS.contains(&group) || group == "vm");
            prop_assert!(known || other.get(name).is_some());
        }
    }
}
