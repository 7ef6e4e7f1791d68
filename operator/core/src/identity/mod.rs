//! Who is who: UUIDs, names and marks that are the same in every life of the control plane.

use drover_crds::virtual_machine::Interface;
use uuid::Uuid;

pub use mark::{Acted, Mark, Pending, Recorded, Stop};

mod mark;

/// The XML namespace of Drover's mark.
pub const XML_NAMESPACE: &str = "https://drover.dev/ns/v1";
/// The volume that says that a pool is Drover's and that its storage is really there.
pub const POOL_MARKER: &str = "drover.pool";
/// What the name of a volume's owner record ends with.
pub const OWNER_SUFFIX: &str = ".owner";
/// What the name of a volume's completion record ends with.
pub const READY_SUFFIX: &str = ".ready";

/// Whether a volume of this name is one of Drover's own records, and nobody's disk.
#[must_use]
pub fn is_record(volume: &str) -> bool {
    let mut suffixes = [OWNER_SUFFIX, READY_SUFFIX].into_iter();
    volume == POOL_MARKER || suffixes.any(|suffix| volume.ends_with(suffix))
}

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

/// The UUID of the libvirt secret of a pool, the same on every host.
#[must_use]
pub fn secret_uuid(fleet: &str, pool: &str) -> Uuid {
    uuid("secret", &[fleet, pool])
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

/// The name of a copy of an Image, or of a ClusterImage (which has no namespace), in a pool. No
/// Volume's begins with `_`.
#[must_use]
pub fn image_volume_name(namespace: &str, name: &str) -> String {
    match namespace {
        "" => format!("_image_{name}"),
        namespace => format!("_image_{namespace}_{name}"),
    }
}

/// The MAC address of an interface whose spec names none: in the range that QEMU uses.
#[must_use]
pub fn mac_address(machine: &Uuid, interface: &str) -> String {
    let made = Uuid::new_v5(machine, format!("mac/{interface}").as_bytes());
    let [a, b, c, ..] = *made.as_bytes();
    format!("52:54:00:{a:02x}:{b:02x}:{c:02x}")
}

/// The MAC address of an interface: the one that its spec names, or else its own for ever.
#[must_use]
pub fn mac_of(machine: &Uuid, interface: &Interface) -> String {
    let given = interface.mac_address.as_ref();
    given.map_or_else(
        || mac_address(machine, &interface.name),
        |mac| mac.to_lowercase(),
    )
}

#[cfg(test)]
mod tests {
    use super::{domain_name, mac_address, machine_uuid};

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
}
