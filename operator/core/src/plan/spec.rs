//! What it takes to go from one spec of a machine to another, whatever its host has.

use uuid::Uuid;

use super::changes::{Change, differences};
use crate::definition::create;
use crate::desired::machine::{DesiredMachine, FirstBoot};
use crate::fields::{Shape, Site, short_hash};
use crate::observed::domain::Definition;
use crate::xml::{DomainType, ResolvedDisk, ResolvedSeed};

/// The changes from one spec to another, each with its class, for a machine that runs as the first
/// one says.
#[must_use]
pub fn changes(from: &DesiredMachine, to: &DesiredMachine) -> Vec<Change> {
    let written = create(from, &site(from), &from.mark(1));
    // What Drover writes can be read.
    let found = Definition::parse(&written).unwrap_or_default();
    let site = site(to);
    differences(&Shape::of(to, &site), &site, &found, false)
}

// Volumes go by their own names here: nobody asks where they are.
fn site(machine: &DesiredMachine) -> Site {
    let disks = machine.disks.iter().filter_map(|disk| {
        Some(ResolvedDisk {
            name: disk.name.clone(),
            pool: "volumes".to_owned(),
            volume: match &disk.image {
                Some(image) => image.to_string(),
                None => disk.volume.clone()?,
            },
            format: "any".to_owned(),
            shareable: false,
            backing: None,
            path: None,
        })
    });
    let devices = machine.devices.host_devices.iter();
    let devices = devices.map(|device| (device.name.clone(), device.resource.clone()));
    let boot = machine.firmware.kernel_boot.as_ref();
    let initrd = boot.and_then(|boot| boot.initrd_volume.as_ref());
    Site {
        domain_type: DomainType::Kvm,
        architecture: machine.architecture.clone().unwrap_or("x86_64".to_owned()),
        disks: disks.collect(),
        kernel: boot.map(|boot| boot.kernel_volume.name.clone()),
        initrd: initrd.map(|volume| volume.name.clone()),
        host_devices: Some(devices.collect()),
        seed: machine.first_boot.as_ref().map(seed),
    }
}

// What Secrets have in them is not known here: one that is named as before has what it had.
fn seed(declared: &FirstBoot) -> ResolvedSeed {
    let words = match declared {
        FirstBoot::CloudInit(it) => serde_json::to_string(it),
        FirstBoot::Ignition(it) => serde_json::to_string(it),
        FirstBoot::Sysprep(it) => serde_json::to_string(it),
    };
    let volume = short_hash(&words.unwrap_or_default());
    ResolvedSeed {
        pool: "volumes".to_owned(),
        path: format!("volumes/{volume}"),
        volume,
        key: Uuid::nil(),
    }
}
