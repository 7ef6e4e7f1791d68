//! What libvirt changes of a network while it runs: elements of lists, one by one.

use roxmltree::Node;

use super::address;
use crate::observed::{child, children};
use crate::xml::Element;

/// A list in a network's definition of which libvirt changes one element at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The addresses that DHCP gives.
    DhcpRange,
    /// The addresses that DHCP keeps for one MAC address.
    DhcpHost,
    /// The devices of the host that guests are put on.
    ForwardInterface,
    /// The port groups.
    PortGroup,
    /// The names that its DNS server knows.
    DnsHost,
    /// Its DNS server's TXT records.
    DnsTxt,
    /// Its DNS server's SRV records.
    DnsSrv,
}

impl Section {
    /// The field that declares it.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::DhcpRange => "spec.subnets[].dhcp.ranges",
            Self::DhcpHost => "spec.subnets[].dhcp.hosts",
            Self::ForwardInterface => "spec.macvtap.devices",
            Self::PortGroup => "spec.portGroups",
            Self::DnsHost => "spec.dns.hosts",
            Self::DnsTxt => "spec.dns.txt",
            Self::DnsSrv => "spec.dns.srv",
        }
    }

    /// Whether libvirt changes an element of it in place. Others are taken out and put in.
    #[must_use]
    pub fn is_modified(self) -> bool {
        matches!(self, Self::DhcpHost | Self::PortGroup)
    }
}

/// One element of such a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The list.
    pub section: Section,
    /// The address and prefix of the subnet that it is in, if it is in one.
    pub subnet: Option<String>,
    /// The element, in one form whoever wrote it.
    pub element: Element,
}

impl Item {
    /// What it is found by among its like: the MAC address that an address is kept for, the name of a
    /// port group; all of it, of what is not changed in place.
    #[must_use]
    pub fn key(&self) -> String {
        let name = match self.section {
            Section::DhcpHost => self.element.get("mac").or_else(|| self.element.get("name")),
            Section::PortGroup => self.element.get("name"),
            _ => None,
        };
        name.map_or_else(|| self.element.to_string(), str::to_owned)
    }

    /// Whether it keeps this address for this MAC address.
    #[must_use]
    pub fn is(&self, mac: &str, ip: &str) -> bool {
        self.element.get("mac") == Some(mac) && self.element.get("ip") == Some(ip)
    }

    /// Whether libvirt takes both for the same, though they differ.
    #[must_use]
    pub fn clashes(&self, other: &Self) -> bool {
        let same = |name| {
            let value = self.element.get(name);
            value.is_some() && value == other.element.get(name)
        };
        self.section == other.section && (same("ip") || same("name") || same("mac"))
    }
}

pub(super) fn read(root: Node<'_, '_>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut add = |section, subnet: Option<&String>, node| {
        items.push(Item {
            section,
            subnet: subnet.cloned(),
            element: Element::canonical(node),
        });
    };
    for ip in children(root, "ip") {
        let (Some(subnet), Some(dhcp)) = (address(ip), child(ip, "dhcp")) else {
            continue;
        };
        for range in children(dhcp, "range") {
            add(Section::DhcpRange, Some(&subnet), range);
        }
        for host in children(dhcp, "host") {
            add(Section::DhcpHost, Some(&subnet), host);
        }
    }
    if let Some(forward) = child(root, "forward").filter(|forward| is_macvtap(root, *forward)) {
        for interface in children(forward, "interface") {
            add(Section::ForwardInterface, None, interface);
        }
    }
    for group in children(root, "portgroup") {
        add(Section::PortGroup, None, group);
    }
    if let Some(dns) = child(root, "dns") {
        for (name, section) in [
            ("host", Section::DnsHost),
            ("txt", Section::DnsTxt),
            ("srv", Section::DnsSrv),
        ] {
            for record in children(dns, name) {
                add(section, None, record);
            }
        }
    }
    items
}

// Elsewhere libvirt names the one device also where it lists them.
fn is_macvtap(root: Node<'_, '_>, forward: Node<'_, '_>) -> bool {
    match forward.attribute("mode") {
        Some("private" | "vepa" | "passthrough") => true,
        Some("bridge") => child(root, "bridge").is_none(),
        _ => false,
    }
}
