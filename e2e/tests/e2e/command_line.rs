//! What a person asks of a cluster with `drover`, also as `kubectl drover`.

use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::support::{Guest, World, ready};

const SPACE: &str = "e2e-cli";

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_files_would_change_in_a_cluster() {
    let world = World::new();
    world.space(SPACE);
    let guest = Guest::new(SPACE, "web").on("host2");
    let file = world.lab.state().join("e2e-diff.yaml");
    // As kubectl finds a plugin: by its name.
    let folder = world.lab.state().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let _known = symlink(world.lab.built("drover"), folder.join("kubectl-drover"));
    let path = std::env::var("PATH").unwrap();
    let diff = |text: &str, status: i32| {
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(world.lab.bin().join("kubectl"));
        command.args(["drover", "diff", "-f"]).arg(&file);
        command.env("KUBECONFIG", world.lab.kubeconfig());
        command.env("PATH", format!("{}:{path}", folder.display()));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        println!("$ kubectl drover diff -f FILE\n{said}");
        assert_eq!(output.status.code(), Some(status), "{said}");
        said
    };
    assert_eq!(diff(&guest.yaml(), 2), "+ VirtualMachine e2e-cli/web\n");
    world.apply(&guest.yaml());
    world.machine_is(SPACE, "web", "ready", ready);
    assert_eq!(diff(&guest.yaml(), 0), "");
    let other = guest
        .clone()
        .memory("80Mi")
        .strategy("Halted")
        .more("firmware: {bootloader: EFI}");
    let said = diff(&other.yaml(), 2);
    for words in [
        "~ VirtualMachine e2e-cli/web\n",
        "  ~ spec.memory.guest: 64Mi -> 80Mi   NextBoot\n",
        "  ~ spec.runStrategy: Always -> Halted\n",
        "  ! spec.firmware: none -> {\"bootloader\":\"EFI\"}   Recreate: refused, ",
    ] {
        assert!(said.contains(words), "{words}");
    }
    // What the API server refuses is refused in its words.
    assert!(diff(&guest.memory("0").yaml(), 1).contains("must be > 0"));
    std::fs::remove_dir_all(&folder).unwrap();
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_console_of_a_machine_of_a_cluster() {
    let world = World::new();
    let host = world.machine("demo", "first").unwrap()["status"]["host"].clone();
    let mut command = Command::new(world.lab.built("drover"));
    command.args(["console", "demo/first", "--kubeconfig"]);
    command.arg(world.lab.kubeconfig());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut console = command.stderr(Stdio::null()).spawn().unwrap();
    world.virsh(host.as_str().unwrap(), &["reset", "demo_first"]);
    let mut output = console.stdout.take().unwrap();
    let mut said = Vec::new();
    let mut bytes = [0; 4_096];
    while !String::from_utf8_lossy(&said).contains("drover-guest: up") {
        let count = output.read(&mut bytes).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&bytes[..count]);
    }
    // Ctrl-] ends it.
    console.stdin.take().unwrap().write_all(&[0x1d]).unwrap();
    assert!(console.wait().unwrap().success());
}
