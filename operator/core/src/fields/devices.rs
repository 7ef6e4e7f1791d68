//! Devices beside disks and interfaces.

use std::fmt::Display;

use drover_crds::virtual_machine::{
    GraphicsType, VideoModel, Watchdog, WatchdogAction, WatchdogModel,
};
use roxmltree::Node;

use super::{Class, Field, Row, Value};
use crate::desired::machine::DesiredMachine;
use crate::observed::domain::host_device;
use crate::observed::node_device::Address;
use crate::observed::{child, children};
use crate::xml::Element;

type R = Row<DesiredMachine>;

const OF_THE_BOARD: &str = "it is part of the board, which a running guest keeps";
// What can be looked at from outside.
const SCREENS: [&str; 2] = ["vnc", "spice"];
const OF_EVERY_Q35: &str = "itco/reset";
const AGENT: &str = "org.qemu.guest_agent.0";

pub(super) const GRAPHICS: R = R::new(
    "spec.devices.graphics",
    Class::NextBoot,
    OF_THE_BOARD,
    |machine, _| {
        let graphics = machine.devices.graphics.as_ref();
        Value::text(graphics.map(|graphics| match graphics.type_ {
            GraphicsType::Vnc => "vnc",
            GraphicsType::Spice => "spice",
        }))
    },
    |root| {
        let mut kinds = all(root, "graphics").filter_map(|it| own(it, "type"));
        Value::text(kinds.find(|kind| SCREENS.contains(&kind.as_str())))
    },
    |root, values| {
        let wanted = text(values, Field::Graphics);
        let devices = root.ensure("devices");
        devices.remove("graphics", |it| {
            let kind = it.get("type");
            kind != wanted && kind.is_some_and(|kind| SCREENS.contains(&kind))
        });
        let is_there = |kind| {
            let mut left = devices.elements().filter(|it| it.name() == "graphics");
            left.any(|it| it.get("type") == Some(kind))
        };
        if let Some(kind) = wanted.filter(|kind| !is_there(kind)) {
            let listen = Element::new("listen").attribute("type", "address");
            let graphics = Element::new("graphics").attribute("type", kind);
            let graphics = graphics.attribute("autoport", "yes");
            devices.push(graphics.child(listen.attribute("address", "127.0.0.1")));
        }
        if wanted != Some("spice") {
            silence(devices);
        }
    },
)
.of_qemu();

pub(super) const VIDEO: R = R::new(
    "spec.devices.video",
    Class::NextBoot,
    OF_THE_BOARD,
    |machine, _| match (&machine.devices.video, &machine.devices.graphics) {
        (Some(video), _) => Value::text(video_word(video.model)),
        (None, None) => Value::None,
        (None, Some(_)) => Value::Any,
    },
    |root| {
        let model = all(root, "video")
            .next()
            .and_then(|video| child(video, "model"));
        let word = model.and_then(|model| own(model, "type"));
        Value::text(word.filter(|word| word != "none"))
    },
    |root, values| {
        let wanted = text(values, Field::Video);
        let devices = root.ensure("devices");
        let screen = devices.find("graphics").is_some();
        // A screen has a card unless it is said to have none.
        let model = wanted.or_else(|| screen.then_some("none"));
        let model = model.map(|model| Element::new("model").attribute("type", model));
        let video = model.map(|model| Element::new("video").child(model));
        if wanted.is_none() {
            devices.remove("video", |_| true);
        }
        // The first one is the one that is declared.
        match (devices.find_mut("video"), video) {
            (Some(first), Some(video)) => *first = video,
            (None, Some(video)) => devices.push(video),
            (_, None) => {}
        }
    },
)
.of_qemu();

pub(super) const SERIAL: R = R::new(
    "spec.devices.serial",
    Class::NextBoot,
    OF_THE_BOARD,
    |machine, _| Value::Flag(machine.devices.serial),
    |root| Value::Flag(all(root, "serial").next().is_some()),
    |root, values| {
        let name = root.find("name").map(Element::to_text).unwrap_or_default();
        let devices = root.ensure("devices");
        if values.get(Field::Serial as usize).is_some_and(Value::is_on) {
            devices.push(serial(&name));
            return;
        }
        devices.remove("serial", |_| true);
        devices.remove("console", |console| {
            let target = console.find("target").and_then(|target| target.get("type"));
            target.is_none_or(|target| target == "serial")
        });
    },
)
.of_qemu();

pub(super) const RNG: R = R::new(
    "spec.devices.rng",
    Class::NextBoot,
    OF_THE_BOARD,
    |machine, _| Value::Flag(machine.devices.rng),
    |root| Value::Flag(all(root, "rng").next().is_some()),
    |root, values| {
        let backend = Element::text("backend", "/dev/urandom").attribute("model", "random");
        let rng = Element::new("rng")
            .attribute("model", "virtio")
            .child(backend);
        there(root, values, Field::Rng, "rng", |_| true, rng);
    },
)
.of_qemu();

pub(super) const WATCHDOG: R = R::new(
    "spec.devices.watchdog",
    Class::NextBoot,
    OF_THE_BOARD,
    |machine, _| Value::text(machine.devices.watchdog.as_ref().map(watchdog_words)),
    |root| {
        let mut words: Vec<_> = all(root, "watchdog")
            .filter_map(|it| Some(format!("{}/{}", own(it, "model")?, own(it, "action")?)))
            .collect();
        // Another one beside the board's own is the one that was asked for.
        words.sort_by_key(|words| words == OF_EVERY_Q35);
        Value::text(words.into_iter().next())
    },
    |root, values| {
        let wanted = text(values, Field::Watchdog).and_then(|words| words.split_once('/'));
        let devices = root.ensure("devices");
        devices.remove("watchdog", |_| true);
        if let Some((model, action)) = wanted {
            let watchdog = Element::new("watchdog").attribute("model", model);
            devices.push(watchdog.attribute("action", action));
        }
    },
)
// Newer versions of libvirt show the one that every board of that kind has.
.also_same(|found, wanted| found == OF_EVERY_Q35 && wanted == "none")
.of_qemu();

pub(super) const BALLOON: R = R::new(
    "spec.devices.balloon",
    Class::NextBoot,
    OF_THE_BOARD,
    |machine, _| Value::Flag(machine.devices.balloon),
    |root| {
        let model = all(root, "memballoon")
            .next()
            .and_then(|it| it.attribute("model"));
        Value::Flag(model.is_some_and(|model| model != "none"))
    },
    |root, values| {
        let on = values
            .get(Field::Balloon as usize)
            .is_some_and(Value::is_on);
        let devices = root.ensure("devices");
        devices.remove("memballoon", |_| true);
        let model = if on { "virtio" } else { "none" };
        devices.push(Element::new("memballoon").attribute("model", model));
    },
)
.of_qemu();

pub(super) const AGENT_CHANNEL: R = R::new(
    "spec.devices.agentChannel",
    Class::NextBoot,
    OF_THE_BOARD,
    |machine, _| Value::Flag(machine.devices.agent_channel),
    |root| {
        let named = |channel| child(channel, "target").and_then(|target| target.attribute("name"));
        Value::Flag(all(root, "channel").any(|channel| named(channel) == Some(AGENT)))
    },
    |root, values| {
        let target = Element::new("target").attribute("type", "virtio");
        let channel = Element::new("channel").attribute("type", "unix");
        let channel = channel.child(target.attribute("name", AGENT));
        let is_agent = |channel: &Element| {
            let target = channel.find("target");
            target.and_then(|target| target.get("name")) == Some(AGENT)
        };
        there(
            root,
            values,
            Field::AgentChannel,
            "channel",
            is_agent,
            channel,
        );
    },
)
.of_qemu();

pub(super) const PANIC: R = R::new(
    "spec.devices.panic",
    Class::NextBoot,
    OF_THE_BOARD,
    |machine, site| {
        let architecture = machine.architecture.as_ref().unwrap_or(&site.architecture);
        // Other boards tell of a panic by themselves, or not at all.
        match architecture.as_str() {
            "x86_64" | "i686" => Value::Flag(machine.devices.panic),
            _ => Value::Any,
        }
    },
    |root| Value::Flag(all(root, "panic").next().is_some()),
    |root, values| {
        let panic = Element::new("panic").attribute("model", "isa");
        there(root, values, Field::Panic, "panic", |_| true, panic);
    },
)
.of_qemu();

/// What a device's name begins with in a definition that Drover wrote.
pub(crate) const HOST_DEVICE_ALIAS: &str = "ua-hostdev-";

// Each with its name, in their order: `gpu=pci/0000:65:00.0,key=usb/001:004`.
pub(super) const HOST_DEVICES: R = R::new(
    "spec.devices.hostDevices",
    Class::NextBoot,
    "a running guest keeps the devices that it has",
    |machine, site| match &site.host_devices {
        Some(given) => given_words(given.iter()),
        None if machine.devices.host_devices.is_empty() => Value::None,
        None => Value::Any,
    },
    |root| {
        let found = all(root, "hostdev").filter_map(host_device);
        let named: Vec<_> = found
            .filter_map(|it| Some((it.name?, it.address)))
            .collect();
        given_words(named.iter())
    },
    |root, values| {
        let devices = root.ensure("devices");
        devices.remove("hostdev", |it| {
            let alias = it.find("alias").and_then(|alias| alias.get("name"));
            alias.is_some_and(|alias| alias.starts_with(HOST_DEVICE_ALIAS))
        });
        let words = text(values, Field::HostDevices).unwrap_or_default();
        let given = words.split(',').filter_map(|it| it.split_once('='));
        for (name, address) in given {
            if let Some(address) = Address::parse(address) {
                devices.push(hostdev(name, &address));
            }
        }
    },
);

fn given_words<'a, T: Display + 'a>(given: impl Iterator<Item = &'a (String, T)>) -> Value {
    let mut words: Vec<_> = given.map(|(name, it)| format!("{name}={it}")).collect();
    words.sort();
    Value::text((!words.is_empty()).then(|| words.join(",")))
}

// libvirt takes it from the host's own driver for as long as the guest runs.
fn hostdev(name: &str, address: &Address) -> Element {
    let place = Element::new("address");
    let (kind, place) = match address {
        Address::Pci([domain, bus, slot, function]) => {
            let hex = |number: &u32| format!("{number:#x}");
            let place = place
                .attribute("domain", hex(domain))
                .attribute("bus", hex(bus));
            let place = place.attribute("slot", hex(slot));
            ("pci", place.attribute("function", hex(function)))
        }
        Address::Usb([bus, device]) => {
            let place = place.attribute("bus", bus.to_string());
            ("usb", place.attribute("device", device.to_string()))
        }
        Address::Mdev(uuid) => ("mdev", place.attribute("uuid", uuid)),
    };
    let hostdev = Element::new("hostdev")
        .attribute("mode", "subsystem")
        .attribute("type", kind);
    let hostdev = match address {
        Address::Pci(_) => hostdev.attribute("managed", "yes"),
        Address::Mdev(_) => hostdev.attribute("model", "vfio-pci"),
        Address::Usb(_) => hostdev,
    };
    let alias = Element::new("alias").attribute("name", format!("{HOST_DEVICE_ALIAS}{name}"));
    hostdev
        .child(Element::new("source").child(place))
        .child(alias)
}

fn all<'a, 'i>(root: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    child(root, "devices")
        .into_iter()
        .flat_map(move |devices| children(devices, name))
}

// Sound goes nowhere by a screen that is not there; libvirt has added the way by itself.
fn silence(devices: &mut Element) {
    let by_spice = |it: &&mut Element| it.name() == "audio" && it.get("type") == Some("spice");
    for audio in devices.elements_mut().filter(by_spice) {
        audio.set("type", "none");
    }
}

fn own(node: Node<'_, '_>, attribute: &str) -> Option<String> {
    node.attribute(attribute).map(str::to_owned)
}

fn text(values: &[Value], field: Field) -> Option<&str> {
    values.get(field as usize).and_then(Value::as_text)
}

// Makes a device be there or not.
fn there(
    root: &mut Element,
    values: &[Value],
    field: Field,
    name: &'static str,
    which: impl FnMut(&Element) -> bool,
    device: Element,
) {
    let devices = root.ensure("devices");
    if values.get(field as usize).is_some_and(Value::is_on) {
        devices.push(device);
    } else {
        devices.remove(name, which);
    }
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

fn video_word(model: VideoModel) -> Option<&'static str> {
    Some(match model {
        VideoModel::Virtio => "virtio",
        VideoModel::Vga => "vga",
        VideoModel::Qxl => "qxl",
        VideoModel::Cirrus => "cirrus",
        VideoModel::Bochs => "bochs",
        VideoModel::None => return None,
    })
}

fn watchdog_words(watchdog: &Watchdog) -> String {
    let model = match watchdog.model {
        WatchdogModel::I6300esb => "i6300esb",
        WatchdogModel::Itco => "itco",
        WatchdogModel::Ib700 => "ib700",
    };
    let action = match watchdog.action {
        WatchdogAction::Reset => "reset",
        WatchdogAction::Poweroff => "poweroff",
        WatchdogAction::Pause => "pause",
        WatchdogAction::None => "none",
    };
    format!("{model}/{action}")
}
