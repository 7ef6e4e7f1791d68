//! What guests a host can run: of every architecture its machine types, and of its own what firmware, TPM
//! and CPUs it has for them.

use roxmltree::Node;

use super::{Unreadable, child, children, parse, text};
use crate::schedule::Guest;

/// A host's domain capabilities, for guests of its own architecture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainCapabilities {
    /// Whether there is firmware for EFI.
    pub efi: bool,
    /// Whether there is firmware for EFI with secure boot.
    pub secure_boot: bool,
    /// Whether there is a TPM emulator.
    pub tpm: bool,
    /// What it says of the CPUs that its guests can have: hosts that say the same can do the same.
    pub cpu: String,
}

impl DomainCapabilities {
    /// Reads the domain capabilities' XML.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not XML.
    pub fn parse(xml: &str) -> Result<Self, Unreadable> {
        let document = parse("the domain capabilities", xml)?;
        let root = document.root_element();
        let os = child(root, "os");
        let loader = os.and_then(|os| child(os, "loader"));
        let tpm = child(root, "devices").and_then(|devices| child(devices, "tpm"));
        let emulated = tpm.filter(|tpm| tpm.attribute("supported") == Some("yes"));
        let cpu = child(root, "cpu").map(|cpu| &xml[cpu.range()]);
        let of = text(root, "domain").unwrap_or_default();
        Ok(Self {
            efi: os.is_some_and(|os| offers(os, "firmware", "efi")),
            secure_boot: loader.is_some_and(|loader| offers(loader, "secure", "yes")),
            tpm: emulated.is_some_and(|tpm| offers(tpm, "backendModel", "emulator")),
            cpu: format!("{of} {}", cpu.unwrap_or_default()),
        })
    }

    /// Takes from the guests of an architecture, the host's own, what the host does not have for them.
    pub fn limit(&self, guests: &mut [Guest], own: &str) {
        for guest in guests.iter_mut().filter(|it| it.architecture == own) {
            guest.efi = self.efi;
            guest.secure_boot = self.secure_boot;
            guest.tpm = self.tpm;
        }
    }
}

fn offers(node: Node<'_, '_>, name: &str, value: &str) -> bool {
    let mut named = children(node, "enum").filter(|it| it.attribute("name") == Some(name));
    named.any(|it| children(it, "value").any(|it| it.text().map(str::trim) == Some(value)))
}

/// The guests that a host can run, its own architecture first, by its capabilities. Firmware and TPM,
/// which [`DomainCapabilities`] tell of, are taken to be there: libvirt says so when they are not.
///
/// # Errors
/// [`Unreadable`] when it is not XML.
pub fn guests(capabilities: &str, own: &str) -> Result<Vec<Guest>, Unreadable> {
    let document = parse("the capabilities", capabilities)?;
    let arches = children(document.root_element(), "guest").filter_map(|it| child(it, "arch"));
    let mut guests: Vec<Guest> = Vec::new();
    for arch in arches {
        let Some(architecture) = arch.attribute("name") else {
            continue;
        };
        let domains: Vec<_> = children(arch, "domain").collect();
        let types = domains.iter().filter_map(|it| it.attribute("type"));
        let further = domains.iter().flat_map(|it| machines(*it));
        let found = Guest {
            architecture: architecture.to_owned(),
            domain_types: sorted(types),
            machine_types: sorted(machines(arch).chain(further)),
            efi: true,
            secure_boot: true,
            tpm: true,
        };
        guests.push(found);
    }
    guests.sort_by_key(|guest| guest.architecture != own);
    Ok(guests)
}

fn machines<'a>(node: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    children(node, "machine").filter_map(|it| it.text().map(str::trim))
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::{DomainCapabilities, guests};

    const CAPABILITIES: &str = "<capabilities><host/>\
        <guest><os_type>hvm</os_type><arch name='i686'><machine>pc</machine>\
        <domain type='qemu'/></arch></guest>\
        <guest><os_type>hvm</os_type><arch name='x86_64'><machine canonical='pc-q35-7.2'>q35</machine>\
        <machine>pc-q35-7.2</machine><domain type='qemu'/><domain type='kvm'><machine>q35</machine>\
        <machine>pc</machine></domain></arch></guest></capabilities>";

    fn domain(secure: &str, backend: &str) -> String {
        format!(
            "<domainCapabilities><domain>kvm</domain><os supported='yes'>\
             <enum name='firmware'><value>efi</value></enum><loader supported='yes'>\
             <enum name='secure'><value>{secure}</value><value>no</value></enum></loader></os>\
             <cpu><mode name='host-model' supported='yes'><model>EPYC</model></mode></cpu>\
             <devices><tpm supported='yes'><enum name='backendModel'><value>{backend}</value></enum>\
             </tpm></devices></domainCapabilities>"
        )
    }

    #[test]
    fn what_a_host_has_for_its_guests() {
        let found = DomainCapabilities::parse(&domain("yes", "emulator")).unwrap();
        assert!(found.efi && found.secure_boot && found.tpm);
        assert_eq!(
            found.cpu,
            "kvm <cpu><mode name='host-model' supported='yes'><model>EPYC</model></mode></cpu>"
        );
        let found = DomainCapabilities::parse(&domain("no", "passthrough")).unwrap();
        assert!(found.efi && !found.secure_boot && !found.tpm);
        let found = DomainCapabilities::parse("<domainCapabilities/>").unwrap();
        assert!(!found.efi && !found.secure_boot && !found.tpm);
    }

    #[test]
    fn guests_of_its_own_architecture_come_first() {
        let mut found = guests(CAPABILITIES, "x86_64").unwrap();
        DomainCapabilities::default().limit(&mut found, "x86_64");
        let [own, other] = found.as_slice() else {
            panic!("two: {found:?}");
        };
        assert_eq!(own.domain_types, ["kvm", "qemu"]);
        assert_eq!(own.machine_types, ["pc", "pc-q35-7.2", "q35"]);
        assert!(!own.efi);
        assert_eq!(other.architecture, "i686");
        assert!(other.efi, "nobody has asked");
    }

    #[test]
    fn what_no_driver_tells_is_taken_to_be_there() {
        let found = guests(CAPABILITIES, "x86_64").unwrap();
        assert!(found[0].efi && found[0].secure_boot && found[0].tpm);
    }
}
