//! The guest image: Debian's kernel for the cloud and busybox, on a disk that boots in seconds, on a CD,
//! and as what a host can start itself.

mod cd;
mod cpio;
pub mod debian;
mod modules;

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::cache::{self, hex};
use crate::command::{run, run_logged};
use crate::error::Error;
use crate::packages;
use crate::places::{Lab, make_folder, write_file};

const INIT: &str = include_str!("guest/init.sh");
const ADDRESS: &str = include_str!("guest/address.sh");
/// QEMU 7.2 without KVM now and then panics newer kernels than this release's.
const SUITE_KERNEL: &str = "linux-image-cloud-amd64";
const BOOT: &str = "DEFAULT linux
PROMPT 0
LABEL linux
  KERNEL vmlinuz
  INITRD initrd
  APPEND console=ttyS0 quiet
";
const SIZE: u64 = 24 << 20;

/// The name of the image.
pub const IMAGE: &str = "guest.qcow2";
/// The name of the CD that boots.
pub const CD: &str = "guest.iso";
/// The name of the kernel alone.
pub const KERNEL: &str = "vmlinuz";
/// The name of its first file system.
pub const INITRD: &str = "initrd.gz";

/// The name of the image, packed.
pub const PACKED: &str = "guest.qcow2.gz";

/// The folder with the image and its checksum; built if it is not in the cache.
///
/// # Errors
/// When a package cannot be had or a tool fails.
pub fn image(lab: &Lab) -> Result<PathBuf, Error> {
    let wanted = modules::WANTED.join(" ");
    let inputs = [
        INIT,
        ADDRESS,
        SUITE_KERNEL,
        BOOT,
        &wanted,
        PACKED,
        cd::LAYOUT,
    ];
    cache::once(lab, "guest", &inputs, |folder| build(lab, folder))
}

/// The image's checksum, in hexadecimal.
///
/// # Errors
/// [`Error::File`].
pub fn checksum(folder: &Path) -> Result<String, Error> {
    checksum_of(folder, IMAGE)
}

/// The checksum of one of its files, in hexadecimal.
///
/// # Errors
/// [`Error::File`].
pub fn checksum_of(folder: &Path, image: &str) -> Result<String, Error> {
    crate::places::read_file(&folder.join(format!("{image}.sha256"))).map(|text| {
        text.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    })
}

fn build(lab: &Lab, folder: &Path) -> Result<(), Error> {
    let work = folder.join("work");
    let unpacked = work.join("root");
    make_folder(&unpacked)?;
    fetch(lab, &work)?;
    for package in files(&work, "deb")? {
        run(Command::new("dpkg-deb")
            .arg("-x")
            .arg(package)
            .arg(&unpacked))?;
    }
    let initrd = work.join("initrd");
    write_file(&initrd, first_file_system(&unpacked)?)?;
    run(Command::new("gzip").args(["-9", "-n"]).arg(&initrd))?;
    let (kernel, initrd) = (kernel(&unpacked)?, initrd.with_extension("gz"));
    for (from, to) in [(&kernel, KERNEL), (&initrd, INITRD)] {
        std::fs::copy(from, folder.join(to)).map_err(|error| Error::file(from, error))?;
    }
    cd::make(folder, &work, &unpacked)?;
    let disk = work.join("guest.img");
    make_disk(&disk, &unpacked, &kernel, &initrd)?;
    let mut convert = Command::new("qemu-img");
    convert.args(["convert", "-f", "raw", "-O", "qcow2"]);
    run(convert.arg(&disk).arg(folder.join(IMAGE)))?;
    for file in [IMAGE, CD, KERNEL, INITRD] {
        sum(folder, file)?;
    }
    run(Command::new("gzip")
        .args(["-1", "-n", "-k"])
        .arg(folder.join(IMAGE)))?;
    cache::remove(&work)
}

/// Writes the checksum of an image beside it.
fn sum(folder: &Path, image: &str) -> Result<(), Error> {
    let path = folder.join(image);
    let mut hash = Sha256::new();
    let mut file = std::fs::File::open(&path).map_err(|error| Error::file(&path, error))?;
    std::io::copy(&mut file, &mut hash).map_err(|error| Error::file(&path, error))?;
    write_file(
        &folder.join(format!("{image}.sha256")),
        format!("{}  {image}\n", hex(&hash.finalize())),
    )
}

fn fetch(lab: &Lab, into: &Path) -> Result<(), Error> {
    let concrete = || kernel_package();
    let kernel = match concrete() {
        Ok(kernel) => kernel,
        Err(_) => {
            packages::update(lab)?;
            concrete()?
        }
    };
    let mut apt = Command::new("apt-get");
    apt.args(["download", "-q", "-o", "APT::Sandbox::User=root"])
        .args(["busybox-static", "isolinux", "syslinux-common", &kernel])
        .current_dir(into);
    run_logged(&mut apt, &lab.log("apt"))
}

/// The package that the one without a version stands for.
fn kernel_package() -> Result<String, Error> {
    let listed = run(Command::new("apt-cache").args(["depends", SUITE_KERNEL]))?;
    let kernel = listed.lines().find_map(|line| {
        let name = line.trim().strip_prefix("Depends: ")?;
        name.starts_with("linux-image-").then(|| name.to_owned())
    });
    kernel.ok_or_else(|| Error::Missing {
        what: format!("the package {SUITE_KERNEL}"),
        fix: "`apt-get update` with Debian's main archive would put it right".to_owned(),
    })
}

fn first_file_system(root: &Path) -> Result<Vec<u8>, Error> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| Error::file(path, error));
    let mut archive = cpio::Archive::default();
    for folder in ["bin", "dev", "proc", "sys", "tmp", "modules"] {
        archive.folder(folder);
    }
    archive.device("dev/console", 5, 1);
    archive.file("init", INIT.as_bytes());
    archive.file("address.sh", ADDRESS.as_bytes());
    let busybox = ["bin/busybox", "usr/bin/busybox"].map(|path| root.join(path));
    let busybox = busybox.iter().find(|path| path.is_file());
    archive.file(
        "bin/busybox",
        &read(busybox.unwrap_or(&root.join("bin/busybox")))?,
    );
    let mut order = String::new();
    for path in modules::in_order(&root.join("lib/modules"))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        archive.file(&format!("modules/{name}"), &read(&path)?);
        order += &format!("{name}\n");
    }
    archive.file("modules/order", order.as_bytes());
    Ok(archive.finish())
}

fn kernel(root: &Path) -> Result<PathBuf, Error> {
    let boot = root.join("boot");
    let mut kernels = files(&boot, "")?;
    kernels.retain(|path| path.to_string_lossy().contains("/vmlinuz-"));
    kernels.pop().ok_or_else(|| Error::Missing {
        what: format!("a kernel in {}", boot.display()),
        fix: format!("see what {SUITE_KERNEL} holds"),
    })
}

fn make_disk(disk: &Path, root: &Path, kernel: &Path, initrd: &Path) -> Result<(), Error> {
    let config = root.join("syslinux.cfg");
    write_file(&config, BOOT)?;
    std::fs::File::create(disk)
        .and_then(|file| file.set_len(SIZE))
        .map_err(|error| Error::file(disk, error))?;
    run(Command::new("mkfs.vfat").args(["-n", "DROVER"]).arg(disk))?;
    run(Command::new("syslinux").arg("--install").arg(disk))?;
    for (from, to) in [
        (kernel, "vmlinuz"),
        (initrd, "initrd"),
        (&config, "syslinux.cfg"),
    ] {
        let mut copy = Command::new("mcopy");
        run(copy.arg("-i").arg(disk).arg(from).arg(format!("::{to}")))?;
    }
    Ok(())
}

/// The files of a folder, in order; those with this extension, or all.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|error| Error::file(folder, error))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let fits =
        |path: &PathBuf| extension.is_empty() || path.extension().is_some_and(|e| e == extension);
    let mut found: Vec<_> = paths.filter(fits).collect();
    found.sort();
    Ok(found)
}
