//! Looking at the lab, and working in it.

use std::process::{Command, ExitStatus};

use crate::command::run_shown;
use crate::control_plane::as_administrator;
use crate::error::Error;
use crate::hosts::{network, power, record};
use crate::places::{API_PORT, GATEWAY, IMAGE_PORT, Lab, OPERATOR_LISTEN};
use crate::process;

/// Prints what runs.
///
/// # Errors
/// When a host's record cannot be read.
pub fn status(lab: &Lab) -> Result<(), Error> {
    let places = [
        ("etcd", String::new()),
        ("kube-apiserver", format!("https://127.0.0.1:{API_PORT}")),
        ("kube-controller-manager", String::new()),
        ("image-server", format!("http://{GATEWAY}:{IMAGE_PORT}")),
        ("operator", format!("http://{OPERATOR_LISTEN}/metrics")),
    ];
    for (name, place) in places {
        line(name, process::running(lab, name), &place);
    }
    for host in record::all(lab)? {
        let place = format!("{} ({})", host.uri(), host.suite.name());
        line(&host.name, power::init(lab, &host), &place);
    }
    let networks = network::left();
    if !networks.is_empty() {
        println!("networks: {}", networks.join(" "));
    }
    Ok(())
}

fn line(name: &str, pid: Option<i32>, place: &str) {
    let state = pid.map_or_else(|| "off".to_owned(), |pid| format!("pid {pid}"));
    println!("{}", format!("{name:<24} {state:<12} {place}").trim_end());
}

/// A shell in which `kubectl` works.
///
/// # Errors
/// When it cannot be started.
pub fn shell(lab: &Lab) -> Result<ExitStatus, Error> {
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    println!("KUBECONFIG={}", lab.kubeconfig().display());
    run_shown(&mut with_environment(lab, Command::new(shell)))
}

/// A command with the lab's KUBECONFIG and PATH.
pub fn with_environment(lab: &Lab, mut command: Command) -> Command {
    let mut folders = vec![lab.bin()];
    if let Some(parent) = lab.built("drover").parent() {
        folders.push(parent.to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    as_administrator(lab, &mut command);
    command
}
