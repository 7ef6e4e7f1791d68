//! A machine as a domain.

use crate::desired::machine::{
    DesiredDisk, DesiredInterface, DesiredMachine, DiskBus, InterfaceModel,
};
use crate::identity::Mark;
use crate::xml::Element;

/// What runs a guest on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainType {
    /// QEMU with the CPU's help.
    Kvm,
    /// QEMU alone.
    Qemu,
    /// libvirt's test driver.
    Test,
}

impl DomainType {
    /// libvirt's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
            Self::Test => "test",
        }
    }
}

/// What of a definition depends on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFlavor {
    /// What runs guests there.
    pub domain_type: DomainType,
    /// The architecture of its guests, if the spec names none.
    pub architecture: String,
}

/// Where a disk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedDisk {
    /// The disk's name in the spec.
    pub name: String,
    /// The libvirt pool.
    pub pool: String,
    /// The volume in the pool.
    pub volume: String,
    /// `qcow2` or `raw`.
    pub format: String,
}

/// The definition of a machine on a host.
#[must_use]
pub fn domain_xml(
    machine: &DesiredMachine,
    disks: &[ResolvedDisk],
    host: &HostFlavor,
    epoch: i64,
) -> String {
    let architecture = machine.architecture.as_ref().unwrap_or(&host.architecture);
    let mut os_type = Element::text("type", "hvm").attribute("arch", architecture);
    if let Some(board) = &machine.machine_type {
        os_type = os_type.attribute("machine", board);
    }
    let ordered = machine.disks.iter().any(|disk| disk.boot_order.is_some());
    let boot = (!ordered).then(|| Element::new("boot").attribute("dev", "hd"));
    let kib = machine.memory_kib.to_string();
    Element::new("domain")
        .attribute("type", host.domain_type.as_str())
        .child(Element::text("name", &machine.domain_name))
        .child(Element::text("uuid", machine.uuid.to_string()))
        .child(Element::new("metadata").child(machine.mark(epoch).element()))
        .child(Element::text("memory", &kib).attribute("unit", "KiB"))
        .child(Element::text("currentMemory", &kib).attribute("unit", "KiB"))
        .child(Element::text("vcpu", machine.vcpus().to_string()))
        .child(Element::new("os").child(os_type).children(boot))
        .children(features(architecture))
        .children(cpu(machine, host))
        .child(Element::new("clock").attribute("offset", "utc"))
        .child(Element::text("on_poweroff", "destroy"))
        .child(Element::text("on_reboot", "restart"))
        .child(Element::text("on_crash", "destroy"))
        .child(devices(machine, disks, host))
        .to_string()
}

fn features(architecture: &str) -> Option<Element> {
    let x86 = matches!(architecture, "x86_64" | "i686");
    x86.then(|| {
        Element::new("features")
            .child(Element::new("acpi"))
            .child(Element::new("apic"))
    })
}

fn cpu(machine: &DesiredMachine, host: &HostFlavor) -> Option<Element> {
    let topology = Element::new("topology")
        .attribute("sockets", machine.sockets.to_string())
        .attribute("cores", machine.cores.to_string())
        .attribute("threads", machine.threads.to_string());
    match host.domain_type {
        DomainType::Kvm => Some(
            Element::new("cpu")
                .attribute("mode", "host-model")
                .child(topology),
        ),
        // Without the CPU's help every feature is made in software: a plain model is what works.
        DomainType::Qemu
            if machine
                .architecture
                .as_deref()
                .unwrap_or(&host.architecture)
                == "x86_64" =>
        {
            let model = Element::text("model", "qemu64").attribute("fallback", "allow");
            let cpu = Element::new("cpu")
                .attribute("mode", "custom")
                .attribute("match", "exact");
            Some(cpu.child(model).child(topology))
        }
        DomainType::Qemu | DomainType::Test => Some(Element::new("cpu").child(topology)),
    }
}

fn devices(machine: &DesiredMachine, disks: &[ResolvedDisk], host: &HostFlavor) -> Element {
    let real = host.domain_type != DomainType::Test;
    let scsi = machine
        .disks
        .iter()
        .any(|disk| disk.bus == DiskBus::Scsi)
        .then(|| {
            Element::new("controller")
                .attribute("type", "scsi")
                .attribute("model", "virtio-scsi")
        });
    Element::new("devices")
        .children(disk_elements(machine, disks))
        .children(machine.interfaces.iter().map(interface_element))
        .children(scsi)
        .children(real.then(|| serial(&machine.domain_name)))
        .children(real.then(|| {
            let backend = Element::text("backend", "/dev/urandom").attribute("model", "random");
            Element::new("rng")
                .attribute("model", "virtio")
                .child(backend)
        }))
}

fn disk_elements(machine: &DesiredMachine, resolved: &[ResolvedDisk]) -> Vec<Element> {
    // The letters of `vd` and of `sd`, which SATA and SCSI share.
    let mut used: [u8; 2] = [0; 2];
    let place = |name: &str| resolved.iter().find(|disk| disk.name == name);
    let disks = machine
        .disks
        .iter()
        .filter_map(|disk| Some((disk, place(&disk.name)?)));
    let elements = disks.map(|(disk, place)| {
        let (bus, prefix, counter) = match disk.bus {
            DiskBus::Virtio => ("virtio", "vd", &mut used[0]),
            DiskBus::Sata => ("sata", "sd", &mut used[1]),
            DiskBus::Scsi => ("scsi", "sd", &mut used[1]),
        };
        let target = format!("{prefix}{}", letter(*counter));
        *counter += 1;
        disk_element(disk, place, &target, bus)
    });
    elements.collect()
}

fn disk_element(disk: &DesiredDisk, place: &ResolvedDisk, target: &str, bus: &str) -> Element {
    let boot = disk
        .boot_order
        .map(|order| Element::new("boot").attribute("order", order.to_string()));
    Element::new("disk")
        .attribute("type", "volume")
        .attribute("device", "disk")
        .child(
            Element::new("driver")
                .attribute("name", "qemu")
                .attribute("type", &place.format),
        )
        .child(
            Element::new("source")
                .attribute("pool", &place.pool)
                .attribute("volume", &place.volume),
        )
        // Stated, so that nobody looks for one in what the guest can write.
        .child(Element::new("backingStore"))
        .child(
            Element::new("target")
                .attribute("dev", target)
                .attribute("bus", bus),
        )
        .children(boot)
        .child(Element::new("alias").attribute("name", format!("ua-disk-{}", disk.name)))
}

fn interface_element(interface: &DesiredInterface) -> Element {
    Element::new("interface")
        .attribute("type", "network")
        .child(Element::new("mac").attribute("address", &interface.mac))
        .child(Element::new("source").attribute("network", &interface.network))
        .child(Element::new("model").attribute("type", model(interface.model)))
        .child(Element::new("alias").attribute("name", format!("ua-if-{}", interface.name)))
}

fn serial(domain: &str) -> Element {
    let log = format!("/var/log/libvirt/qemu/{domain}-console.log");
    Element::new("serial")
        .attribute("type", "pty")
        // What the guest said before a start is kept.
        .child(
            Element::new("log")
                .attribute("file", log)
                .attribute("append", "on"),
        )
        .child(Element::new("target").attribute("port", "0"))
}

fn model(model: InterfaceModel) -> &'static str {
    match model {
        InterfaceModel::Virtio => "virtio",
        InterfaceModel::E1000 => "e1000",
        InterfaceModel::E1000e => "e1000e",
        InterfaceModel::Rtl8139 => "rtl8139",
    }
}

// a, b, ... z, aa: at most 32 disks.
fn letter(index: u8) -> String {
    let last = char::from(b'a' + index % 26);
    if index < 26 {
        last.to_string()
    } else {
        format!("a{last}")
    }
}

impl DesiredMachine {
    /// The mark of the machine's definition.
    #[must_use]
    pub fn mark(&self, epoch: i64) -> Mark {
        Mark {
            fleet: self.fleet.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            epoch,
        }
    }
}
