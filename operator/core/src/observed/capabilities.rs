//! What a host says that it can do.

use super::{Unreadable, child, children, parse, text};
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
        })
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

#[cfg(test)]
mod tests {
    use super::Capabilities;
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
}
