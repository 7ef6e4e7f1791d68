//! What only a restart of a network changes, in one form whoever wrote it: what libvirt adds by
//! itself is left out.

use std::collections::BTreeMap;

use roxmltree::Node;

use crate::observed::node_device::{pci_address, pci_text};
use crate::observed::{attribute, child, children};
use crate::xml::Element;

type Found = BTreeMap<&'static str, String>;

pub(super) fn read(root: Node<'_, '_>, addresses: &[(String, Vec<(String, String)>)]) -> Found {
    let mut found = Found::new();
    let mut say = |field, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            found.insert(field, value);
        }
    };
    let forward = child(root, "forward");
    let mode = forward.map(|forward| forward.attribute("mode").unwrap_or("nat"));
    let port = attribute(root, "virtualport", "type");
    let words: Vec<&str> = mode.into_iter().chain(port.as_deref()).collect();
    say("spec.mode", Some(words.join(" ")));
    say("spec.bridge.name", attribute(root, "bridge", "name"));
    // Only of these does libvirt make the bridge.
    if matches!(mode, None | Some("nat" | "route" | "open")) {
        let stp = attribute(root, "bridge", "stp");
        say("spec.bridge.stp", stp.filter(|stp| stp == "off"));
        let delay = attribute(root, "bridge", "delay");
        say("spec.bridge.delay", delay.filter(|delay| delay != "0"));
        let device = forward.and_then(|forward| forward.attribute("dev"));
        say("spec.device", device.map(str::to_owned));
    }
    say("spec.nat", forward.and_then(nat));
    say("spec.hostDevices", forward.and_then(host_devices));
    say("spec.mtu", attribute(root, "mtu", "size"));
    say("spec.domain", attribute(root, "domain", "name"));
    let local = attribute(root, "domain", "localOnly");
    say("spec.dns.localOnly", local.filter(|local| local == "yes"));
    let enabled = attribute(root, "dns", "enable");
    say("spec.dns.enabled", enabled.filter(|word| word == "no"));
    let forwarders = child(root, "dns").map(|dns| all(dns, "forwarder"));
    say("spec.dns.forwarders", forwarders);
    let subnets = addresses.iter().map(|(address, _)| address.as_str());
    say("spec.subnets", Some(subnets.collect::<Vec<_>>().join(", ")));
    let options = child(root, "options").map(|options| all(options, "option"));
    say("spec.subnets[].dhcp.options", options);
    say("spec.routes", Some(all(root, "route")));
    say("spec.vlan", Some(all(root, "vlan")));
    say("spec.bandwidth", Some(all(root, "bandwidth")));
    found
}

// Every element of this name, in one form.
fn all(node: Node<'_, '_>, name: &'static str) -> String {
    let elements = children(node, name).map(|child| Element::canonical(child).to_string());
    elements.collect()
}

// libvirt writes down the ports that NAT uses anyway.
fn nat(forward: Node<'_, '_>) -> Option<String> {
    let nat = child(forward, "nat")?;
    let mut words = Vec::new();
    words.extend((nat.attribute("ipv6") == Some("yes")).then(|| "ipv6".to_owned()));
    for name in ["address", "port"] {
        if let Some(range) = child(nat, name) {
            let end = |end| range.attribute(end).unwrap_or_default();
            let range = format!("{}-{}", end("start"), end("end"));
            if range != "1024-65535" {
                words.push(range);
            }
        }
    }
    Some(words.join(" "))
}

// The virtual functions of a device are listed by libvirt itself while the network runs.
fn host_devices(forward: Node<'_, '_>) -> Option<String> {
    if forward.attribute("mode") != Some("hostdev") {
        return None;
    }
    if let Some(device) = child(forward, "pf") {
        return device.attribute("dev").map(str::to_owned);
    }
    let addresses = children(forward, "address").filter_map(pci_address);
    Some(addresses.map(pci_text).collect::<Vec<_>>().join(", "))
}
