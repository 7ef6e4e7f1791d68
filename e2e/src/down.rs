//! Taking the lab away.

use nix::sys::signal::Signal;

use crate::cache;
use crate::error::Error;
use crate::hosts;
use crate::places::Lab;
use crate::step::step;
use crate::{control_plane, operator, process};

/// Ends every process of the lab, and takes away its namespaces, mounts, bridge and files. The logs
/// and the cache stay.
///
/// # Errors
/// When something cannot be taken away.
pub fn down(lab: &Lab) -> Result<(), Error> {
    step("operator ends", || operator::stop(lab))?;
    step("hosts end, with their networks and mounts", || {
        hosts::remove_all(lab)
    })?;
    step("control plane ends", || control_plane::stop(lab))?;
    step("what is left ends", || {
        for found in process::all(lab) {
            process::end(found.pid, Signal::SIGKILL)?;
        }
        files(lab)
    })
}

fn files(lab: &Lab) -> Result<(), Error> {
    for name in [
        "etcd",
        "pki",
        "hosts-pki",
        "images-pki",
        "shared",
        "bin",
        "run",
        "first-machine",
        "kubectl-cache",
    ] {
        cache::remove(&lab.state().join(name))?;
    }
    for path in [
        lab.kubeconfig(),
        lab.operator_kubeconfig(),
        lab.state().join("controller-manager.kubeconfig"),
    ] {
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}
