//! Names of disks' devices, such as `vda`.

use crate::xml::Element;

/// A name for a disk's device that none of these has.
pub(crate) fn free_target(bus: Option<&str>, used: &[String]) -> String {
    let prefix = match bus {
        Some("virtio") => "vd",
        Some("ide") => "hd",
        _ => "sd",
    };
    let letter = |index: u8| {
        let last = char::from(b'a' + index % 26);
        match index / 26 {
            0 => format!("{prefix}{last}"),
            more => format!("{prefix}{}{last}", char::from(b'a' + more - 1)),
        }
    };
    let mut all = (0..26 * 27 / 2).filter_map(|index| u8::try_from(index).ok());
    all.find_map(|index| Some(letter(index)).filter(|name| !used.contains(name)))
        .unwrap_or_else(|| format!("{prefix}zz"))
}

/// The names of the devices that disks have.
pub(crate) fn targets(devices: &Element) -> Vec<String> {
    let disks = devices.elements().filter(|device| device.name() == "disk");
    let targets = disks.filter_map(|disk| disk.find("target")?.get("dev"));
    targets.map(str::to_owned).collect()
}
