//! What of a definition the API has no words for. It stays as it is.

use std::collections::BTreeMap;

use roxmltree::Node;

use crate::identity::XML_NAMESPACE;
use crate::observed::child;

/// What each definition has, or what goes along with something that the API has words for.
const OF_MACHINES: [&str; 15] = [
    "name",
    "uuid",
    "memory",
    "currentMemory",
    "vcpu",
    "os",
    "cpu",
    "clock",
    "on_poweroff",
    "on_reboot",
    "on_crash",
    "pm",
    "devices",
    "metadata",
    "features",
];
const OF_FEATURES: [&str; 5] = ["acpi", "apic", "pae", "vmport", "gic"];
const OF_OS: [&str; 10] = [
    "type", "boot", "loader", "nvram", "firmware", "kernel", "initrd", "cmdline", "bios", "smbios",
];
const OF_DEVICES: [&str; 9] = [
    "emulator",
    "controller",
    "serial",
    "rng",
    "watchdog",
    "memballoon",
    "panic",
    "disk",
    "interface",
];
const OF_DISKS: [&str; 10] = [
    "driver",
    "source",
    "backingStore",
    "target",
    "serial",
    "iotune",
    "boot",
    "readonly",
    "alias",
    "address",
];
const OF_DRIVERS: [&str; 4] = ["name", "type", "cache", "io"];
const OF_INTERFACES: [&str; 9] = [
    "mac",
    "source",
    "target",
    "model",
    "link",
    "bandwidth",
    "alias",
    "address",
    "portid",
];
/// Devices of which the first is in the spec.
const ONE_OF_DEVICES: [&str; 3] = ["graphics", "video", "tpm"];

/// Names what the API has no words for, by its path in the definition.
pub(super) fn unmodelled(root: Node<'_, '_>) -> Vec<String> {
    let mut found = Found::default();
    found.others(root, "", &OF_MACHINES);
    for (name, usual) in [
        ("on_poweroff", "destroy"),
        ("on_reboot", "restart"),
        ("on_crash", "destroy"),
    ] {
        let text = child(root, name).and_then(|node| node.text());
        if text.is_some_and(|text| text != usual) {
            found.add(name);
        }
    }
    for (name, known) in [("features", &OF_FEATURES[..]), ("os", &OF_OS[..])] {
        if let Some(node) = child(root, name) {
            found.others(node, name, known);
        }
    }
    if let Some(clock) = child(root, "clock") {
        found.others(clock, "clock", &[]);
    }
    let metadata = child(root, "metadata").into_iter().flat_map(elements);
    for node in metadata.filter(|node| node.tag_name().namespace() != Some(XML_NAMESPACE)) {
        found.add(&format!("metadata/{}", node.tag_name().name()));
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for device in child(root, "devices").into_iter().flat_map(elements) {
        let name = device.tag_name().name();
        let count = seen.entry(name.to_owned()).or_default();
        *count += 1;
        if !is_known(device, name, *count) {
            found.add(&format!("devices/{name}"));
        }
        found.inside(device, name);
    }
    found.words()
}

fn is_known(device: Node<'_, '_>, name: &str, count: usize) -> bool {
    let of = |element: &str, attribute| child(device, element)?.attribute(attribute);
    match name {
        "input" => device.attribute("bus") == Some("ps2"),
        "console" => of("target", "type").is_none_or(|kind| kind == "serial"),
        "channel" => of("target", "name") == Some("org.qemu.guest_agent.0"),
        "audio" => device.attribute("type") == Some("none"),
        name if ONE_OF_DEVICES.contains(&name) => count == 1,
        name => OF_DEVICES.contains(&name),
    }
}

fn elements<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

// Paths, and how often each was found.
#[derive(Default)]
struct Found(BTreeMap<String, usize>);

impl Found {
    fn add(&mut self, path: &str) {
        *self.0.entry(path.to_owned()).or_default() += 1;
    }

    fn others(&mut self, node: Node<'_, '_>, path: &str, known: &[&str]) {
        for name in elements(node).map(|child| child.tag_name().name()) {
            if !known.contains(&name) {
                self.add(format!("{path}/{name}").trim_start_matches('/'));
            }
        }
    }

    // Disks and interfaces have much of their own.
    fn inside(&mut self, device: Node<'_, '_>, name: &str) {
        let (known, which) = match name {
            "disk" => (
                &OF_DISKS[..],
                child(device, "target").and_then(|it| it.attribute("dev")),
            ),
            "interface" => (
                &OF_INTERFACES[..],
                child(device, "mac").and_then(|it| it.attribute("address")),
            ),
            _ => return,
        };
        let path = format!("devices/{name}[{}]", which.unwrap_or("?"));
        self.others(device, &path, known);
        let driver = child(device, "driver").filter(|_| name == "disk");
        for attribute in driver.into_iter().flat_map(|driver| driver.attributes()) {
            if !OF_DRIVERS.contains(&attribute.name()) {
                self.add(&format!("{path}/driver/@{}", attribute.name()));
            }
        }
    }

    fn words(self) -> Vec<String> {
        let all = self.0.into_iter();
        all.map(|(path, count)| match count {
            1 => path,
            count => format!("{path} ({count} times)"),
        })
        .collect()
    }
}
