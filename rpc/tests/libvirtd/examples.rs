//! The programs in `examples`, as people run them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use drover_rpc::Client;
use drover_rpc::flags::{
    ConnectListAllDomainsFlags, DomainCreateFlags, DomainDestroyFlags, DomainUndefineFlags,
    StoragePoolBuildFlags, StoragePoolCreateFlags, StoragePoolDefineFlags, StoragePoolDeleteFlags,
    StorageVolDeleteFlags,
};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{client, define};

/// The examples, built once.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "-q", "-p", "drover-rpc", "--examples"]);
        // Cargo sets these for what it runs; they would make it build everything anew.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&*name);
            }
        }
        assert!(build.status().unwrap().success());
        // This program is in `deps` beside `examples`.
        let this = std::env::current_exe().unwrap();
        this.parent().unwrap().with_file_name("examples")
    })
}

fn program(name: &str, arguments: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(folder().join(name));
    command.args(arguments).kill_on_drop(true);
    command
}

/// What it prints, and what it complains about if it fails.
async fn run(name: &str, arguments: &[&str]) -> Result<String, String> {
    let output = program(name, arguments).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    println!("$ {name} {}\n{said}{complaint}", arguments.join(" "));
    if output.status.success() {
        Ok(said)
    } else {
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        Err(complaint)
    }
}

fn test() -> String {
    std::env::var("DROVER_TEST_LIBVIRT_URI").unwrap()
}

/// The QEMU driver of the same server.
fn qemu() -> String {
    test()
        .replacen("test+", "qemu+", 1)
        .replace("/default", "/system")
}

fn file(name: &str) -> String {
    let name = format!("drover-{}-{name}", std::process::id());
    std::env::temp_dir().join(name).display().to_string()
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn list_and_stats() {
    let said = run("list", &[&test()]).await.unwrap();
    let line = said.lines().find(|line| line.contains(" test ")).unwrap();
    assert!(
        line.starts_with("6695eb01-f6a4-8304-79aa-97f2502e193f"),
        "{line}"
    );
    assert!(line.ends_with("running (unknown)"), "{line}");
    let said = run("stats", &[&test(), "test"]).await.unwrap();
    assert!(
        said.starts_with("test: running (unknown)\n  cpu "),
        "{said}"
    );
    assert!(said.contains("2097152 of 8388608 KiB"), "{said}");
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn mistakes_are_told() {
    let complaint = run("stats", &[&test(), "nobody"]).await.unwrap_err();
    assert!(
        complaint.starts_with("stats: Domain not found"),
        "{complaint}"
    );
    let complaint = run("list", &["nonsense"]).await.unwrap_err();
    assert!(
        complaint.starts_with("list: \"nonsense\" is no URI"),
        "{complaint}"
    );
    let complaint = run("list", &["qemu+tcp://127.0.0.1:1/system"])
        .await
        .unwrap_err();
    assert!(
        complaint.starts_with("list: cannot connect to 127.0.0.1 port 1"),
        "{complaint}"
    );
    for name in [
        "migrate",
        "upload",
        "download",
        "console",
        "hotplug",
        "define",
        "screenshot",
    ] {
        let complaint = run(name, &[]).await.unwrap_err();
        assert!(
            complaint.starts_with(&format!("{name}: usage: {name} ")),
            "{complaint}"
        );
    }
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn watch_and_define() {
    // The test driver forgets when nobody is connected.
    let client = client().await;
    let left_over = define(&client, "rpc-example").await;
    client.domain_undefine(left_over).await.unwrap();
    let mut watching = program("watch", &[&test()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut complaints = BufReader::new(watching.stderr.take().unwrap());
    complaints.read_line(&mut ready).await.unwrap();
    assert_eq!(ready, "listening\n");

    let xml = "<domain type='test'><name>rpc-example</name><memory unit='MiB'>16</memory>\
               <os><type>hvm</type></os></domain>";
    let path = file("domain.xml");
    std::fs::write(&path, xml).unwrap();
    let said = run("define", &[&test(), &path]).await.unwrap();
    assert!(said.ends_with("running (booted)\n"), "{said}");
    let mut seen = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut mine = Vec::new();
    while mine.len() < 2 {
        let line = seen.next_line().await.unwrap().unwrap();
        mine.extend(line.strip_prefix("rpc-example: ").map(str::to_owned));
    }
    assert_eq!(mine, ["defined (added)", "started (booted)"]);
    watching.kill().await.unwrap();
    std::fs::remove_file(path).unwrap();
    let domain = client.domain("rpc-example").await.unwrap();
    domain.destroy(DomainDestroyFlags::empty()).await.unwrap();
    domain.undefine(DomainUndefineFlags::empty()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn screenshot() {
    let path = file("screen.png");
    let said = run("screenshot", &[&test(), "test", &path]).await.unwrap();
    assert!(said.ends_with("image/png\n"), "{said}");
    let picture = std::fs::read(&path).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 1000);
    std::fs::remove_file(path).unwrap();
}

const POOL: &str = "rpc-examples";

async fn remove_pool(client: &Client) {
    let Ok(pool) = client.storage_pool(POOL).await else {
        return;
    };
    for volume in pool.volumes().await.unwrap_or_default() {
        volume.delete(StorageVolDeleteFlags::empty()).await.unwrap();
    }
    pool.destroy().await.ok();
    pool.delete(StoragePoolDeleteFlags::empty()).await.ok();
    pool.undefine().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn upload_and_download() {
    let client = crate::qemu().await;
    remove_pool(&client).await;
    let xml = format!(
        "<pool type='dir'><name>{POOL}</name>\
         <target><path>/var/lib/libvirt/{POOL}</path></target></pool>"
    );
    let pool = client
        .define_storage_pool(&xml, StoragePoolDefineFlags::empty())
        .await
        .unwrap();
    pool.build(StoragePoolBuildFlags::empty()).await.unwrap();
    pool.start(StoragePoolCreateFlags::empty()).await.unwrap();
    let (up, down) = (file("up"), file("down"));
    let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_be_bytes).collect();
    std::fs::write(&up, &bytes).unwrap();
    let said = run("upload", &[&qemu(), POOL, "v.img", &up]).await.unwrap();
    assert!(
        said.starts_with("12000000 bytes in /var/lib/libvirt/"),
        "{said}"
    );
    let said = run("download", &[&qemu(), POOL, "v.img", &down])
        .await
        .unwrap();
    assert!(said.starts_with("12000000 bytes in "), "{said}");
    assert!(std::fs::read(&down).unwrap() == bytes);
    for path in [up, down] {
        std::fs::remove_file(path).unwrap();
    }
    remove_pool(&client).await;
}

/// A guest that is only firmware, which tells its first serial line what it does.
const GUEST: &str = "<domain type='qemu'><name>rpc-example</name><memory unit='MiB'>64</memory>\
    <os><type arch='x86_64' machine='q35'>hvm</type><bios useserial='yes'/></os>\
    <devices><controller type='pci' model='pcie-root'/>\
    <controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/>\
    <controller type='usb' model='none'/><memballoon model='none'/><serial type='pty'/><console type='pty'/>\
    </devices></domain>";

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn define_and_hotplug() {
    // A connection that nobody serves while they are built would be cut by the server.
    folder();
    let client = crate::qemu().await;
    for old in client
        .domains(ConnectListAllDomainsFlags::empty())
        .await
        .unwrap()
    {
        if old.name() == "rpc-example" {
            old.destroy(DomainDestroyFlags::empty()).await.ok();
            old.undefine(DomainUndefineFlags::empty()).await.ok();
        }
    }
    let path = file("guest.xml");
    std::fs::write(&path, GUEST).unwrap();
    let said = run("define", &[&qemu(), &path]).await.unwrap();
    assert!(said.ends_with("running (booted)\n"), "{said}");
    std::fs::remove_file(path).unwrap();

    let attach = [
        &qemu(),
        "rpc-example",
        "attach",
        "/usr/share/seabios/bios-256k.bin",
        "vdb",
    ];
    let said = run("hotplug", &attach).await.unwrap();
    assert_eq!(said, "attached vdb: rpc-example\n");
    let domain = client.domain("rpc-example").await.unwrap();
    assert!(domain.block_info("vdb").await.unwrap().capacity > 0);
    let mut detach = attach;
    detach[2] = "detach";
    let said = run("hotplug", &detach).await.unwrap();
    assert_eq!(said, "detached vdb: rpc-example\n");
    domain.destroy(DomainDestroyFlags::empty()).await.unwrap();
    domain.undefine(DomainUndefineFlags::empty()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn console() {
    folder();
    let client = crate::qemu().await;
    let name = "rpc-console";
    // Left over from a run that failed.
    if let Ok(old) = client.domain(name).await {
        old.destroy(DomainDestroyFlags::empty()).await.unwrap();
    }
    let xml = GUEST.replace("rpc-example", name);
    let flags = DomainCreateFlags::empty();
    let guest = client.create_domain(&xml, flags).await.unwrap();
    let mut console = program("console", &[&qemu(), name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(console.stdout.take().unwrap()).lines();
    let heard = async {
        loop {
            let line = tokio::time::timeout(Duration::from_secs(1), lines.next_line()).await;
            if let Ok(line) = line {
                break line.unwrap().expect("the console goes on");
            }
            // What it said before the console was open is lost: it is to say it again. Not at once:
            // a guest that is reset in its first moments never says anything.
            let again = client.domain_reset(guest.wire().clone(), 0);
            again.await.unwrap();
        }
    };
    let line = tokio::time::timeout(Duration::from_secs(30), heard).await;
    let line = line.expect("a line within 30 s");
    println!("$ console {} {name}\n{line}", qemu());
    assert!(line.contains("SeaBIOS"), "{line}");
    // The end of the input ends it, and the server is none the worse.
    drop(console.stdin.take());
    let rest = async { while lines.next_line().await.unwrap().is_some() {} };
    let (_, ended) = tokio::join!(rest, console.wait());
    assert!(ended.unwrap().success());
    guest.destroy(DomainDestroyFlags::empty()).await.unwrap();
    client.close().await.unwrap();
}
