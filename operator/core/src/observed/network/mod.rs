//! A network.

mod fixed;
mod items;

use std::collections::BTreeMap;

use roxmltree::Node;
use uuid::Uuid;

pub use self::items::{Item, Section};
use super::{Unreadable, attribute, child, children, parse, text};
use crate::identity::Mark;

/// A network as it is on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedNetwork {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// Whether it is started.
    pub active: bool,
    /// Whether its definition outlives its being active.
    pub persistent: bool,
    /// The definition that its next start takes.
    pub config: NetworkFacts,
    /// The definition that it runs by, if it is started.
    pub live: Option<NetworkFacts>,
}

impl ObservedNetwork {
    /// The bridge that it has, or will have.
    #[must_use]
    pub fn bridge(&self) -> Option<&String> {
        let live = self.live.as_ref().and_then(|live| live.bridge.as_ref());
        live.or(self.config.bridge.as_ref())
    }

    /// Whether it keeps addresses for more MAC addresses than these.
    #[must_use]
    pub fn keeps_more_than(&self, macs: &[&str]) -> bool {
        let hosts = self.config.items.iter();
        let mut hosts = hosts.filter(|item| item.section == Section::DhcpHost);
        hosts.any(|item| {
            item.element
                .get("mac")
                .is_some_and(|mac| !macs.contains(&mac))
        })
    }

    /// Whether its DHCP server, as it runs, keeps this address for this MAC address.
    #[must_use]
    pub fn keeps(&self, mac: &str, ip: &str) -> bool {
        let live = self.live.iter().flat_map(|live| &live.items);
        live.filter(|item| item.section == Section::DhcpHost)
            .any(|item| item.is(mac, ip))
    }
}

/// What a network's definition says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkFacts {
    /// How it forwards; nothing for an isolated one.
    pub forward: Option<String>,
    /// Its bridge.
    pub bridge: Option<String>,
    /// The MAC address of its bridge.
    pub mac: Option<String>,
    /// Its addresses: address and prefix, and the ranges that DHCP gives.
    pub addresses: Vec<(String, Vec<(String, String)>)>,
    /// Whether its bridge is one of Open vSwitch.
    pub is_ovs: bool,
    /// What only a restart of the network changes, by the field that declares it.
    pub fixed: BTreeMap<&'static str, String>,
    /// What libvirt changes while the network runs, one by one.
    pub items: Vec<Item>,
    /// Drover's mark.
    pub mark: Option<Mark>,
}

impl NetworkFacts {
    /// Reads the XML of a network.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not XML.
    pub fn parse(xml: &str) -> Result<Self, Unreadable> {
        let document = parse("a network", xml)?;
        let root = document.root_element();
        let addresses: Vec<_> = children(root, "ip").filter_map(addresses).collect();
        Ok(Self {
            forward: child(root, "forward")
                .map(|forward| forward.attribute("mode").unwrap_or("nat").to_owned()),
            bridge: attribute(root, "bridge", "name"),
            mac: attribute(root, "mac", "address"),
            is_ovs: attribute(root, "virtualport", "type").as_deref() == Some("openvswitch"),
            fixed: fixed::read(root, &addresses),
            items: items::read(root),
            addresses,
            mark: Mark::read(root),
        })
    }

    /// The place of a subnet among the addresses.
    #[must_use]
    pub fn place_of(&self, address: &str) -> Option<usize> {
        let mut addresses = self.addresses.iter();
        addresses.position(|(known, _)| known == address)
    }
}

// Address and prefix of an `<ip>`, and its ranges.
fn addresses(ip: Node<'_, '_>) -> Option<(String, Vec<(String, String)>)> {
    let ranges = child(ip, "dhcp")
        .into_iter()
        .flat_map(|dhcp| children(dhcp, "range"));
    let ranges = ranges.filter_map(|range| {
        Some((
            range.attribute("start")?.to_owned(),
            range.attribute("end")?.to_owned(),
        ))
    });
    Some((address(ip)?, ranges.collect()))
}

// Address and prefix of an `<ip>`.
fn address(ip: Node<'_, '_>) -> Option<String> {
    let address = ip.attribute("address")?;
    let prefix = match (ip.attribute("prefix"), ip.attribute("netmask")) {
        (Some(prefix), _) => prefix.to_owned(),
        (None, Some(mask)) => prefix_of(mask)?.to_string(),
        (None, None) => return None,
    };
    Some(format!("{address}/{prefix}"))
}

fn prefix_of(mask: &str) -> Option<u32> {
    let mask: std::net::Ipv4Addr = mask.parse().ok()?;
    Some(u32::from(mask).leading_ones())
}

/// The name in any definition: for messages.
#[must_use]
pub fn name_of(xml: &str) -> Option<String> {
    let document = parse("a definition", xml).ok()?;
    text(document.root_element(), "name")
}

#[cfg(test)]
mod tests {
    use super::NetworkFacts;

    #[test]
    fn what_a_network_says() {
        let facts = NetworkFacts::parse(
            "<network><name>lan</name><forward mode='nat'><nat/></forward>\
             <bridge name='virbr1' stp='on'/><ip address='10.0.0.1' netmask='255.255.255.0'>\
             <dhcp><range start='10.0.0.2' end='10.0.0.9'/></dhcp></ip></network>",
        )
        .unwrap();
        assert_eq!(facts.forward.as_deref(), Some("nat"));
        assert_eq!(facts.bridge.as_deref(), Some("virbr1"));
        let ranges = vec![("10.0.0.2".to_owned(), "10.0.0.9".to_owned())];
        assert_eq!(facts.addresses, [("10.0.0.1/24".to_owned(), ranges)]);
    }
}
