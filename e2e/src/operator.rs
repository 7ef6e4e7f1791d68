//! The operator, as a process on the machine.

use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::command::run_logged;
use crate::error::Error;
use crate::places::{Lab, OPERATOR_LISTEN, UPLOAD_LISTEN};
use crate::{process, wait};

/// The name of its process.
pub const NAME: &str = "operator";
/// The fleet's name.
pub const FLEET: &str = "lab";

/// Builds it.
///
/// # Errors
/// When it does not compile.
pub fn build(lab: &Lab) -> Result<(), Error> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "-q", "-p", "drover", "--bin", "drover"])
        .current_dir(lab.root());
    run_logged(&mut cargo, &lab.log("cargo-build"))
}

/// Starts it, if it does not run; one that was built anew since is started again.
///
/// # Errors
/// When it does not listen.
pub fn start(lab: &Lab) -> Result<(), Error> {
    if process::running(lab, NAME).is_some_and(is_old) {
        stop(lab)?;
    }
    process::start(lab, NAME, &command(lab))?;
    wait::until_listening(lab, OPERATOR_LISTEN, NAME)
}

/// The operator as the lab runs it.
pub fn command(lab: &Lab) -> Command {
    command_of(lab, &lab.built("drover"))
}

/// Another build of the operator, as the lab runs it.
pub fn command_of(lab: &Lab, program: &Path) -> Command {
    let mut operator = Command::new(program);
    operator
        .args(["operator", "--fleet", FLEET])
        .args(["--import-allow", "10.77.0.0/24"])
        .args(["--listen", OPERATOR_LISTEN])
        // As the chart has them.
        .env("MALLOC_TRIM_THRESHOLD_", "4194304")
        .env("MALLOC_MMAP_THRESHOLD_", "1048576")
        .env("DROVER_UPLOAD_LISTEN", UPLOAD_LISTEN)
        .env("KUBECONFIG", lab.operator_kubeconfig())
        .env("POD_NAMESPACE", "drover-system");
    operator
}

/// Ends it politely.
///
/// # Errors
/// When it does not end.
pub fn stop(lab: &Lab) -> Result<(), Error> {
    process::stop(lab, NAME, Signal::SIGTERM)
}

/// Kills it as a crash would.
///
/// # Errors
/// When it does not end.
pub fn kill(lab: &Lab) -> Result<(), Error> {
    process::stop(lab, NAME, Signal::SIGKILL)
}

/// The kernel says so when the file that runs is not there any more.
fn is_old(pid: i32) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe"))
        .is_ok_and(|path| path.to_string_lossy().ends_with(" (deleted)"))
}
