//! How a network reaches the world.

use drover_crds::network::{Macvtap, MacvtapMode, Nat, NetworkHostDevices};

use super::Kept;
use crate::desired::network::{DesiredNetwork, Mode};
use crate::xml::Element;

pub(super) fn forward(network: &DesiredNetwork) -> Option<Element> {
    let word = match network.mode {
        Mode::Isolated => return None,
        Mode::NAT => "nat",
        Mode::Route => "route",
        Mode::Open => "open",
        Mode::Bridge | Mode::OVS => "bridge",
        Mode::Macvtap => return network.macvtap.as_ref().map(macvtap),
        Mode::HostDev => return network.host_devices.as_ref().map(host_devices),
    };
    let mut element = Element::new("forward").attribute("mode", word);
    element.set_or_unset("dev", network.device.as_ref());
    Some(element.children(network.nat.as_ref().map(nat)))
}

fn nat(nat: &Nat) -> Element {
    let mut element = Element::new("nat");
    if nat.ipv6 {
        element.set("ipv6", "yes");
    }
    let range = |name, start: String, end: String| {
        Element::new(name)
            .attribute("start", start)
            .attribute("end", end)
    };
    let addresses = nat.addresses.as_ref();
    let addresses = addresses.map(|it| range("address", it.start.clone(), it.end.clone()));
    let ports = nat.ports.as_ref();
    let ports = ports.map(|it| range("port", it.start.to_string(), it.end.to_string()));
    element.children(addresses).children(ports)
}

fn macvtap(macvtap: &Macvtap) -> Element {
    let word = match macvtap.mode {
        MacvtapMode::Bridge => "bridge",
        MacvtapMode::Vepa => "vepa",
        MacvtapMode::Private => "private",
        MacvtapMode::Passthrough => "passthrough",
    };
    let devices = macvtap.devices.iter();
    let devices = devices.map(|device| Element::new("interface").attribute("dev", device));
    Element::new("forward")
        .attribute("mode", word)
        .children(devices)
}

// Managed: libvirt takes a function from the host's driver before a guest gets it, and gives it back.
fn host_devices(devices: &NetworkHostDevices) -> Element {
    let element = Element::new("forward")
        .attribute("mode", "hostdev")
        .attribute("managed", "yes");
    let function = devices.physical_function.as_ref();
    let function = function.map(|device| Element::new("pf").attribute("dev", device));
    let addresses = devices.addresses.iter().filter_map(|it| address(it));
    element.children(function).children(addresses)
}

// 0000:3b:02.1
fn address(text: &str) -> Option<Element> {
    let (rest, function) = text.split_once('.')?;
    let mut parts = rest.split(':');
    let mut element = Element::new("address").attribute("type", "pci");
    for name in ["domain", "bus", "slot"] {
        element.set(name, format!("0x{}", parts.next()?));
    }
    Some(element.attribute("function", format!("0x{function}")))
}

pub(super) fn virtual_port(network: &DesiredNetwork) -> Option<Element> {
    let port = Element::new("virtualport").attribute("type", "openvswitch");
    (network.mode == Mode::OVS).then_some(port)
}

pub(super) fn bridge(network: &DesiredNetwork, kept: &Kept) -> Vec<Element> {
    let own = network.is_own();
    let declared = network.bridge.as_ref();
    let name = declared.and_then(|bridge| bridge.name.as_ref());
    let name = name.or(kept.bridge.as_ref().filter(|_| own));
    let mut bridge = Element::new("bridge");
    bridge.set_or_unset("name", name);
    if let Some(declared) = declared.filter(|_| own) {
        let stp = declared.stp.map(|stp| if stp { "on" } else { "off" });
        bridge.set_or_unset("stp", stp);
        bridge.set_or_unset("delay", declared.delay.map(|delay| delay.to_string()));
    }
    let said = bridge != Element::new("bridge");
    let mac = kept.mac.as_ref().filter(|_| own);
    let mac = mac.map(|mac| Element::new("mac").attribute("address", mac));
    said.then_some(bridge).into_iter().chain(mac).collect()
}
