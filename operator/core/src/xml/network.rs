//! A network.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::desired::network::{DesiredNetwork, Mode, Subnet};
use crate::observed::network::ObservedNetwork;
use crate::reservations::Reservation;
use crate::xml::Element;

/// What libvirt has chosen for a network on one host. A new definition keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The name of its bridge.
    pub bridge: Option<String>,
    /// The MAC address of its bridge.
    pub mac: Option<String>,
}

impl Kept {
    /// What was chosen for a network that is there.
    #[must_use]
    pub fn of(network: &ObservedNetwork) -> Self {
        Self {
            bridge: network.bridge().cloned(),
            mac: network.config.mac.clone(),
        }
    }
}

/// The definition of a network: the same on every host, but for what libvirt chose there.
#[must_use]
pub fn network_xml(network: &DesiredNetwork, kept: &Kept) -> String {
    let chosen = kept
        .bridge
        .as_ref()
        .filter(|_| network.mode != Mode::Bridge);
    let bridge = network.bridge.as_ref().or(chosen);
    let bridge = bridge.map(|name| Element::new("bridge").attribute("name", name));
    let mac = kept.mac.as_ref().filter(|_| network.mode != Mode::Bridge);
    let mac = mac.map(|mac| Element::new("mac").attribute("address", mac));
    Element::new("network")
        .child(Element::text("name", &network.name))
        .child(Element::text("uuid", network.uuid.to_string()))
        .child(Element::new("metadata").child(network.mark().element()))
        .children(
            network
                .mode
                .forward()
                .map(|mode| Element::new("forward").attribute("mode", mode)),
        )
        .children(bridge)
        .children(mac)
        .children(
            network
                .subnets
                .iter()
                .filter_map(|it| ip(it, &network.reservations)),
        )
        .to_string()
}

fn ip(subnet: &Subnet, reservations: &[Reservation]) -> Option<Element> {
    let address = subnet.gateway()?;
    let family = match subnet.cidr {
        IpNet::V4(_) => "ipv4",
        IpNet::V6(_) => "ipv6",
    };
    let ranges = subnet.ranges.iter().map(|(start, end)| {
        Element::new("range")
            .attribute("start", start.to_string())
            .attribute("end", end.to_string())
    });
    let inside = |kept: &&Reservation| subnet.dhcp && subnet.cidr.contains(&IpAddr::V4(kept.ip));
    let hosts = reservations.iter().filter(inside).map(host);
    let given: Vec<_> = ranges.chain(hosts).collect();
    let dhcp = (!given.is_empty()).then(|| Element::new("dhcp").children(given));
    let element = Element::new("ip")
        .attribute("family", family)
        .attribute("address", address.to_string())
        .attribute("prefix", subnet.cidr.prefix_len().to_string());
    Some(element.children(dhcp))
}

fn host(kept: &Reservation) -> Element {
    let mut host = Element::new("host").attribute("mac", &kept.mac);
    host.set_or_unset("name", kept.name.as_ref());
    host.attribute("ip", kept.ip.to_string())
}
