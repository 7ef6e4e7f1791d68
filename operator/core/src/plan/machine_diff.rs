//! Where a definition differs from what is declared.

use crate::desired::machine::{DesiredMachine, DiskBus, InterfaceModel};
use crate::observed::domain::Definition;
use crate::xml::ResolvedDisk;

/// When a difference can be made good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// At once.
    Live,
    /// At the next start.
    NextBoot,
}

impl Class {
    /// As a status has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::NextBoot => "NextBoot",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field of the spec.
    pub path: String,
    /// What the definition has.
    pub from: String,
    /// What is declared.
    pub to: String,
    /// When it can be made good.
    pub class: Class,
}

/// The differences of one definition, in the order of the spec.
#[must_use]
pub fn differences(
    desired: &DesiredMachine,
    disks: &[ResolvedDisk],
    found: &Definition,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut note = |path: String, from: String, to: String| {
        if from != to {
            differences.push(Difference {
                path,
                from,
                to,
                class: Class::NextBoot,
            });
        }
    };
    let topology = found.topology.unwrap_or((found.vcpus, 1, 1));
    note(
        "spec.cpu.sockets".into(),
        topology.0.to_string(),
        desired.sockets.to_string(),
    );
    note(
        "spec.cpu.cores".into(),
        topology.1.to_string(),
        desired.cores.to_string(),
    );
    note(
        "spec.cpu.threads".into(),
        topology.2.to_string(),
        desired.threads.to_string(),
    );
    note(
        "spec.memory.guest".into(),
        memory(found.memory_kib),
        memory(desired.memory_kib),
    );
    if let (Some(wanted), Some(found)) = (&desired.machine_type, &found.machine_type)
        && !same_board(wanted, found)
    {
        note("spec.machine.type".into(), found.clone(), wanted.clone());
    }
    if let (Some(wanted), Some(found)) = (&desired.architecture, &found.architecture) {
        note(
            "spec.machine.architecture".into(),
            found.clone(),
            wanted.clone(),
        );
    }
    compare(
        "disks",
        &found_disks(found),
        &desired_disks(desired, disks),
        &mut note,
    );
    compare(
        "interfaces",
        &found_interfaces(found),
        &desired_interfaces(desired),
        &mut note,
    );
    differences
}

fn memory(kib: u64) -> String {
    drover_crds::quantity::bytes(kib << 10)
}

// `q35` and `pc` are libvirt's names for the newest board of their kind.
fn same_board(wanted: &str, found: &str) -> bool {
    let family = match wanted {
        "q35" => "pc-q35-",
        "pc" => "pc-i440fx-",
        "virt" => "virt-",
        _ => return wanted == found,
    };
    wanted == found || found.starts_with(family)
}

// Things by name, each with a text that says all that matters of it.
type Parts = Vec<(String, String)>;

fn compare(
    list: &str,
    found: &Parts,
    wanted: &Parts,
    note: &mut impl FnMut(String, String, String),
) {
    let of = |parts: &Parts, name: &str| {
        parts
            .iter()
            .find(|(n, _)| n == name)
            .map_or("none".to_owned(), |(_, text)| text.clone())
    };
    for (name, text) in wanted {
        note(
            format!("spec.{list}[{name}]"),
            of(found, name),
            text.clone(),
        );
    }
    for (name, text) in found
        .iter()
        .filter(|(name, _)| !wanted.iter().any(|(n, _)| n == name))
    {
        note(
            format!("spec.{list}[{name}]"),
            text.clone(),
            "none".to_owned(),
        );
    }
}

fn found_disks(found: &Definition) -> Parts {
    let named = found
        .disks
        .iter()
        .filter_map(|disk| Some((disk.name.clone()?, disk)));
    named
        .map(|(name, disk)| {
            let (pool, volume) = disk.volume.clone().unwrap_or_default();
            let format = disk.format.as_deref().unwrap_or("raw");
            (name, format!("{} {pool}/{volume} {format}", disk.bus))
        })
        .collect()
}

fn desired_disks(desired: &DesiredMachine, resolved: &[ResolvedDisk]) -> Parts {
    let of = |name: &str| resolved.iter().find(|disk| disk.name == name);
    let disks = desired
        .disks
        .iter()
        .filter_map(|disk| Some((disk, of(&disk.name)?)));
    disks
        .map(|(disk, place)| {
            let bus = match disk.bus {
                DiskBus::Virtio => "virtio",
                DiskBus::Sata => "sata",
                DiskBus::Scsi => "scsi",
            };
            let text = format!("{bus} {}/{} {}", place.pool, place.volume, place.format);
            (disk.name.clone(), text)
        })
        .collect()
}

fn found_interfaces(found: &Definition) -> Parts {
    let named = found
        .interfaces
        .iter()
        .filter_map(|nic| Some((nic.name.clone()?, nic)));
    named
        .map(|(name, nic)| {
            let network = nic.network.as_deref().unwrap_or_default();
            (
                name,
                format!(
                    "{} {network} {}",
                    nic.model.as_deref().unwrap_or_default(),
                    nic.mac
                ),
            )
        })
        .collect()
}

fn desired_interfaces(desired: &DesiredMachine) -> Parts {
    let interfaces = desired.interfaces.iter().map(|nic| {
        let model = match nic.model {
            InterfaceModel::Virtio => "virtio",
            InterfaceModel::E1000 => "e1000",
            InterfaceModel::E1000e => "e1000e",
            InterfaceModel::Rtl8139 => "rtl8139",
        };
        (
            nic.name.clone(),
            format!("{model} {} {}", nic.network, nic.mac),
        )
    });
    interfaces.collect()
}
