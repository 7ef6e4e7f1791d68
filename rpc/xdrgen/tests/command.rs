//! The command `xdrgen FILE.x`, and the function for `build.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use drover_xdrgen::{Compiler, Error};

const GOOD: &str = "#include \"base.x\"\n/* Says no. */\nconst MOST = LIMIT;\n";
const BAD: &str = "const A = B;\nstruct s { missing a; };\n";

// A folder with files, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xdrgen-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("good.x"), GOOD).unwrap();
        std::fs::write(path.join("bad.x"), BAD).unwrap();
        std::fs::write(path.join("base.x"), "").unwrap();
        Self(path)
    }

    fn xdrgen(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_xdrgen"))
            .current_dir(&self.0)
            .args(words)
            .output()
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn rust_goes_to_the_output_or_to_a_file() {
    let folder = Folder::new("command");
    let printed = folder.xdrgen(&["good.x", "-D", "LIMIT=0x10", "--docs"]);
    assert!(printed.status.success(), "{printed:?}");
    let expected = "/// `MOST`.\n///\n/// Says no.\npub const MOST: u32 = 16u32;\n";
    assert!(text(&printed.stdout).ends_with(expected), "{printed:?}");
    let written = folder.xdrgen(&["good.x", "-D", "LIMIT=16", "--docs", "--out", "good.rs"]);
    assert!(written.status.success() && written.stdout.is_empty());
    assert_eq!(
        std::fs::read(folder.0.join("good.rs")).unwrap(),
        printed.stdout
    );
}

#[test]
fn what_is_wrong_is_told_and_nothing_written() {
    let folder = Folder::new("refused");
    let refused = folder.xdrgen(&["bad.x", "--out", "bad.rs"]);
    assert_eq!(refused.status.code(), Some(1));
    let expected = "xdrgen: bad.x:1:11: B is no constant\n  const A = B;\n            ^\n\
                    bad.x:2:12: missing is no type\n  struct s { missing a; };\n             ^\n";
    assert_eq!(text(&refused.stderr), expected);
    assert!(!folder.0.join("bad.rs").exists());
    for (words, said) in [
        (&["none.x"][..], "none.x: "),
        (
            &["good.x", "-D", "LIMIT=ten"],
            "-D LIMIT=ten: this is no number",
        ),
        (
            &["good.x", "--import", "b.x"],
            "--import b.x: no MODULE=FILE",
        ),
        (&["good.x", "--check"], "cannot be used with"),
    ] {
        let refused = folder.xdrgen(words);
        assert!(!refused.status.success());
        assert!(text(&refused.stderr).contains(said), "{refused:?}");
    }
}

// Cargo tells a build script by the environment where its files go, so this test runs itself as one.
#[test]
fn a_build_script_gets_its_file() {
    const FILE: &str = "DROVER_TEST_BUILD_FILE";
    if let Some(file) = std::env::var_os(FILE) {
        let compiler = Compiler::new().define("LIMIT", Some(1));
        let built = compiler.build(Path::new(&file));
        return match std::env::var_os("OUT_DIR") {
            Some(folder) => assert_eq!(built.unwrap(), Path::new(&folder).join("good.rs")),
            None => assert!(matches!(built, Err(Error::OutDir))),
        };
    }
    let folder = Folder::new("build");
    let script = |out: Option<&Path>| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "a_build_script_gets_its_file", "--nocapture"])
            .env(FILE, folder.0.join("good.x"))
            .env_remove("OUT_DIR");
        if let Some(out) = out {
            command.env("OUT_DIR", out);
        }
        command.output().unwrap()
    };
    assert!(script(None).status.success());
    let built = script(Some(&folder.0));
    assert!(built.status.success(), "{built:?}");
    for file in ["good.x", "base.x"] {
        let changed = folder.0.join(file);
        let changed = format!("cargo::rerun-if-changed={}\n", changed.display());
        assert!(text(&built.stdout).contains(&changed), "{built:?}");
    }
    let rust = std::fs::read_to_string(folder.0.join("good.rs")).unwrap();
    assert!(rust.contains("pub const MOST: u32 = 1u32;"));
}
