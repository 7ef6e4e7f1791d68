//! The guest on a CD that boots.

use std::path::Path;
use std::process::Command;

use super::{CD, INITRD, KERNEL};
use crate::command::run;
use crate::error::Error;
use crate::places::{make_folder, write_file};

/// What the boot loader is told.
pub(super) const LAYOUT: &str = "DEFAULT linux
PROMPT 0
LABEL linux
  KERNEL /vmlinuz
  INITRD /initrd.gz
  APPEND console=ttyS0 quiet
";
const LOADER: [&str; 2] = [
    "usr/lib/ISOLINUX/isolinux.bin",
    "usr/lib/syslinux/modules/bios/ldlinux.c32",
];
const BOOTS: [&str; 9] = [
    "-quiet",
    "-b",
    "isolinux/isolinux.bin",
    "-c",
    "isolinux/boot.cat",
    "-no-emul-boot",
    "-boot-load-size",
    "4",
    "-boot-info-table",
];

/// Makes the CD in `folder`, which has the kernel and its first file system, with the boot loader that
/// is unpacked.
pub(super) fn make(folder: &Path, work: &Path, unpacked: &Path) -> Result<(), Error> {
    let tree = work.join("cd");
    make_folder(&tree.join("isolinux"))?;
    let copy = |from: &Path, to: &Path| {
        let copied = std::fs::copy(from, to);
        copied.map(drop).map_err(|error| Error::file(from, error))
    };
    for path in LOADER.map(|path| unpacked.join(path)) {
        let name = path.file_name().unwrap_or_default();
        copy(&path, &tree.join("isolinux").join(name))?;
    }
    for name in [KERNEL, INITRD] {
        copy(&folder.join(name), &tree.join(name))?;
    }
    write_file(&tree.join("isolinux/isolinux.cfg"), LAYOUT)?;
    let mut make = Command::new("xorrisofs");
    make.args(BOOTS).arg("-o").arg(folder.join(CD));
    run(make.arg(&tree)).map(drop)
}
