//! What only containers can do, at a libvirtd with the LXC driver, named by `DROVER_TEST_LXC_URI`:
//! its unix socket, such as `lxc+unix:///system?socket=/run/libvirt/libvirt-sock`. Its host has
//! cgroups, `/dev/fuse` and a shell.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{PipeReader, Read, pipe};
use std::os::fd::{AsRawFd, OwnedFd};

use drover_rpc::flags::{
    DomainCreateFlags, DomainDefineFlags, DomainDestroyFlags, DomainUndefineFlags,
};
use drover_rpc::{Client, ConnectOptions};

async fn client() -> Client {
    let text = std::env::var("DROVER_TEST_LXC_URI")
        .expect("DROVER_TEST_LXC_URI names the libvirtd to try, by its unix socket");
    let uri = text.parse().expect("DROVER_TEST_LXC_URI is a URI");
    Client::connect(&uri, ConnectOptions::default())
        .await
        .unwrap()
}

/// A container that shares the root of its host, and speaks to the first file that it was given.
fn container(name: &str) -> String {
    format!(
        "<domain type='lxc'><name>{name}</name><memory unit='MiB'>64</memory><os><type>exe</type>\
         <init>/bin/sh</init><initarg>-c</initarg><initarg>echo hello &gt;&amp;3; exec 3&gt;&amp;-; sleep 1000</initarg>\
         </os><devices><console type='pty'/></devices></domain>"
    )
}

/// All that comes until the container has closed its end.
async fn said(mut reader: PipeReader) -> String {
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    let text = tokio::time::timeout(std::time::Duration::from_secs(20), read).await;
    text.expect("the container says something").unwrap()
}

#[tokio::test]
#[ignore = "needs a libvirtd with LXC: DROVER_TEST_LXC_URI"]
async fn a_container_gets_the_files_that_it_is_started_with() {
    let client = client().await;
    let (reader, writer) = pipe().unwrap();
    let files = vec![OwnedFd::from(writer)];
    let flags = DomainCreateFlags::empty();
    let transient = client
        .start_domain_with_files(&container("drover-transient"), files, flags)
        .await
        .unwrap();
    assert_eq!(said(reader).await, "hello\n");
    let namespaces = transient.open_namespaces().await.unwrap();
    let kinds: Vec<String> = namespaces
        .iter()
        .map(|fd| std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap())
        .map(|link| link.display().to_string())
        .collect();
    println!("{kinds:?}");
    for kind in ["mnt:", "pid:", "uts:", "ipc:"] {
        assert!(kinds.iter().any(|link| link.starts_with(kind)), "{kind}");
    }
    transient
        .destroy(DomainDestroyFlags::empty())
        .await
        .unwrap();

    let define = DomainDefineFlags::empty();
    let domain = client
        .define_domain(&container("drover-defined"), define)
        .await
        .unwrap();
    let (reader, writer) = pipe().unwrap();
    domain
        .start_with_files(vec![writer.into()], flags)
        .await
        .unwrap();
    assert_eq!(said(reader).await, "hello\n");
    domain.destroy(DomainDestroyFlags::empty()).await.unwrap();
    domain.undefine(DomainUndefineFlags::empty()).await.unwrap();
    client.close().await.unwrap();
}
