//! Keys, tokens and kubeconfigs of the control plane.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::cache::hex;
use crate::command::run;
use crate::error::Error;
use crate::places::{API_PORT, Lab, make_folder, write_file};

/// Who has a token: the user, its groups, and its kubeconfig's file name.
const USERS: &[(&str, &str, &str)] = &[
    ("admin", "system:masters", "kubeconfig"),
    (
        "system:kube-controller-manager",
        "",
        "controller-manager.kubeconfig",
    ),
    (
        "system:serviceaccount:drover-system:drover",
        "system:serviceaccounts,system:serviceaccounts:drover-system",
        "operator.kubeconfig",
    ),
];

/// Only writes are looked at, and only who wrote what: the bodies would fill the disk.
const AUDIT: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
";

/// Writes all of it, unless it is there.
///
/// # Errors
/// [`Error::File`], or `openssl`'s failure.
pub(super) fn write(lab: &Lab) -> Result<(), Error> {
    let pki = lab.state().join("pki");
    if pki.join("tokens.csv").is_file() && lab.kubeconfig().is_file() {
        return Ok(());
    }
    make_folder(&pki)?;
    let key = pki.join("sa.key");
    run(Command::new("openssl")
        .args(["genrsa", "-out"])
        .arg(&key)
        .arg("2048"))?;
    write_file(&pki.join("audit.yaml"), AUDIT)?;
    let mut tokens = String::new();
    for (user, groups, file) in USERS {
        let token = random()?;
        tokens += &format!("{token},{user},{user},\"{groups}\"\n");
        let kubeconfig = lab.state().join(file);
        write_file(&kubeconfig, kubeconfig_text(&pki, user, &token))?;
        secret(&kubeconfig)?;
    }
    // The last, so that a run that was interrupted does all of it again.
    write_file(&pki.join("tokens.csv"), tokens)?;
    secret(&pki.join("tokens.csv"))
}

fn kubeconfig_text(pki: &Path, user: &str, token: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: lab
  cluster:
    server: https://127.0.0.1:{API_PORT}
    certificate-authority: {}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: lab
  context:
    cluster: lab
    user: {user}
current-context: lab
",
        pki.join("apiserver.crt").display()
    )
}

fn secret(path: &Path) -> Result<(), Error> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|error| Error::file(path, error))
}

fn random() -> Result<String, Error> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    std::fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| Error::file(path, error))?;
    Ok(hex(&bytes))
}
