//! What a guest is given for its first start. Whatever is in it is in the name of its volume, and is
//! not shown.

use roxmltree::Node;

use super::{Class, Field, Judged, Judgement, Row, Site, Value, free_target, targets};
use crate::desired::machine::{DesiredMachine, FirstBoot};
use crate::observed::{attribute, child, children};
use crate::xml::Element;

type R = Row<DesiredMachine>;

const AT_ITS_START: &str = "the guest reads it when it starts";
/// The names of the disk and of the drive in a definition.
const CLOUD_INIT_ALIAS: &str = "ua-cloud-init";
const SYSPREP_ALIAS: &str = "ua-sysprep";
/// After all disks that a machine can have, whenever they come.
const LAST_TARGET: &str = "vdzz";
/// Where Ignition looks for its configuration.
const IGNITION_ENTRY: &str = "opt/com.coreos/config";

pub(super) const CLOUD_INIT: R = R::new(
    "spec.cloudInit",
    Class::NextBoot,
    AT_ITS_START,
    |machine, site| match &machine.first_boot {
        Some(FirstBoot::CloudInit(_)) => place(site),
        _ => Value::None,
    },
    |root| read_disk(root, CLOUD_INIT_ALIAS),
    |root, values| {
        let disk = Element::new("disk").attribute("device", "disk");
        write_disk(
            root,
            values.get(Field::CloudInit as usize),
            CLOUD_INIT_ALIAS,
            disk,
            "virtio",
        );
    },
)
.judged(judge);

pub(super) const IGNITION: R = R::new(
    "spec.ignition",
    Class::NextBoot,
    AT_ITS_START,
    |machine, site| match (&machine.first_boot, &site.seed) {
        (Some(FirstBoot::Ignition(_)), Some(seed)) => Value::Sealed(seed.path.clone()),
        (Some(FirstBoot::Ignition(_)), None) => Value::Any,
        _ => Value::None,
    },
    |root| {
        let all = children(root, "sysinfo").flat_map(|info| children(info, "entry"));
        let mut ours = all.filter(|entry| entry.attribute("name") == Some(IGNITION_ENTRY));
        let path = ours.next().and_then(|entry| entry.attribute("file"));
        path.map_or(Value::None, |path| Value::Sealed(path.to_owned()))
    },
    write_ignition,
)
.judged(judge)
.of_qemu();

pub(super) const SYSPREP: R = R::new(
    "spec.sysprep",
    Class::NextBoot,
    AT_ITS_START,
    |machine, site| match &machine.first_boot {
        Some(FirstBoot::Sysprep(_)) => place(site),
        _ => Value::None,
    },
    |root| read_disk(root, SYSPREP_ALIAS),
    |root, values| {
        let disk = Element::new("disk").attribute("device", "cdrom");
        write_disk(
            root,
            values.get(Field::Sysprep as usize),
            SYSPREP_ALIAS,
            disk,
            "sata",
        );
    },
)
.judged(judge);

/// Whether this is the name of a disk that Drover adds.
pub(crate) fn is_seed(alias: &str) -> bool {
    matches!(alias, CLOUD_INIT_ALIAS | SYSPREP_ALIAS)
}

// What is not known may be as it is.
fn place(site: &Site) -> Value {
    let seed = site.seed.as_ref();
    seed.map_or(Value::Any, |seed| {
        Value::Sealed(format!("{}/{}", seed.pool, seed.volume))
    })
}

fn judge(judged: &Judged<'_>) -> Judgement {
    let both = matches!(
        (judged.from, judged.to),
        (Value::Sealed(_), Value::Sealed(_))
    );
    let words = "the content has changed: the guest reads it when it starts";
    both.then_some((Class::NextBoot, words))
}

fn read_disk(root: Node<'_, '_>, alias: &str) -> Value {
    let devices = child(root, "devices").into_iter();
    let mut disks = devices.flat_map(|devices| children(devices, "disk"));
    let ours = disks.find(|disk| attribute(*disk, "alias", "name").as_deref() == Some(alias));
    let source = ours.and_then(|disk| child(disk, "source"));
    let of = |name| source?.attribute(name);
    match (ours, of("pool"), of("volume")) {
        (None, ..) => Value::None,
        (_, Some(pool), Some(volume)) => Value::Sealed(format!("{pool}/{volume}")),
        // Somebody took the medium out.
        _ => Value::Sealed(String::new()),
    }
}

fn write_disk(
    root: &mut Element,
    value: Option<&Value>,
    alias: &'static str,
    disk: Element,
    bus: &'static str,
) {
    let devices = root.ensure("devices");
    let ours = |it: &Element| it.find("alias").and_then(|it| it.get("name")) == Some(alias);
    let Some((pool, volume)) = sealed(value).and_then(|place| place.split_once('/')) else {
        return devices.remove("disk", ours);
    };
    if let Some(disk) = devices
        .elements_mut()
        .find(|it| it.name() == "disk" && ours(it))
    {
        disk.set("type", "volume");
        disk.remove("backingStore", |_| true);
        disk.remove("source", |_| true);
        disk.push(source(pool, volume));
        disk.push(Element::new("backingStore"));
        return;
    }
    let used = targets(devices);
    let last = bus == "virtio" && !used.iter().any(|target| target == LAST_TARGET);
    let target = match last {
        true => LAST_TARGET.to_owned(),
        false => free_target(Some(bus), &used),
    };
    let target = Element::new("target").attribute("dev", target);
    devices.push(
        disk.attribute("type", "volume")
            .child(
                Element::new("driver")
                    .attribute("name", "qemu")
                    .attribute("type", "raw"),
            )
            .child(source(pool, volume))
            .child(Element::new("backingStore"))
            .child(target.attribute("bus", bus))
            .child(Element::new("readonly"))
            .child(Element::new("alias").attribute("name", alias)),
    );
}

fn source(pool: &str, volume: &str) -> Element {
    let source = Element::new("source").attribute("pool", pool);
    source.attribute("volume", volume)
}

fn sealed(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::Sealed(place)) => Some(place),
        _ => None,
    }
}

fn write_ignition(root: &mut Element, values: &[Value]) {
    let path = sealed(values.get(Field::Ignition as usize));
    let ours = |entry: &Element| entry.get("name") == Some(IGNITION_ENTRY);
    for info in root.elements_mut().filter(|it| it.name() == "sysinfo") {
        info.remove("entry", ours);
    }
    root.remove("sysinfo", |info| {
        info.get("type") == Some("fwcfg") && info.elements().next().is_none()
    });
    let Some(path) = path else { return };
    let entry = Element::new("entry")
        .attribute("name", IGNITION_ENTRY)
        .attribute("file", path);
    let mut all = root.elements_mut();
    match all.find(|it| it.name() == "sysinfo" && it.get("type") == Some("fwcfg")) {
        Some(info) => info.push(entry),
        None => {
            drop(all);
            root.push(
                Element::new("sysinfo")
                    .attribute("type", "fwcfg")
                    .child(entry),
            );
        }
    }
}
