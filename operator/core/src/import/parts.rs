//! The parts of a spec, from what a definition shows. What there are no words for comes out as
//! something else, or as nothing: who asks compares.

use drover_crds::virtual_machine::{
    Bandwidth, Bootloader, Clock, Cpu, CpuFeature, Devices, Disk, DiskQos, Firmware, Graphics,
    Hugepages, Interface, InterfaceQos, LinkState, Machine, Memory, Tpm, Utc, Video, Watchdog,
};
use drover_crds::{common::LocalRef, quantity};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::fields::{DiskField, Field, LIMITS, NicField, Value, bandwidth_of, limit};
use crate::observed::domain::{Definition, DiskFacts, InterfaceFacts};

fn get(found: &Definition, field: Field) -> &Value {
    found.values.get(field as usize).unwrap_or(&Value::Any)
}

fn text(found: &Definition, field: Field) -> Option<&str> {
    get(found, field).as_text()
}

// libvirt's words are serde's.
fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(json!(text)).ok()
}

fn kib(kib: u64) -> drover_crds::Quantity {
    quantity::bytes(kib << 10).as_str().into()
}

pub(super) fn cpu(found: &Definition) -> Cpu {
    let count = |field| {
        let count = get(found, field).as_number();
        count
            .and_then(|count| i32::try_from(count).ok())
            .unwrap_or(1)
    };
    let (sockets, most) = (count(Field::Sockets), count(Field::MaxSockets));
    let features = text(found, Field::CpuFeatures).unwrap_or_default();
    let features = features.split(',').filter_map(|feature| {
        let (name, policy) = feature.split_once('=')?;
        Some(CpuFeature {
            name: name.to_owned(),
            policy: word(policy)?,
        })
    });
    Cpu {
        sockets,
        cores: count(Field::Cores),
        threads: count(Field::Threads),
        max_sockets: (most > sockets).then_some(most),
        model: text(found, Field::CpuModel).map(str::to_owned),
        features: features.collect(),
    }
}

pub(super) fn memory(found: &Definition) -> Memory {
    let amount = |field| get(found, field).as_number().unwrap_or_default();
    let (guest, most) = (amount(Field::Memory), amount(Field::MaxMemory));
    let pages = get(found, Field::Hugepages).as_number();
    Memory {
        guest: kib(guest),
        max_guest: (most > guest).then(|| kib(most)),
        hugepages: pages.map(|size| Hugepages {
            page_size: kib(size),
        }),
    }
}

pub(super) fn board(found: &Definition) -> Machine {
    Machine {
        type_: text(found, Field::MachineType).map(str::to_owned),
        architecture: text(found, Field::Architecture).map(str::to_owned),
    }
}

/// Without the kernel that it starts.
pub(super) fn firmware(found: &Definition) -> Firmware {
    Firmware {
        bootloader: match text(found, Field::Bootloader) {
            Some("EFI") => Bootloader::Efi,
            _ => Bootloader::Bios,
        },
        secure_boot: get(found, Field::SecureBoot).is_on(),
        tpm: get(found, Field::Tpm).is_on().then(Tpm::default),
        kernel_boot: None,
    }
}

/// The paths of the kernel that it starts and of its first RAM disk, and what the kernel is told.
pub(super) fn kernel(found: &Definition) -> Option<(&str, Option<&str>, Option<&str>)> {
    let kernel = text(found, Field::Kernel)?;
    Some((
        kernel,
        text(found, Field::Initrd),
        text(found, Field::Cmdline),
    ))
}

pub(super) fn clock(found: &Definition) -> Clock {
    match text(found, Field::Clock) {
        Some("utc") | None => Clock {
            timezone: None,
            utc: Some(Utc::default()),
        },
        Some(zone) => Clock {
            timezone: Some(zone.to_owned()),
            utc: None,
        },
    }
}

pub(super) fn devices(found: &Definition) -> Devices {
    let on = |field| get(found, field).is_on();
    let watchdog = text(found, Field::Watchdog).and_then(|words| words.split_once('/'));
    let graphics = text(found, Field::Graphics);
    Devices {
        graphics: graphics.and_then(|kind| Some(Graphics { type_: word(kind)? })),
        video: match text(found, Field::Video) {
            Some(model) => word(model).map(|model| Video { model }),
            None => graphics.and_then(|_| word("none").map(|model| Video { model })),
        },
        serial: on(Field::Serial),
        rng: on(Field::Rng),
        watchdog: watchdog.and_then(|(model, action)| {
            Some(Watchdog {
                model: word(model)?,
                action: word(action)?,
            })
        }),
        balloon: on(Field::Balloon),
        agent_channel: on(Field::AgentChannel),
        panic: on(Field::Panic),
        // Which resource of its host's one is nobody knows.
        host_devices: Vec::new(),
    }
}

/// The path of a disk's source, or its pool and volume; nothing for an empty drive.
pub(super) fn source(disk: &DiskFacts) -> Option<&str> {
    disk.values.get(DiskField::Volume as usize)?.as_text()
}

/// The format of a disk.
pub(super) fn format(disk: &DiskFacts) -> Option<&str> {
    disk.values.get(DiskField::Format as usize)?.as_text()
}

pub(super) fn disk(found: &DiskFacts, volume: Option<String>) -> Option<Disk> {
    let of = |field: DiskField| found.values.get(field as usize);
    let text = |field| of(field).and_then(Value::as_text);
    let order = of(DiskField::BootOrder).and_then(Value::as_number);
    let name = found.name.clone().unwrap_or_else(|| found.target.clone());
    Some(Disk {
        name,
        type_: word(text(DiskField::Type)?)?,
        boot_order: order.and_then(|order| i32::try_from(order).ok()),
        bus: Some(word(text(DiskField::Bus)?)?),
        volume: volume.map(|name| LocalRef { name }),
        image: None,
        cluster_image: None,
        pool: None,
        volume_template: None,
        cache: text(DiskField::Cache).and_then(word),
        io: text(DiskField::Io).and_then(word),
        serial: text(DiskField::Serial).map(str::to_owned),
        qos: disk_qos(&found.values),
    })
}

fn disk_qos(values: &[Value]) -> Option<DiskQos> {
    let [
        total_bytes,
        read_bytes,
        write_bytes,
        total_iops,
        read_iops,
        write_iops,
    ] = LIMITS.map(|name| limit(values, name).and_then(|amount| amount.parse::<u64>().ok()));
    let count = |amount: Option<u64>| amount.and_then(|amount| i64::try_from(amount).ok());
    let bytes = |amount: Option<u64>| amount.map(|it| quantity::bytes(it).as_str().into());
    let qos = DiskQos {
        total_iops: count(total_iops),
        read_iops: count(read_iops),
        write_iops: count(write_iops),
        total_bytes_per_second: bytes(total_bytes),
        read_bytes_per_second: bytes(read_bytes),
        write_bytes_per_second: bytes(write_bytes),
    };
    (qos != DiskQos::default()).then_some(qos)
}

pub(super) fn interface(found: &InterfaceFacts, usual_name: &str) -> Option<Interface> {
    let text = |field: NicField| found.values.get(field as usize).and_then(Value::as_text);
    let qos = text(NicField::Qos).map(interface_qos);
    Some(Interface {
        name: found.name.clone().unwrap_or_else(|| usual_name.to_owned()),
        network: found.network.clone()?,
        port_group: text(NicField::PortGroup).map(str::to_owned),
        model: word(text(NicField::Model)?)?,
        mac_address: Some(found.mac.clone()),
        ip_address: None,
        state: match text(NicField::State) {
            Some("Down") => LinkState::Down,
            _ => LinkState::Up,
        },
        qos,
    })
}

fn interface_qos(words: &str) -> InterfaceQos {
    let limit = |name: &str| {
        let amounts = bandwidth_of(words, name);
        let [average, peak, burst] = amounts.map(|amount| amount?.parse::<i64>().ok());
        Some(Bandwidth {
            average: average?,
            peak,
            burst,
        })
    };
    InterfaceQos {
        inbound: limit("inbound"),
        outbound: limit("outbound"),
    }
}
