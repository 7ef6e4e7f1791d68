//! A full Debian: systemd, cloud-init and the guest agent on a disk that boots. It takes a minute or
//! two to start without KVM, so few tests use it.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{files, sum};
use crate::cache;
use crate::command::{bound, run, run_logged};
use crate::error::Error;
use crate::packages;
use crate::places::{Lab, make_folder, write_file};

/// The name of the image.
pub const IMAGE: &str = "debian.qcow2";

const SUITE: &str = "bookworm";
const PACKAGES: &str = "systemd-sysv,udev,dbus,linux-image-cloud-amd64,cloud-init,qemu-guest-agent,\
cloud-guest-utils,e2fsprogs,iproute2,zstd";
/// Before the kernel is installed: its first file system has what this disk needs, and no more.
const BEFORE: &str = "mkdir -p \"$1/etc/initramfs-tools/conf.d\"
printf 'MODULES=list\nCOMPRESS=gzip\n' >\"$1/etc/initramfs-tools/conf.d/drover\"
printf 'virtio_pci\nvirtio_blk\next4\n' >\"$1/etc/initramfs-tools/modules\"";
const NO_PAPER: [&str; 3] = ["doc", "locale", "man"];
const BOOT: &str = "DEFAULT linux
PROMPT 0
LABEL linux
  KERNEL vmlinuz
  INITRD initrd
  APPEND root=/dev/vda2 rw console=ttyS0 net.ifnames=0 quiet
";
const SOURCES: &str = "datasource_list: [NoCloud, ConfigDrive, None]\n";
const TABLE: &str = "LABEL=root / ext4 defaults 0 1\n";
/// What a guest that lives for a minute has no use for.
const MASKED: [&str; 7] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
];
const SECTOR: u64 = 512;
const SIZE: u64 = 1_536 << 20;
const BOOT_AT: u64 = 1 << 20;
const BOOT_SIZE: u64 = 64 << 20;
const ROOT_AT: u64 = BOOT_AT + BOOT_SIZE;
// A FAT that is found by its sectors' numbers, and Linux' own.
const FAT: u8 = 0x0e;
const LINUX: u8 = 0x83;

/// The folder with the image and its checksum; built if it is not in the cache.
///
/// # Errors
/// When a package cannot be had or a tool fails.
pub fn image(lab: &Lab) -> Result<PathBuf, Error> {
    let masked = MASKED.join(" ");
    let inputs = [SUITE, PACKAGES, BEFORE, BOOT, SOURCES, TABLE, &masked];
    cache::once(lab, "debian", &inputs, |folder| build(lab, folder))
}

/// Builds the image, and puts it beside those that the lab serves.
///
/// # Errors
/// When it cannot be built.
pub fn serve(lab: &Lab) -> Result<String, Error> {
    let (folder, served) = (image(lab)?, super::image(lab)?);
    let (from, to) = (folder.join(IMAGE), served.join(IMAGE));
    if !to.exists() {
        // One that leads nowhere any more.
        let _ = std::fs::remove_file(&to);
        let linked = std::os::unix::fs::symlink(&from, &to);
        linked.map_err(|error| Error::file(&to, error))?;
    }
    super::checksum_of(&folder, IMAGE)
}

fn build(lab: &Lab, folder: &Path) -> Result<(), Error> {
    let work = folder.join("work");
    let root = work.join("root");
    make_folder(&work)?;
    install(lab, &root)?;
    adapt(&root)?;
    let disk = work.join("debian.img");
    let boot_code = boot_code(lab, &work)?;
    make_disk(&disk, &root, &work, &boot_code)?;
    let mut convert = Command::new("qemu-img");
    convert.args(["convert", "-f", "raw", "-O", "qcow2"]);
    run(convert.arg(&disk).arg(folder.join(IMAGE)))?;
    sum(folder, IMAGE)?;
    cache::remove(&work)
}

fn install(lab: &Lab, root: &Path) -> Result<(), Error> {
    let archive = packages::archive(lab)?;
    let mut make = bound("mmdebstrap");
    make.args([
        "--variant=minbase",
        "--aptopt=APT::Install-Recommends \"0\"",
    ]);
    for folder in NO_PAPER {
        make.arg(format!("--dpkgopt=path-exclude=/usr/share/{folder}/*"));
    }
    make.arg(format!("--essential-hook={BEFORE}"))
        .arg(format!("--include={PACKAGES}"))
        .args([Path::new(SUITE), root])
        .arg(archive);
    run_logged(&mut make, &lab.log("debian"))
}

fn adapt(root: &Path) -> Result<(), Error> {
    write_file(&root.join("etc/fstab"), TABLE)?;
    write_file(&root.join("etc/cloud/cloud.cfg.d/90_drover.cfg"), SOURCES)?;
    write_file(&root.join("etc/machine-id"), "")?;
    for unit in MASKED {
        let path = root.join("etc/systemd/system").join(unit);
        let _ = std::fs::remove_file(&path);
        let masked = std::os::unix::fs::symlink("/dev/null", &path);
        masked.map_err(|error| Error::file(&path, error))?;
    }
    Ok(())
}

/// What a BIOS starts: it looks for the partition that is marked.
fn boot_code(lab: &Lab, work: &Path) -> Result<Vec<u8>, Error> {
    let mut apt = Command::new("apt-get");
    apt.args([
        "download",
        "-q",
        "-o",
        "APT::Sandbox::User=root",
        "syslinux-common",
    ]);
    run_logged(apt.current_dir(work), &lab.log("apt"))?;
    let unpacked = work.join("syslinux");
    for package in files(work, "deb")? {
        run(Command::new("dpkg-deb")
            .arg("-x")
            .arg(package)
            .arg(&unpacked))?;
    }
    let code = unpacked.join("usr/lib/syslinux/mbr/mbr.bin");
    std::fs::read(&code).map_err(|error| Error::file(&code, error))
}

// A table of two partitions: one that syslinux boots from, and the root, which can grow.
fn make_disk(disk: &Path, root: &Path, work: &Path, boot_code: &[u8]) -> Result<(), Error> {
    let failed = |error| Error::file(disk, error);
    let file = std::fs::File::create(disk).and_then(|file| file.set_len(SIZE));
    file.map_err(failed)?;
    let sectors = (BOOT_AT / SECTOR).to_string();
    let mut fat = Command::new("mkfs.vfat");
    fat.args([
        "-F", "16", "-n", "BOOT", "--offset", &sectors, "-h", &sectors,
    ]);
    run(fat.arg(disk).arg((BOOT_SIZE >> 10).to_string()))?;
    let mut syslinux = Command::new("syslinux");
    run(syslinux
        .args(["-t", &BOOT_AT.to_string(), "--install"])
        .arg(disk))?;
    let config = work.join("syslinux.cfg");
    write_file(&config, BOOT)?;
    let place = format!("{}@@{BOOT_AT}", disk.display());
    let copy = |from: &Path, to: &str| {
        let mut copy = Command::new("mcopy");
        run(copy.args(["-i", &place]).arg(from).arg(format!("::{to}"))).map(drop)
    };
    copy(&config, "syslinux.cfg")?;
    for path in files(&root.join("boot"), "")? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match name.split('-').next() {
            Some("vmlinuz") => copy(&path, "vmlinuz")?,
            Some("initrd.img") => copy(&path, "initrd")?,
            _ => {}
        }
        std::fs::remove_file(&path).map_err(|error| Error::file(&path, error))?;
    }
    let mut linux = Command::new("mke2fs");
    linux.args([
        "-q",
        "-t",
        "ext4",
        "-L",
        "root",
        "-E",
        &format!("offset={ROOT_AT}"),
        "-d",
    ]);
    let size = format!("{}k", (SIZE - ROOT_AT) >> 10);
    run(linux.arg(root).arg(disk).arg(size))?;
    let mut file = OpenOptions::new().write(true).open(disk).map_err(failed)?;
    let written = file.seek(SeekFrom::Start(0));
    written
        .and_then(|_| file.write_all(&first_sector(boot_code)))
        .map_err(failed)
}

fn first_sector(boot_code: &[u8]) -> Vec<u8> {
    let mut sector: Vec<u8> = boot_code.iter().copied().take(440).collect();
    sector.resize(446, 0);
    for (mark, kind, start, end) in [(0x80, FAT, BOOT_AT, ROOT_AT), (0, LINUX, ROOT_AT, SIZE)] {
        let number = |bytes: u64| {
            u32::try_from(bytes / SECTOR)
                .unwrap_or(u32::MAX)
                .to_le_bytes()
        };
        // The old addresses, by cylinders and heads, say that they cannot say it.
        sector.extend([mark, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff]);
        sector.extend(number(start));
        sector.extend(number(end - start));
    }
    sector.resize(510, 0);
    sector.extend([0x55, 0xaa]);
    sector
}
