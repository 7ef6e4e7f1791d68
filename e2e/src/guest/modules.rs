//! The kernel modules of the guest, each after those that it needs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// What the guest's init needs: network, disks and drives, file systems, and the power button. What a
/// kernel does not have is left out.
pub(super) const WANTED: &[&str] = &[
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "virtio_balloon",
    "virtio_mem",
    "virtio_console",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "nls_iso8859-1",
    "nls_utf8",
    // What it is given may be on a CD or with the firmware.
    "isofs",
    "qemu_fw_cfg",
    "button",
    "evdev",
];

/// The module files below `folder` in the order in which they can be loaded.
///
/// # Errors
/// [`Error::File`]. A module that is not there is built into the kernel.
pub(super) fn in_order(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = HashMap::new();
    collect(folder, &mut files)?;
    let mut order = Vec::new();
    for name in WANTED {
        add(name, &files, &mut order)?;
    }
    Ok(order)
}

fn add(
    name: &str,
    files: &HashMap<String, PathBuf>,
    order: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let Some(path) = files.get(&plain(name)) else {
        return Ok(());
    };
    if order.contains(path) {
        return Ok(());
    }
    let content = std::fs::read(path).map_err(|error| Error::file(path, error))?;
    for needed in depends(&content) {
        add(&needed, files, order)?;
    }
    order.push(path.clone());
    Ok(())
}

fn collect(folder: &Path, files: &mut HashMap<String, PathBuf>) -> Result<(), Error> {
    let entries = std::fs::read_dir(folder).map_err(|error| Error::file(folder, error))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "ko") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            files.insert(plain(&name), path.clone());
        }
    }
    Ok(())
}

/// What the module says of itself: the package has no list, `depmod` makes it at installation.
fn depends(content: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = content.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let rest = content.get(at + KEY.len()..).unwrap_or_default();
    let list = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    let list = String::from_utf8_lossy(list);
    let names = list.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The kernel takes `-` and `_` in a module's name for the same.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::depends;

    #[test]
    fn a_module_names_what_it_needs() {
        let module = b"ELF..\0license=GPL\0depends=virtio,virtio_ring\0name=x\0";
        assert_eq!(depends(module), ["virtio", "virtio_ring"]);
        assert!(depends(b"ELF\0depends=\0name=x\0").is_empty());
        assert!(depends(b"").is_empty());
    }
}
