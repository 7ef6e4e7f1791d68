//! CEL rules: what one field's bounds cannot say. All are within the API server's cost budget,
//! which is why strings and lists around them have a largest size.

mod machine;
mod network;
mod placement;
mod storage;

use serde_json::{Value, json};

pub use machine::{
    clock, cloud_init, cpu, disk, disk_qos, disks, firmware, interfaces, ip_address, mac_address,
    machine_spec, memory, memory_sizes,
};
pub use network::{
    dhcp_hosts, dhcp_range, dns, dns_forwarder, dns_host, dns_hosts, dns_name, dns_service, nat,
    network_host_devices, network_spec, port_groups, route, subnet, subnets, vlan,
};
pub use placement::{host_requirement, spread_constraint, toleration};
pub use storage::{
    capacity, cluster_image_spec, http_source, image_source, image_spec, pool_spec, source,
    source_devices, source_path, target_path, template, url, volume_name, volume_spec,
};

/// Largest number of disks of a machine.
pub const MAX_DISKS: usize = 32;
/// Largest number of interfaces of a machine.
pub const MAX_INTERFACES: usize = 32;

/// What devices of a host are to machines, as Kubernetes names resources: `nvidia.com/a10`.
pub const RESOURCE: &str =
    "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$";
/// A vendor and a product of PCI or USB: `10de:2236`.
pub const VENDOR_PRODUCT: &str = "^[0-9a-f]{4}:[0-9a-f]{4}$";

// Drivers and transports of a Host's URI.
const DRIVERS: [&str; 5] = ["qemu", "test", "lxc", "xen", "ch"];
const TRANSPORTS: [&str; 4] = ["unix", "tcp", "tls", "ssh"];

fn rule(rule: impl Into<String>, message: &str) -> Value {
    json!({"rule": rule.into(), "message": message})
}

fn at(field: &str, mut rule: Value) -> Value {
    rule["fieldPath"] = field.into();
    rule
}

// `name` may be neither set, changed nor taken away once the object exists.
fn immutable(name: &str) -> Value {
    let text = format!(
        "has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
    );
    let message = format!("{name} cannot be changed: make a new object and delete this one");
    at(&format!(".{name}"), rule(text, &message))
}

/// The name of an object that becomes a name of libvirt's.
#[must_use]
pub fn name_at_most(length: usize) -> String {
    format!("size(self.metadata.name) <= {length}")
}

/// `namespaces`.
#[must_use]
pub fn namespaces() -> Value {
    json!([at(
        ".selector",
        rule(
            "(has(self.from) && self.from == 'Selector') == has(self.selector)",
            "selector is needed with from: Selector, and only then",
        )
    )])
}

/// A name of an object of the API server's. Without this a path would pass for one.
#[must_use]
pub fn reference(kind: &str) -> Value {
    let message = format!("paths are not accepted: give the name of {kind}");
    json!([rule(
        "self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$')",
        &message,
    )])
}

/// A Host's `uri`.
#[must_use]
pub fn host_uri() -> Value {
    let schemes: Vec<String> = DRIVERS
        .iter()
        .flat_map(|driver| {
            let with = TRANSPORTS
                .iter()
                .map(move |transport| format!("'{driver}+{transport}'"));
            std::iter::once(format!("'{driver}'")).chain(with)
        })
        .collect();
    let scheme = format!(
        "!isURL(self) || url(self).getScheme() in [{}]",
        schemes.join(", ")
    );
    let allowed = format!(
        "the scheme must be one of {} with one of +{} or none",
        DRIVERS.join(", "),
        TRANSPORTS.join(", +")
    );
    json!([
        rule(
            "isURL(self)",
            "not a libvirt URI, such as qemu+tls://kvm-07.example.org/system"
        ),
        rule(scheme, &allowed),
        rule(
            "!self.matches('^[^/]*//[^/@]*:[^/@]*@')",
            "no password here: credentialsSecretRef names a Secret",
        ),
        rule(
            "self.matches('^[^?#]*([?]((socket|mode)=[^&=]*)(&(socket|mode)=[^&=]*)*)?$')",
            "parameter not allowed: only socket and mode are",
        ),
    ])
}

/// A Host's spec.
#[must_use]
pub fn host_spec() -> Value {
    json!([at(
        ".uri",
        rule(
            "self.insecure || !self.uri.lowerAscii().matches('^[a-z]+[+]tcp:')",
            "refused: tcp is not authenticated; use tls or ssh, or say insecure: true",
        )
    )])
}

/// One kind of devices of a Host.
#[must_use]
pub fn offered_device() -> Value {
    json!([rule(
        "[has(self.pci), has(self.usb), has(self.mdev)].filter(it, it).size() == 1",
        "one of pci, usb and mdev is needed",
    )])
}

/// An amount above zero.
#[must_use]
pub fn positive() -> Value {
    json!([rule(POSITIVE, "must be > 0")])
}

/// An amount of zero or more.
#[must_use]
pub fn not_negative() -> Value {
    json!([rule(
        "!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity('0')) >= 0",
        "must be 0 or more",
    )])
}

const POSITIVE: &str =
    "!isQuantity(string(self)) || quantity(string(self)).isGreaterThan(quantity('0'))";
