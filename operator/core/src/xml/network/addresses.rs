//! Subnets, and what DHCP gives in them.

use std::net::IpAddr;

use drover_crds::network::Route;
use ipnet::IpNet;

use super::address;
use crate::desired::network::{DesiredNetwork, FixedHost, Subnet};
use crate::reservations::Reservation;
use crate::xml::Element;

pub(super) fn subnets(network: &DesiredNetwork) -> Vec<Element> {
    let subnets = network.subnets.iter();
    let elements = subnets.filter_map(|subnet| ip(subnet, &network.reservations));
    elements.collect()
}

fn family(cidr: &IpNet) -> &'static str {
    match cidr {
        IpNet::V4(_) => "ipv4",
        IpNet::V6(_) => "ipv6",
    }
}

fn ip(subnet: &Subnet, reservations: &[Reservation]) -> Option<Element> {
    let address = subnet.gateway()?;
    let ranges = subnet.ranges.iter().map(|(start, end)| {
        Element::new("range")
            .attribute("start", start.to_string())
            .attribute("end", end.to_string())
    });
    let fixed = subnet.hosts.iter().map(fixed);
    let inside = |kept: &&Reservation| subnet.dhcp && subnet.cidr.contains(&IpAddr::V4(kept.ip));
    let kept = reservations.iter().filter(inside).map(kept);
    let given: Vec<_> = ranges.chain(fixed).chain(kept).collect();
    let dhcp = (!given.is_empty()).then(|| Element::new("dhcp").children(given));
    let element = Element::new("ip")
        .attribute("family", family(&subnet.cidr))
        .attribute("address", address.to_string())
        .attribute("prefix", subnet.cidr.prefix_len().to_string());
    Some(element.children(dhcp))
}

fn fixed(host: &FixedHost) -> Element {
    let mut element = Element::new("host");
    element.set_or_unset("id", host.duid.as_ref());
    element.set_or_unset("mac", host.mac.as_ref());
    element.set_or_unset("name", host.hostname.as_ref());
    element.attribute("ip", host.ip.to_string())
}

fn kept(kept: &Reservation) -> Element {
    let mut element = Element::new("host").attribute("mac", &kept.mac);
    element.set_or_unset("name", kept.name.as_ref());
    element.attribute("ip", kept.ip.to_string())
}

pub(super) fn route(route: &Route) -> Option<Element> {
    let cidr: IpNet = route.cidr.parse().ok()?;
    let mut element = Element::new("route")
        .attribute("family", family(&cidr))
        .attribute("address", cidr.network().to_string())
        .attribute("prefix", cidr.prefix_len().to_string())
        .attribute("gateway", address(&route.gateway));
    element.set_or_unset("metric", route.metric.map(|metric| metric.to_string()));
    Some(element)
}

// Lines for dnsmasq, which has one list of options for each family.
pub(super) fn options(network: &DesiredNetwork) -> Option<Element> {
    let subnets = network.subnets.iter();
    let options = subnets.flat_map(|subnet| {
        let family = match subnet.cidr {
            IpNet::V4(_) => "",
            IpNet::V6(_) => "option6:",
        };
        let options = subnet.options.iter();
        options.map(move |option| {
            let line = format!("dhcp-option={family}{},{}", option.number, option.value);
            Element::new("dnsmasq:option").attribute("value", line)
        })
    });
    let options: Vec<_> = options.collect();
    (!options.is_empty()).then(|| Element::new("dnsmasq:options").children(options))
}
