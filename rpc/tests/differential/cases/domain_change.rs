//! Changes of a domain: such as can be made twice, and such as are refused.

use crate::case::Driver::Test;
use crate::case::{Case, Failed, Here, before, same};
use crate::objects::{OFF, domain};

const CDROM: &str = "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>";

pub(crate) const LIVES: &[Case] = &[
    same!(DOMAIN_CREATE, "d.create()", |h| h
        .client
        .domain_create(h.d()?)),
    same!(DOMAIN_CREATE_WITH_FLAGS, "d.createWithFlags(1)", |h| h
        .client
        .domain_create_with_flags(h.d()?, 1)),
    same!(DOMAIN_CREATE, "off.create()", |h| h
        .client
        .domain_create(h.off()?))
    .only(Test)
    .first(before!(|h| stop(&h))),
    same!(
        DOMAIN_CREATE_WITH_FLAGS,
        "off.createWithFlags(1)",
        |h| h.client.domain_create_with_flags(h.off()?, 1),
        |_| ()
    )
    .only(Test)
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_CREATE_XML, "c.createXML('<domain')", |h| h
        .client
        .domain_create_xml("<domain", 0)),
    same!(
        DOMAIN_CREATE_XML,
        "c.createXML('<domain type=\"test\"><name>drover-diff</name><memory>9000</memory><os><type>hvm</type></os></domain>')",
        |h| {
            h.client.domain_create_xml("<domain type=\"test\"><name>drover-diff</name><memory>9000</memory><os><type>hvm</type></os></domain>", 0)
        }
    ),
    same!(DOMAIN_DEFINE_XML, "c.defineXML('<domain')", |h| h
        .client
        .domain_define_xml("<domain")),
    same!(DOMAIN_DEFINE_XML, "c.defineXML(off.XMLDesc())", |h| define(
        &h
    ))
    .first(before!(|h| stop(&h))),
    same!(
        DOMAIN_DEFINE_XML_FLAGS,
        "c.defineXMLFlags('<domain/>', 1)",
        |h| h.client.domain_define_xml_flags("<domain/>", 1)
    ),
    same!(DOMAIN_DESTROY, "off.destroy()", |h| h
        .client
        .domain_destroy(h.off()?))
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_DESTROY, "off.destroy()", |h| h
        .client
        .domain_destroy(h.off()?))
    .only(Test)
    .first(before!(|h| start(&h))),
    same!(DOMAIN_DESTROY_FLAGS, "off.destroyFlags(1)", |h| h
        .client
        .domain_destroy_flags(h.off()?, 1))
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_SHUTDOWN, "off.shutdown()", |h| h
        .client
        .domain_shutdown(h.off()?))
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_SHUTDOWN, "off.shutdown()", |h| h
        .client
        .domain_shutdown(h.off()?))
    .only(Test)
    .first(before!(|h| start(&h))),
    same!(DOMAIN_SHUTDOWN_FLAGS, "off.shutdownFlags(1)", |h| h
        .client
        .domain_shutdown_flags(h.off()?, 1))
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_REBOOT, "off.reboot()", |h| h
        .client
        .domain_reboot(h.off()?, 0))
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_RESET, "off.reset()", |h| h
        .client
        .domain_reset(h.off()?, 0))
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_SUSPEND, "off.suspend()", |h| h
        .client
        .domain_suspend(h.off()?))
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_SUSPEND, "d.suspend()", |h| h
        .client
        .domain_suspend(h.d()?))
    .only(Test)
    .first(before!(|h| h.client.domain_resume(h.d()?))),
    same!(DOMAIN_RESUME, "off.resume()", |h| h
        .client
        .domain_resume(h.off()?))
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_RESUME, "d.resume()", |h| h
        .client
        .domain_resume(h.d()?))
    .only(Test)
    .first(before!(|h| h.client.domain_suspend(h.d()?))),
    same!(DOMAIN_RENAME, "off.rename('drover-diff')", |h| h
        .client
        .domain_rename(h.off()?, Some("drover-diff".into()), 0)),
    same!(
        DOMAIN_UNDEFINE,
        "c.lookupByName('drover-diff-gone').undefine()",
        |h| h.client.domain_undefine(gone(&h).await?)
    )
    .first(before!(|h| make_gone(&h))),
    same!(
        DOMAIN_UNDEFINE_FLAGS,
        "c.lookupByName('drover-diff-gone').undefineFlags(0)",
        |h| h.client.domain_undefine_flags(gone(&h).await?, 0)
    )
    .first(before!(|h| make_gone(&h))),
    same!(DOMAIN_UNDEFINE_FLAGS, "off.undefineFlags(1 << 20)", |h| h
        .client
        .domain_undefine_flags(h.off()?, 1 << 20)),
    same!(DOMAIN_ABORT_JOB, "d.abortJob()", |h| h
        .client
        .domain_abort_job(h.d()?)),
    same!(DOMAIN_ABORT_JOB_FLAGS, "d.abortJobFlags(1)", |h| h
        .client
        .domain_abort_job_flags(h.d()?, 1)),
    same!(
        DOMAIN_MIGRATE_START_POST_COPY,
        "d.migrateStartPostCopy()",
        |h| h.client.domain_migrate_start_post_copy(h.d()?, 0)
    ),
];

pub(crate) const SETTINGS: &[Case] = &[
    same!(DOMAIN_SET_AUTOSTART, "off.setAutostart(1)", |h| h
        .client
        .domain_set_autostart(h.off()?, 1)),
    same!(DOMAIN_SET_AUTOSTART, "off.setAutostart(0)", |h| h
        .client
        .domain_set_autostart(h.off()?, 0)),
    same!(DOMAIN_SET_MAX_MEMORY, "off.setMaxMemory(40960)", |h| h
        .client
        .domain_set_max_memory(h.off()?, 40_960)),
    same!(DOMAIN_SET_MEMORY, "d.setMemory(99999999)", |h| h
        .client
        .domain_set_memory(h.d()?, 99_999_999)),
    same!(
        DOMAIN_SET_MEMORY_FLAGS,
        "off.setMemoryFlags(32768, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_memory_flags(h.off()?, 32_768, 2)
    ),
    same!(
        DOMAIN_SET_MEMORY_STATS_PERIOD,
        "d.setMemoryStatsPeriod(2)",
        |h| h.client.domain_set_memory_stats_period(h.d()?, 2, 0)
    ),
    same!(DOMAIN_SET_VCPUS, "d.setVcpus(99)", |h| h
        .client
        .domain_set_vcpus(h.d()?, 99)),
    same!(
        DOMAIN_SET_VCPUS_FLAGS,
        "off.setVcpusFlags(1, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_vcpus_flags(h.off()?, 1, 2)
    ),
    same!(DOMAIN_SET_VCPU, "d.setVcpu('7', 1)", |h| h
        .client
        .domain_set_vcpu(h.d()?, "7", 1, 0)),
    same!(
        DOMAIN_SET_LIFECYCLE_ACTION,
        "off.setLifecycleAction(0, 1, libvirt.VIR_DOMAIN_AFFECT_CONFIG)",
        |h| h.client.domain_set_lifecycle_action(h.off()?, 0, 1, 2)
    ),
    same!(
        DOMAIN_SET_METADATA,
        "d.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, 'a title', None, None)",
        |h| h
            .client
            .domain_set_metadata(h.d()?, 1, Some("a title".into()), None, None, 0)
    ),
    same!(
        DOMAIN_GET_METADATA,
        "d.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None)",
        |h| h.client.domain_get_metadata(h.d()?, 1, None, 0)
    ),
    same!(
        DOMAIN_SET_METADATA,
        "d.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, '<a/>', 'k', 'urn:k')",
        |h| h.client.domain_set_metadata(
            h.d()?,
            2,
            Some("<a/>".into()),
            Some("k".into()),
            Some("urn:k".into()),
            0
        )
    ),
    same!(
        DOMAIN_GET_METADATA,
        "d.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, 'urn:k')",
        |h| h
            .client
            .domain_get_metadata(h.d()?, 2, Some("urn:k".into()), 0)
    ),
    same!(
        DOMAIN_MIGRATE_SET_MAX_DOWNTIME,
        "d.migrateSetMaxDowntime(300)",
        |h| h.client.domain_migrate_set_max_downtime(h.d()?, 300, 0)
    ),
    same!(
        DOMAIN_MIGRATE_SET_MAX_SPEED,
        "d.migrateSetMaxSpeed(1000)",
        |h| h.client.domain_migrate_set_max_speed(h.d()?, 1000, 0)
    ),
    same!(
        DOMAIN_MIGRATE_SET_COMPRESSION_CACHE,
        "d.migrateSetCompressionCache(1 << 26)",
        |h| h
            .client
            .domain_migrate_set_compression_cache(h.d()?, 1 << 26, 0)
    ),
    same!(
        DOMAIN_START_DIRTY_RATE_CALC,
        "off.startDirtyRateCalc(1)",
        |h| h.client.domain_start_dirty_rate_calc(h.off()?, 1, 0)
    ),
    same!(
        DOMAIN_SET_LAUNCH_SECURITY_STATE,
        "d.setLaunchSecurityState({'sev-secret': 'x'})",
        |h| h.client.domain_set_launch_security_state(
            h.d()?,
            drover_rpc::TypedParams::new()
                .with_str("sev-secret", "x")
                .into_wire(),
            0
        )
    ),
];

pub(crate) const ATTACHED: &[Case] = &[
    same!(DOMAIN_ATTACH_DEVICE, "off.attachDevice('<disk')", |h| h
        .client
        .domain_attach_device(h.off()?, "<disk")),
    same!(
        DOMAIN_ATTACH_DEVICE_FLAGS,
        "off.attachDeviceFlags('<nothing/>', 2)",
        |h| h
            .client
            .domain_attach_device_flags(h.off()?, "<nothing/>", 2)
    ),
    same!(DOMAIN_DETACH_DEVICE, "off.detachDevice('<disk')", |h| h
        .client
        .domain_detach_device(h.off()?, "<disk")),
    same!(
        DOMAIN_DETACH_DEVICE_FLAGS,
        "off.detachDeviceFlags(\"<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>\", 2)",
        |h| h.client.domain_detach_device_flags(h.off()?, CDROM, 2)
    ),
    same!(
        DOMAIN_UPDATE_DEVICE_FLAGS,
        "off.updateDeviceFlags(\"<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>\", 2)",
        |h| h.client.domain_update_device_flags(h.off()?, CDROM, 2)
    ),
    same!(
        DOMAIN_DETACH_DEVICE_ALIAS,
        "d.detachDeviceAlias('nothing')",
        |h| h.client.domain_detach_device_alias(h.d()?, "nothing", 0)
    ),
    same!(DOMAIN_BLOCK_RESIZE, "d.blockResize('nothing', 1024)", |h| h
        .client
        .domain_block_resize(h.d()?, "nothing", 1024, 0)),
    same!(DOMAIN_BLOCK_PULL, "d.blockPull('nothing')", |h| h
        .client
        .domain_block_pull(h.d()?, "nothing", 0, 0)),
    same!(DOMAIN_BLOCK_REBASE, "d.blockRebase('nothing', None)", |h| h
        .client
        .domain_block_rebase(h.d()?, "nothing", None, 0, 0)),
    same!(
        DOMAIN_BLOCK_COMMIT,
        "d.blockCommit('nothing', None, None)",
        |h| h
            .client
            .domain_block_commit(h.d()?, "nothing", None, None, 0, 0)
    ),
    same!(
        DOMAIN_BLOCK_COPY,
        "d.blockCopy('nothing', '<disk/>')",
        |h| h
            .client
            .domain_block_copy(h.d()?, "nothing", "<disk/>", Vec::new(), 0)
    ),
    same!(DOMAIN_BLOCK_JOB_ABORT, "d.blockJobAbort('vda')", |h| h
        .client
        .domain_block_job_abort(h.d()?, "vda", 0)),
    same!(
        DOMAIN_BLOCK_JOB_SET_SPEED,
        "d.blockJobSetSpeed('vda', 1)",
        |h| h.client.domain_block_job_set_speed(h.d()?, "vda", 1, 0)
    ),
    same!(
        DOMAIN_SET_BLOCK_THRESHOLD,
        "d.setBlockThreshold('nothing', 1)",
        |h| h.client.domain_set_block_threshold(h.d()?, "nothing", 1, 0)
    ),
    same!(
        DOMAIN_BACKUP_BEGIN,
        "d.backupBegin('<nothing/>', None)",
        |h| h.client.domain_backup_begin(h.d()?, "<nothing/>", None, 0)
    ),
];

pub(crate) const SAVED: &[Case] = &[
    same!(DOMAIN_SAVE, "off.save('/tmp/drover-diff/save')", |h| h
        .client
        .domain_save(h.off()?, "/tmp/drover-diff/save"))
    .first(before!(|h| stop(&h))),
    same!(
        DOMAIN_SAVE_FLAGS,
        "off.saveFlags('/tmp/drover-diff/save')",
        |h| h
            .client
            .domain_save_flags(h.off()?, "/tmp/drover-diff/save", None, 0)
    )
    .first(before!(|h| stop(&h))),
    same!(
        DOMAIN_SAVE_PARAMS,
        "off.saveParams({'file': '/tmp/drover-diff/save'})",
        |h| h.client.domain_save_params(h.off()?, file(), 0)
    )
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_RESTORE, "c.restore('/nothing')", |h| h
        .client
        .domain_restore("/nothing")),
    same!(DOMAIN_RESTORE_FLAGS, "c.restoreFlags('/nothing')", |h| h
        .client
        .domain_restore_flags("/nothing", None, 0)),
    same!(
        DOMAIN_RESTORE_PARAMS,
        "c.restoreParams({'file': '/tmp/drover-diff/save'})",
        |h| h.client.domain_restore_params(file(), 0)
    ),
    same!(
        DOMAIN_SAVE_IMAGE_DEFINE_XML,
        "c.saveImageDefineXML('/nothing', '<domain/>')",
        |h| h
            .client
            .domain_save_image_define_xml("/nothing", "<domain/>", 0)
    ),
    same!(DOMAIN_MANAGED_SAVE, "off.managedSave()", |h| h
        .client
        .domain_managed_save(h.off()?, 0))
    .first(before!(|h| stop(&h))),
    same!(DOMAIN_MANAGED_SAVE_REMOVE, "off.managedSaveRemove()", |h| h
        .client
        .domain_managed_save_remove(h.off()?, 0))
    .first(before!(|h| stop(&h))),
    same!(
        DOMAIN_MANAGED_SAVE_DEFINE_XML,
        "off.managedSaveDefineXML('<domain/>')",
        |h| h
            .client
            .domain_managed_save_define_xml(h.off()?, Some("<domain/>".into()), 0)
    ),
    same!(
        DOMAIN_CORE_DUMP,
        "off.coreDump('/tmp/drover-diff/core')",
        |h| h
            .client
            .domain_core_dump(h.off()?, "/tmp/drover-diff/core", 0)
    )
    .first(before!(|h| stop(&h))),
    same!(
        DOMAIN_CORE_DUMP_WITH_FORMAT,
        "off.coreDumpWithFormat('/tmp/drover-diff/core', 0)",
        |h| h
            .client
            .domain_core_dump_with_format(h.off()?, "/tmp/drover-diff/core", 0, 0)
    )
    .first(before!(|h| stop(&h))),
];

fn file() -> Vec<drover_rpc::proto::remote::TypedParam> {
    drover_rpc::TypedParams::new()
        .with_str("file", "/tmp/drover-diff/save")
        .into_wire()
}

async fn start(here: &Here) -> Result<(), Failed> {
    Ok(here.client.domain_create(here.off()?).await?)
}

async fn stop(here: &Here) -> Result<(), Failed> {
    Ok(here.client.domain_destroy(here.off()?).await?)
}

async fn define(here: &Here) -> Result<drover_rpc::proto::remote::Domain, Failed> {
    let xml = here.client.domain_get_xml_desc(here.off()?, 0).await?;
    Ok(here.client.domain_define_xml(xml).await?)
}

const GONE: &str = "drover-diff-gone";

async fn make_gone(here: &Here) -> Result<(), Failed> {
    let like = here
        .client
        .domain_get_xml_desc(here.off()?, 0)
        .await?
        .to_string();
    let kind = if like.contains("type='test'") {
        "test"
    } else {
        "qemu"
    };
    here.client.domain_define_xml(domain(kind, GONE)).await?;
    Ok(())
}

async fn gone(here: &Here) -> Result<drover_rpc::proto::remote::Domain, Failed> {
    assert_ne!(GONE, OFF);
    Ok(here.client.domain_lookup_by_name(GONE).await?)
}
