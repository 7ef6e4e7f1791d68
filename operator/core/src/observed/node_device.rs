//! The devices of a host that guests can be given whole.

use std::fmt;

use roxmltree::Node;

use super::{Unreadable, attribute, child, parse, text};

/// A device of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDevice {
    /// Which one it is.
    pub address: Address,
    /// What it is: of PCI and USB the vendor and the product, such as `10de:2236`, of a mediated device its
    /// type.
    pub model: String,
}

/// Which device of its host it is. As text: `pci/0000:65:00.0`, `usb/001:004`, `mdev/` and its UUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// Domain, bus, slot and function.
    Pci([u32; 4]),
    /// Bus and device. It has another one when it is plugged in anew.
    Usb([u32; 2]),
    /// The UUID of a mediated device.
    Mdev(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pci(address) => write!(f, "pci/{}", pci_text(*address)),
            Self::Usb([bus, device]) => write!(f, "usb/{bus:03}:{device:03}"),
            Self::Mdev(uuid) => write!(f, "mdev/{uuid}"),
        }
    }
}

impl Address {
    /// From its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('/')?;
        match kind {
            "pci" => {
                let (slots, function) = rest.split_once('.')?;
                let hex = |part: &str| u32::from_str_radix(part, 16).ok();
                let slots: Vec<u32> = slots.split(':').map(hex).collect::<Option<_>>()?;
                let [domain, bus, slot] = slots.try_into().ok()?;
                Some(Self::Pci([domain, bus, slot, hex(function)?]))
            }
            "usb" => {
                let (bus, device) = rest.split_once(':')?;
                Some(Self::Usb([bus.parse().ok()?, device.parse().ok()?]))
            }
            "mdev" => Some(Self::Mdev(rest.to_owned())),
            _ => None,
        }
    }

    /// That of a `hostdev` of a domain.
    pub(crate) fn of_hostdev(hostdev: Node<'_, '_>) -> Option<Self> {
        let address = child(child(hostdev, "source")?, "address")?;
        let number = |name: &str| number(address.attribute(name)?);
        match hostdev.attribute("type")? {
            "pci" => pci_address(address).map(Self::Pci),
            "usb" => Some(Self::Usb([number("bus")?, number("device")?])),
            "mdev" => Some(Self::Mdev(address.attribute("uuid")?.to_owned())),
            _ => None,
        }
    }
}

/// Domain, bus, slot and function of a PCI device: of an element with such attributes.
pub(crate) fn pci_address(address: Node<'_, '_>) -> Option<[u32; 4]> {
    let number = |name: &str| number(address.attribute(name)?);
    let domain = number("domain").unwrap_or(0);
    Some([domain, number("bus")?, number("slot")?, number("function")?])
}

/// As everybody writes it: `0000:65:00.0`.
pub(crate) fn pci_text([domain, bus, slot, function]: [u32; 4]) -> String {
    format!("{domain:04x}:{bus:02x}:{slot:02x}.{function:x}")
}

impl NodeDevice {
    /// Reads the XML of a node device; nothing of one that no guest can be given.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not XML.
    pub fn parse(xml: &str) -> Result<Option<Self>, Unreadable> {
        let document = parse("a node device", xml)?;
        let capability = child(document.root_element(), "capability");
        Ok(capability.and_then(|it| match it.attribute("type")? {
            "pci" => pci(it),
            "usb_device" => usb(it),
            "mdev" => mdev(it),
            _ => None,
        }))
    }
}

// One that is in no IOMMU group could reach all of the host's memory: it is given to nobody.
fn pci(capability: Node<'_, '_>) -> Option<NodeDevice> {
    child(capability, "iommuGroup")?;
    let of = |name| number(&text(capability, name)?);
    Some(NodeDevice {
        address: Address::Pci([of("domain")?, of("bus")?, of("slot")?, of("function")?]),
        model: vendor_product(capability)?,
    })
}

fn usb(capability: Node<'_, '_>) -> Option<NodeDevice> {
    let of = |name| number(&text(capability, name)?);
    Some(NodeDevice {
        address: Address::Usb([of("bus")?, of("device")?]),
        model: vendor_product(capability)?,
    })
}

fn mdev(capability: Node<'_, '_>) -> Option<NodeDevice> {
    Some(NodeDevice {
        address: Address::Mdev(text(capability, "uuid")?),
        model: attribute(capability, "type", "id")?,
    })
}

fn vendor_product(capability: Node<'_, '_>) -> Option<String> {
    let id = |name| number(&attribute(capability, name, "id")?);
    Some(format!("{:04x}:{:04x}", id("vendor")?, id("product")?))
}

// libvirt writes some with 0x and some without.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, NodeDevice};

    fn device(inner: &str) -> Option<(String, String)> {
        let xml = format!("<device><name>x</name>{inner}</device>");
        let found = NodeDevice::parse(&xml).unwrap()?;
        Some((found.address.to_string(), found.model))
    }

    #[test]
    fn what_guests_can_be_given() {
        let card = |group: &str| {
            format!(
                "<capability type='pci'><class>0x030200</class><domain>0</domain><bus>101</bus>\
                 <slot>0</slot><function>1</function><product id='0x2236'>A10</product>\
                 <vendor id='0x10de'>NVIDIA</vendor>{group}</capability>"
            )
        };
        let grouped = device(&card("<iommuGroup number='7'/>")).unwrap();
        assert_eq!(grouped, ("pci/0000:65:00.1".into(), "10de:2236".into()));
        assert_eq!(device(&card("")), None, "it is in no IOMMU group");
        let stick = device(
            "<capability type='usb_device'><bus>1</bus><device>4</device>\
             <product id='0x1666'/><vendor id='0x0951'/></capability>",
        );
        assert_eq!(stick, Some(("usb/001:004".into(), "0951:1666".into())));
        let uuid = "4b20d080-1b54-4048-85b3-a6a62d165c01";
        let mediated = device(&format!(
            "<capability type='mdev'><type id='nvidia-593'/><uuid>{uuid}</uuid></capability>"
        ));
        assert_eq!(
            mediated,
            Some((format!("mdev/{uuid}"), "nvidia-593".into()))
        );
        assert_eq!(device("<capability type='net'/>"), None);
        assert_eq!(device(""), None);
    }

    #[test]
    fn an_address_is_what_its_text_says() {
        for text in [
            "pci/0000:65:00.1",
            "pci/10000:00:1f.7",
            "usb/001:004",
            "mdev/x",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        for text in ["pci/0000:65.1", "usb/1", "scsi/1", "", "pci/0:0:0:0.0"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
