//! Who is who: UUIDs, names and marks that are the same in every life of the control plane.

use uuid::Uuid;

use crate::xml::Element;

/// The XML namespace of Drover's mark.
pub const XML_NAMESPACE: &str = "https://drover.dev/ns/v1";
/// The volume that says that a pool is Drover's and that its storage is really there.
pub const POOL_MARKER: &str = "drover.pool";
/// What the name of a volume's owner record ends with.
pub const OWNER_SUFFIX: &str = ".owner";
/// What the name of a volume's completion record ends with.
pub const READY_SUFFIX: &str = ".ready";

// Under which all of Drover's UUIDs are made.
const ROOT: Uuid = Uuid::from_u128(0x7c0e_6a53_2f1d_4b0e_9a44_d1c0_5e2b_3f61);

fn uuid(kind: &str, parts: &[&str]) -> Uuid {
    // No part contains a slash, so no two lists of parts make the same text.
    Uuid::new_v5(&ROOT, format!("{kind}/{}", parts.join("/")).as_bytes())
}

/// The UUID of a machine's domain.
#[must_use]
pub fn machine_uuid(fleet: &str, namespace: &str, name: &str) -> Uuid {
    uuid("machine", &[fleet, namespace, name])
}

/// The UUID of a pool, the same on every host.
#[must_use]
pub fn pool_uuid(fleet: &str, name: &str) -> Uuid {
    uuid("pool", &[fleet, name])
}

/// The UUID of a network, the same on every host.
#[must_use]
pub fn network_uuid(fleet: &str, name: &str) -> Uuid {
    uuid("network", &[fleet, name])
}

/// The name of a machine's domain. No name in Kubernetes contains `_`.
#[must_use]
pub fn domain_name(namespace: &str, name: &str) -> String {
    format!("{namespace}_{name}")
}

/// The name of a Volume in its pool.
#[must_use]
pub fn volume_name(namespace: &str, name: &str) -> String {
    format!("{namespace}_{name}")
}

/// The MAC address of an interface whose spec names none: in the range that QEMU uses.
#[must_use]
pub fn mac_address(machine: &Uuid, interface: &str) -> String {
    let made = Uuid::new_v5(machine, format!("mac/{interface}").as_bytes());
    let [a, b, c, ..] = *made.as_bytes();
    format!("52:54:00:{a:02x}:{b:02x}:{c:02x}")
}

/// Drover's mark in a domain's or network's `<metadata>`: whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The fleet.
    pub fleet: String,
    /// The object's namespace; empty for one of the cluster.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The object's UID. One that differs proves nothing: the cluster may have been made anew.
    pub uid: String,
    /// The placement that wrote the definition.
    pub epoch: i64,
}

impl Mark {
    /// The element.
    #[must_use]
    pub fn element(&self) -> Element {
        Element::new("drover:mark")
            .attribute("xmlns:drover", XML_NAMESPACE)
            .attribute("fleet", &self.fleet)
            .attribute("namespace", &self.namespace)
            .attribute("name", &self.name)
            .attribute("uid", &self.uid)
            .attribute("epoch", self.epoch.to_string())
    }

    /// The mark in a definition, whose root this is.
    #[must_use]
    pub fn read(root: roxmltree::Node<'_, '_>) -> Option<Self> {
        let metadata = root.children().find(|node| node.has_tag_name("metadata"))?;
        let mark = metadata
            .children()
            .find(|node| node.has_tag_name((XML_NAMESPACE, "mark")))?;
        let attribute = |name| mark.attribute(name).map(str::to_owned);
        Some(Self {
            fleet: attribute("fleet")?,
            namespace: attribute("namespace")?,
            name: attribute("name")?,
            uid: attribute("uid").unwrap_or_default(),
            epoch: mark.attribute("epoch")?.parse().ok()?,
        })
    }

    /// Whether both stand for the same object, in whatever life of the cluster.
    #[must_use]
    pub fn same_object(&self, other: &Self) -> bool {
        (&self.fleet, &self.namespace, &self.name) == (&other.fleet, &other.namespace, &other.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Mark, domain_name, mac_address, machine_uuid};

    #[test]
    fn a_machine_is_the_same_in_every_life() {
        let uuid = machine_uuid("lab", "demo", "first");
        assert_eq!(
            uuid.to_string(),
            machine_uuid("lab", "demo", "first").to_string()
        );
        assert_eq!(uuid.get_version_num(), 5);
        assert_ne!(uuid, machine_uuid("lab", "demo-first", ""));
        assert_ne!(uuid, machine_uuid("other", "demo", "first"));
        assert_eq!(domain_name("demo", "first"), "demo_first");
    }

    #[test]
    fn a_mac_address_is_unicast_and_its_own() {
        let uuid = machine_uuid("lab", "demo", "first");
        let mac = mac_address(&uuid, "eth0");
        assert!(mac.starts_with("52:54:00:") && mac.len() == 17, "{mac}");
        assert_ne!(mac, mac_address(&uuid, "eth1"));
    }

    proptest! {
        #[test]
        fn a_mark_is_read_as_it_was_written(
            fleet in "[a-z<&'\"]{1,9}", name in "[a-z]{1,9}", uid in "\\PC{0,9}", epoch in 0_i64..99,
        ) {
            let mark = Mark { fleet, namespace: "n".into(), name, uid, epoch };
            let text = format!("<domain><metadata>{}</metadata></domain>", mark.element());
            let document = roxmltree::Document::parse(&text)?;
            prop_assert_eq!(Mark::read(document.root_element()), Some(mark));
        }
    }
}
