//! Pools and volumes.

use serde_json::json;

use crate::case::{Case, Failed, before, same};
use crate::objects::VOLUME;
use crate::plain::{all_of, hex};

pub(crate) const POOLS: &[Case] = &[
    same!(
        STORAGE_POOL_GET_XML_DESC,
        "p.XMLDesc().split('<allocation')[0]",
        |h| h.client.storage_pool_get_xml_desc(h.p()?, 0),
        // What is free on a real disk moves on.
        |r| r
            .to_string()
            .split("<allocation")
            .next()
            .unwrap()
            .to_owned()
    ),
    same!(
        STORAGE_POOL_GET_INFO,
        "p.info()",
        |h| h.client.storage_pool_get_info(h.p()?),
        |r| json!([r.state, r.capacity, r.allocation, r.available])
    )
    .shape(),
    same!(STORAGE_POOL_GET_AUTOSTART, "p.autostart()", |h| h
        .client
        .storage_pool_get_autostart(h.p()?)),
    same!(STORAGE_POOL_SET_AUTOSTART, "p.setAutostart(1)", |h| h
        .client
        .storage_pool_set_autostart(h.p()?, 1)),
    same!(STORAGE_POOL_SET_AUTOSTART, "p.setAutostart(0)", |h| h
        .client
        .storage_pool_set_autostart(h.p()?, 0)),
    same!(STORAGE_POOL_IS_ACTIVE, "p.isActive()", |h| h
        .client
        .storage_pool_is_active(h.p()?)),
    same!(STORAGE_POOL_IS_PERSISTENT, "p.isPersistent()", |h| h
        .client
        .storage_pool_is_persistent(h.p()?)),
    same!(STORAGE_POOL_NUM_OF_VOLUMES, "p.numOfVolumes()", |h| h
        .client
        .storage_pool_num_of_volumes(h.p()?)),
    same!(STORAGE_POOL_LIST_VOLUMES, "p.listVolumes()", |h| h
        .client
        .storage_pool_list_volumes(h.p()?, 1024)),
    same!(
        STORAGE_POOL_LIST_ALL_VOLUMES,
        "p.listAllVolumes()",
        |h| h.client.storage_pool_list_all_volumes(h.p()?, 1, 0),
        |r| r.vols
    ),
    same!(STORAGE_POOL_REFRESH, "p.refresh()", |h| h
        .client
        .storage_pool_refresh(h.p()?, 0))
    .only(crate::case::Driver::Qemu),
];

const GONE: &str = "<pool type='dir'><name>drover-diff-gone</name><target><path>/tmp/drover-diff-gone</path></target></pool>";

/// What changes the pool is tried on one that nothing else needs.
macro_rules! gone {
    ($procedure:ident, $python:literal, |$here:ident, $pool:ident| $call:expr) => {
        same!($procedure, $python, |$here| async {
            let $pool = $here
                .client
                .storage_pool_lookup_by_name("drover-diff-gone")
                .await?;
            Ok::<_, Failed>($call.await?)
        })
    };
}

pub(crate) const POOL_CHANGES: &[Case] = &[
        same!(
            STORAGE_POOL_DEFINE_XML,
            "c.storagePoolDefineXML('<pool')",
            |h| h.client.storage_pool_define_xml("<pool", 0)
        ),
        same!(
            STORAGE_POOL_DEFINE_XML,
            "c.storagePoolDefineXML(\"<pool type='dir'><name>drover-diff-gone</name><target><path>/tmp/drover-diff-gone</path></target></pool>\").name()",
            |h| h.client.storage_pool_define_xml(GONE, 0),
            |r| r.name
        ).first(before!(|h| undefine_gone(&h))),
        gone!(
            STORAGE_POOL_BUILD,
            "c.storagePoolLookupByName('drover-diff-gone').build()",
            |h, pool| h.client.storage_pool_build(pool, 0)
        ),
        gone!(
            STORAGE_POOL_CREATE,
            "c.storagePoolLookupByName('drover-diff-gone').create()",
            |h, pool| h.client.storage_pool_create(pool, 0)
        )
        .first(before!(|h| stop_gone(&h))),
        gone!(
            STORAGE_POOL_CREATE,
            "c.storagePoolLookupByName('drover-diff-gone').create()",
            |h, pool| h.client.storage_pool_create(pool, 0)
        ),
        gone!(
            STORAGE_POOL_DESTROY,
            "c.storagePoolLookupByName('drover-diff-gone').destroy()",
            |h, pool| h.client.storage_pool_destroy(pool)
        )
        .first(before!(|h| start_gone(&h))),
        gone!(
            STORAGE_POOL_DESTROY,
            "c.storagePoolLookupByName('drover-diff-gone').destroy()",
            |h, pool| h.client.storage_pool_destroy(pool)
        ),
        gone!(
            STORAGE_POOL_REFRESH,
            "c.storagePoolLookupByName('drover-diff-gone').refresh()",
            |h, pool| h.client.storage_pool_refresh(pool, 0)
        ),
        gone!(
            STORAGE_POOL_DELETE,
            "c.storagePoolLookupByName('drover-diff-gone').delete()",
            |h, pool| h.client.storage_pool_delete(pool, 0)
        )
        .first(before!(|h| build_gone(&h))),
        gone!(
            STORAGE_POOL_UNDEFINE,
            "c.storagePoolLookupByName('drover-diff-gone').undefine()",
            |h, pool| h.client.storage_pool_undefine(pool)
        )
        .first(before!(|h| h.client.storage_pool_define_xml(GONE, 0))),
        same!(
            STORAGE_POOL_CREATE_XML,
            "c.storagePoolCreateXML('<pool/>')",
            |h| h.client.storage_pool_create_xml("<pool/>", 0)
        ),
];

async fn of_gone(
    here: &crate::case::Here,
) -> Result<drover_rpc::proto::remote::StoragePool, Failed> {
    Ok(here
        .client
        .storage_pool_lookup_by_name("drover-diff-gone")
        .await?)
}

async fn undefine_gone(here: &crate::case::Here) -> Result<(), Failed> {
    Ok(here
        .client
        .storage_pool_undefine(of_gone(here).await?)
        .await?)
}

async fn start_gone(here: &crate::case::Here) -> Result<(), Failed> {
    Ok(here
        .client
        .storage_pool_create(of_gone(here).await?, 0)
        .await?)
}

async fn stop_gone(here: &crate::case::Here) -> Result<(), Failed> {
    Ok(here
        .client
        .storage_pool_destroy(of_gone(here).await?)
        .await?)
}

async fn build_gone(here: &crate::case::Here) -> Result<(), Failed> {
    Ok(here
        .client
        .storage_pool_build(of_gone(here).await?, 0)
        .await?)
}

pub(crate) const VOLUMES: &[Case] = &[
    same!(STORAGE_VOL_GET_XML_DESC, "v.XMLDesc()", |h| h
        .client
        .storage_vol_get_xml_desc(h.v()?, 0)),
    same!(
        STORAGE_VOL_GET_INFO,
        "v.info()",
        |h| h.client.storage_vol_get_info(h.v()?),
        |r| json!([r.type_, r.capacity, r.allocation])
    ),
    same!(
        STORAGE_VOL_GET_INFO_FLAGS,
        "v.infoFlags(1)",
        |h| h.client.storage_vol_get_info_flags(h.v()?, 1),
        |r| json!([r.type_, r.capacity, r.allocation])
    ),
    same!(
        STORAGE_VOL_DOWNLOAD,
        "read(lambda stream: v.download(stream, 0, 0))",
        |h| async {
            let mut download = h.client.storage_vol_download(h.v()?, 0, 0, 0).await?;
            Ok::<_, Failed>(all_of(&mut download).await)
        },
        |r| hex(&r)
    ),
    same!(STORAGE_VOL_GET_PATH, "v.path()", |h| h
        .client
        .storage_vol_get_path(h.v()?)),
    same!(STORAGE_VOL_CREATE_XML, "p.createXML('<volume')", |h| h
        .client
        .storage_vol_create_xml(h.p()?, "<volume", 0)),
    same!(
        STORAGE_VOL_CREATE_XML,
        "p.createXML('<volume><name>drover-diff.img</name><capacity>1</capacity></volume>')",
        |h| h.client.storage_vol_create_xml(h.p()?, VOLUME, 0)
    ),
    same!(
        STORAGE_VOL_CREATE_XML_FROM,
        "p.createXMLFrom('<volume><name>drover-diff.img</name><capacity>1</capacity></volume>', v)",
        |h| h
            .client
            .storage_vol_create_xml_from(h.p()?, VOLUME, h.v()?, 0)
    ),
    same!(STORAGE_VOL_RESIZE, "v.resize(1)", |h| h
        .client
        .storage_vol_resize(h.v()?, 1, 0)),
    same!(STORAGE_VOL_WIPE, "v.wipe()", |h| h
        .client
        .storage_vol_wipe(h.v()?, 0)),
    same!(STORAGE_VOL_WIPE_PATTERN, "v.wipePattern(99)", |h| h
        .client
        .storage_vol_wipe_pattern(h.v()?, 99, 0)),
    same!(STORAGE_VOL_DELETE, "v.delete(1 << 20)", |h| h
        .client
        .storage_vol_delete(h.v()?, 1 << 20)),
];
