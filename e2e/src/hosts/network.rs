//! The bridge of the lab, and each host's place on it.

use std::path::Path;
use std::process::Command;

use super::record::Host;
use crate::command::run;
use crate::error::Error;
use crate::places::{BRIDGE, GATEWAY};

/// Makes the bridge, unless it is there.
///
/// # Errors
/// When `ip` fails.
pub fn bridge() -> Result<(), Error> {
    if !exists(BRIDGE) {
        ip(&["link", "add", BRIDGE, "type", "bridge"])?;
    }
    let address = format!("{GATEWAY}/24");
    if !ip(&["-o", "address", "show", "dev", BRIDGE])?.contains(&address) {
        ip(&["address", "add", &address, "dev", BRIDGE])?;
    }
    ip(&["link", "set", BRIDGE, "up"]).map(drop)
}

/// Whether the host has its network namespace and its cable.
pub fn is_connected(host: &Host) -> bool {
    Path::new("/run/netns").join(host.namespace()).exists() && exists(&host.port())
}

/// Makes the host's network namespace and its cable to the bridge. They are new, as a machine that
/// starts has no bridges and addresses of its last run, or of another lab's host of that name.
///
/// # Errors
/// When `ip` fails.
pub fn connect(host: &Host) -> Result<(), Error> {
    let (namespace, port) = (host.namespace(), host.port());
    disconnect(host)?;
    ip(&["netns", "add", &namespace])?;
    ip(&[
        "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &namespace,
    ])?;
    ip(&["link", "set", &port, "master", BRIDGE, "up"])?;
    let within = |words: &[&str]| ip(&[&["-n", &namespace], words].concat());
    let address = format!("{}/24", host.address());
    within(&["address", "add", &address, "dev", "eth0"])?;
    within(&["link", "set", "lo", "up"])?;
    within(&["link", "set", "eth0", "up"])?;
    within(&["route", "add", "default", "via", GATEWAY]).map(drop)
}

/// Takes the host's network away.
///
/// # Errors
/// When `ip` fails.
pub fn disconnect(host: &Host) -> Result<(), Error> {
    if Path::new("/run/netns").join(host.namespace()).exists() {
        ip(&["netns", "delete", &host.namespace()])?;
    }
    delete(&host.port())
}

/// Pulls the host's cable: nothing arrives, and nobody is told.
///
/// # Errors
/// When `ip` fails.
pub fn cut(host: &Host) -> Result<(), Error> {
    ip(&["link", "set", &host.port(), "nomaster"]).map(drop)
}

/// Puts the cable back.
///
/// # Errors
/// When `ip` fails.
pub fn heal(host: &Host) -> Result<(), Error> {
    ip(&["link", "set", &host.port(), "master", BRIDGE, "up"]).map(drop)
}

/// Takes the bridge and every host's network away, also of hosts that are not known any more.
///
/// # Errors
/// When `ip` fails.
pub fn remove_all() -> Result<(), Error> {
    for namespace in ours("/run/netns", "drover-lab-") {
        ip(&["netns", "delete", &namespace])?;
    }
    for link in ours("/sys/class/net", "drover-lab-p") {
        delete(&link)?;
    }
    delete(BRIDGE)
}

/// Deletes a link, which may go by itself meanwhile: a host's port does with its other end, some
/// time after the namespace.
fn delete(link: &str) -> Result<(), Error> {
    if !exists(link) {
        return Ok(());
    }
    let deleted = ip(&["link", "delete", link]);
    if exists(link) {
        deleted?;
    }
    Ok(())
}

/// What of the lab's networks is there.
pub fn left() -> Vec<String> {
    [
        ours("/run/netns", "drover-lab-"),
        ours("/sys/class/net", BRIDGE),
    ]
    .concat()
}

fn ours(folder: &str, prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(prefix)).collect()
}

fn exists(link: &str) -> bool {
    Path::new("/sys/class/net").join(link).exists()
}

fn ip(words: &[&str]) -> Result<String, Error> {
    run(Command::new("ip").args(words))
}
