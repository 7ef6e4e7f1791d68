//! Limits and weights.

use drover_rpc::flags::DomainModificationImpact as Impact;
use drover_rpc::{TypedParams, fields};
use serde_json::json;

use crate::case::Driver::Test;
use crate::case::{Case, Failed, same};
use crate::plain::hex;

pub(crate) const READ: &[Case] = &[
    same!(
        DOMAIN_GET_SCHEDULER_TYPE,
        "d.schedulerType()",
        |h| h.client.domain_get_scheduler_type(h.d()?),
        |r| json!([r.type_.to_string(), r.nparams])
    ),
    same!(
        DOMAIN_GET_SCHEDULER_PARAMETERS,
        "d.schedulerParameters()",
        |h| async {
            Ok::<_, Failed>(
                h.domain()
                    .await?
                    .scheduler_parameters(Impact::empty())
                    .await?,
            )
        }
    ),
    same!(
        DOMAIN_GET_SCHEDULER_PARAMETERS_FLAGS,
        "d.schedulerParametersFlags(libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| async {
            Ok::<_, Failed>(
                h.domain()
                    .await?
                    .scheduler_parameters(Impact::CONFIG)
                    .await?,
            )
        }
    ),
    same!(
        DOMAIN_GET_MEMORY_PARAMETERS,
        "d.memoryParameters(libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| async { Ok::<_, Failed>(h.domain().await?.memory_parameters(Impact::CONFIG).await?) }
    ),
    same!(
        DOMAIN_GET_BLKIO_PARAMETERS,
        "d.blkioParameters(libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| async { Ok::<_, Failed>(h.domain().await?.blkio_parameters(Impact::CONFIG).await?) }
    ),
    same!(
        DOMAIN_GET_NUMA_PARAMETERS,
        "d.numaParameters(libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| async { Ok::<_, Failed>(h.domain().await?.numa_parameters(Impact::CONFIG).await?) }
    ),
];

pub(crate) const WRITTEN: &[Case] = &[
    same!(
        DOMAIN_SET_SCHEDULER_PARAMETERS,
        "off.setSchedulerParameters({'weight': 50})",
        |h| h.client.domain_set_scheduler_parameters(
            h.off()?,
            TypedParams::new().with_u32("weight", 50).into_wire()
        )
    )
    .only(Test),
    same!(
        DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS,
        "d.setSchedulerParametersFlags({'cpu_shares': 2000}, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_scheduler_parameters_flags(
            h.d()?,
            TypedParams::new()
                .with_u64(fields::DOMAIN_SCHEDULER_CPU_SHARES, 2000)
                .into_wire(),
            2
        )
    )
    .code()
    .only(Test),
    same!(
        DOMAIN_SET_MEMORY_PARAMETERS,
        "d.setMemoryParameters({'hard_limit': 99999}, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_memory_parameters(
            h.d()?,
            TypedParams::new()
                .with_u64(fields::DOMAIN_MEMORY_HARD_LIMIT, 99_999)
                .into_wire(),
            2
        )
    ),
    same!(
        DOMAIN_GET_MEMORY_PARAMETERS,
        "d.memoryParameters(libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| async { Ok::<_, Failed>(h.domain().await?.memory_parameters(Impact::CONFIG).await?) }
    ),
    same!(
        DOMAIN_SET_BLKIO_PARAMETERS,
        "d.setBlkioParameters({'weight': 500}, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_blkio_parameters(
            h.d()?,
            TypedParams::new()
                .with_u32(fields::DOMAIN_BLKIO_WEIGHT, 500)
                .into_wire(),
            2
        )
    ),
    same!(
        DOMAIN_SET_NUMA_PARAMETERS,
        "d.setNumaParameters({'numa_nodeset': '0'}, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_numa_parameters(
            h.d()?,
            TypedParams::new()
                .with_str(fields::DOMAIN_NUMA_NODESET, "0")
                .into_wire(),
            2
        )
    ),
    same!(
        DOMAIN_SET_PERF_EVENTS,
        "off.setPerfEvents({'cmt': True}, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_perf_events(
            h.off()?,
            TypedParams::new().with_bool("cmt", true).into_wire(),
            2
        )
    ),
    same!(
        DOMAIN_SET_BLOCK_IO_TUNE,
        "d.setBlockIoTune('vda', {'total_iops_sec': 700}, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_block_io_tune(
            h.d()?,
            "vda",
            TypedParams::new()
                .with_u64(fields::DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC, 700)
                .into_wire(),
            2
        )
    ),
    same!(
        DOMAIN_SET_BLOCK_IO_TUNE,
        "d.setBlockIoTune('nothing', {'total_iops_sec': 700}, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_block_io_tune(
            h.d()?,
            "nothing",
            TypedParams::new()
                .with_u64(fields::DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC, 700)
                .into_wire(),
            2
        )
    )
    .code(),
    same!(
        DOMAIN_GET_BLOCK_IO_TUNE,
        "d.blockIoTune('vda', libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| async {
            Ok::<_, Failed>(
                h.domain()
                    .await?
                    .block_io_tune("vda", Impact::CONFIG)
                    .await?,
            )
        }
    ),
    same!(
        DOMAIN_SET_INTERFACE_PARAMETERS,
        "d.setInterfaceParameters('nothing', {'inbound.average': 1}, 2)",
        |h| h.client.domain_set_interface_parameters(
            h.d()?,
            "nothing",
            TypedParams::new()
                .with_u32("inbound.average", 1)
                .into_wire(),
            2
        )
    ),
];

pub(crate) const PINNED: &[Case] = &[
    same!(DOMAIN_PIN_VCPU, "off.pinVcpu(0, (True,))", |h| h
        .client
        .domain_pin_vcpu(h.off()?, 0, vec![1])),
    same!(DOMAIN_PIN_VCPU, "d.pinVcpu(77, (True,))", |h| h
        .client
        .domain_pin_vcpu(h.d()?, 77, vec![1])),
    same!(
        DOMAIN_PIN_VCPU_FLAGS,
        "off.pinVcpuFlags(0, (True,), libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_pin_vcpu_flags(h.off()?, 0, vec![1], 2)
    ),
    same!(
        DOMAIN_PIN_EMULATOR,
        "off.pinEmulator((True,), libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_pin_emulator(h.off()?, vec![1], 2)
    ),
    same!(
        DOMAIN_GET_EMULATOR_PIN_INFO,
        "bits(off.emulatorPinInfo(libvirt.VIR_DOMAIN_AFFECT_CONFIG))",
        |h| async {
            let map = h
                .client
                .node_get_cpu_map(1, 1, 0)
                .await
                .map_or(1, |map| (map.ret + 7) / 8);
            Ok::<_, Failed>(
                h.client
                    .domain_get_emulator_pin_info(h.off()?, map, 2)
                    .await?,
            )
        },
        |r| hex(&r.cpumaps)
    ),
    same!(DOMAIN_ADD_IOTHREAD, "d.addIOThread(0)", |h| h
        .client
        .domain_add_iothread(h.d()?, 0, 0)),
    same!(
        DOMAIN_DEL_IOTHREAD,
        "d.delIOThread(7, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_del_iothread(h.d()?, 7, 2)
    ),
    same!(
        DOMAIN_PIN_IOTHREAD,
        "d.pinIOThread(7, (True,), libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_pin_iothread(h.d()?, 7, vec![1], 2)
    ),
    same!(
        DOMAIN_SET_IOTHREAD_PARAMS,
        "d.setIOThreadParams(7, {'thread_pool_min': 1})",
        |h| h.client.domain_set_iothread_params(
            h.d()?,
            7,
            TypedParams::new()
                .with_i32("thread_pool_min", 1)
                .into_wire(),
            0
        )
    ),
];
