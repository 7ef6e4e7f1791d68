//! Disks.

use roxmltree::Node;

use super::{Class, Row, Site, Value};
use crate::desired::machine::{DesiredDisk, DiskBus, DiskType};
use crate::observed::{attribute, child, text};
use crate::xml::Element;

type R = Row<DesiredDisk>;

const AS_IT_STARTS: &str = "a running guest keeps the device as it is";

/// The fields of a disk, in the order of [`DISK_ROWS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskField {
    Type,
    Bus,
    Volume,
    Format,
    Backing,
    Shareable,
    BootOrder,
    Cache,
    Io,
    Serial,
    Qos,
}

/// The fields of each disk.
pub static DISK_ROWS: [R; 11] = [
    Row::new(
        "type",
        Class::NextBoot,
        AS_IT_STARTS,
        |disk, _| Value::Text(type_word(disk.type_).into()),
        |node| Value::Text(node.attribute("device").unwrap_or("disk").to_owned().into()),
        |disk, values| {
            if let Some(device) = text_of(values, DiskField::Type) {
                disk.set("device", device);
            }
            disk.remove("address", |_| true);
            read_only(disk);
        },
    ),
    Row::new(
        "bus",
        Class::NextBoot,
        AS_IT_STARTS,
        |disk, _| Value::Text(bus_word(disk.bus).into()),
        |node| Value::text(attribute(node, "target", "bus")),
        |disk, values| {
            if let Some(bus) = text_of(values, DiskField::Bus) {
                let target = disk.ensure("target");
                target.set("bus", bus);
                if bus != "usb" {
                    target.unset("removable");
                }
            }
            disk.remove("address", |_| true);
        },
    ),
    Row::new(
        "volume",
        Class::RestartNow,
        "the guest must let the old volume go; the medium of a drive is changed while it runs",
        want_volume,
        read_volume,
        write_volume,
    )
    .judged(|judged| is_drive(judged.wanted).then_some((Class::Live, "the medium is changed"))),
    Row::new(
        "format",
        Class::RestartNow,
        "it is the volume's, and goes with it",
        |disk, site| match resolved(disk, site) {
            Some(place) => Value::Text(place.format.clone().into()),
            None => Value::Any,
        },
        |node| Value::text(attribute(node, "driver", "type")),
        |disk, values| {
            if let Some(format) = text_of(values, DiskField::Format) {
                disk.ensure("driver").set("type", format);
            }
        },
    )
    .judged(|judged| is_drive(judged.wanted).then_some((Class::Live, "it goes with the medium"))),
    Row::new(
        "backing",
        Class::RestartNow,
        "it is the volume's, and goes with it",
        want_backing,
        read_backing,
        write_backing,
    )
    .judged(|judged| is_drive(judged.wanted).then_some((Class::Live, "it goes with the medium"))),
    Row::new(
        "shareable",
        Class::NextBoot,
        "QEMU locks the volume, or does not, when it starts",
        want_shareable,
        |node| Value::text(child(node, "shareable").map(|_| "yes")),
        |disk, values| match text_of(values, DiskField::Shareable) {
            Some(_) => drop(disk.ensure("shareable")),
            None => disk.remove("shareable", |_| true),
        },
    ),
    Row::new(
        "bootOrder",
        Class::NextBoot,
        "the order is that of a start",
        |disk, _| match disk.boot_order {
            Some(order) => Value::Number(u64::try_from(order).unwrap_or(0)),
            None => Value::None,
        },
        |node| {
            let order = attribute(node, "boot", "order").and_then(|order| order.parse().ok());
            order.map_or(Value::None, Value::Number)
        },
        |disk, values| match values
            .get(DiskField::BootOrder as usize)
            .and_then(Value::as_number)
        {
            Some(order) => disk.ensure("boot").set("order", order.to_string()),
            None => disk.remove("boot", |_| true),
        },
    ),
    Row::new(
        "cache",
        Class::NextBoot,
        AS_IT_STARTS,
        // libvirt lets several write only past the host's cache.
        |disk, site| {
            let shared = resolved(disk, site).is_some_and(|place| place.shareable);
            Value::text(disk.cache.or(shared.then_some("none")))
        },
        |node| Value::text(attribute(node, "driver", "cache").filter(|it| it != "default")),
        |disk, values| {
            let cache = text_of(values, DiskField::Cache);
            disk.ensure("driver").set_or_unset("cache", cache);
        },
    ),
    Row::new(
        "io",
        Class::NextBoot,
        AS_IT_STARTS,
        |disk, _| Value::text(disk.io),
        |node| Value::text(attribute(node, "driver", "io")),
        |disk, values| {
            let io = text_of(values, DiskField::Io);
            disk.ensure("driver").set_or_unset("io", io);
        },
    ),
    Row::new(
        "serial",
        Class::NextBoot,
        AS_IT_STARTS,
        |disk, _| Value::text(disk.serial.clone()),
        |node| Value::text(text(node, "serial")),
        |disk, values| match text_of(values, DiskField::Serial) {
            Some(serial) => disk.ensure("serial").set_text(serial),
            None => disk.remove("serial", |_| true),
        },
    ),
    Row::new(
        "qos",
        Class::Live,
        "the host's side of the device",
        |disk, _| {
            let all = disk.limits.iter();
            Value::list(all.map(|(name, amount)| format!("{name}={amount}")))
        },
        read_limits,
        write_limits,
    ),
];

/// A disk of which nothing is said yet.
pub(crate) fn new_disk(name: &str, target: &str) -> Element {
    Element::new("disk")
        .attribute("type", "volume")
        .attribute("device", "disk")
        .child(Element::new("driver").attribute("name", "qemu"))
        .child(Element::new("target").attribute("dev", target))
        .child(Element::new("alias").attribute("name", format!("{DISK_ALIAS}{name}")))
}

/// What a disk's name begins with in a definition that Drover wrote.
pub(crate) const DISK_ALIAS: &str = "ua-disk-";

/// libvirt's names of the limits that Drover sets.
pub(crate) const LIMITS: [&str; 6] = [
    "total_bytes_sec",
    "read_bytes_sec",
    "write_bytes_sec",
    "total_iops_sec",
    "read_iops_sec",
    "write_iops_sec",
];

/// The amount of a limit, if a disk with these values has it.
pub(crate) fn limit<'a>(values: &'a [Value], name: &str) -> Option<&'a str> {
    let all = text_of(values, DiskField::Qos)?.split(',');
    let mut all = all.filter_map(|limit| limit.split_once('='));
    all.find(|(known, _)| *known == name)
        .map(|(_, amount)| amount)
}

/// Whether a disk with these values is a drive.
pub(crate) fn is_drive(values: &[Value]) -> bool {
    text_of(values, DiskField::Type) == Some("cdrom")
}

fn text_of(values: &[Value], field: DiskField) -> Option<&str> {
    values.get(field as usize).and_then(Value::as_text)
}

fn type_word(type_: DiskType) -> &'static str {
    match type_ {
        DiskType::Disk => "disk",
        DiskType::Cdrom => "cdrom",
    }
}

/// libvirt's word for a bus.
fn bus_word(bus: DiskBus) -> &'static str {
    match bus {
        DiskBus::Virtio => "virtio",
        DiskBus::Sata => "sata",
        DiskBus::Scsi => "scsi",
        DiskBus::Usb => "usb",
        DiskBus::Ide => "ide",
    }
}

fn resolved<'a>(disk: &DesiredDisk, site: &'a Site) -> Option<&'a crate::xml::ResolvedDisk> {
    site.disks.iter().find(|place| place.name == disk.name)
}

fn want_volume(disk: &DesiredDisk, site: &Site) -> Value {
    match (disk.has_content(), resolved(disk, site)) {
        (true, Some(place)) => Value::Text(format!("{}/{}", place.pool, place.volume).into()),
        (true, None) => Value::Any,
        (false, _) => Value::None,
    }
}

fn read_volume(node: Node<'_, '_>) -> Value {
    let Some(source) = child(node, "source") else {
        return Value::None;
    };
    let of = |name| source.attribute(name);
    if let (Some(pool), Some(volume)) = (of("pool"), of("volume")) {
        return Value::Text(format!("{pool}/{volume}").into());
    }
    let path = ["file", "dev", "dir", "name"].into_iter().find_map(of);
    Value::text(path.map(str::to_owned))
}

fn write_volume(disk: &mut Element, values: &[Value]) {
    // What was found out about another medium.
    disk.remove("backingStore", |_| true);
    disk.remove("source", |_| true);
    let place = text_of(values, DiskField::Volume).and_then(|place| place.split_once('/'));
    if let Some((pool, volume)) = place {
        disk.set("type", "volume");
        let source = Element::new("source").attribute("pool", pool);
        disk.push(source.attribute("volume", volume));
        write_backing(disk, values);
    } else {
        disk.set("type", "file");
    }
    read_only(disk);
}

// Of what was there before its Volume, the definition says it until the Volume does.
fn want_shareable(disk: &DesiredDisk, site: &Site) -> Value {
    match resolved(disk, site) {
        Some(place) if place.shareable => Value::Text("yes".into()),
        Some(place) if place.backing.is_some() => Value::None,
        _ if disk.has_content() => Value::Any,
        _ => Value::None,
    }
}

// FORMAT:PATH of each level, the nearest first.
fn want_backing(disk: &DesiredDisk, site: &Site) -> Value {
    let Some(place) = resolved(disk, site) else {
        return match disk.has_content() {
            true => Value::Any,
            false => Value::None,
        };
    };
    let Some(backing) = &place.backing else {
        return Value::Any;
    };
    let levels = backing.iter();
    chain(levels.map(|level| format!("{}:{}", level.format, level.path)))
}

fn read_backing(node: Node<'_, '_>) -> Value {
    let mut levels = Vec::new();
    let mut above = child(node, "backingStore");
    while let Some(level) = above {
        let path = child(level, "source").and_then(|it| it.attribute("file"));
        let format = attribute(level, "format", "type");
        levels.extend(
            path.zip(format)
                .map(|(path, format)| format!("{format}:{path}")),
        );
        above = child(level, "backingStore");
    }
    chain(levels.into_iter())
}

// In the order in which they are.
fn chain(levels: impl Iterator<Item = String>) -> Value {
    let levels: Vec<_> = levels.collect();
    Value::text((!levels.is_empty()).then(|| levels.join("\n")))
}

// Stated, also that there is none, so that nobody looks for one in what the guest can write.
fn write_backing(disk: &mut Element, values: &[Value]) {
    disk.remove("backingStore", |_| true);
    let levels = text_of(values, DiskField::Backing).unwrap_or_default();
    let levels = levels
        .lines()
        .rev()
        .filter_map(|level| level.split_once(':'));
    let none = Element::new("backingStore");
    disk.push(levels.fold(none, |below, (format, path)| {
        Element::new("backingStore")
            .attribute("type", "file")
            .child(Element::new("format").attribute("type", format))
            .child(Element::new("source").attribute("file", path))
            .child(below)
    }));
}

// Only a drive is, and only a drive has a tray.
fn read_only(disk: &mut Element) {
    if disk.get("device") == Some("cdrom") {
        disk.ensure("readonly");
    } else {
        disk.remove("readonly", |_| true);
        disk.ensure("target").unset("tray");
    }
}

// What is a burst, the size of an operation or the name of a group is not Drover's.
fn read_limits(node: Node<'_, '_>) -> Value {
    let tune = child(node, "iotune");
    Value::list(LIMITS.into_iter().filter_map(|name| {
        let amount = text(tune?, name).filter(|amount| amount != "0")?;
        Some(format!("{name}={amount}"))
    }))
}

fn write_limits(disk: &mut Element, values: &[Value]) {
    let tune = disk.ensure("iotune");
    for name in LIMITS {
        if let Some(amount) = limit(values, name) {
            tune.ensure(name).set_text(amount);
            continue;
        }
        tune.remove(name, |_| true);
        // libvirt takes no burst beyond a limit that is not there.
        for burst in ["max", "max_length"] {
            tune.remove(&format!("{name}_{burst}"), |_| true);
        }
    }
    disk.remove_empty("iotune");
}
