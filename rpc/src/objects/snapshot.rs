//! Snapshots.

use std::borrow::Cow;

use drover_rpc_proto::remote;

use crate::flags::{
    DomainSnapshotCreateFlags, DomainSnapshotDeleteFlags, DomainSnapshotListFlags,
    DomainSnapshotRevertFlags, DomainSnapshotXMLFlags,
};
use crate::objects::Domain;
use crate::objects::handle::{calls, object};

object! {
    /// A snapshot of a domain (`virDomainSnapshot`).
    DomainSnapshot(DomainSnapshot) key remote::DomainSnapshot = |snapshot| snapshot.wire.clone();
    shown |snapshot| snapshot.name()
}

impl DomainSnapshot {
    /// Its name, unique in its domain.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.wire.name.to_string_lossy()
    }

    /// Its domain.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain::from_wire(&self.client, self.wire.dom.clone())
    }
}

calls! {
    DomainSnapshot;

    /// The snapshots made from it, of which the flags choose.
    virDomainSnapshotListAllChildren: children(
        flags: DomainSnapshotListFlags,
    ) -> Vec<DomainSnapshot> = domain_snapshot_list_all_children(1, flags.bits()).snapshots;

    /// Its XML, with the definition the domain had.
    virDomainSnapshotGetXMLDesc: xml(flags: DomainSnapshotXMLFlags) -> String
        = domain_snapshot_get_xml_desc(flags.bits());

    /// The snapshot it was made from; [`Error::not_found`](crate::Error::not_found) if there is
    /// none.
    virDomainSnapshotGetParent: parent() -> DomainSnapshot = domain_snapshot_get_parent(0);

    /// Whether the domain is now based on it.
    virDomainSnapshotIsCurrent: is_current() -> bool = domain_snapshot_is_current(0);

    /// Whether libvirt keeps metadata of it.
    virDomainSnapshotHasMetadata: has_metadata() -> bool = domain_snapshot_has_metadata(0);

    /// Takes the domain back to it. What has happened since is lost.
    virDomainRevertToSnapshot: revert(flags: DomainSnapshotRevertFlags) -> ()
        = domain_revert_to_snapshot(flags.bits());

    /// Deletes it; its children stay, unless the flags say otherwise.
    virDomainSnapshotDelete: delete(flags: DomainSnapshotDeleteFlags) -> ()
        = domain_snapshot_delete(flags.bits());
}

calls! {
    Domain;

    /// Takes a snapshot, which the XML describes.
    virDomainSnapshotCreateXML: create_snapshot(
        xml: &str, flags: DomainSnapshotCreateFlags,
    ) -> DomainSnapshot = domain_snapshot_create_xml(xml, flags.bits());

    /// Its snapshot with this name.
    virDomainSnapshotLookupByName: snapshot(name: &str) -> DomainSnapshot
        = domain_snapshot_lookup_by_name(name, 0);

    /// Whether it is based on a snapshot.
    virDomainHasCurrentSnapshot: has_current_snapshot() -> bool = domain_has_current_snapshot(0);

    /// The snapshot it is based on.
    virDomainSnapshotCurrent: current_snapshot() -> DomainSnapshot = domain_snapshot_current(0);
}
