//! A network.

use ipnet::IpNet;

use crate::desired::network::{DesiredNetwork, Subnet};
use crate::xml::Element;

/// The definition of a network, the same on every host.
#[must_use]
pub fn network_xml(network: &DesiredNetwork) -> String {
    let bridge = network
        .bridge
        .as_ref()
        .map(|name| Element::new("bridge").attribute("name", name));
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
        .children(network.subnets.iter().filter_map(ip))
        .to_string()
}

fn ip(subnet: &Subnet) -> Option<Element> {
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
    let dhcp = (!subnet.ranges.is_empty()).then(|| Element::new("dhcp").children(ranges));
    let element = Element::new("ip")
        .attribute("family", family)
        .attribute("address", address.to_string())
        .attribute("prefix", subnet.cidr.prefix_len().to_string());
    Some(element.children(dhcp))
}
