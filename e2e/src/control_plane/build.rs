//! The commands of the control plane, built from pinned Go modules.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::command::{bound, run, run_logged};
use crate::error::Error;
use crate::places::{Lab, read_file};

/// What is built: the module's folder, the package, the name.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("etcd", "go.etcd.io/etcd/server/v3", "etcd"),
    (
        "kubernetes",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-apiserver",
    ),
    (
        "kubernetes",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-controller-manager",
    ),
    ("kubernetes", "k8s.io/kubernetes/cmd/kubectl", "kubectl"),
];

/// Builds what is not in the cache, and links all of it into the lab's `bin`. What the folder
/// `KUBEBUILDER_ASSETS` has is taken from there.
///
/// # Errors
/// When a build fails.
pub fn commands(lab: &Lab) -> Result<(), Error> {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    for (module, package, name) in COMMANDS {
        let given = assets.as_ref().map(|folder| folder.join(name));
        let from = match given.filter(|file| file.is_file()) {
            Some(given) => given,
            None => build(lab, module, package, name)?,
        };
        let to = lab.bin().join(name);
        let _ = std::fs::remove_file(&to);
        std::os::unix::fs::symlink(&from, &to).map_err(|error| Error::file(&to, error))?;
    }
    Ok(())
}

fn build(lab: &Lab, module: &str, package: &str, name: &str) -> Result<PathBuf, Error> {
    let folder = lab.root().join("e2e/control-plane").join(module);
    let (wanted, sums) = (
        read_file(&folder.join("go.mod"))?,
        read_file(&folder.join("go.sum"))?,
    );
    let go = run(Command::new("go").arg("version"))?;
    let flags = link_flags(&wanted);
    let inputs = [package, &wanted, &sums, &go, &flags];
    let built = cache::once(lab, name, &inputs, |into| {
        compile(lab, &folder, package, &flags, &into.join(name))
    })?;
    Ok(built.join(name))
}

fn compile(lab: &Lab, folder: &Path, package: &str, flags: &str, to: &Path) -> Result<(), Error> {
    let mut go = bound("go");
    go.args(["build", "-trimpath", "-ldflags", flags, "-o"])
        .arg(to)
        .arg(package)
        .current_dir(folder)
        .env("CGO_ENABLED", "0");
    run_logged(&mut go, &lab.log("go-build"))
}

/// `kubectl version` and discovery say what was built only if the linker tells them.
fn link_flags(wanted: &str) -> String {
    let line = |line: &str| {
        let (name, version) = line.trim_start_matches("require ").trim().split_once(' ')?;
        (name == "k8s.io/kubernetes").then(|| version.to_owned())
    };
    let mut flags = "-s -w".to_owned();
    if let Some(version) = wanted.lines().find_map(line) {
        let mut parts = version.trim_start_matches('v').split('.');
        let values = [
            ("gitVersion", version.as_str()),
            ("gitMajor", parts.next().unwrap_or_default()),
            ("gitMinor", parts.next().unwrap_or_default()),
            ("gitTreeState", "clean"),
        ];
        for (key, value) in values {
            flags += &format!(" -X k8s.io/component-base/version.{key}={value}");
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::link_flags;

    #[test]
    fn the_version_comes_from_the_module() {
        let flags = link_flags("module x\n\nrequire k8s.io/kubernetes v1.36.3\n");
        assert!(flags.contains("version.gitVersion=v1.36.3"));
        assert!(flags.contains("version.gitMinor=36"));
        assert_eq!(
            link_flags("require go.etcd.io/etcd/server/v3 v3.7.3\n"),
            "-s -w"
        );
    }
}
