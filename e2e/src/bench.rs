//! `lab bench`: the client's benchmarks, at the libvirtd of a host.

use std::process::Command;

use crate::command::run_shown;
use crate::down::down;
use crate::error::Error;
use crate::hosts::{Host, power};
use crate::places::Lab;
use crate::process;
use crate::up::{Wanted, up};

/// The benchmarks of `drover-rpc`, in order.
pub const RPC: [&str; 5] = ["calls", "stats", "streams", "events", "connections"];

/// Runs these of the client's benchmarks, or all if none is named; whether all ran to their end. A lab
/// that was not up before is taken down at the end; one that is up had better be without the
/// operator, which talks to the same host.
///
/// # Errors
/// When the lab cannot be brought up or taken down.
pub fn rpc(lab: &Lab, names: &[String]) -> Result<bool, Error> {
    let host = Host::standard(2);
    let was_up = process::running(lab, "kube-apiserver").is_some();
    let there = power::init(lab, &host).map_or_else(|| start(lab, &host), Ok);
    let ran = there.and_then(|init| run(lab, init, names));
    if !was_up {
        down(lab)?;
    }
    ran
}

fn start(lab: &Lab, host: &Host) -> Result<i32, Error> {
    let wanted = Wanted {
        hosts: 2,
        operator: false,
    };
    up(lab, wanted)?;
    power::init(lab, host).ok_or_else(|| Error::Refused(format!("{} is off", host.name)))
}

fn run(lab: &Lab, init: i32, names: &[String]) -> Result<bool, Error> {
    // The host's own socket, without a network between.
    let socket = format!("/proc/{init}/root/run/libvirt/libvirt-sock");
    let uri = format!("test+unix:///default?socket={socket}");
    let wanted = |name: &&str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let mut all_ran = true;
    for name in RPC.into_iter().filter(wanted) {
        println!("\n# {name}\n");
        let mut bench = Command::new("cargo");
        bench.args(["bench", "-q", "-p", "drover-rpc", "--bench", name]);
        bench.current_dir(lab.root());
        bench.env("DROVER_TEST_LIBVIRT_URI", &uri);
        all_ran &= run_shown(&mut bench)?.success();
    }
    Ok(all_ran)
}
