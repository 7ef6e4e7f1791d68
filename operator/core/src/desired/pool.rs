//! A storage pool.

use drover_crds::{ManagementPolicy, ReclaimPolicy, StoragePool};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use uuid::Uuid;

use super::Consent;
use crate::identity;

/// A pool as it is to be on each of its hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredPool {
    /// Its name, which is also the libvirt pool's.
    pub name: String,
    /// Its UUID on every host.
    pub uuid: Uuid,
    /// The hosts that have it.
    pub host_selector: Option<LabelSelector>,
    /// Whether Drover makes it.
    pub managed: bool,
    /// Its folder.
    pub target: Option<String>,
    /// Whether it is removed with its object.
    pub delete: bool,
    /// Whose volumes may be in it.
    pub consent: Consent,
    /// Whose volumes may take over what is in it already.
    pub adoption: Consent,
}

impl DesiredPool {
    /// Reads a pool's object.
    #[must_use]
    pub fn parse(object: &StoragePool, fleet: &str) -> Self {
        let name = object.metadata.name.clone().unwrap_or_default();
        Self {
            uuid: identity::pool_uuid(fleet, &name),
            host_selector: object.spec.host_selector.clone(),
            managed: object.spec.management_policy == ManagementPolicy::Full,
            target: object
                .spec
                .target
                .as_ref()
                .map(|target| target.path.clone()),
            delete: object.spec.deletion_policy == ReclaimPolicy::Delete,
            consent: Consent::parse(object.spec.namespaces.as_ref()),
            adoption: Consent::to_adopt(object.spec.adoption.as_ref()),
            name,
        }
    }
}
