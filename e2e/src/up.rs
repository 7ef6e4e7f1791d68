//! Bringing the lab up. What is done already is not done again.

use std::path::Path;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::error::Error;
use crate::hosts::{self, Host, Suite, network, power};
use crate::places::{BRIDGE, Lab};
use crate::step::{seconds, step};
use crate::{control_plane, guest, image_server, objects, operator, others, packages, process};

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// How many hosts.
    pub hosts: u8,
    /// Whether the operator and the example are wanted, or only the parts they work on.
    pub operator: bool,
}

/// Brings all of it up and shows the first machine.
///
/// # Errors
/// The first step that fails.
pub fn up(lab: &Lab, wanted: Wanted) -> Result<(), Error> {
    let start = Instant::now();
    println!("Drover's lab in {}", lab.state().display());
    others::make_room(lab)?;
    prepare(lab, wanted)?;
    parts(lab, wanted)?;
    if !wanted.operator {
        println!(
            "\nAll but the operator is up after {}.",
            seconds(start.elapsed())
        );
        return Ok(());
    }
    let line = machine(lab)?;
    println!(
        "\nUp after {}. The guest of demo/first says:\n",
        seconds(start.elapsed())
    );
    println!("  {line}\n");
    println!("Go on with:");
    println!(
        "  cargo lab shell                    # KUBECONFIG and PATH are set: kubectl get vm -A"
    );
    println!("  cargo lab kubectl get vm,vhost,vpool,vnet,vvol -A");
    println!("  cargo lab virsh host1 list");
    println!("  cargo lab down");
    Ok(())
}

/// What is slow and kept: nothing of it runs yet.
fn prepare(lab: &Lab, wanted: Wanted) -> Result<(), Error> {
    step("what the machine needs", || packages::install(lab))?;
    step("etcd, API server, controller manager, kubectl", || {
        control_plane::build::commands(lab)
    })?;
    step("root file systems of the hosts", || {
        let all = [Suite::Bookworm, Suite::Trixie];
        let count = usize::from(wanted.hosts).min(all.len());
        hosts::prepare(lab, all.get(..count).unwrap_or_default())
    })?;
    step("guest image", || guest::image(lab).map(drop))?;
    if wanted.operator {
        step("operator", || operator::build(lab))?;
    }
    Ok(())
}

/// The control plane and the hosts.
fn parts(lab: &Lab, wanted: Wanted) -> Result<(), Error> {
    end_strays(lab)?;
    step("control plane is ready", || control_plane::start(lab))?;
    step(&format!("bridge {BRIDGE} and image server"), || {
        network::bridge()?;
        // This program, even when a build has put another one in its place since it began.
        let program = format!("/proc/{}/exe", std::process::id());
        image_server::start(lab, Path::new(&program), &guest::image(lab)?)
    })?;
    for number in 1..=wanted.hosts {
        let host = Host::standard(number);
        let name = format!("{} ({}) listens", host.name, host.suite.name());
        step(&name, || hosts::ensure(lab, &host))?;
    }
    step("definitions of the kinds", || objects::definitions(lab))?;
    if wanted.operator {
        step("the operator's rights", || objects::rights(lab))?;
    }
    step("hosts are declared", || {
        let all = hosts::record::all(lab)?;
        let mut on = all.iter().filter(|host| power::is_on(lab, host));
        on.try_for_each(|host| objects::host(lab, host))
    })
}

fn machine(lab: &Lab) -> Result<String, Error> {
    step("operator runs", || operator::start(lab))?;
    step("machine demo/first is Ready", || {
        objects::first_machine(lab)
    })?;
    step("its guest is up", || objects::first_line(lab))
}

/// A run that was killed may have left processes whose id it could not write down.
fn end_strays(lab: &Lab) -> Result<(), Error> {
    for found in process::all(lab) {
        if process::running(lab, &found.name).is_none() {
            process::end(found.pid, Signal::SIGKILL)?;
        }
    }
    Ok(())
}
