//! Checkpoints.

use std::borrow::Cow;

use drover_rpc_proto::remote;

use crate::flags::{
    DomainCheckpointCreateFlags, DomainCheckpointDeleteFlags, DomainCheckpointListFlags,
    DomainCheckpointXMLFlags,
};
use crate::objects::Domain;
use crate::objects::handle::{calls, object};

object! {
    /// A moment since which the changes to a domain's disks are known (`virDomainCheckpoint`).
    DomainCheckpoint(DomainCheckpoint) key remote::DomainCheckpoint
        = |checkpoint| checkpoint.wire.clone();
    shown |checkpoint| checkpoint.name()
}

impl DomainCheckpoint {
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
    DomainCheckpoint;

    /// The checkpoints made after it, of which the flags choose.
    virDomainCheckpointListAllChildren: children(
        flags: DomainCheckpointListFlags,
    ) -> Vec<DomainCheckpoint> = domain_checkpoint_list_all_children(1, flags.bits()).checkpoints;

    /// Its XML.
    virDomainCheckpointGetXMLDesc: xml(flags: DomainCheckpointXMLFlags) -> String
        = domain_checkpoint_get_xml_desc(flags.bits());

    /// The checkpoint before it; [`Error::not_found`](crate::Error::not_found) if there is none.
    virDomainCheckpointGetParent: parent() -> DomainCheckpoint = domain_checkpoint_get_parent(0);

    /// Deletes it; what it knew is added to the one before it.
    virDomainCheckpointDelete: delete(flags: DomainCheckpointDeleteFlags) -> ()
        = domain_checkpoint_delete(flags.bits());
}

calls! {
    Domain;

    /// Makes a checkpoint, which the XML describes.
    virDomainCheckpointCreateXML: create_checkpoint(
        xml: &str, flags: DomainCheckpointCreateFlags,
    ) -> DomainCheckpoint = domain_checkpoint_create_xml(xml, flags.bits());

    /// Its checkpoint with this name.
    virDomainCheckpointLookupByName: checkpoint(name: &str) -> DomainCheckpoint
        = domain_checkpoint_lookup_by_name(name, 0);
}
