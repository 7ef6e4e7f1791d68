//! The parts of a machine's spec.

use drover_crds::virtual_machine::{Cpu, Disk, DiskQos, Interface, Memory};
use uuid::Uuid;

use super::{DesiredCpu, DesiredDisk, DesiredInterface, DesiredMemory, DiskBus, DiskType};
use crate::desired::image::ImageName;
use crate::desired::{Invalid, bytes};
use crate::identity;

pub(super) fn parse_cpu(cpu: &Cpu) -> Result<DesiredCpu, Invalid> {
    let count = |field: &str, value: i32| match u32::try_from(value) {
        Ok(count @ 1..=4_096) => Ok(count),
        _ => Err(Invalid::new(field, value.to_string(), "must be 1..4096")),
    };
    let mut features: Vec<_> = cpu
        .features
        .iter()
        .map(|feature| (feature.name.clone(), word(feature.policy)))
        .collect();
    features.sort();
    let sockets = count("spec.cpu.sockets", cpu.sockets)?;
    let max_sockets = cpu
        .max_sockets
        .map(|most| count("spec.cpu.maxSockets", most))
        .transpose()?;
    if let Some(most) = max_sockets.filter(|most| *most < sockets) {
        let allowed = format!("must be {sockets} (sockets) or more");
        return Err(Invalid::new(
            "spec.cpu.maxSockets",
            most.to_string(),
            allowed,
        ));
    }
    Ok(DesiredCpu {
        sockets,
        cores: count("spec.cpu.cores", cpu.cores)?,
        threads: count("spec.cpu.threads", cpu.threads)?,
        max_sockets,
        model: cpu.model.clone(),
        features,
    })
}

// libvirt's words are serde's.
fn word<T: serde::Serialize>(value: T) -> &'static str {
    const WORDS: &[&str] = &[
        "force",
        "require",
        "optional",
        "disable",
        "forbid",
        "none",
        "writethrough",
        "writeback",
        "directsync",
        "unsafe",
        "threads",
        "native",
        "io_uring",
    ];
    let text = serde_json::to_value(value).unwrap_or_default();
    let known = WORDS.iter().find(|word| text.as_str() == Some(word));
    known.copied().unwrap_or_default()
}

pub(super) fn parse_memory(memory: &Memory) -> Result<DesiredMemory, Invalid> {
    let kib = |field: &str, quantity: &drover_crds::Quantity| {
        let size = bytes(field, quantity)?;
        if size == 0 || size % (1 << 20) != 0 {
            let value = quantity.0.clone();
            return Err(Invalid::new(field, value, "must be a whole number of MiB"));
        }
        Ok(size >> 10)
    };
    let guest = kib("spec.memory.guest", &memory.guest)?;
    let max_kib = memory.max_guest.as_ref();
    let max_kib = max_kib
        .map(|most| kib("spec.memory.maxGuest", most))
        .transpose()?;
    if let (Some(most), Some(_)) = (&memory.max_guest, max_kib.filter(|most| *most < guest)) {
        let allowed = format!("must be {} (guest) or more", memory.guest.0);
        return Err(Invalid::new(
            "spec.memory.maxGuest",
            most.0.clone(),
            allowed,
        ));
    }
    let page = memory.hugepages.as_ref().map(|pages| &pages.page_size);
    let page_kib = page
        .map(|page| {
            let field = "spec.memory.hugepages.pageSize";
            let size = bytes(field, page)? >> 10;
            if size == 0 || max_kib.unwrap_or(guest) % size != 0 {
                let value = page.0.clone();
                let allowed = "the machine's memory must be a multiple of it";
                return Err(Invalid::new(field, value, allowed));
            }
            Ok(size)
        })
        .transpose()?;
    Ok(DesiredMemory {
        kib: guest,
        max_kib,
        page_kib,
    })
}

pub(super) fn parse_disk(
    disk: &Disk,
    namespace: &str,
    machine: &str,
) -> Result<DesiredDisk, Invalid> {
    let field = |name: &str| format!("spec.disks[{}]{name}", disk.name);
    let drive = disk.type_ == DiskType::Cdrom;
    let (volume, template) = match (&disk.volume, &disk.volume_template) {
        (Some(volume), None) => (Some(volume.name.clone()), None),
        (None, Some(template)) => {
            let name = format!("{machine}-{}", disk.name);
            (Some(name), Some(template.clone()))
        }
        (None, None) if drive => (None, None),
        _ => {
            let allowed = "exactly one of volume and volumeTemplate is needed";
            return Err(Invalid::new(field(""), "both or none", allowed));
        }
    };
    let usual = if drive {
        DiskBus::Sata
    } else {
        DiskBus::Virtio
    };
    Ok(DesiredDisk {
        name: disk.name.clone(),
        type_: disk.type_,
        bus: disk.bus.unwrap_or(usual),
        boot_order: disk.boot_order,
        volume,
        image: image(disk, namespace),
        pool: disk.pool.clone(),
        template,
        cache: disk.cache.map(word),
        io: disk.io.map(word),
        serial: disk.serial.clone(),
        limits: limits(disk.qos.as_ref(), &field(".qos"))?,
    })
}

fn image(disk: &Disk, namespace: &str) -> Option<ImageName> {
    let of = |namespace: &str, name: &str| ImageName {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let own = disk.image.as_ref().map(|it| of(namespace, &it.name));
    own.or_else(|| disk.cluster_image.as_ref().map(|it| of("", &it.name)))
}

fn limits(qos: Option<&DiskQos>, field: &str) -> Result<Vec<(&'static str, u64)>, Invalid> {
    let Some(qos) = qos else {
        return Ok(Vec::new());
    };
    let mut limits = Vec::new();
    for (name, amount) in [
        ("total_iops_sec", qos.total_iops),
        ("read_iops_sec", qos.read_iops),
        ("write_iops_sec", qos.write_iops),
    ] {
        limits.extend(amount.map(|amount| (name, u64::try_from(amount).unwrap_or(0))));
    }
    for (name, amount) in [
        ("total_bytes_sec", &qos.total_bytes_per_second),
        ("read_bytes_sec", &qos.read_bytes_per_second),
        ("write_bytes_sec", &qos.write_bytes_per_second),
    ] {
        if let Some(amount) = amount {
            limits.push((name, bytes(field, amount)?));
        }
    }
    limits.sort_unstable();
    Ok(limits)
}

pub(super) fn parse_interface(interface: &Interface, machine: &Uuid) -> DesiredInterface {
    DesiredInterface {
        name: interface.name.clone(),
        network: interface.network.clone(),
        port_group: interface.port_group.clone(),
        model: interface.model,
        mac: identity::mac_of(machine, interface),
        ip_address: interface.ip_address.clone(),
        up: interface.state == drover_crds::virtual_machine::LinkState::Up,
        qos: interface.qos.clone().unwrap_or_default(),
    }
}
