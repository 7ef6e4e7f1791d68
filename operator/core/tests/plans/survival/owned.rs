//! What of a definition a change of a field may touch. Nothing else may differ.

use super::tree::Tree;

const CPUS: &[&str] = &[
    "vcpu#",
    "vcpu@current",
    "vcpus",
    "cpu/topology@sockets",
    "cpu/topology@cores",
    "cpu/topology@threads",
    "cpu/topology@dies",
    "cpu/topology@clusters",
];
const MEMORY: &[&str] = &[
    "memory#",
    "memory@unit",
    "currentMemory#",
    "currentMemory@unit",
];
const MODEL: &[&str] = &[
    "cpu@mode",
    "cpu@match",
    "cpu@check",
    "cpu@migratable",
    "cpu/model",
    "cpu/vendor",
];

/// The fields that a machine has once.
const ONCE: [(&str, &[&str]); 27] = [
    ("spec.cpu.sockets", CPUS),
    ("spec.cpu.cores", CPUS),
    ("spec.cpu.threads", CPUS),
    ("spec.cpu.maxSockets", CPUS),
    ("spec.cpu.model", MODEL),
    ("spec.cpu.features", &["cpu/feature"]),
    ("spec.memory.guest", MEMORY),
    ("spec.memory.maxGuest", MEMORY),
    ("spec.memory.hugepages", &["memoryBacking/hugepages"]),
    ("spec.machine.type", &["os/type@machine"]),
    ("spec.firmware.tpm", &["devices/tpm"]),
    ("spec.firmware.kernelBoot.kernelVolume", &["os/kernel"]),
    ("spec.firmware.kernelBoot.initrdVolume", &["os/initrd"]),
    ("spec.firmware.kernelBoot.cmdline", &["os/cmdline"]),
    (
        "spec.clock",
        &[
            "clock@offset",
            "clock@timezone",
            "clock@adjustment",
            "clock@basis",
            "clock@start",
        ],
    ),
    ("spec.cloudInit", &[]),
    ("spec.ignition", &["sysinfo"]),
    ("spec.sysprep", &[]),
    (
        "spec.devices.graphics",
        &["devices/graphics", "devices/audio@type"],
    ),
    ("spec.devices.video", &["devices/video"]),
    ("spec.devices.serial", &["devices/serial"]),
    ("spec.devices.rng", &["devices/rng"]),
    ("spec.devices.watchdog", &["devices/watchdog"]),
    ("spec.devices.balloon", &["devices/memballoon"]),
    ("spec.devices.agentChannel", &[]),
    ("spec.devices.panic", &["devices/panic"]),
    ("spec.devices.hostDevices", &["devices/hostdev"]),
];

/// The fields of a disk and of an interface, in its element.
const OF_DEVICES: [(&str, &[&str]); 17] = [
    (
        "disk type",
        &["@device", "address", "readonly", "target@tray"],
    ),
    (
        "disk bus",
        &[
            "target@bus",
            "target@dev",
            "target@removable",
            "address",
            "alias",
        ],
    ),
    (
        "disk volume",
        &["@type", "source", "backingStore", "readonly"],
    ),
    ("disk format", &["driver@type"]),
    ("disk backing", &["backingStore"]),
    ("disk shareable", &["shareable"]),
    ("disk bootOrder", &["boot"]),
    ("disk cache", &["driver@cache"]),
    ("disk io", &["driver@io"]),
    ("disk serial", &["serial"]),
    ("disk qos", &[]),
    ("interface network", &["@type", "source"]),
    ("interface portGroup", &["source@portgroup"]),
    ("interface model", &["model@type", "address"]),
    ("interface macAddress", &["mac@address"]),
    ("interface state", &["link"]),
    (
        "interface qos",
        &[
            "bandwidth/inbound@average",
            "bandwidth/inbound@peak",
            "bandwidth/inbound@burst",
            "bandwidth/outbound@average",
            "bandwidth/outbound@peak",
            "bandwidth/outbound@burst",
        ],
    ),
];

const LIMITS: [(&str, &str); 6] = [
    ("total", "bytes"),
    ("read", "bytes"),
    ("write", "bytes"),
    ("total", "iops"),
    ("read", "iops"),
    ("write", "iops"),
];

const MADE_FOR_CHILDREN: [&str; 16] = [
    "memory",
    "currentMemory",
    "vcpu",
    "metadata",
    "cpu",
    "topology",
    "os",
    "clock",
    "memoryBacking",
    "iotune",
    "bandwidth",
    "inbound",
    "outbound",
    "driver",
    "boot",
    "source",
];

/// Takes everything out of a definition that these changes may touch, and Drover's mark.
pub(crate) fn without(
    changed: &[String],
    tree: &Tree,
    mac_of: &impl Fn(&str) -> Option<String>,
) -> Tree {
    let mut tree = tree.clone();
    if let Some(metadata) = tree.children_mut("metadata") {
        let mark = format!("{{{}}}mark", drover_core::identity::XML_NAMESPACE);
        metadata.retain(|child| child.name != mark);
    }
    let mut ordered = false;
    // By what these change devices are known.
    let last = |path: &&String| path.ends_with(".bus") || path.ends_with(".macAddress");
    let (names, others): (Vec<_>, Vec<_>) = changed.iter().partition(last);
    for path in others.into_iter().chain(names) {
        ordered |=
            path.ends_with(".bootOrder") || path.starts_with("spec.disks[") && path.ends_with(']');
        match path.split_once('[') {
            None => once(path, &mut tree),
            Some((kind, rest)) => {
                let kind = if kind == "spec.disks" {
                    "disk"
                } else {
                    "interface"
                };
                let (name, field) = rest.split_once(']').unwrap();
                device(&mut tree, kind, name, field.trim_start_matches('.'), mac_of);
            }
        }
    }
    if ordered {
        tree.strip("os/boot");
    }
    tree.strip_empty(&MADE_FOR_CHILDREN);
    tree
}

fn owned(all: &[(&str, &'static [&'static str])], name: &str) -> &'static [&'static str] {
    let found = all.iter().find(|(known, _)| *known == name);
    found
        .unwrap_or_else(|| panic!("{name} is to be in the table"))
        .1
}

fn once(path: &str, tree: &mut Tree) {
    for what in owned(&ONCE, path) {
        tree.strip(what);
    }
    let Some(devices) = tree.children_mut("devices") else {
        return;
    };
    let target = |it: &Tree, name| {
        it.find("target")
            .and_then(|it| it.get(name).map(str::to_owned))
    };
    devices.retain(|it| match (path, it.name.as_str()) {
        ("spec.devices.serial", "console") => target(it, "type").is_some_and(|it| it != "serial"),
        ("spec.devices.agentChannel", "channel") => {
            target(it, "name").as_deref() != Some("org.qemu.guest_agent.0")
        }
        ("spec.cloudInit", "disk") => !is_called(it, "ua-cloud-init"),
        ("spec.sysprep", "disk") => !is_called(it, "ua-sysprep"),
        _ => true,
    });
}

fn is_called(it: &Tree, name: &str) -> bool {
    it.find("alias").and_then(|alias| alias.get("name")) == Some(name)
}

fn device(
    tree: &mut Tree,
    kind: &str,
    name: &str,
    field: &str,
    mac_of: &impl Fn(&str) -> Option<String>,
) {
    let Some(devices) = tree.children_mut("devices") else {
        return;
    };
    let prefix = if kind == "disk" { "ua-disk-" } else { "ua-if-" };
    let alias = |it: &Tree| {
        let alias = it.find("alias").and_then(|alias| alias.get("name"));
        alias
            .and_then(|alias| alias.strip_prefix(prefix))
            .map(str::to_owned)
    };
    let known = |it: &Tree| match kind {
        // What a guest starts with is no disk of its spec.
        "disk" if is_called(it, "ua-cloud-init") || is_called(it, "ua-sysprep") => false,
        "disk" => it.find("target").and_then(|it| it.get("dev")) == Some(name),
        _ => {
            let mac = it.find("mac").and_then(|mac| mac.get("address"));
            mac.is_some() && mac.map(str::to_lowercase) == mac_of(name)
        }
    };
    let mut all = devices.iter();
    let named = all.position(|it| it.name == kind && alias(it).as_deref() == Some(name));
    let mut all = devices.iter();
    let found =
        named.or_else(|| all.position(|it| it.name == kind && alias(it).is_none() && known(it)));
    let Some(at) = found else { return };
    if field.is_empty() {
        devices.remove(at);
        return;
    }
    for what in owned(&OF_DEVICES, &format!("{kind} {field}")) {
        devices[at].strip(what);
    }
    if field == "qos" {
        for (what, kind) in LIMITS {
            // A burst goes with its limit.
            for more in ["", "_max", "_max_length"] {
                devices[at].strip(&format!("iotune/{what}_{kind}_sec{more}"));
            }
        }
    }
}
