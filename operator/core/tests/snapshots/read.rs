//! Machines and where they are, for the tests that compare definitions and for those that give them to
//! libvirt.

use std::path::{Path, PathBuf};

use drover_core::desired::machine::{DesiredDisk, DesiredMachine};
use drover_core::fields::Site;
use drover_core::xml::{DomainType, ResolvedBacking, ResolvedDisk, ResolvedSeed};
use drover_crds::VirtualMachine;
use drover_crds::virtual_machine::HostDevice;

/// A machine, and where it is.
pub(crate) struct Snapshot {
    /// Without its end.
    pub(crate) path: PathBuf,
    pub(crate) machine: DesiredMachine,
    pub(crate) site: Site,
    /// What kind of host it is for, if not for any: `kvm`, `test`, `aarch64`, one with `spice`, one
    /// with a libvirt `newer` than 9.0.
    pub(crate) on: Vec<String>,
}

/// Those of a folder, by their names.
pub(crate) fn all(folder: &str) -> Vec<Snapshot> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|it| it == "yaml"))
        .collect();
    files.sort();
    files.into_iter().map(snapshot).collect()
}

#[allow(clippy::disallowed_methods)]
pub(crate) fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn snapshot(path: PathBuf) -> Snapshot {
    let text = read(&path).unwrap();
    let object: VirtualMachine = serde_saphyr::from_str(&text).unwrap();
    let machine = DesiredMachine::parse(&object, "lab", None).unwrap();
    let name = path.file_stem().and_then(|name| name.to_str());
    assert_eq!(name, Some(machine.name.as_str()), "called as its machine");
    let first = text.lines().next().unwrap_or_default();
    let words = first.strip_prefix("# on:").unwrap_or_default();
    let on: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
    Snapshot {
        path: path.with_extension(""),
        site: site(&machine, &on),
        machine,
        on,
    }
}

// A volume is as raw as its name says, and based on others as it says.
fn site(machine: &DesiredMachine, on: &[String]) -> Site {
    let has = |word: &str| on.iter().any(|known| known == word);
    let domain_type = match (has("kvm"), has("test")) {
        (true, _) => DomainType::Kvm,
        (_, true) => DomainType::Test,
        _ => DomainType::Qemu,
    };
    let raw = |volume: &str| volume.ends_with(".raw") || volume.ends_with(".shared");
    let base = |path: &str, format: &str| ResolvedBacking {
        path: format!("/srv/first/{path} & co"),
        format: format.to_owned(),
    };
    let backing = |volume: &str| match volume.rsplit_once('.') {
        Some((_, "overlay")) => vec![base("_image_debian", "raw")],
        Some((_, "overlays")) => vec![base("middle", "qcow2"), base("_image_debian", "raw")],
        _ => Vec::new(),
    };
    let place = |disk: &DesiredDisk| {
        let volume = disk.volume.as_ref()?;
        Some(ResolvedDisk {
            name: disk.name.clone(),
            pool: "first".to_owned(),
            volume: format!("{}_{volume}", machine.namespace),
            format: if raw(volume) { "raw" } else { "qcow2" }.to_owned(),
            shareable: volume.ends_with(".shared"),
            backing: Some(backing(volume)),
            path: None,
        })
    };
    Site {
        domain_type,
        architecture: if has("aarch64") { "aarch64" } else { "x86_64" }.to_owned(),
        disks: machine.disks.iter().filter_map(place).collect(),
        kernel: Some("/var/lib/libvirt/kernel & co".to_owned()),
        initrd: Some("/var/lib/libvirt/initrd".to_owned()),
        host_devices: Some(machine.devices.host_devices.iter().map(given).collect()),
        seed: machine.first_boot.as_ref().map(|_| ResolvedSeed {
            pool: "first".to_owned(),
            volume: format!(
                "{}_{}_seed-0123456789abcdef",
                machine.namespace, machine.name
            ),
            path: "/var/lib/libvirt/seed & co".to_owned(),
            key: "00000000-0000-4000-8000-000000000007".parse().unwrap(),
        }),
    }
}

// The first device of the kind that the resource is called by.
fn given(device: &HostDevice) -> (String, String) {
    let address = match device.resource.rsplit('/').next() {
        Some("key") => "usb/001:004",
        Some("share") => "mdev/00000000-0000-4000-8000-000000000008",
        _ => "pci/0000:65:00.1",
    };
    (device.name.clone(), address.to_owned())
}
