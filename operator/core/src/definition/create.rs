//! The definition of a machine that is not there yet.

use super::{
    bus_of, disk_element, free_target, interface_element, put_mark, scsi_controller, targets,
};
use crate::desired::machine::DesiredMachine;
use crate::fields::{Field, ROWS, Shape, Site, Value, family};
use crate::identity::Mark;
use crate::xml::{DomainType, Element};

/// Root ports that are left free, for what is plugged in while the machine runs.
const SPARE_PORTS: usize = 8;
// A bus has 32 slots, and some are the board's own.
const MOST_PORTS: usize = 28;

/// The definition of a machine at a site.
#[must_use]
pub fn create(machine: &DesiredMachine, site: &Site, mark: &Mark) -> String {
    let mut root = unmarked(machine, site);
    put_mark(&mut root, mark);
    root.to_string()
}

/// The definition without the words that are a machine's own: its name, UUID, mark, MAC addresses,
/// volumes, files and log. What libvirt's schema says of one machine it says of every other with the same outline.
#[must_use]
pub fn outline(machine: &DesiredMachine, site: &Site) -> String {
    let mut root = unmarked(machine, site);
    for own in ["name", "uuid", "metadata"] {
        root.remove(own, |_| true);
    }
    for entry in root.ensure("sysinfo").elements_mut() {
        entry.unset("file");
    }
    for device in root.ensure("devices").elements_mut() {
        let (child, attribute) = match device.name() {
            "disk" => ("source", "volume"),
            "interface" => ("mac", "address"),
            "serial" => ("log", "file"),
            _ => continue,
        };
        if let Some(child) = device.find_mut(child) {
            child.unset(attribute);
        }
    }
    root.to_string()
}

fn unmarked(machine: &DesiredMachine, site: &Site) -> Element {
    let mut shape = Shape::of(machine, site);
    if *shape.get(Field::CpuModel) == Value::Any {
        shape.values[Field::CpuModel as usize] = usual_model(machine, site);
    }
    let architecture = machine.architecture.as_ref().unwrap_or(&site.architecture);
    let mut root = Element::new("domain")
        .attribute("type", site.domain_type.as_str())
        .child(Element::text("name", &machine.domain_name))
        .child(Element::text("uuid", machine.uuid.to_string()))
        .child(Element::new("metadata"))
        .child(Element::new("memory"))
        .child(Element::new("currentMemory"))
        .child(Element::new("vcpu"))
        .child(os(machine, architecture))
        .children(features(architecture))
        .child(Element::new("cpu"))
        .child(Element::new("clock"))
        .child(Element::text("on_poweroff", "destroy"))
        .child(Element::text("on_reboot", "restart"))
        .child(Element::text("on_crash", "destroy"))
        .child(Element::new("devices"));
    let devices = root.ensure("devices");
    if site.domain_type != DomainType::Test {
        // For disks that are plugged in later: libvirt itself would choose an old model.
        devices.push(scsi_controller());
    }
    for item in &shape.disks {
        let target = free_target(bus_of(item), &targets(devices));
        devices.push(disk_element(item, &target));
    }
    for item in &shape.interfaces {
        devices.push(interface_element(item));
    }
    for (row, value) in ROWS.iter().zip(&shape.values) {
        // What is off is not written, except what libvirt would add by itself.
        let written = match value {
            Value::None => row.path == "spec.devices.video",
            Value::Any | Value::Flag(false) => matches!(
                row.path,
                "spec.devices.balloon" | "spec.firmware.secureBoot"
            ),
            _ => true,
        };
        if written {
            (row.write)(&mut root, &shape.values);
        }
    }
    root.remove_empty("memoryBacking");
    if has_ports(machine, site) {
        spare_ports(root.ensure("devices"));
    }
    root
}

fn os(machine: &DesiredMachine, architecture: &str) -> Element {
    let os_type = Element::text("type", "hvm").attribute("arch", architecture);
    let ordered = machine.disks.iter().any(|disk| disk.boot_order.is_some());
    let boot = (!ordered).then(|| Element::new("boot").attribute("dev", "hd"));
    Element::new("os").child(os_type).children(boot)
}

fn features(architecture: &str) -> Option<Element> {
    let x86 = matches!(architecture, "x86_64" | "i686");
    x86.then(|| {
        Element::new("features")
            .child(Element::new("acpi"))
            .child(Element::new("apic"))
    })
}

fn usual_model(machine: &DesiredMachine, site: &Site) -> Value {
    let architecture = machine.architecture.as_ref().unwrap_or(&site.architecture);
    match site.domain_type {
        DomainType::Kvm => Value::Text("host-model".into()),
        // Without the CPU's help every feature is made in software: a plain model is what works.
        DomainType::Qemu if architecture == "x86_64" => Value::Text("qemu64".into()),
        DomainType::Qemu | DomainType::Test => Value::Any,
    }
}

fn has_ports(machine: &DesiredMachine, site: &Site) -> bool {
    let board = machine.machine_type.as_deref().map(family);
    site.domain_type != DomainType::Test && matches!(board, Some("q35" | "virt"))
}

// libvirt lays out just as many ports as there are devices: nothing could be plugged in later. The
// root has to be named too, or the ports are refused.
fn spare_ports(devices: &mut Element) {
    let on_pci = |device: &Element| match device.name() {
        "disk" => device.find("target").and_then(|it| it.get("bus")) == Some("virtio"),
        "interface" | "hostdev" | "rng" | "memballoon" | "channel" | "video" | "controller"
        | "watchdog" => true,
        _ => false,
    };
    let ports = devices.elements().filter(|device| on_pci(device)).count() + SPARE_PORTS;
    let controller = |model: &str| {
        Element::new("controller")
            .attribute("type", "pci")
            .attribute("model", model)
    };
    devices.push(controller("pcie-root").attribute("index", "0"));
    for _ in 0..ports.min(MOST_PORTS) {
        devices.push(controller("pcie-root-port"));
    }
}
