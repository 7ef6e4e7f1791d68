//! What the machine needs beside Rust and Go, from Debian's packages.

use std::path::Path;
use std::process::Command;

use crate::command::{run, run_logged};
use crate::error::Error;
use crate::places::Lab;
use crate::step::note;

/// Each command that the lab runs, and the package that has it. The first file that exists counts.
const NEEDED: &[(&str, &str)] = &[
    ("setsid", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("ip", "iproute2"),
    ("mmdebstrap", "mmdebstrap"),
    ("mkfs.vfat", "dosfstools"),
    ("mcopy", "mtools"),
    ("mke2fs", "e2fsprogs"),
    ("syslinux", "syslinux"),
    ("xorrisofs", "xorriso"),
    ("xorriso", "xorriso"),
    ("qemu-img", "qemu-utils"),
    ("openssl", "openssl"),
    ("dpkg-deb", "dpkg"),
    ("gzip", "gzip"),
    ("cc", "gcc"),
];

const FOLDERS: &[&str] = &["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"];

/// Installs what is missing, after saying so.
///
/// # Errors
/// [`Error::Missing`] when the packages cannot be had, or Go is not there.
pub fn install(lab: &Lab) -> Result<(), Error> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Error::Missing {
            what: "root".to_owned(),
            fix: "network namespaces and mounts need it: run this as root".to_owned(),
        });
    }
    let mut packages: Vec<_> = NEEDED
        .iter()
        .filter(|(command, _)| !is_there(command))
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    if !packages.is_empty() {
        let words = packages.join(" ");
        note(&format!("installs with apt-get: {words}"));
        let missing = |error: Error| Error::Missing {
            what: words.clone(),
            fix: format!(
                "`apt-get update && apt-get install {words}` would put it right ({error})"
            ),
        };
        update(lab).map_err(missing)?;
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "-q", "--no-install-recommends"])
            .args(&packages)
            .env("DEBIAN_FRONTEND", "noninteractive");
        run_logged(&mut apt, &lab.log("apt")).map_err(missing)?;
    }
    go()
}

/// Reads the package lists anew.
///
/// # Errors
/// [`Error::Command`].
pub fn update(lab: &Lab) -> Result<(), Error> {
    run_logged(
        Command::new("apt-get").args(["update", "-q"]),
        &lab.log("apt"),
    )
}

/// Debian's archive, as this machine's own apt has it.
///
/// # Errors
/// [`Error::Missing`] when apt has none.
pub fn archive(lab: &Lab) -> Result<String, Error> {
    let list =
        || run(Command::new("apt-get").args(["indextargets", "--format", "$(RELEASE) $(SITE)"]));
    let mut found = main_archive(&list()?);
    if found.is_none() {
        update(lab)?;
        found = main_archive(&list()?);
    }
    found.ok_or_else(|| Error::Missing {
        what: "a Debian archive in apt's sources".to_owned(),
        fix: "put Debian's main archive into /etc/apt/sources.list".to_owned(),
    })
}

fn main_archive(listed: &str) -> Option<String> {
    const RELEASES: [&str; 4] = ["bookworm", "trixie", "stable", "oldstable"];
    let lines = listed.lines().filter_map(|line| line.split_once(' '));
    let mut lines = lines.filter(|(release, _)| RELEASES.contains(release));
    lines.next().map(|(_, site)| site.to_owned())
}

fn is_there(command: &str) -> bool {
    FOLDERS
        .iter()
        .any(|folder| Path::new(folder).join(command).exists())
}

fn go() -> Result<(), Error> {
    run(Command::new("go").arg("version"))
        .map(drop)
        .map_err(|_| Error::Missing {
            what: "Go".to_owned(),
            fix: "install Go 1.26 or later and put its bin folder into PATH".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::main_archive;

    #[test]
    fn the_machines_own_archive_is_found() {
        let listed = "cloud http://tools.example\nbookworm http://debian.example/debian\n";
        let found = main_archive(listed);
        assert_eq!(found.as_deref(), Some("http://debian.example/debian"));
        assert_eq!(main_archive("cloud http://tools.example\n"), None);
    }
}
