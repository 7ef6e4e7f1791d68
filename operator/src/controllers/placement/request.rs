//! What a machine asks of the fleet.

use std::collections::{BTreeMap, BTreeSet};

use drover_core::desired::image::ImageName;
use drover_core::desired::machine::DesiredMachine;
use drover_core::host_devices;
use drover_core::schedule::{
    self, GuestWanted, Hugepages, Machine, Overhead, Request, Rules, Selector, Usage,
};
use drover_crds::virtual_machine::Bootloader;

use crate::controllers::storage::{self, clone};
use crate::controllers::volume;
use crate::ctx::Ctx;

/// What a machine asks for.
pub(super) fn request(ctx: &Ctx, desired: &DesiredMachine) -> Request {
    let placement = &desired.placement;
    Request {
        machine: machine(ctx, desired),
        namespace_labels: namespace_labels(ctx, &desired.namespace),
        rules: Rules {
            host: placement.host.clone(),
            host_selector: placement.host_selector.as_ref().map(Selector::from),
            host_affinity: placement.host_affinity.clone(),
            preferred_hosts: placement.preferred_hosts.clone(),
            tolerations: placement.tolerations.clone(),
            guest: GuestWanted {
                architecture: desired.architecture.clone(),
                machine_type: desired.machine_type.clone(),
                efi: desired.firmware.bootloader == Bootloader::Efi,
                secure_boot: desired.firmware.secure_boot,
                tpm: desired.firmware.tpm.is_some(),
                ..GuestWanted::default()
            },
            cpu: ctx.memory.cpus.wanted(desired),
            pools: pools(ctx, desired),
            networks: networks(desired),
            data_on: data_on(ctx, desired),
            images: images(desired),
        },
        affinity: placement.affinity.clone(),
        preferred_affinity: placement.preferred_affinity.clone(),
        preferred_anti_affinity: placement.preferred_anti_affinity.clone(),
        spread: placement.spread.clone(),
    }
}

/// A machine, as it counts where it is.
pub(super) fn machine(ctx: &Ctx, desired: &DesiredMachine) -> Machine {
    Machine {
        uid: desired.uuid.to_string(),
        namespace: desired.namespace.clone(),
        labels: desired.labels.clone(),
        usage: usage(ctx, desired),
        anti_affinity: desired.placement.anti_affinity.clone(),
        priority: desired.placement.priority,
        ..Machine::default()
    }
}

fn usage(ctx: &Ctx, desired: &DesiredMachine) -> Usage {
    let mut pools: BTreeMap<String, u64> = BTreeMap::new();
    for (pool, volume, capacity) in made_with(desired) {
        if !is_counted(ctx, &desired.namespace, volume) {
            let sum = pools.entry(pool).or_default();
            *sum = sum.saturating_add(capacity);
        }
    }
    let guest = desired.memory.max_kib.unwrap_or(desired.memory.kib) << 10;
    let pages = desired.memory.page_kib.map(|page| Hugepages {
        page: page << 10,
        amount: guest,
        cell: None,
    });
    let ordinary = if pages.is_some() { 0 } else { guest };
    Usage {
        vcpus: u64::from(desired.vcpus()),
        memory: ordinary.saturating_add(overhead(desired, guest)),
        hugepages: pages,
        pools: pools.into_iter().collect(),
        devices: host_devices::counts(&desired.devices.host_devices)
            .into_iter()
            .collect(),
    }
}

// Of all that it may be given.
fn overhead(desired: &DesiredMachine, guest: u64) -> u64 {
    let cpu = &desired.cpu;
    let most = cpu.max_sockets.unwrap_or(cpu.sockets).max(cpu.sockets);
    schedule::overhead(Overhead {
        vcpus: most.saturating_mul(cpu.of_a_socket()),
        memory: guest,
        devices: desired.disks.len()
            + desired.interfaces.len()
            + desired.devices.host_devices.len(),
        graphics: desired.devices.graphics.is_some(),
    })
}

/// The Volumes that are made with a machine and do not count by themselves yet.
pub(super) fn to_be_made(ctx: &Ctx, desired: &DesiredMachine) -> Vec<String> {
    let made = made_with(desired).map(|(_, volume, _)| volume);
    made.filter(|volume| !is_counted(ctx, &desired.namespace, volume))
        .map(str::to_owned)
        .collect()
}

/// Whether a Volume is one that its pool counts: it is there, and known where.
pub(super) fn is_counted(ctx: &Ctx, namespace: &str, volume: &str) -> bool {
    let volume = ctx.cache.volumes.get(namespace, volume);
    volume.is_some_and(|it| it.host().is_some() || storage::is_shared(ctx, &it.spec.pool))
}

// What is made with a machine: its pool, its name, and its size.
fn made_with(desired: &DesiredMachine) -> impl Iterator<Item = (String, &str, u64)> {
    desired.disks.iter().filter_map(|disk| {
        let (template, name) = (disk.template.as_ref()?, disk.volume.as_ref()?);
        Some((
            template.pool.clone(),
            name.as_str(),
            template.capacity.bytes()?,
        ))
    })
}

fn pools(ctx: &Ctx, desired: &DesiredMachine) -> Vec<String> {
    let templates = desired.disks.iter().filter_map(|it| it.template.as_ref());
    let templates = templates.map(|template| template.pool.clone());
    let named = desired.disks.iter().filter_map(|it| it.volume.as_ref());
    let named = named.filter_map(|name| ctx.cache.volumes.get(&desired.namespace, name));
    let named = named.map(|volume| volume.spec.pool.clone());
    let of_drives = desired.disks.iter().filter_map(|it| it.pool.clone());
    sorted(templates.chain(named).chain(of_drives))
}

fn networks(desired: &DesiredMachine) -> Vec<String> {
    sorted(desired.interfaces.iter().map(|nic| nic.network.clone()))
}

fn data_on(ctx: &Ctx, desired: &DesiredMachine) -> Vec<String> {
    let named = desired.disks.iter().filter_map(|it| it.volume.as_ref());
    let named = named.filter_map(|name| ctx.cache.volumes.get(&desired.namespace, name));
    let there = named.filter_map(|volume| volume::data_on(ctx, &volume));
    let copied = volume::origins(desired)
        .filter_map(|name| clone::host_of(ctx, &desired.namespace, name).ok());
    sorted(there.chain(copied))
}

// The images that it is made from, by the names of their copies.
fn images(desired: &DesiredMachine) -> Vec<String> {
    let templates = desired.disks.iter().filter_map(|it| it.template.as_ref());
    let templates = templates.filter_map(|template| {
        let source = template.source.as_ref()?;
        let own = source.image.as_ref().map(|it| (&desired.namespace, it));
        let (namespace, image) = match (&source.cluster_image, own) {
            (Some(image), _) => (String::new(), image),
            (None, own) => own.map(|(namespace, image)| (namespace.clone(), image))?,
        };
        let name = image.name.clone();
        Some(ImageName { namespace, name })
    });
    let drives = desired.images().map(|(_, name)| name.clone());
    sorted(templates.chain(drives).map(|image| image.volume_name()))
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let names: BTreeSet<String> = names.collect();
    names.into_iter().collect()
}

/// The labels of a namespace.
#[must_use]
pub fn namespace_labels(ctx: &Ctx, namespace: &str) -> BTreeMap<String, String> {
    let namespace = ctx.cache.namespaces.get("", namespace);
    namespace
        .and_then(|namespace| namespace.metadata.labels.clone())
        .unwrap_or_default()
}
