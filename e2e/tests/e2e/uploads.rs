//! Images that a person sends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use drover_e2e::operator;
use drover_e2e::places::UPLOAD_LISTEN;
use sha2::{Digest, Sha256};

use crate::support::files::{Files, HOST, text};
use crate::support::{Guest, World, images, message, ready, reason};

const SPACE: &str = "e2e-uploads";

fn file(world: &World) -> PathBuf {
    images::folder(world).join("guest.qcow2")
}

fn image(name: &str, more: &str, checksum: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: Image
metadata: {{name: {name}, namespace: {SPACE}}}
spec:
  source: {{upload: {{{more}}}}}
  checksum: sha256:{checksum}
"
    )
}

fn sum(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// What the operator needs to say who may send.
fn right(space: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: e2e-uploads, namespace: {space}}}
rules:
- {{apiGroups: [\"\"], resources: [secrets], verbs: [create, patch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: e2e-uploads, namespace: {space}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: e2e-uploads}}
subjects: [{{kind: ServiceAccount, name: drover, namespace: drover-system}}]
"
    )
}

fn image_says(world: &World, name: &str, expected: &str, words: &str) {
    let image = world.wait(("images", SPACE, name), words, |image| {
        reason(image) == expected && message(image).contains(words)
    });
    println!("{name}: {expected}: {}", message(&image));
}

/// The files of an image on both hosts.
fn copies(world: &World, name: &str) -> Vec<String> {
    let files = |host: &str| {
        let files = world.pool_files(host).into_iter();
        let ours = files.filter(|file| file.starts_with(&format!("_image_{SPACE}_{name}")));
        ours.map(|file| format!("{host} {file}"))
            .collect::<Vec<_>>()
    };
    [files("host1"), files("host2")].concat()
}

/// Asks for leave as a person would, and waits for the token.
fn leave(world: &World, name: &str) -> String {
    let now = jiff::Timestamp::now().to_string();
    let annotation = format!("drover.dev/upload-requested={now}");
    world.kubectl(&[
        "annotate",
        "image",
        name,
        "-n",
        SPACE,
        "--overwrite",
        &annotation,
    ]);
    now
}

fn token(world: &World, name: &str, request: &str) -> String {
    let path = format!("/api/v1/namespaces/{SPACE}/secrets/{name}-upload");
    world.wait_for("there is leave", || {
        world.get_path(&path).is_some_and(|secret| {
            secret["metadata"]["annotations"]["drover.dev/upload-requested"] == request
        })
    });
    let secret = format!("{name}-upload");
    let output = "go-template={{.data.token | base64decode}}";
    world.kubectl(&["get", "secret", "-n", SPACE, &secret, "-o", output])
}

fn connect(name: &str, verb: &str, token: &str, more: &str) -> TcpStream {
    let mut socket = TcpStream::connect(UPLOAD_LISTEN).unwrap();
    write!(
        socket,
        "{verb} /images/{SPACE}/{name} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\n{more}\r\n"
    )
    .unwrap();
    socket
}

fn answer(mut socket: TcpStream) -> String {
    let mut answer = String::new();
    let _cut = socket.read_to_string(&mut answer);
    answer
}

fn is_at(name: &str, token: &str, least: usize) -> bool {
    let asked = answer(connect(name, "HEAD", token, ""));
    let at = asked.split("upload-offset: ").nth(1).unwrap_or_default();
    let at: usize = at.lines().next().unwrap_or_default().parse().unwrap_or(0);
    at >= least
}

/// Sends the first half of a file, when there is a volume for it, and goes on holding the connection.
fn half(world: &World, name: &str, token: &str, bytes: &[u8]) -> TcpStream {
    let head = format!(
        "Upload-Length: {0}\r\nContent-Length: {0}\r\nUpload-Digest: sha256:{1}\r\n",
        bytes.len(),
        sum(bytes)
    );
    let held = std::cell::RefCell::new(None);
    world.wait_for("half of it is there", || {
        let mut socket = connect(name, "PUT", token, &head);
        let sent = socket.write_all(&bytes[..bytes.len() / 2]);
        // Whoever comes too early is sent away.
        let taken = sent.is_ok() && is_at(name, token, 1 << 20);
        held.replace(taken.then_some(socket));
        taken
    });
    held.take().unwrap()
}

fn upload(world: &World, name: &str) -> Command {
    let mut command = Command::new(world.lab.built("drover"));
    command
        .args(["image", "upload", "-n", SPACE, name])
        .arg(file(world))
        .arg("--kubeconfig")
        .arg(world.lab.kubeconfig());
    command
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_is_sent_with_a_cut_in_the_middle_starts_a_machine_on_the_other_host() {
    let world = World::new();
    world.space(SPACE);
    let bytes = std::fs::read(file(&world)).unwrap();
    world.apply(&image("sent", "pool: first, host: host1", &sum(&bytes)));
    image_says(
        &world,
        "sent",
        "WaitingForUpload",
        "drover image upload -n e2e-uploads sent FILE",
    );
    assert!(copies(&world, "sent").is_empty(), "nothing is made before");
    let request = leave(&world, "sent");
    image_says(
        &world,
        "sent",
        "WaitingForUpload",
        "needs the verbs create and patch",
    );
    world.apply(&right(SPACE));
    let token = token(&world, "sent", &request);
    let stranger = answer(connect(
        "sent",
        "PUT",
        &"0".repeat(64),
        "Content-Length: 1\r\n",
    ));
    assert!(stranger.starts_with("HTTP/1.1 401"), "{stranger}");
    drop(half(&world, "sent", &token, &bytes));
    assert!(
        !copies(&world, "sent")
            .iter()
            .any(|it| it.ends_with(".ready"))
    );
    let sent = upload(&world, "sent").output().unwrap();
    println!("$ drover image upload\n{}", text(&sent));
    assert!(sent.status.success());
    assert!(text(&sent).contains("Image sent is in first on host1"));
    let first = text(&sent);
    let first = first
        .lines()
        .find(|line| line.starts_with("sent "))
        .unwrap();
    assert!(!first.starts_with("sent 0%"), "it went on: {first}");
    let again = upload(&world, "sent").output().unwrap();
    assert!(
        text(&again).contains("is there already"),
        "{}",
        text(&again)
    );
    copies_come_and_go(&world);
}

fn copies_come_and_go(world: &World) {
    world.apply(
        &Guest::new(SPACE, "other")
            .on("host2")
            .disk(
                "{name: root, bootOrder: 1, volumeTemplate: {pool: first, capacity: 64Mi, \
                 source: {image: {name: sent}}}}"
                    .to_owned(),
            )
            .yaml(),
    );
    world.is_running(SPACE, "other");
    assert_eq!(
        copies(world, "sent").len(),
        6,
        "{:?}",
        copies(world, "sent")
    );
    world.kubectl(&["delete", "vm", "other", "-n", SPACE, "--timeout=60s"]);
    world.kubectl(&[
        "delete",
        "volume.drover.dev",
        "--all",
        "-n",
        SPACE,
        "--timeout=60s",
    ]);
    world.wait_for("only the original is left", || {
        let left = copies(world, "sent");
        left.len() == 3 && left.iter().all(|file| file.starts_with("host1 "))
    });
    world.remove_space(SPACE);
    assert!(
        copies(world, "sent").is_empty(),
        "{:?}",
        copies(world, "sent")
    );
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn an_operator_that_starts_again_is_sent_it_anew_and_the_wrong_content_counts_nothing() {
    let world = World::new();
    world.space(SPACE);
    world.apply(&right(SPACE));
    let bytes = std::fs::read(file(&world)).unwrap();
    world.apply(&image("anew", "pool: first", &sum(&bytes)));
    world.apply(&image("wrong", "pool: first", &"0".repeat(64)));
    let request = leave(&world, "anew");
    let token_of_first = token(&world, "anew", &request);
    let held = half(&world, "anew", &token_of_first, &bytes);
    let asked = |image: &serde_json::Value| {
        image["metadata"]["annotations"]["drover.dev/upload-requested"] != request
    };
    let mut second = upload(&world, "anew");
    let second = second.stdout(std::process::Stdio::piped()).spawn().unwrap();
    world.wait(("images", SPACE, "anew"), "asked for again", asked);
    operator::stop(&world.lab).unwrap();
    operator::start(&world.lab).unwrap();
    drop(held);
    let second = second.wait_with_output().unwrap();
    println!("{}", text(&second));
    assert!(second.status.success());
    world.wait(("images", SPACE, "anew"), "ready", ready);

    let refused = upload(&world, "wrong").output().unwrap();
    assert!(
        text(&refused).contains("spec.checksum: declared is"),
        "{}",
        text(&refused)
    );
    assert!(!refused.status.success());
    let request = leave(&world, "wrong");
    let token = token(&world, "wrong", &request);
    // Who says nothing of what it is, is believed until all of it is there.
    world.wait_for("all of it is taken", || {
        let length = format!("Content-Length: {}\r\n", bytes.len());
        let mut socket = connect("wrong", "PUT", &token, &length);
        socket.write_all(&bytes).is_ok() && answer(socket).starts_with("HTTP/1.1 200")
    });
    image_says(
        &world,
        "wrong",
        "ChecksumMismatch",
        "what was sent was no use",
    );
    assert!(
        !copies(&world, "wrong")
            .iter()
            .any(|it| it.ends_with(".ready"))
    );
    let image = world.get("images", SPACE, "wrong").unwrap();
    assert_eq!(image["status"]["copies"], 0);
    world.remove_space(SPACE);
    for name in ["anew", "wrong"] {
        assert!(
            copies(&world, name).is_empty(),
            "{:?}",
            copies(&world, name)
        );
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_was_sent_and_is_gone_is_sent_again() {
    const NAME: &str = "e2e-sent";
    let world = World::new();
    world.space(SPACE);
    let right = right("drover-system");
    world.apply(&right);
    let object = format!(
        "apiVersion: drover.dev/v1alpha1
kind: ClusterImage
metadata: {{name: {NAME}}}
spec: {{source: {{upload: {{pool: first, host: host1}}}}}}
---
apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: disk, namespace: {SPACE}}}
spec: {{pool: first, host: host1, capacity: 64Mi, reclaimPolicy: Delete, source: {{clusterImage: {{name: {NAME}}}}}}}
"
    );
    let (image, volume) = object.split_once("---\n").unwrap();
    world.apply(image);
    let send = || {
        let output = upload(&world, NAME)
            .arg("--cluster-image")
            .output()
            .unwrap();
        println!("{}", text(&output));
        assert!(text(&output).contains("ClusterImage e2e-sent is in first on host1"));
    };
    send();
    for record in ["", ".ready"] {
        let name = format!("_image_{NAME}{record}");
        world.virsh("host1", &["vol-delete", &name, "first"]);
    }
    world.apply(volume);
    for (plural, space, name) in [("clusterimages", "", NAME), ("volumes", SPACE, "disk")] {
        let told = world.wait((plural, space, name), "gone", |it| {
            reason(it) == "WaitingForUpload" && message(it).contains("send it again")
        });
        println!("{}", message(&told));
    }
    send();
    world.wait(("volumes", SPACE, "disk"), "ready", ready);
    world.remove_space(SPACE);
    world.delete(image);
    world.delete(&right);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn without_a_cluster_it_goes_straight_to_the_host() {
    const POOL: &str = "e2e-uploads-files";
    let files = Files::new(POOL);
    let world = &files.world;
    let bytes = std::fs::read(file(world)).unwrap();
    files.write(
        "pool.yaml",
        &format!(
            "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {{name: {POOL}}}
spec: {{type: dir, target: {{path: /var/lib/libvirt/{POOL}}}, deletionPolicy: Delete}}
"
        ),
    );
    files.write("image.yaml", &image("sent", "", &sum(&bytes)));
    let disk = format!(
        "{{name: root, bootOrder: 1, volumeTemplate: {{pool: {POOL}, capacity: 64Mi, \
         source: {{image: {{name: sent}}}}}}}}"
    );
    files.write("vm.yaml", &Guest::new(SPACE, "straight").disk(disk).yaml());
    let path = file(world).display().to_string();
    let send = |expected: &str| {
        let words = ["-n", SPACE, "sent", &path];
        let folder = files.folder.display().to_string();
        let all = [&["image", "upload", "-f", &folder][..], &words[..]].concat();
        let output = files.drover(&all);
        assert!(output.status.success());
        assert!(text(&output).contains(expected), "{expected}");
    };
    send(&format!("Image sent is in {POOL} on {HOST}"));
    send("Image sent is there already");
    files.says(0, "apply", &["--yes"], &["Running: it runs as declared"]);
    files.says(0, "delete", &["--yes"], &["gone"]);
    let left = world.shell(
        HOST,
        &format!("ls /var/lib/libvirt/{POOL} 2>/dev/null || true"),
    );
    assert!(!left.contains("_image"), "{left}");
    std::fs::remove_dir_all(&files.folder).unwrap();
}
