//! Which devices of a host which machine is given.

use std::collections::{BTreeMap, HashSet};

use drover_crds::host::OfferedDevice;
use drover_crds::virtual_machine::HostDevice;

use crate::observed::node_device::{Address, NodeDevice};

/// The devices of a host that machines may be given, by the resources that they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostDevices(BTreeMap<String, Vec<Address>>);

/// A machine's devices: its names for them, and which they are.
pub type Given = Vec<(String, Address)>;

/// Why a machine cannot be given what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("spec.devices.hostDevices[{name}]: no {resource} is free on {host}")]
pub struct NoDevice {
    /// Its name for it.
    pub name: String,
    /// What it asks for.
    pub resource: String,
    /// The host that it is on.
    pub host: String,
}

impl HostDevices {
    /// What a Host offers of what it has. A device counts once, for the first kind that it is.
    #[must_use]
    pub fn new(offered: &[OfferedDevice], there: &[NodeDevice]) -> Self {
        let none = offered
            .iter()
            .map(|kind| (kind.resource.clone(), Vec::new()));
        let mut all: BTreeMap<String, Vec<Address>> = none.collect();
        for device in there {
            let kind = offered.iter().find(|kind| is_of(device, kind));
            let devices = kind.and_then(|kind| all.get_mut(&kind.resource));
            devices
                .into_iter()
                .for_each(|devices| devices.push(device.address.clone()));
        }
        all.values_mut().for_each(|devices| devices.sort());
        Self(all)
    }

    /// How many there are of each resource, also of those that there are none of, without these.
    #[must_use]
    pub fn count_without(&self, taken: &HashSet<Address>) -> BTreeMap<String, u64> {
        let left = |devices: &[Address]| devices.iter().filter(|it| !taken.contains(it)).count();
        let counts = self.0.iter();
        counts
            .map(|(resource, devices)| (resource.clone(), left(devices) as u64))
            .collect()
    }

    /// Chooses for a machine what it asks for: what it has already, and of the others the first that
    /// nobody has taken.
    ///
    /// # Errors
    /// [`NoDevice`] for the first for which there is none.
    pub fn choose(
        &self,
        host: &str,
        wanted: &[HostDevice],
        has: &Given,
        taken: &HashSet<Address>,
    ) -> Result<Given, NoDevice> {
        let of = |resource: &str| self.0.get(resource).map_or(&[][..], Vec::as_slice);
        let had = |want: &&HostDevice| {
            let mut has = has.iter();
            let (_, address) = has.find(|(name, _)| *name == want.name)?;
            let still = of(&want.resource).contains(address) && !taken.contains(address);
            still.then(|| address.clone())
        };
        let mut used: HashSet<Address> = wanted.iter().filter_map(|want| had(&want)).collect();
        let mut given = Vec::with_capacity(wanted.len());
        for want in wanted {
            let mut free = of(&want.resource).iter();
            let free = || {
                free.find(|it| !taken.contains(it) && !used.contains(it))
                    .cloned()
            };
            let address = had(&want).or_else(free).ok_or_else(|| NoDevice {
                name: want.name.clone(),
                resource: want.resource.clone(),
                host: host.to_owned(),
            })?;
            used.insert(address.clone());
            given.push((want.name.clone(), address));
        }
        Ok(given)
    }
}

/// How many of each resource these are.
#[must_use]
pub fn counts(wanted: &[HostDevice]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for want in wanted {
        *counts.entry(want.resource.clone()).or_default() += 1;
    }
    counts
}

fn is_of(device: &NodeDevice, kind: &OfferedDevice) -> bool {
    let model = match device.address {
        Address::Pci(_) => &kind.pci,
        Address::Usb(_) => &kind.usb,
        Address::Mdev(_) => &kind.mdev,
    };
    model.as_ref() == Some(&device.model)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use drover_crds::host::OfferedDevice;
    use drover_crds::virtual_machine::HostDevice;

    use super::{Address, Given, HostDevices};
    use crate::observed::node_device::NodeDevice;

    fn pci(bus: u32) -> Address {
        Address::Pci([0, bus, 0, 0])
    }

    fn offered(resource: &str, pci: Option<&str>, usb: Option<&str>) -> OfferedDevice {
        OfferedDevice {
            resource: resource.into(),
            pci: pci.map(str::to_owned),
            usb: usb.map(str::to_owned),
            mdev: None,
        }
    }

    fn host() -> HostDevices {
        let offered = [
            offered("a/gpu", Some("10de:1"), None),
            offered("a/gpu", Some("10de:2"), None),
            offered("a/any", Some("10de:2"), None),
            offered("a/key", None, Some("10de:1")),
        ];
        let there = [(4, "10de:2"), (3, "10de:1"), (5, "8086:1")];
        let there = there.map(|(bus, model)| NodeDevice {
            address: pci(bus),
            model: model.into(),
        });
        HostDevices::new(&offered, &there)
    }

    fn wanted(names: &[(&str, &str)]) -> Vec<HostDevice> {
        let wanted = names.iter().map(|(name, resource)| HostDevice {
            name: (*name).into(),
            resource: (*resource).into(),
        });
        wanted.collect()
    }

    fn chosen(names: &[(&str, &str)], has: &Given, taken: &[Address]) -> Result<Given, String> {
        let taken: HashSet<_> = taken.iter().cloned().collect();
        let chosen = host().choose("kvm-1", &wanted(names), has, &taken);
        chosen.map_err(|error| error.to_string())
    }

    #[test]
    fn each_counts_once() {
        let counts = host().count_without(&HashSet::from([pci(3)]));
        let counts: Vec<_> = counts.into_iter().collect();
        let expected = [("a/any", 0), ("a/gpu", 1), ("a/key", 0)];
        assert_eq!(
            counts,
            expected.map(|(name, count)| (name.to_owned(), count))
        );
    }

    #[test]
    fn the_first_that_is_free_is_chosen() {
        let two = [("x", "a/gpu"), ("y", "a/gpu")];
        let both = chosen(&two, &Vec::new(), &[]).unwrap();
        assert_eq!(both, [("x".into(), pci(3)), ("y".into(), pci(4))]);
        let refused = chosen(&two, &Vec::new(), &[pci(3)]).unwrap_err();
        assert_eq!(
            refused,
            "spec.devices.hostDevices[y]: no a/gpu is free on kvm-1"
        );
        let unknown = chosen(&[("x", "a/none")], &Vec::new(), &[]).unwrap_err();
        assert_eq!(
            unknown,
            "spec.devices.hostDevices[x]: no a/none is free on kvm-1"
        );
    }

    #[test]
    fn what_a_machine_has_it_keeps() {
        let has = vec![("y".to_owned(), pci(3))];
        let two = [("x", "a/gpu"), ("y", "a/gpu")];
        let both = chosen(&two, &has, &[]).unwrap();
        assert_eq!(both, [("x".into(), pci(4)), ("y".into(), pci(3))]);
        // Not what is another resource by now, or another machine's.
        assert!(chosen(&[("y", "a/key")], &has, &[]).is_err());
        let other = chosen(&[("y", "a/gpu")], &has, &[pci(3)]).unwrap();
        assert_eq!(other, [("y".into(), pci(4))]);
    }
}
