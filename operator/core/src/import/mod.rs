//! What is there, said as the objects that would be applied to keep it just so.

mod machine;
mod parts;
mod places;
mod unmodelled;

use drover_crds::common::{Adoption, AdoptionFrom, HOSTNAME, NAMESPACE_NAME};
use drover_crds::network::{NetworkBridge, NetworkMode};
use drover_crds::storage_pool::PoolType;
use drover_crds::{ManagementPolicy, Network, ReclaimPolicy, StoragePool};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use serde_json::json;

pub use machine::{Domain, Imported, machine, sources};
pub use places::{Place, Places};

use crate::observed::network::NetworkFacts;

/// A name of Kubernetes, of at most 63 characters, that is as near to this one as can be.
#[must_use]
pub fn object_name(name: &str) -> String {
    let fine = |c: char| {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(fine).collect();
    let name = name.trim_matches('-');
    let name = name.get(..63).unwrap_or(name).trim_end_matches('-');
    match name {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}

/// Whether a name of libvirt's is also one of Kubernetes: pools and networks have the same in both.
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    object_name(name) == name
}

/// The StoragePool that stands for a pool that is there; why not, if none can. Volumes of one
/// namespace may take over what is in it.
///
/// # Errors
/// When the API has no words for it.
pub fn pool(name: &str, type_: &str, namespace: &str) -> Result<StoragePool, String> {
    named("pool", name)?;
    let type_: PoolType = serde_json::from_value(json!(type_))
        .map_err(|_| format!("pool {name}: there are no StoragePools of type {type_}"))?;
    let own = [(NAMESPACE_NAME.to_owned(), namespace.to_owned())];
    let selector = LabelSelector {
        match_labels: Some(own.into()),
        match_expressions: None,
    };
    let spec = drover_crds::StoragePoolSpec {
        type_,
        scope: drover_crds::storage_pool::PoolScope::default(),
        host_selector: None,
        management_policy: ManagementPolicy::Observe,
        source: None,
        target: None,
        initialize: false,
        reserve: None,
        overcommit: None,
        deletion_policy: ReclaimPolicy::Retain,
        namespaces: None,
        adoption: Some(Adoption {
            from: AdoptionFrom::Selector,
            selector: Some(selector),
        }),
    };
    Ok(StoragePool::new(name, spec))
}

/// The Network that stands for a network that is there; why not, if none can.
///
/// # Errors
/// When the API has no words for it.
pub fn network(name: &str, facts: &NetworkFacts) -> Result<Network, String> {
    named("network", name)?;
    let mode = match (facts.forward.as_deref(), &facts.bridge) {
        (None, _) => NetworkMode::Isolated,
        (Some("nat"), _) => NetworkMode::NAT,
        (Some("route"), _) => NetworkMode::Route,
        (Some("open"), _) => NetworkMode::Open,
        (Some("bridge"), Some(_)) if facts.is_ovs => NetworkMode::OVS,
        (Some("bridge"), Some(_)) => NetworkMode::Bridge,
        (Some("bridge" | "private" | "vepa" | "passthrough"), _) => NetworkMode::Macvtap,
        (Some("hostdev"), _) => NetworkMode::HostDev,
        (Some(other), _) => return Err(format!("network {name}: there is no mode {other}")),
    };
    let named = matches!(mode, NetworkMode::Bridge | NetworkMode::OVS);
    let bridge = facts.bridge.clone().filter(|_| named);
    let spec = drover_crds::NetworkSpec {
        mode,
        host_selector: None,
        management_policy: ManagementPolicy::Observe,
        bridge: bridge.map(|name| NetworkBridge {
            name: Some(name),
            stp: None,
            delay: None,
        }),
        device: None,
        nat: None,
        macvtap: None,
        host_devices: None,
        domain: None,
        dns: None,
        routes: Vec::new(),
        mtu: None,
        port_groups: Vec::new(),
        vlan: None,
        bandwidth: None,
        subnets: Vec::new(),
        deletion_policy: ReclaimPolicy::Retain,
        namespaces: None,
    };
    Ok(Network::new(name, spec))
}

fn named(what: &str, name: &str) -> Result<(), String> {
    match is_object_name(name) {
        true => Ok(()),
        false => Err(format!(
            "{what} {name}: Kubernetes has no such name, and both have the same"
        )),
    }
}

/// Chooses the Hosts of these names.
#[must_use]
pub fn on(hosts: impl IntoIterator<Item = String>) -> LabelSelector {
    LabelSelector {
        match_labels: None,
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: HOSTNAME.to_owned(),
            operator: "In".to_owned(),
            values: Some(hosts.into_iter().collect()),
        }]),
    }
}

#[cfg(test)]
mod tests {
    use super::object_name;

    #[test]
    fn names_of_kubernetes() {
        assert_eq!(object_name("Windows 10 (old)"), "windows-10--old");
        assert_eq!(object_name("web.qcow2"), "web-qcow2");
        assert_eq!(object_name("_"), "unnamed");
        assert_eq!(object_name(&"a".repeat(80)).len(), 63);
        assert_eq!(object_name("dänisch"), "d-nisch");
    }
}
