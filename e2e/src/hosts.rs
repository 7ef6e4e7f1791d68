//! The libvirt hosts: each with a root file system and namespaces of its own.

mod files;
pub mod network;
pub mod pki;
pub mod power;
pub mod record;
mod root;

use std::process::Command;

use nix::sys::signal::Signal;

use crate::command::run;
use crate::error::Error;
use crate::places::Lab;
use crate::{others, process, wait};

pub use record::{Host, Suite};

// While it is there the host's libvirtd is not started again.
const DOWN: &str = "/run/libvirtd.down";

/// Builds what the hosts of these suites are made from.
///
/// # Errors
/// When packages cannot be had.
pub fn prepare(lab: &Lab, suites: &[Suite]) -> Result<(), Error> {
    for suite in suites {
        root::of(lab, *suite)?;
    }
    Ok(())
}

/// Makes the host, unless it is there, and powers it on.
///
/// # Errors
/// When it cannot be made or its libvirt does not answer.
pub fn ensure(lab: &Lab, host: &Host) -> Result<(), Error> {
    let made = record::all(lab)?
        .iter()
        .any(|there| there.name == host.name);
    if !made {
        root::make(lab, host)?;
        files::write(lab, host)?;
        // The last: a host without its record is not whole, and is made again.
        record::write(lab, host)?;
    }
    power::on(lab, host)
}

/// Runs a command inside a host; what it printed.
///
/// # Errors
/// [`Error::Refused`] when the host is off; the command's failure.
pub fn run_in(lab: &Lab, host: &Host, words: &[&str]) -> Result<String, Error> {
    run(&mut inside(lab, host, words)?)
}

/// A command inside a host, to be run.
///
/// # Errors
/// [`Error::Refused`] when the host is off.
pub fn inside(lab: &Lab, host: &Host, words: &[&str]) -> Result<Command, Error> {
    let init = power::init(lab, host)
        .ok_or_else(|| Error::Refused(format!("{} is off: `cargo lab host on {0}`", host.name)))?;
    let mut command = Command::new("nsenter");
    // Without -r one would land in the machine's own root.
    command.args(["-t", &init.to_string(), "-a", "-r", "-w"]);
    command.args(words).env_clear().env("HOME", "/root");
    command.env(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    if let Some(terminal) = std::env::var_os("TERM") {
        command.env("TERM", terminal);
    }
    Ok(command)
}

/// `virsh` on a host; what it printed.
///
/// # Errors
/// As [`run_in`].
pub fn virsh(lab: &Lab, host: &Host, words: &[&str]) -> Result<String, Error> {
    run_in(lab, host, &[&["virsh", "-q"], words].concat())
}

/// Kills the host's libvirtd, which stays down; its guests run on.
///
/// # Errors
/// As [`run_in`].
pub fn kill_libvirtd(lab: &Lab, host: &Host) -> Result<(), Error> {
    let script = format!(
        "touch {DOWN}; pid=$(cat /run/libvirtd.pid); kill -9 $pid;
         while kill -0 $pid 2>/dev/null; do sleep 0.01; done"
    );
    run_in(lab, host, &["sh", "-c", &script]).map(drop)
}

/// Starts the host's libvirtd again and waits until it listens.
///
/// # Errors
/// As [`run_in`], and when it does not listen.
pub fn start_libvirtd(lab: &Lab, host: &Host) -> Result<(), Error> {
    run_in(lab, host, &["rm", "-f", DOWN])?;
    wait::until_listening(lab, &host.listen(), &host.process())
}

/// Ends all hosts and takes their networks and mounts away.
///
/// # Errors
/// When something cannot be taken away.
pub fn remove_all(lab: &Lab) -> Result<(), Error> {
    for found in process::all(lab) {
        if found.name.starts_with("host-") {
            process::end(found.pid, Signal::SIGKILL)?;
        }
    }
    root::unmount_all(lab)?;
    if !others::are_up(lab) {
        network::remove_all()?;
    }
    crate::cache::remove(&lab.hosts())
}
