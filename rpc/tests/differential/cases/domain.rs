//! What is known of a domain.

use drover_rpc::flags::DomainModificationImpact;
use serde_json::{Value, json};

use crate::case::Driver::Qemu;
use crate::case::{Case, Failed, same};
use crate::plain::{Plain, characters, hex, params};

pub(crate) const PLAINLY: &[Case] = &[
    same!(DOMAIN_GET_XML_DESC, "d.XMLDesc()", |h| h
        .client
        .domain_get_xml_desc(h.d()?, 0)),
    same!(
        DOMAIN_GET_XML_DESC,
        "off.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)",
        |h| h.client.domain_get_xml_desc(h.off()?, 2)
    ),
    same!(
        DOMAIN_GET_INFO,
        "d.info()",
        |h| h.client.domain_get_info(h.d()?),
        |r| info(&r)
    )
    .shape(),
    same!(
        DOMAIN_GET_INFO,
        "off.info()",
        |h| h.client.domain_get_info(h.off()?),
        |r| info(&r)
    )
    .shape(),
    same!(
        DOMAIN_GET_STATE,
        "d.state()",
        |h| h.client.domain_get_state(h.d()?, 0),
        |r| json!([r.state, r.reason])
    ),
    same!(
        DOMAIN_GET_STATE,
        "off.state()",
        |h| h.client.domain_get_state(h.off()?, 0),
        |r| json!([r.state, r.reason])
    ),
    same!(
        DOMAIN_GET_CONTROL_INFO,
        "d.controlInfo()",
        |h| h.client.domain_get_control_info(h.d()?, 0),
        |r| json!([r.state, r.details, r.state_time])
    ),
    same!(DOMAIN_GET_OS_TYPE, "d.OSType()", |h| h
        .client
        .domain_get_os_type(h.d()?)),
    same!(DOMAIN_GET_MAX_MEMORY, "d.maxMemory()", |h| h
        .client
        .domain_get_max_memory(h.d()?)),
    same!(DOMAIN_GET_MAX_VCPUS, "d.maxVcpus()", |h| h
        .client
        .domain_get_max_vcpus(h.d()?)),
    same!(DOMAIN_GET_MAX_VCPUS, "off.maxVcpus()", |h| h
        .client
        .domain_get_max_vcpus(h.off()?)),
    same!(DOMAIN_GET_AUTOSTART, "d.autostart()", |h| h
        .client
        .domain_get_autostart(h.d()?)),
    same!(DOMAIN_IS_ACTIVE, "d.isActive()", |h| h
        .client
        .domain_is_active(h.d()?)),
    same!(DOMAIN_IS_ACTIVE, "off.isActive()", |h| h
        .client
        .domain_is_active(h.off()?)),
    same!(DOMAIN_IS_PERSISTENT, "d.isPersistent()", |h| h
        .client
        .domain_is_persistent(h.d()?)),
    same!(DOMAIN_IS_UPDATED, "d.isUpdated()", |h| h
        .client
        .domain_is_updated(h.d()?)),
    same!(DOMAIN_GET_HOSTNAME, "d.hostname()", |h| h
        .client
        .domain_get_hostname(h.d()?, 0)),
    same!(
        DOMAIN_HAS_MANAGED_SAVE_IMAGE,
        "d.hasManagedSaveImage()",
        |h| h.client.domain_has_managed_save_image(h.d()?, 0)
    ),
    same!(
        DOMAIN_GET_METADATA,
        "d.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None)",
        |h| h.client.domain_get_metadata(h.d()?, 0, None, 0)
    ),
    same!(
        DOMAIN_GET_METADATA,
        "d.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None)",
        |h| h.client.domain_get_metadata(h.d()?, 1, None, 0)
    ),
    same!(
        DOMAIN_GET_METADATA,
        "d.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, 'urn:nothing')",
        |h| h
            .client
            .domain_get_metadata(h.d()?, 2, Some("urn:nothing".into()), 0)
    ),
    same!(
        DOMAIN_GET_JOB_INFO,
        "d.jobInfo()",
        |h| h.client.domain_get_job_info(h.d()?),
        |r| json!([
            r.type_,
            r.time_elapsed,
            r.time_remaining,
            r.data_total,
            r.data_processed,
            r.data_remaining,
            r.mem_total,
            r.mem_processed,
            r.mem_remaining,
            r.file_total,
            r.file_processed,
            r.file_remaining
        ])
    ),
    same!(
        DOMAIN_GET_JOB_STATS,
        "d.jobStats()",
        |h| h.client.domain_get_job_stats(h.d()?, 0),
        |r| job(r.type_, r.params)
    ),
    same!(
        DOMAIN_GET_JOB_STATS,
        "off.jobStats()",
        |h| h.client.domain_get_job_stats(h.off()?, 0),
        |r| job(r.type_, r.params)
    ),
    same!(DOMAIN_GET_MESSAGES, "d.messages()", |h| h
        .client
        .domain_get_messages(h.d()?, 0)),
    same!(
        DOMAIN_GET_LAUNCH_SECURITY_INFO,
        "d.launchSecurityInfo()",
        |h| h.client.domain_get_launch_security_info(h.d()?, 0),
        |r| params(r)
    ),
    same!(
        DOMAIN_GET_SECURITY_LABEL,
        "d.securityLabel()",
        |h| h.client.domain_get_security_label(h.d()?),
        |r| json!([characters(&r.label), r.enforcing])
    ),
    same!(
        DOMAIN_GET_SECURITY_LABEL_LIST,
        "d.securityLabelList()",
        |h| h.client.domain_get_security_label_list(h.d()?),
        |r| r
            .labels
            .iter()
            .map(|label| json!([characters(&label.label), label.enforcing]))
            .collect::<Value>()
    )
    // None are an error in Python, from libvirt 9.0's test driver.
    .only(Qemu),
    same!(DOMAIN_BACKUP_GET_XML_DESC, "d.backupGetXMLDesc()", |h| h
        .client
        .domain_backup_get_xml_desc(h.d()?, 0)),
    same!(
        DOMAIN_MANAGED_SAVE_GET_XML_DESC,
        "off.managedSaveGetXMLDesc()",
        |h| h.client.domain_managed_save_get_xml_desc(h.off()?, 0)
    ),
    same!(
        DOMAIN_SAVE_IMAGE_GET_XML_DESC,
        "c.saveImageGetXMLDesc('/nothing')",
        |h| h.client.domain_save_image_get_xml_desc("/nothing", 0)
    ),
    same!(
        DOMAIN_MIGRATE_GET_MAX_SPEED,
        "d.migrateGetMaxSpeed()",
        |h| h.client.domain_migrate_get_max_speed(h.d()?, 0)
    ),
    same!(
        DOMAIN_MIGRATE_GET_MAX_DOWNTIME,
        "d.migrateGetMaxDowntime()",
        |h| h.client.domain_migrate_get_max_downtime(h.d()?, 0)
    )
    .silent(),
    same!(
        DOMAIN_MIGRATE_GET_COMPRESSION_CACHE,
        "d.migrateGetCompressionCache()",
        |h| h.client.domain_migrate_get_compression_cache(h.d()?, 0)
    )
    .silent(),
];

pub(crate) const CPUS: &[Case] = &[
    same!(
        DOMAIN_GET_VCPUS,
        "[list(x) for x in d.vcpus()[0]]",
        |h| h.client.domain_get_vcpus(h.d()?, 1, 1),
        |r| r
            .info
            .iter()
            .map(|cpu| json!([cpu.number, cpu.state, cpu.cpu_time, cpu.cpu]))
            .collect::<Value>()
    )
    .shape(),
    same!(DOMAIN_GET_VCPUS_FLAGS, "d.vcpusFlags()", |h| h
        .client
        .domain_get_vcpus_flags(h.d()?, 0)),
    same!(
        DOMAIN_GET_VCPUS_FLAGS,
        "off.vcpusFlags(libvirt.VIR_DOMAIN_VCPU_MAXIMUM | libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_get_vcpus_flags(h.off()?, 4 | 2)
    ),
    same!(
        DOMAIN_GET_VCPU_PIN_INFO,
        "[bits(m) for m in d.vcpuPinInfo()]",
        |h| async {
            let width = width(&h).await?;
            Ok::<_, Failed>(
                h.client
                    .domain_get_vcpu_pin_info(h.d()?, 1, width, 0)
                    .await?,
            )
        },
        |r| vec![hex(&r.cpumaps)]
    ),
    same!(
        DOMAIN_GET_EMULATOR_PIN_INFO,
        "bits(d.emulatorPinInfo())",
        |h| async {
            let width = width(&h).await?;
            Ok::<_, Failed>(
                h.client
                    .domain_get_emulator_pin_info(h.d()?, width, 0)
                    .await?,
            )
        },
        |r| hex(&r.cpumaps)
    ),
    same!(
        DOMAIN_GET_IOTHREAD_INFO,
        "[[i[0], bits(i[1])] for i in d.ioThreadInfo(libvirt.VIR_DOMAIN_AFFECT_CONFIG)]",
        |h| h.client.domain_get_iothread_info(h.d()?, 2),
        |r| r
            .info
            .iter()
            .map(|thread| json!([thread.iothread_id, hex(&thread.cpumap)]))
            .collect::<Value>()
    ),
    same!(
        DOMAIN_GET_CPU_STATS,
        "d.getCPUStats(True)",
        |h| async {
            let stats = h.domain().await?.cpu_stats_total().await?;
            Ok::<_, Failed>(stats)
        },
        |r| json!([r.plain()])
    )
    .shape(),
    same!(DOMAIN_GET_CPU_STATS, "d.getCPUStats(False)", |h| async {
        let stats = h.domain().await?.cpu_stats().await?;
        Ok::<_, Failed>(stats)
    })
    .shape(),
    same!(
        DOMAIN_MEMORY_STATS,
        "sorted(d.memoryStats())",
        |h| async {
            let stats = h.domain().await?.memory_stats().await?;
            Ok::<_, Failed>(stats)
        },
        |r| {
            let mut names: Vec<String> = r.keys().map(|tag| memory_name(tag.0)).collect();
            names.sort();
            names
        }
    ),
    same!(
        DOMAIN_GET_PERF_EVENTS,
        "d.perfEvents()",
        |h| h.client.domain_get_perf_events(h.d()?, 0),
        |r| params(r)
    ),
];

pub(crate) const DEVICES: &[Case] = &[
    same!(
        DOMAIN_BLOCK_STATS,
        "d.blockStats('vda')",
        |h| h.client.domain_block_stats(h.d()?, "vda"),
        |r| json!([r.rd_req, r.rd_bytes, r.wr_req, r.wr_bytes, r.errs])
    )
    .shape(),
    same!(
        DOMAIN_BLOCK_STATS,
        "d.blockStats('nothing')",
        |h| h.client.domain_block_stats(h.d()?, "nothing"),
        |r| json!([r.rd_req, r.rd_bytes, r.wr_req, r.wr_bytes, r.errs])
    ),
    same!(
        DOMAIN_BLOCK_STATS_FLAGS,
        "d.blockStatsFlags('vda')",
        |h| async {
            let stats = h.domain().await?.block_stats_all("vda").await?;
            Ok::<_, Failed>(stats)
        }
    )
    .shape(),
    same!(
        DOMAIN_INTERFACE_STATS,
        "d.interfaceStats('nothing')",
        |h| h.client.domain_interface_stats(h.d()?, "nothing"),
        |r| r.rx_bytes
    ),
    same!(
        DOMAIN_GET_BLOCK_INFO,
        "d.blockInfo('vda')",
        |h| h.client.domain_get_block_info(h.d()?, "vda", 0),
        |r| json!([r.capacity, r.allocation, r.physical])
    ),
    same!(
        DOMAIN_GET_BLOCK_INFO,
        "d.blockInfo('nothing')",
        |h| h.client.domain_get_block_info(h.d()?, "nothing", 0),
        |r| json!([r.capacity, r.allocation, r.physical])
    ),
    same!(
        DOMAIN_GET_BLOCK_JOB_INFO,
        "d.blockJobInfo('vda')",
        |h| h.client.domain_get_block_job_info(h.d()?, "vda", 0),
        // None is an empty dictionary in Python.
        |r| if r.found == 0 {
            json!({})
        } else {
            json!({"type": r.type_, "bandwidth": r.bandwidth, "cur": r.cur, "end": r.end})
        }
    ),
    same!(
        DOMAIN_GET_BLOCK_IO_TUNE,
        "d.blockIoTune('vda')",
        |h| async {
            let none = DomainModificationImpact::empty();
            let tune = h.domain().await?.block_io_tune("vda", none).await?;
            Ok::<_, Failed>(tune)
        }
    ),
    same!(
        DOMAIN_GET_DISK_ERRORS,
        "d.diskErrors()",
        |h| async {
            let errors = h.domain().await?.disk_errors().await?;
            Ok::<_, Failed>(errors)
        },
        |r| r
            .into_iter()
            .map(|fault| (fault.disk, json!(fault.error.0)))
            .collect::<serde_json::Map<String, Value>>()
            .plain()
    ),
    same!(
        DOMAIN_BLOCK_PEEK,
        "d.blockPeek('vda', 0, 16)",
        |h| h.client.domain_block_peek(h.d()?, "vda", 0, 16, 0),
        |r| hex(&r)
    ),
    same!(
        DOMAIN_MEMORY_PEEK,
        "d.memoryPeek(0, 16, libvirt.VIR_MEMORY_PHYSICAL)",
        |h| h.client.domain_memory_peek(h.d()?, 0, 16, 2),
        |r| hex(&r)
    ),
    same!(
        DOMAIN_MEMORY_PEEK,
        "d.memoryPeek(0, 16, 64)",
        |h| h.client.domain_memory_peek(h.d()?, 0, 16, 64),
        |r| hex(&r)
    ),
    same!(
        DOMAIN_INTERFACE_ADDRESSES,
        "d.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE)",
        |h| h.client.domain_interface_addresses(h.d()?, 0, 0),
        |r| addresses(r)
    ),
    same!(
        DOMAIN_INTERFACE_ADDRESSES,
        "d.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP)",
        |h| h.client.domain_interface_addresses(h.d()?, 2, 0),
        |r| addresses(r)
    ),
    same!(
        DOMAIN_GET_INTERFACE_PARAMETERS,
        "d.interfaceParameters('nothing')",
        |h| async {
            let none = DomainModificationImpact::empty();
            let domain = h.domain().await?;
            Ok::<_, Failed>(domain.interface_parameters("nothing", none).await?)
        }
    ),
];

/// The bytes of a CPU map of the host.
async fn width(here: &crate::case::Here) -> Result<i32, Failed> {
    let map = here.client.node_get_cpu_map(1, 1, 0).await;
    Ok(map.map_or(1, |map| (map.ret + 7) / 8))
}

fn info(r: &drover_rpc::proto::remote::DomainGetInfoRet) -> Value {
    json!([r.state, r.max_mem, r.memory, r.nr_virt_cpu, r.cpu_time])
}

fn job(kind: i32, with: Vec<drover_rpc::proto::remote::TypedParam>) -> Value {
    let mut all = params(with);
    all["type"] = json!(kind);
    all
}

/// As Python calls the numbers of memory.
fn memory_name(tag: i32) -> String {
    let names = [
        "swap_in",
        "swap_out",
        "major_fault",
        "minor_fault",
        "unused",
        "available",
        "actual",
        "rss",
        "usable",
        "last_update",
        "disk_caches",
        "hugetlb_pgalloc",
        "hugetlb_pgfail",
    ];
    names[usize::try_from(tag).unwrap()].to_owned()
}

fn addresses(interfaces: Vec<drover_rpc::proto::remote::DomainInterface>) -> Value {
    let each = interfaces.into_iter().map(|interface| {
        let addresses: Value = interface.addrs.iter()
            .map(|one| json!({"addr": one.addr.to_string(), "prefix": one.prefix, "type": one.type_}))
            .collect();
        (interface.name.to_string(), json!({"hwaddr": interface.hwaddr.plain(), "addrs": addresses}))
    });
    Value::Object(each.collect())
}
