//! A host on, off and frozen.

use std::process::Command;

use nix::sys::signal::Signal;

use super::record::Host;
use super::{network, root};
use crate::error::Error;
use crate::places::{Lab, make_folder, write_file};
use crate::{process, wait};

const ENTER: &str = include_str!("enter.sh");

/// Powers the host on and waits until its libvirt listens.
///
/// # Errors
/// When it does not.
pub fn on(lab: &Lab, host: &Host) -> Result<(), Error> {
    if process::running(lab, &host.process()).is_some() && network::is_connected(host) {
        return super::start_libvirtd(lab, host);
    }
    off(lab, host)?;
    root::mount(lab, host)?;
    network::connect(host)?;
    make_folder(&lab.shared())?;
    let enter = host.folder(lab).join("enter.sh");
    write_file(&enter, ENTER)?;
    let mut start = Command::new("ip");
    // Killing the outermost process ends everything inside at once: a power cut.
    start
        .args(["netns", "exec", &host.namespace()])
        .args(["unshare", "--pid", "--fork", "--mount", "--uts", "--ipc"])
        .args(["--kill-child", "--", "/bin/sh"])
        .arg(&enter)
        .arg(host.root(lab))
        .arg(lab.shared());
    process::start(lab, &host.process(), &start)?;
    wait::until_listening(lab, &host.listen(), &host.process())
}

/// Cuts the host's power.
///
/// # Errors
/// When it does not end.
pub fn off(lab: &Lab, host: &Host) -> Result<(), Error> {
    // A frozen process does end with SIGKILL.
    let inside = everything(lab, host);
    process::stop(lab, &host.process(), Signal::SIGKILL)?;
    for pid in inside {
        process::end(pid, Signal::SIGKILL)?;
    }
    Ok(())
}

/// Stops every process of the host where it is.
pub fn freeze(lab: &Lab, host: &Host) {
    signal_all(lab, host, Signal::SIGSTOP);
}

/// Lets them go on.
pub fn thaw(lab: &Lab, host: &Host) {
    signal_all(lab, host, Signal::SIGCONT);
}

/// The host's PID 1, as the machine sees it.
pub fn init(lab: &Lab, host: &Host) -> Option<i32> {
    let outer = process::running(lab, &host.process())?;
    process::children(outer).into_iter().next()
}

/// Whether the host is on.
pub fn is_on(lab: &Lab, host: &Host) -> bool {
    init(lab, host).is_some()
}

fn signal_all(lab: &Lab, host: &Host, signal: Signal) {
    for pid in everything(lab, host) {
        process::send(pid, signal);
    }
}

/// Every process in the host's PID namespace.
fn everything(lab: &Lab, host: &Host) -> Vec<i32> {
    let space = |pid: i32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let Some(wanted) = init(lab, host).and_then(space) else {
        return Vec::new();
    };
    let mut all = process::ids();
    all.retain(|pid| space(*pid).as_ref() == Some(&wanted));
    all
}
