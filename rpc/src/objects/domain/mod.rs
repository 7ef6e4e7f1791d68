//! Domains.

mod agent;
mod block;
mod cpu;
mod descriptors;
mod device;
mod info;
mod job;
mod lifecycle;
mod memory;
mod tune;

use std::borrow::Cow;

use drover_rpc_proto::remote;
use uuid::Uuid;

use crate::flags::{
    ConnectListAllDomainsFlags, DomainCheckpointListFlags, DomainCreateFlags, DomainDefineFlags,
    DomainSnapshotListFlags, DomainXMLFlags,
};
use crate::objects::handle::{calls, client_calls, object};
use crate::objects::{DomainCheckpoint, DomainSnapshot};

pub use block::{BlockInfo, BlockJob, BlockStats, DiskError, FileSystem};
pub use cpu::{CpuSet, VcpuPlace};
pub use device::{GuestInterface, InterfaceStats, IpAddress};
pub use info::{DomainInfo, DomainStatus, StateReason};
pub use job::JobInfo;

object! {
    /// A domain: a guest and its definition (`virDomain`).
    Domain(Domain) key remote::Domain = |domain| domain.wire.clone();
    shown |domain| domain.name()
}

impl Domain {
    /// Its name. A rename does not change the handle.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.wire.name.to_string_lossy()
    }

    /// Its UUID, which never changes.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        Uuid::from_bytes(self.wire.uuid)
    }

    /// The number it had while it ran, when it was looked up; none if it did not run then.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        u32::try_from(self.wire.id).ok()
    }
}

calls! {
    Domain;

    /// Its XML: the live one of a running domain, unless the flags ask for the other one.
    virDomainGetXMLDesc: xml(flags: DomainXMLFlags) -> String = domain_get_xml_desc(flags.bits());

    /// Whether it runs (a paused one does).
    virDomainIsActive: is_active() -> bool = domain_is_active();

    /// Whether it has a definition that outlives its running.
    virDomainIsPersistent: is_persistent() -> bool = domain_is_persistent();

    /// Whether its definition differs from what runs.
    virDomainIsUpdated: is_updated() -> bool = domain_is_updated();

    /// The kind of guest, such as `hvm`.
    virDomainGetOSType: os_type() -> String = domain_get_os_type();

    /// Its snapshots, of which the flags choose.
    virDomainListAllSnapshots: snapshots(flags: DomainSnapshotListFlags) -> Vec<DomainSnapshot>
        = domain_list_all_snapshots(1, flags.bits()).snapshots;

    /// Its checkpoints, of which the flags choose.
    virDomainListAllCheckpoints: checkpoints(
        flags: DomainCheckpointListFlags,
    ) -> Vec<DomainCheckpoint> = domain_list_all_checkpoints(1, flags.bits()).checkpoints;
}

client_calls! {
    /// The domains, of which the flags choose; all of them with no flags.
    virConnectListAllDomains: domains(flags: ConnectListAllDomainsFlags) -> Vec<Domain>
        = connect_list_all_domains(1, flags.bits()).domains;

    /// The domain with this name.
    virDomainLookupByName: domain(name: &str) -> Domain = domain_lookup_by_name(name);

    /// The domain with this UUID.
    virDomainLookupByUUID: domain_by_uuid(uuid: Uuid) -> Domain
        = domain_lookup_by_uuid(uuid.into_bytes());

    /// The domain that runs with this number.
    virDomainLookupByID: domain_by_id(id: u32) -> Domain
        = domain_lookup_by_id(i32::try_from(id).unwrap_or(-1));

    /// Defines a domain, or changes the definition of the one with the same name and UUID. It is not
    /// started.
    virDomainDefineXMLFlags: define_domain(xml: &str, flags: DomainDefineFlags) -> Domain
        = domain_define_xml_flags(xml, flags.bits());

    /// Starts a domain that is gone when it stops.
    virDomainCreateXML: create_domain(xml: &str, flags: DomainCreateFlags) -> Domain
        = domain_create_xml(xml, flags.bits());
}
