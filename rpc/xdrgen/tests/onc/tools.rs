//! Programs that tests need, and folders for what these make.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of its own, gone at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("drover-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a command prints; it must not fail.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Installs packages if one of the paths is missing.
pub(crate) fn install(packages: &[&str], paths: &[&str]) {
    if paths.iter().all(|path| Path::new(path).exists()) {
        return;
    }
    println!("installing {}", packages.join(", "));
    run(Command::new("apt-get").args(["-qq", "update"]));
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"));
}
