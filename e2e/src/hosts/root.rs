//! Root file systems: one of each release in the cache, and over it what one host writes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::record::{Host, Suite};
use crate::cache;
use crate::command::{bound, run, run_logged};
use crate::error::Error;
use crate::packages;
use crate::places::{Lab, make_folder};

/// What a host has beside Debian's essential packages.
const PACKAGES: &str = "libvirt-daemon-system,libvirt-clients,qemu-system-x86,qemu-utils,\
e2fsprogs,parted,dnsmasq-base,iproute2,nftables,iptables,busybox-static,ovmf,swtpm,swtpm-tools,\
netcat-openbsd,openssh-server,sasl2-bin,libsasl2-modules,bindfs,openvswitch-switch";

/// The root file system of a release; made if it is not in the cache.
///
/// # Errors
/// When packages cannot be had.
pub(super) fn of(lab: &Lab, suite: Suite) -> Result<PathBuf, Error> {
    let kind = format!("root-{}", suite.name());
    let folder = cache::once(lab, &kind, &[suite.name(), PACKAGES], |folder| {
        let archive = packages::archive(lab)?;
        let mut make = bound("mmdebstrap");
        make.args(["--variant=apt", "--aptopt=APT::Install-Recommends \"0\""])
            .arg(format!("--include={PACKAGES}"))
            .arg(suite.name())
            .arg(folder.join("root"))
            .arg(archive);
        run_logged(&mut make, &lab.log(&kind))
    })?;
    Ok(folder.join("root"))
}

/// Makes the host's folders anew and mounts its root file system.
///
/// # Errors
/// When it cannot be mounted.
pub(super) fn make(lab: &Lab, host: &Host) -> Result<(), Error> {
    // What an interrupted run left is not to be trusted.
    unmount(&host.root(lab))?;
    cache::remove(&host.folder(lab))?;
    mount(lab, host)
}

/// Mounts the host's root file system, unless it is: the release's below, its own above. A restart
/// of the machine takes away the mount, and leaves what the host wrote.
///
/// # Errors
/// When it cannot be mounted.
pub(super) fn mount(lab: &Lab, host: &Host) -> Result<(), Error> {
    let (folder, root) = (host.folder(lab), host.root(lab));
    if is_mounted(&root) {
        return Ok(());
    }
    let (upper, work) = (folder.join("upper"), folder.join("work"));
    for part in [&root, &upper, &work] {
        make_folder(part)?;
    }
    let lower = of(lab, host.suite)?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    let mut mount = Command::new("mount");
    mount.args(["-t", "overlay", "overlay", "-o", &options]);
    run(mount.arg(&root)).map(drop)
}

/// Takes away every mount below the lab's folder.
///
/// # Errors
/// When one stays.
pub(super) fn unmount_all(lab: &Lab) -> Result<(), Error> {
    let mut below: Vec<_> = mounts();
    below.retain(|mount| mount.starts_with(lab.state()));
    // The innermost are the last in the kernel's list.
    for mount in below.iter().rev() {
        unmount(mount)?;
    }
    Ok(())
}

fn is_mounted(root: &Path) -> bool {
    mounts().iter().any(|mount| mount == root)
}

fn unmount(path: &Path) -> Result<(), Error> {
    while is_mounted(path) {
        run(Command::new("umount").arg("-l").arg(path))?;
    }
    Ok(())
}

fn mounts() -> Vec<PathBuf> {
    let text = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let second = |line: &str| line.split(' ').nth(1).map(unescape);
    text.lines().filter_map(second).collect()
}

/// The kernel writes a space in a path as `\040`.
fn unescape(path: &str) -> PathBuf {
    PathBuf::from(path.replace("\\040", " ").replace("\\011", "\t"))
}
