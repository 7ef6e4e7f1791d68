//! A real etcd, API server and controller manager.

pub mod build;
mod config;

use std::process::Command;

use nix::sys::signal::Signal;

use crate::command::run;
use crate::error::Error;
use crate::places::{API_PORT, ETCD_PORT, Lab, make_folder};
use crate::{process, wait};

/// Starts all three, if they do not run.
///
/// # Errors
/// When one does not become ready.
pub fn start(lab: &Lab) -> Result<(), Error> {
    config::write(lab)?;
    start_etcd(lab)?;
    start_api_server(lab)?;
    start_controller_manager(lab)
}

/// Ends all three.
///
/// # Errors
/// When one cannot be ended.
pub fn stop(lab: &Lab) -> Result<(), Error> {
    for name in ["kube-controller-manager", "kube-apiserver", "etcd"] {
        process::stop(lab, name, Signal::SIGTERM)?;
    }
    Ok(())
}

/// Starts etcd. It does not sync its files: a lab's data need not outlive the machine.
///
/// # Errors
/// When it does not listen.
pub fn start_etcd(lab: &Lab) -> Result<(), Error> {
    let client = format!("http://127.0.0.1:{ETCD_PORT}");
    let peer = format!("http://127.0.0.1:{}", ETCD_PORT + 1);
    let mut etcd = Command::new(lab.bin().join("etcd"));
    etcd.arg(format!("--data-dir={}", lab.state().join("etcd").display()))
        .args(["--unsafe-no-fsync", "--log-level=warn"])
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"));
    process::start(lab, "etcd", &etcd)?;
    wait::until_listening(lab, &format!("127.0.0.1:{ETCD_PORT}"), "etcd")
}

/// Starts the API server and waits until it is ready.
///
/// # Errors
/// When it does not become ready.
pub fn start_api_server(lab: &Lab) -> Result<(), Error> {
    let pki = lab.state().join("pki");
    make_folder(&pki)?;
    let file = |name: &str| pki.join(name).display().to_string();
    let mut server = Command::new(lab.bin().join("kube-apiserver"));
    server
        .arg(format!("--etcd-servers=http://127.0.0.1:{ETCD_PORT}"))
        .arg(format!("--secure-port={API_PORT}"))
        .arg("--bind-address=127.0.0.1")
        .arg("--advertise-address=127.0.0.1")
        .arg(format!("--cert-dir={}", pki.display()))
        .arg(format!("--service-account-key-file={}", file("sa.key")))
        .arg(format!(
            "--service-account-signing-key-file={}",
            file("sa.key")
        ))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .arg("--service-cluster-ip-range=10.96.0.0/16")
        .arg("--endpoint-reconciler-type=none")
        .arg("--authorization-mode=RBAC")
        .arg(format!("--token-auth-file={}", file("tokens.csv")))
        .arg(format!("--audit-policy-file={}", file("audit.yaml")))
        .arg(format!("--audit-log-path={}", lab.audit_log().display()));
    process::start(lab, "kube-apiserver", &server)?;
    wait::until(lab, "the API server is ready", "kube-apiserver", || {
        Ok(kubectl(lab, &["get", "--raw", "/readyz"]).ok())
    })
    .map(drop)
}

/// Starts the controllers that the tests rely on: those that delete what belongs to what is deleted.
///
/// # Errors
/// When it cannot be started.
pub fn start_controller_manager(lab: &Lab) -> Result<(), Error> {
    let pki = lab.state().join("pki");
    let kubeconfig = lab.state().join("controller-manager.kubeconfig");
    let mut manager = Command::new(lab.bin().join("kube-controller-manager"));
    manager
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .arg(format!(
            "--service-account-private-key-file={}",
            pki.join("sa.key").display()
        ))
        .arg("--use-service-account-credentials")
        .arg("--controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller")
        .args(["--leader-elect=false", "--secure-port=0"]);
    process::start(lab, "kube-controller-manager", &manager).map(drop)
}

/// Runs kubectl as the administrator; what it printed.
///
/// # Errors
/// [`Error::Command`] with what it said.
pub fn kubectl(lab: &Lab, args: &[&str]) -> Result<String, Error> {
    run(&mut kubectl_command(lab, args))
}

/// kubectl as the administrator, to be run.
pub fn kubectl_command(lab: &Lab, args: &[&str]) -> Command {
    let mut command = Command::new(lab.bin().join("kubectl"));
    as_administrator(lab, &mut command).args(args);
    command
}

/// Tells a command, and what it starts, which cluster is meant. kubectl otherwise keeps what the API
/// server can do in the user's home.
pub fn as_administrator<'a>(lab: &Lab, command: &'a mut Command) -> &'a mut Command {
    command
        .env("KUBECONFIG", lab.kubeconfig())
        .env("KUBECACHEDIR", lab.kubectl_cache())
}
