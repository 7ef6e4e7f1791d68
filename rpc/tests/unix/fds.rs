//! File descriptors to and from QEMU's guests.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use drover_rpc::flags::{
    DomainCreateFlags, DomainDefineFlags, DomainDestroyFlags, DomainFDAssociateFlags,
    DomainOpenGraphicsFlags, DomainQemuMonitorCommandFlags, DomainUndefineFlags,
};
use drover_rpc::{Client, ConnectOptions, Domain};

use super::connect;

/// What a VNC server says first.
const GREETING: &[u8] = b"RFB 003.008\n";

/// A guest that is off, in place of one that a failed run has left.
async fn define(client: &Client, name: &str, devices: &str) -> Domain {
    if let Ok(old) = client.domain(name).await {
        remove(&old).await;
    }
    let xml = format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory>\
         <os><type arch='x86_64'>hvm</type></os><devices>{devices}</devices></domain>"
    );
    client
        .define_domain(&xml, DomainDefineFlags::empty())
        .await
        .unwrap()
}

async fn remove(domain: &Domain) {
    // It may be off.
    domain.destroy(DomainDestroyFlags::empty()).await.ok();
    domain.undefine(DomainUndefineFlags::empty()).await.unwrap();
}

fn greeting(mut socket: UnixStream) {
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    socket.set_nonblocking(false).unwrap();
    let mut greeting = [0; 12];
    socket.read_exact(&mut greeting).unwrap();
    assert_eq!(greeting, GREETING);
    println!("{}", String::from_utf8_lossy(&greeting).trim());
}

#[tokio::test]
#[ignore = "needs a libvirtd: DROVER_TEST_UNIX_URI"]
async fn a_screen_is_opened_by_a_socket_that_comes_and_by_one_that_is_sent() {
    let client = connect(ConnectOptions::default()).await;
    let screen =
        "<graphics type='vnc' socket='/tmp/drover-vnc'/><video><model type='vga'/></video>";
    let domain = define(&client, "drover-screen", screen).await;
    domain.start(DomainCreateFlags::empty()).await.unwrap();
    let flags = DomainOpenGraphicsFlags::SKIPAUTH;
    let socket: OwnedFd = domain.open_graphics_fd(0, flags).await.unwrap();
    greeting(UnixStream::from(socket));
    let (ours, theirs) = UnixStream::pair().unwrap();
    domain.open_graphics(0, theirs.into(), flags).await.unwrap();
    greeting(ours);
    remove(&domain).await;
    client.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: DROVER_TEST_UNIX_URI"]
async fn a_guest_starts_from_a_disk_that_only_this_side_can_open() {
    let client = connect(ConnectOptions::default()).await;
    let disk = "<disk type='file' device='disk'><driver name='qemu' type='raw'/>\
                <source file='/nowhere/disk' fdgroup='mine'/><target dev='vda' bus='virtio'/></disk>";
    let domain = define(&client, "drover-disk", disk).await;
    let alone = domain.start(DomainCreateFlags::empty()).await.unwrap_err();
    println!("without the file: {alone}");
    assert!(alone.libvirt().is_some());

    let path = std::env::temp_dir().join(format!("drover-disk-{}", std::process::id()));
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    file.write_all(&vec![7; 3 << 20]).unwrap();
    domain
        .associate_fds("mine", vec![file.into()], DomainFDAssociateFlags::empty())
        .await
        .unwrap();
    domain.start(DomainCreateFlags::empty()).await.unwrap();
    let query = r#"{"execute":"query-block"}"#;
    let flags = DomainQemuMonitorCommandFlags::empty();
    let blocks = domain.monitor_command(query, flags).await.unwrap();
    println!("with it: {blocks}");
    assert!(blocks.contains(r#""virtual-size":3145728"#), "{blocks}");
    remove(&domain).await;
    client.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: DROVER_TEST_UNIX_URI"]
async fn a_file_goes_to_qemus_monitor() {
    let client = connect(ConnectOptions::default()).await;
    let domain = define(&client, "drover-monitor", "").await;
    domain.start(DomainCreateFlags::PAUSED).await.unwrap();
    let file = File::open("/dev/null").unwrap();
    let command = r#"{"execute":"add-fd","arguments":{"fdset-id":77}}"#;
    let flags = DomainQemuMonitorCommandFlags::empty();
    let (answer, back) = domain
        .monitor_command_with_files(command, vec![file.into()], flags)
        .await
        .unwrap();
    println!("{answer}");
    assert!(answer.contains(r#""fdset-id":77"#), "{answer}");
    assert!(back.is_empty());
    remove(&domain).await;
    client.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: DROVER_TEST_UNIX_URI"]
async fn what_qemu_cannot_do_is_said_by_libvirt() {
    let client = connect(ConnectOptions::default()).await;
    let domain = define(&client, "drover-files", "").await;
    let files = || vec![OwnedFd::from(File::open("/dev/null").unwrap())];
    let error = domain
        .start_with_files(files(), DomainCreateFlags::empty())
        .await
        .unwrap_err();
    println!("{error}");
    assert!(error.not_supported(), "{error:?}");
    let error = client
        .start_domain_with_files("<domain/>", files(), DomainCreateFlags::empty())
        .await
        .unwrap_err();
    println!("{error}");
    assert!(error.not_supported(), "{error:?}");
    // The connection is as good as before.
    remove(&domain).await;
    client.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: DROVER_TEST_UNIX_URI"]
async fn no_descriptor_is_left() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let client = connect(ConnectOptions::default()).await;
    let screen =
        "<graphics type='vnc' socket='/tmp/drover-many'/><video><model type='vga'/></video>";
    let domain = define(&client, "drover-many", screen).await;
    domain.start(DomainCreateFlags::PAUSED).await.unwrap();
    let before = descriptors();
    for _ in 0..20 {
        let flags = DomainOpenGraphicsFlags::SKIPAUTH;
        drop(domain.open_graphics_fd(0, flags).await.unwrap());
    }
    assert_eq!(descriptors(), before);
    remove(&domain).await;
    client.close().await.unwrap();
}
