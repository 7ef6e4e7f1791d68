//! What a host says that it can do.

use roxmltree::Node;

use super::{Unreadable, child, children, parse, scaled, text};
use crate::schedule::HugepageRoom;
use crate::xml::{DomainType, HostFlavor};

/// A host's capabilities, as far as Drover asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The UUID that libvirt gives the host.
    pub host_uuid: Option<String>,
    /// The architecture of its CPU.
    pub architecture: String,
    /// libvirt's name of the CPU's model.
    pub cpu_model: Option<String>,
    /// Each architecture of guests with what can run it.
    pub guests: Vec<(String, Vec<String>)>,
    /// The huge pages that were set aside, by NUMA cell and size.
    pub hugepages: Vec<HugepageRoom>,
}

impl Capabilities {
    /// Reads the capabilities' XML.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not XML.
    pub fn parse(xml: &str) -> Result<Self, Unreadable> {
        let document = parse("the capabilities", xml)?;
        let root = document.root_element();
        let host = child(root, "host");
        let cpu = host.and_then(|host| child(host, "cpu"));
        let guests = children(root, "guest").filter_map(|guest| {
            let arch = child(guest, "arch")?;
            let domains = children(arch, "domain").filter_map(|domain| domain.attribute("type"));
            Some((
                arch.attribute("name")?.to_owned(),
                domains.map(str::to_owned).collect(),
            ))
        });
        Ok(Self {
            host_uuid: host.and_then(|host| text(host, "uuid")),
            architecture: cpu.and_then(|cpu| text(cpu, "arch")).unwrap_or_default(),
            cpu_model: cpu.and_then(|cpu| text(cpu, "model")),
            guests: guests.collect(),
            hugepages: host.map_or_else(Vec::new, hugepages),
        })
    }

    /// The bytes that were set aside as huge pages.
    #[must_use]
    pub fn set_aside(&self) -> u64 {
        let amounts = self.hugepages.iter().map(|room| room.amount);
        amounts.fold(0, u64::saturating_add)
    }

    /// How a definition is written for this host, for guests of an architecture (the host's own if
    /// none is named); nothing if it runs no such guests.
    #[must_use]
    pub fn flavor(&self, architecture: Option<&str>) -> Option<HostFlavor> {
        let own = || {
            let listed = self
                .guests
                .iter()
                .any(|(arch, _)| *arch == self.architecture);
            if listed {
                Some(&self.architecture)
            } else {
                self.guests.first().map(|(arch, _)| arch)
            }
        };
        let wanted = architecture.or(own().map(String::as_str))?;
        let (name, domains) = self.guests.iter().find(|(arch, _)| arch == wanted)?;
        let has = |domain: &str| domains.iter().any(|listed| listed == domain);
        let domain_type = if has("kvm") {
            DomainType::Kvm
        } else if has("test") {
            DomainType::Test
        } else {
            DomainType::Qemu
        };
        Some(HostFlavor {
            domain_type,
            architecture: name.clone(),
        })
    }
}

// The smallest pages of a cell are the ordinary ones.
fn hugepages(host: Node<'_, '_>) -> Vec<HugepageRoom> {
    let cells = child(host, "topology").and_then(|topology| child(topology, "cells"));
    let cells = cells.into_iter().flat_map(|cells| children(cells, "cell"));
    let mut rooms = Vec::new();
    for cell in cells {
        let number = |node: Node<'_, '_>, name: &str| node.attribute(name)?.parse::<u64>().ok();
        let pages = children(cell, "pages").filter_map(|pages| {
            let unit = pages.attribute("unit").unwrap_or("KiB");
            let size = scaled(number(pages, "size")?, unit)?;
            Some((size, pages.text()?.trim().parse::<u64>().ok()?))
        });
        let mut pages: Vec<_> = pages.collect();
        pages.sort_unstable();
        let cell = number(cell, "id").and_then(|id| u32::try_from(id).ok());
        let huge = pages.into_iter().skip(1).filter(|(_, count)| *count > 0);
        rooms.extend(huge.map(|(page, count)| HugepageRoom {
            page,
            cell: cell.unwrap_or(0),
            amount: page.saturating_mul(count),
        }));
    }
    rooms
}

#[cfg(test)]
mod tests {
    use super::Capabilities;
    use crate::schedule::HugepageRoom;
    use crate::xml::DomainType;

    const QEMU: &str = "<capabilities><host><uuid>u</uuid><cpu><arch>x86_64</arch>\
        <model>EPYC</model></cpu></host>\
        <guest><os_type>hvm</os_type><arch name='i686'><domain type='qemu'/></arch></guest>\
        <guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/>\
        <domain type='kvm'/></arch></guest></capabilities>";

    #[test]
    fn the_best_way_to_run_a_guest() {
        let capabilities = Capabilities::parse(QEMU).unwrap();
        assert_eq!(capabilities.cpu_model.as_deref(), Some("EPYC"));
        let own = capabilities.flavor(None).unwrap();
        assert_eq!(
            (own.domain_type, own.architecture.as_str()),
            (DomainType::Kvm, "x86_64")
        );
        assert_eq!(
            capabilities.flavor(Some("i686")).unwrap().domain_type,
            DomainType::Qemu
        );
        assert_eq!(capabilities.flavor(Some("riscv64")), None);
    }

    #[test]
    fn the_test_driver_has_one_architecture() {
        let xml = "<capabilities><host><cpu><arch>i686</arch></cpu></host>\
            <guest><arch name='i686'><domain type='test'/></arch></guest></capabilities>";
        let flavor = Capabilities::parse(xml).unwrap().flavor(None).unwrap();
        assert_eq!(flavor.domain_type, DomainType::Test);
    }

    #[test]
    fn huge_pages_are_all_but_the_smallest_and_those_that_there_are() {
        let xml = "<capabilities><host><topology><cells num='2'>\
            <cell id='0'><pages unit='KiB' size='4'>1000</pages>\
            <pages unit='KiB' size='2048'>512</pages><pages unit='KiB' size='1048576'>0</pages></cell>\
            <cell id='1'><pages unit='KiB' size='4'>1000</pages>\
            <pages unit='KiB' size='1048576'>3</pages></cell></cells></topology></host></capabilities>";
        let capabilities = Capabilities::parse(xml).unwrap();
        let room = |page, cell, amount| HugepageRoom { page, cell, amount };
        let (mib, gib) = (1 << 20, 1 << 30);
        assert_eq!(
            capabilities.hugepages,
            [room(2 * mib, 0, gib), room(gib, 1, 3 * gib)]
        );
        assert_eq!(capabilities.set_aside(), 4 * gib);
    }
}
