//! A network.

mod addresses;
mod dns;
mod forward;
mod ports;

use crate::desired::network::DesiredNetwork;
use crate::observed::network::ObservedNetwork;
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
    let mut root = Element::new("network");
    let options = addresses::options(network);
    if options.is_some() {
        root.set("xmlns:dnsmasq", DNSMASQ);
    }
    let mtu = network
        .mtu
        .map(|size| Element::new("mtu").attribute("size", size.to_string()));
    root.child(Element::text("name", &network.name))
        .child(Element::text("uuid", network.uuid.to_string()))
        .child(Element::new("metadata").child(network.mark().element()))
        .children(forward::forward(network))
        .children(forward::bridge(network, kept))
        .children(mtu)
        .children(forward::virtual_port(network))
        .children(dns::domain(network))
        .children(dns::dns(&network.dns))
        .children(network.vlan.as_ref().map(ports::vlan))
        .children(network.bandwidth.as_ref().map(ports::bandwidth))
        .children(addresses::subnets(network))
        .children(network.routes.iter().filter_map(addresses::route))
        .children(network.port_groups.iter().map(ports::group))
        .children(options)
        .to_string()
}

// An address as libvirt writes it: there are many ways to write one of IPv6.
fn address(text: &str) -> String {
    let parsed = text.parse::<std::net::IpAddr>();
    parsed.map_or_else(|_| text.to_owned(), |ip| ip.to_string())
}

// libvirt hands what is in this namespace to dnsmasq as it is.
const DNSMASQ: &str = "http://libvirt.org/schemas/network/dnsmasq/1.0";
