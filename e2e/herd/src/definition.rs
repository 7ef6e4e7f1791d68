//! What libvirt makes of a domain's definition: what it refuses, what it adds when it is given one,
//! and what it adds when it starts. Of devices, as much as the operator writes for a machine.

use drover_core::observed::scaled;
use drover_core::xml::Element;
use uuid::{Builder, Uuid};

use crate::driver::Driver;
use crate::host::Failure;
use crate::random::Random;

// What QEMU 10.0 calls its boards.
const BOARDS: [(&str, &str); 2] = [("pc", "pc-i440fx-10.0"), ("q35", "pc-q35-10.0")];
// What QEMU, without KVM, makes of the model that the operator asks for.
const IN_SOFTWARE: [&str; 4] = ["hypervisor", "ht", "lahf_lm", "cmp_legacy"];

const DOMAIN: &str = "a domain";

/// A definition that was taken.
pub(crate) struct Defined {
    pub(crate) name: String,
    pub(crate) uuid: Uuid,
    pub(crate) memory_kib: u64,
    pub(crate) vcpus: u16,
    pub(crate) root: Element,
}

/// Reads a definition, and adds what libvirt adds.
pub(crate) fn read(xml: &str, driver: Driver, random: &mut Random) -> Result<Defined, Failure> {
    let mut root = parse(DOMAIN, xml)?;
    if root.name() != "domain" {
        let name = root.name();
        return Err(Failure::xml(format!(
            "XML error: expecting root element of 'domain', not '{name}'"
        )));
    }
    let Some(type_) = root.get("type").map(str::to_owned) else {
        return Err(Failure::internal(
            "internal error: missing domain type attribute",
        ));
    };
    let (name, uuid) = identity(&mut root, random, missing())?;
    runs_here(&root, driver, &type_)?;
    let (memory_kib, vcpus) = sized(&mut root)?;
    complete(&mut root, driver);
    Ok(Defined {
        name,
        uuid,
        memory_kib,
        vcpus,
        root,
    })
}

pub(crate) fn parse(what: &'static str, xml: &str) -> Result<Element, Failure> {
    Element::parse(what, xml).map_err(|error| Failure::not_xml(error.to_string()))
}

/// Reads a definition whose root is to have this name.
pub(crate) fn rooted(xml: &str, name: &str) -> Result<Element, Failure> {
    let root = parse("a definition", xml)?;
    match root.name() == name {
        true => Ok(root),
        false => Err(Failure::xml(format!(
            "XML error: unexpected root element <{}>, expecting <{name}>",
            root.name()
        ))),
    }
}

/// How domains and networks miss a name and a UUID.
pub(crate) fn missing() -> (Failure, Failure) {
    (
        Failure::no_name(),
        Failure::internal("internal error: malformed uuid element"),
    )
}

/// The name and the UUID of what is defined, which gets one if it has none. Pools have their own way to
/// miss them.
pub(crate) fn identity(
    root: &mut Element,
    random: &mut Random,
    (no_name, no_uuid): (Failure, Failure),
) -> Result<(String, Uuid), Failure> {
    let name = root.find("name").map(Element::to_text).unwrap_or_default();
    if name.is_empty() {
        return Err(no_name);
    }
    if name.contains('/') {
        return Err(Failure::xml(format!(
            "XML error: name {name} cannot contain '/'"
        )));
    }
    let uuid = match root.find("uuid").map(Element::to_text) {
        Some(text) => Uuid::parse_str(&text).map_err(|_| no_uuid)?,
        None => Builder::from_random_bytes(random.bytes()).into_uuid(),
    };
    root.ensure("uuid").set_text(uuid.to_string());
    Ok((name, uuid))
}

fn runs_here(root: &Element, driver: Driver, type_: &str) -> Result<(), Failure> {
    let kind = root.find("os").and_then(|os| os.find("type"));
    let arch = kind.and_then(|kind| kind.get("arch"));
    if let Some(arch) = arch
        && !driver.architectures().contains(&arch)
    {
        return Err(Failure::config(format!(
            "unsupported configuration: Unknown architecture {arch}"
        )));
    }
    // The test driver looks at no type that libvirt knows.
    if driver == Driver::Qemu && type_ != driver.domain_type() {
        return Err(Failure::config(format!(
            "unsupported configuration: the emulator does not support virt type '{type_}'"
        )));
    }
    Ok(())
}

// Memory in KiB and CPUs, which are then written as libvirt does.
fn sized(root: &mut Element) -> Result<(u64, u16), Failure> {
    let memory = root.find("memory").and_then(kib).filter(|kib| *kib > 0);
    let memory = memory
        .ok_or_else(|| Failure::xml("XML error: Memory size must be specified via <memory>"))?;
    let current = root.find("currentMemory").and_then(kib).unwrap_or(memory);
    for (name, kib) in [("memory", memory), ("currentMemory", current)] {
        let element = root.ensure(name);
        element.set("unit", "KiB");
        element.set_text(kib.to_string());
    }
    if root.find("vcpu").is_none() {
        root.ensure("vcpu").set_text("1");
    }
    let vcpu = root.ensure("vcpu");
    vcpu.set("placement", "static");
    let most = vcpu.to_text();
    let count = vcpu.get("current").unwrap_or(&most).parse();
    let count = count.map_err(|_| Failure::xml("XML error: maximum vcpus must be an integer"))?;
    Ok((memory, count))
}

fn kib(element: &Element) -> Option<u64> {
    Some(amount(element, "KiB")?.div_ceil(1 << 10))
}

/// An amount in bytes; without a unit it is one.
pub(crate) fn bytes(element: &Element) -> Option<u64> {
    amount(element, "bytes")
}

fn amount(element: &Element, unit: &str) -> Option<u64> {
    let amount: u64 = element.to_text().parse().ok()?;
    scaled(amount, element.get("unit").unwrap_or(unit))
}

fn complete(root: &mut Element, driver: Driver) {
    let kind = root.ensure("os").ensure("type");
    if driver == Driver::Qemu {
        let asked = kind.get("machine").unwrap_or("pc").to_owned();
        let board = BOARDS.iter().find(|(short, _)| *short == asked);
        kind.set(
            "machine",
            board.map_or(asked, |(_, whole)| (*whole).to_owned()),
        );
    }
    if let Some(cpu) = root.find_mut("cpu") {
        if driver == Driver::Qemu {
            cpu.set("check", "none");
        }
        if let Some(topology) = cpu.find_mut("topology") {
            for level in ["dies", "clusters"] {
                if topology.get(level).is_none() {
                    topology.set(level, "1");
                }
            }
        }
    }
    if root.find("clock").is_none() {
        root.ensure("clock").set("offset", "utc");
    }
    for (when, then) in [
        ("on_poweroff", "destroy"),
        ("on_reboot", "restart"),
        ("on_crash", "destroy"),
    ] {
        if root.find(when).is_none() {
            root.ensure(when).set_text(then);
        }
    }
    let devices = root.ensure("devices");
    if driver == Driver::Qemu {
        furnish(devices);
    }
}

// What every board of QEMU's has, and what the devices that are there need.
fn furnish(devices: &mut Element) {
    let has = |devices: &Element, name: &str, type_: &str| {
        let mut all = devices.elements();
        all.any(|it| it.name() == name && it.get("type") == Some(type_))
    };
    if devices.find("emulator").is_none() {
        devices
            .ensure("emulator")
            .set_text("/usr/bin/qemu-system-x86_64");
    }
    let controller = |type_: &str, model: Option<&str>| {
        let controller = Element::new("controller")
            .attribute("type", type_)
            .attribute("index", "0");
        match model {
            Some(model) => controller.attribute("model", model),
            None => controller,
        }
    };
    if !has(devices, "controller", "usb") {
        devices.push(controller("usb", Some("piix3-uhci")));
    }
    if !has(devices, "controller", "pci") {
        devices.push(controller("pci", Some("pci-root")));
    }
    if devices.find("channel").is_some() && !has(devices, "controller", "virtio-serial") {
        devices.push(controller("virtio-serial", None));
    }
    mirror_console(devices);
    for input in ["mouse", "keyboard"] {
        if !has(devices, "input", input) {
            let input = Element::new("input").attribute("type", input);
            devices.push(input.attribute("bus", "ps2"));
        }
    }
    if devices.find("audio").is_none() {
        let audio = Element::new("audio").attribute("id", "1");
        devices.push(audio.attribute("type", "none"));
    }
    if devices.find("memballoon").is_none() {
        devices.push(Element::new("memballoon").attribute("model", "virtio"));
    }
    let mut slot = 1;
    for device in devices.elements_mut() {
        let root = device.get("model") == Some("pci-root");
        let on_pci = matches!(
            device.name(),
            "controller" | "memballoon" | "rng" | "interface"
        );
        if on_pci
            && !root
            && device.get("model") != Some("none")
            && device.find("address").is_none()
        {
            slot += 1;
            device.push(pci_address(slot));
        }
    }
}

fn pci_address(slot: u32) -> Element {
    Element::new("address")
        .attribute("type", "pci")
        .attribute("domain", "0x0000")
        .attribute("bus", "0x00")
        .attribute("slot", format!("{slot:#04x}"))
        .attribute("function", "0x0")
}

// The first serial port is the console too.
fn mirror_console(devices: &mut Element) {
    let Some(serial) = devices.find_mut("serial") else {
        return;
    };
    let target = serial.ensure("target");
    target.set("type", "isa-serial");
    if target.find("model").is_none() {
        target.push(Element::new("model").attribute("name", "isa-serial"));
    }
    let type_ = serial.get("type").unwrap_or("pty").to_owned();
    let log = serial.find("log").cloned();
    if devices.find("console").is_some() {
        return;
    }
    let target = Element::new("target").attribute("type", "serial");
    let console = Element::new("console")
        .attribute("type", type_)
        .children(log)
        .child(target.attribute("port", "0"));
    devices.push(console);
}

/// What runs when this definition is started: its text, and how much memory and how many CPUs it has.
pub(crate) fn run(kept: &str, driver: Driver, id: i32) -> Result<(String, (u64, u16)), Failure> {
    let mut root = parse(DOMAIN, kept)?;
    root.set("id", id.to_string());
    let size = sized(&mut root)?;
    if driver == Driver::Qemu {
        let name = root.find("name").map(Element::to_text).unwrap_or_default();
        if let Some(cpu) = root.find_mut("cpu") {
            start_cpu(cpu);
        }
        start_devices(root.ensure("devices"), id, &name);
        root.push(labels());
    }
    Ok((root.to_string(), size))
}

fn start_cpu(cpu: &mut Element) {
    cpu.set("check", "full");
    let Some(model) = cpu.find_mut("model") else {
        return;
    };
    model.set("fallback", "forbid");
    if model.to_text() == "qemu64" {
        for name in IN_SOFTWARE {
            let feature = Element::new("feature").attribute("policy", "require");
            cpu.push(feature.attribute("name", name));
        }
    }
}

fn start_devices(devices: &mut Element, id: i32, name: &str) {
    let pty = format!("/dev/pts/{id}");
    let mut numbers = std::collections::BTreeMap::<String, u32>::new();
    for device in devices.elements_mut() {
        let kind = device.name().to_owned();
        match kind.as_str() {
            "emulator" | "audio" => continue,
            "serial" | "console" => {
                if kind == "console" {
                    device.set("tty", pty.clone());
                }
                device.push(Element::new("source").attribute("path", pty.clone()));
            }
            "channel" => {
                if let Some(target) = device.find_mut("target") {
                    target.set("state", "disconnected");
                }
                let path = format!("/run/libvirt/qemu/channel/{id}-{name}/channel");
                let source = Element::new("source").attribute("mode", "bind");
                device.push(source.attribute("path", path));
            }
            _ => {}
        }
        if device.find("alias").is_none() {
            let number = numbers.entry(kind.clone()).or_default();
            let alias = format!("{kind}{number}");
            *number += 1;
            device.push(Element::new("alias").attribute("name", alias));
        }
    }
}

fn labels() -> Element {
    let label = |name| Element::text(name, "+0:+0");
    Element::new("seclabel")
        .attribute("type", "dynamic")
        .attribute("model", "dac")
        .attribute("relabel", "yes")
        .child(label("label"))
        .child(label("imagelabel"))
}
