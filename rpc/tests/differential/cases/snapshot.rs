//! Snapshots and checkpoints.

use crate::case::{Case, Failed, before, same};
use crate::objects::SNAPSHOT;

pub(crate) const SNAPSHOTS: &[Case] = &[
    same!(DOMAIN_SNAPSHOT_NUM, "off.snapshotNum()", |h| h
        .client
        .domain_snapshot_num(h.off()?, 0)),
    same!(DOMAIN_SNAPSHOT_LIST_NAMES, "off.snapshotListNames()", |h| h
        .client
        .domain_snapshot_list_names(h.off()?, 128, 0)),
    same!(
        DOMAIN_LIST_ALL_SNAPSHOTS,
        "off.listAllSnapshots()",
        |h| h.client.domain_list_all_snapshots(h.off()?, 1, 0),
        |r| r.snapshots
    ),
    same!(DOMAIN_SNAPSHOT_LOOKUP_BY_NAME, "s", |h| h
        .client
        .domain_snapshot_lookup_by_name(h.off()?, h.s()?.name, 0)),
    same!(
        DOMAIN_SNAPSHOT_LOOKUP_BY_NAME,
        "off.snapshotLookupByName('nothing')",
        |h| h
            .client
            .domain_snapshot_lookup_by_name(h.off()?, "nothing", 0)
    ),
    same!(
        DOMAIN_HAS_CURRENT_SNAPSHOT,
        "off.hasCurrentSnapshot()",
        |h| h.client.domain_has_current_snapshot(h.off()?, 0)
    ),
    same!(DOMAIN_HAS_CURRENT_SNAPSHOT, "d.hasCurrentSnapshot()", |h| h
        .client
        .domain_has_current_snapshot(h.d()?, 0)),
    same!(DOMAIN_SNAPSHOT_CURRENT, "off.snapshotCurrent()", |h| h
        .client
        .domain_snapshot_current(h.off()?, 0)),
    same!(DOMAIN_SNAPSHOT_CURRENT, "d.snapshotCurrent()", |h| h
        .client
        .domain_snapshot_current(h.d()?, 0)),
    same!(DOMAIN_SNAPSHOT_GET_XML_DESC, "s.getXMLDesc()", |h| h
        .client
        .domain_snapshot_get_xml_desc(h.s()?, 0)),
    same!(DOMAIN_SNAPSHOT_IS_CURRENT, "s.isCurrent()", |h| h
        .client
        .domain_snapshot_is_current(h.s()?, 0)),
    same!(DOMAIN_SNAPSHOT_HAS_METADATA, "s.hasMetadata()", |h| h
        .client
        .domain_snapshot_has_metadata(h.s()?, 0)),
    same!(DOMAIN_SNAPSHOT_GET_PARENT, "s.getParent()", |h| h
        .client
        .domain_snapshot_get_parent(h.s()?, 0)),
    same!(DOMAIN_SNAPSHOT_NUM_CHILDREN, "s.numChildren()", |h| h
        .client
        .domain_snapshot_num_children(h.s()?, 0)),
    same!(
        DOMAIN_SNAPSHOT_LIST_CHILDREN_NAMES,
        "s.listChildrenNames()",
        |h| h.client.domain_snapshot_list_children_names(h.s()?, 128, 0)
    ),
    same!(
        DOMAIN_SNAPSHOT_LIST_ALL_CHILDREN,
        "s.listAllChildren()",
        |h| h.client.domain_snapshot_list_all_children(h.s()?, 1, 0),
        |r| r.snapshots
    ),
];

pub(crate) const CHANGES: &[Case] = &[
    same!(
        DOMAIN_SNAPSHOT_CREATE_XML,
        "off.snapshotCreateXML('<domainsnapshot')",
        |h| h
            .client
            .domain_snapshot_create_xml(h.off()?, "<domainsnapshot", 0)
    ),
    same!(
        DOMAIN_SNAPSHOT_CREATE_XML,
        "off.snapshotCreateXML('<domainsnapshot><name>drover-diff</name></domainsnapshot>')",
        |h| h.client.domain_snapshot_create_xml(h.off()?, SNAPSHOT, 0)
    ),
    same!(DOMAIN_REVERT_TO_SNAPSHOT, "off.revertToSnapshot(s)", |h| h
        .client
        .domain_revert_to_snapshot(h.s()?, 0)),
    same!(DOMAIN_SNAPSHOT_DELETE, "s.delete(1 << 20)", |h| h
        .client
        .domain_snapshot_delete(h.s()?, 1 << 20)),
    same!(DOMAIN_SNAPSHOT_DELETE, "s.delete()", |h| async {
        h.s()?;
        let snapshot = h
            .client
            .domain_snapshot_lookup_by_name(h.off()?, "drover-diff", 0)
            .await?;
        Ok::<_, Failed>(h.client.domain_snapshot_delete(snapshot, 0).await?)
    })
    .first(before!(|h| h.client.domain_snapshot_create_xml(
        h.off()?,
        SNAPSHOT,
        0
    ))),
];

/// The test driver has them.
macro_rules! checkpoint {
    ($procedure:ident, $python:literal, |$here:ident, $checkpoint:ident| $call:expr) => {
        checkpoint!($procedure, $python, |$here, $checkpoint| $call, |reply| {
            reply
        })
    };
    ($procedure:ident, $python:literal, |$here:ident, $checkpoint:ident| $call:expr, |$reply:pat_param| $plain:expr) => {
        same!(
            $procedure,
            $python,
            |$here| async {
                let $checkpoint = $here
                    .client
                    .domain_checkpoint_lookup_by_name($here.d()?, "one", 0)
                    .await?;
                Ok::<_, Failed>($call.await?)
            },
            |$reply| $plain
        )
        .first(before!(|h| h.client.domain_checkpoint_create_xml(
            h.d()?,
            CHECKPOINT,
            0
        )))
    };
}

const CHECKPOINT: &str = "<domaincheckpoint><name>one</name></domaincheckpoint>";

pub(crate) const CHECKPOINTS: &[Case] = &[
    same!(
        DOMAIN_CHECKPOINT_CREATE_XML,
        "d.checkpointCreateXML('<domaincheckpoint')",
        |h| h
            .client
            .domain_checkpoint_create_xml(h.d()?, "<domaincheckpoint", 0)
    ),
    same!(
        DOMAIN_LIST_ALL_CHECKPOINTS,
        "d.listAllCheckpoints()",
        |h| h.client.domain_list_all_checkpoints(h.d()?, 1, 0),
        |r| r.checkpoints
    )
    .first(before!(|h| h.client.domain_checkpoint_create_xml(
        h.d()?,
        CHECKPOINT,
        0
    ))),
    same!(
        DOMAIN_CHECKPOINT_LOOKUP_BY_NAME,
        "d.checkpointLookupByName('nothing')",
        |h| h
            .client
            .domain_checkpoint_lookup_by_name(h.d()?, "nothing", 0)
    ),
    checkpoint!(
        DOMAIN_CHECKPOINT_GET_XML_DESC,
        "d.checkpointLookupByName('one').getXMLDesc()",
        |h, checkpoint| h.client.domain_checkpoint_get_xml_desc(checkpoint, 0)
    ),
    checkpoint!(
        DOMAIN_CHECKPOINT_GET_PARENT,
        "d.checkpointLookupByName('one').getParent()",
        |h, checkpoint| h.client.domain_checkpoint_get_parent(checkpoint, 0)
    ),
    checkpoint!(
        DOMAIN_CHECKPOINT_LIST_ALL_CHILDREN,
        "d.checkpointLookupByName('one').listAllChildren()",
        |h, checkpoint| h
            .client
            .domain_checkpoint_list_all_children(checkpoint, 1, 0),
        |r| r.checkpoints
    ),
    checkpoint!(
        DOMAIN_CHECKPOINT_DELETE,
        "d.checkpointLookupByName('one').delete()",
        |h, checkpoint| h.client.domain_checkpoint_delete(checkpoint, 0)
    ),
];
