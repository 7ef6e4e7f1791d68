//! Two crates must not be able to do I/O: their dependencies say whether they can.

use std::process::Command;

use crate::command::run;
use crate::error::Error;
use crate::places::Lab;

/// Crates with which a program can reach sockets, files of others, or a clock's timers.
const FORBIDDEN: &[&str] = &[
    "tokio",
    "mio",
    "socket2",
    "hyper",
    "hyper-util",
    "reqwest",
    "kube-client",
    "kube-runtime",
    "async-io",
    "async-std",
    "smol",
    "polling",
    "rustls",
    "tokio-rustls",
    "nix",
    "rustix",
    "drover-rpc",
    "h2",
    "tower",
    "axum",
    "ureq",
    "quinn",
];

/// Fails with the names of what the package must not depend on.
///
/// # Errors
/// [`Error::Refused`] with the names, or cargo's failure.
pub(super) fn check(lab: &Lab, package: &str) -> Result<(), Error> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["tree", "-q", "-p", package, "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(lab.root());
    let found = forbidden(&run(&mut cargo)?);
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "{package} depends on {}",
        found.join(", ")
    )))
}

fn forbidden(tree: &str) -> Vec<String> {
    let names = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let mut found: Vec<_> = names
        .filter(|name| FORBIDDEN.contains(name))
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::forbidden;

    #[test]
    fn a_crate_with_sockets_is_found_by_its_whole_name() {
        assert!(forbidden("drover-core v0.1.0\nuuid v1.29.0\ntokio-macros v2.5.0\n").is_empty());
        assert_eq!(forbidden("a v1.0.0\nmio v1.0.0 (*)\nmio v1.0.0\n"), ["mio"]);
    }
}
