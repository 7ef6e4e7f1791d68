//! The command line, without a cluster.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::World;

pub(crate) const HOST: &str = "host2";

/// A folder of files for `drover` without a cluster, and the host that it is told.
pub(crate) struct Files {
    pub(crate) world: World,
    pub(crate) folder: PathBuf,
}

impl Files {
    pub(crate) fn new(name: &str) -> Self {
        let world = World::new();
        let folder = world.lab.state().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self { world, folder }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    pub(crate) fn drover(&self, words: &[&str]) -> Output {
        let uri = format!("{HOST}={}", self.world.host(HOST).uri());
        let mut command = Command::new(self.world.lab.built("drover"));
        command.args(words).args(["--connect", &uri, "--insecure"]);
        let output = command.output().unwrap();
        println!("$ drover {}", words.join(" "));
        println!("{}", text(&output));
        output
    }

    /// What the files come to, on hosts without KVM.
    pub(crate) fn rendered(&self) -> String {
        let mut command = Command::new(self.world.lab.built("drover"));
        command.args(["render", "--hypervisor", "qemu", "-f"]);
        let output = command.arg(&self.folder).output().unwrap();
        println!("$ drover render\n{}", text(&output));
        assert!(output.status.success());
        text(&output)
    }

    // Says what it has to say with this exit status.
    pub(crate) fn says(&self, status: i32, verb: &str, more: &[&str], parts: &[&str]) {
        let folder = self.folder.display().to_string();
        let words: Vec<&str> = [verb, "-f", &folder].iter().chain(more).copied().collect();
        let output = self.drover(&words);
        assert_eq!(output.status.code(), Some(status));
        for part in parts {
            assert!(text(&output).contains(part), "{part}");
        }
    }
}

pub(crate) fn text(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
