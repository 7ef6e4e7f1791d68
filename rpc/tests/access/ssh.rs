//! SSH: a server that forwards, one that does not, and one that has no helper either.

use std::time::{Duration, Instant};

use drover_rpc::{ConnectOptions, Credentials, Error, Refusal, SshCredentials};

use crate::{address, connect, file, options, read};

/// A port of an SSH server, and the program on the far side that carries the bytes.
const WAYS: [(u16, Option<&str>); 3] = [
    (22, None),
    (2222, Some("virt-ssh-helper")),
    (2223, Some("nc")),
];

fn host(port: u16) -> String {
    match port {
        22 => address(),
        port => format!("[{}]:{port}", address()),
    }
}

pub(crate) fn uri(user: &str, port: u16, rest: &str) -> String {
    format!("qemu+ssh://{user}@{}:{port}/{rest}", address())
}

fn knowing(port: u16) -> SshCredentials {
    SshCredentials {
        known_hosts: Some(format!(
            "{} {}",
            host(port),
            read("etc/ssh/ssh_host_ed25519_key.pub")
        )),
        ..SshCredentials::default()
    }
}

fn with(ssh: SshCredentials) -> ConnectOptions {
    options(Credentials {
        ssh,
        ..Credentials::default()
    })
}

pub(crate) fn by_key(port: u16) -> ConnectOptions {
    with(SshCredentials {
        private_key: Some(read("root/.ssh/lab").into()),
        ..knowing(port)
    })
}

/// The programs that run on the host.
fn running() -> Vec<String> {
    let entries = std::fs::read_dir(file("proc")).unwrap().flatten();
    // One may have ended meanwhile.
    let names = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).collect()
}

// Of a longer name the kernel would keep 15 letters.
fn runs(program: &str) -> bool {
    running().iter().any(|name| name == program)
}

async fn until_gone(program: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while runs(program) {
        assert!(Instant::now() < deadline, "{program} still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn all_ways_to_the_socket() {
    for (port, program) in WAYS {
        let client = connect(&uri("root", port, "system"), by_key(port))
            .await
            .unwrap();
        for (_, other) in WAYS {
            if let Some(other) = other {
                assert_eq!(runs(other), Some(other) == program, "{port}: {other}");
            }
        }
        println!("  by {}", program.unwrap_or("the server's own forwarding"));
        // More bytes than anything on the way holds.
        for _ in 0..20 {
            let capabilities = client.connect_get_capabilities().await.unwrap();
            assert!(capabilities.to_string().len() > 1000);
        }
        let closed = client.close().await;
        // libvirt's helper goes with the socket, and may leave the last answer behind.
        let left_behind = matches!(&closed, Err(error) if error.connection_lost());
        assert!(
            closed.is_ok() || (program.is_some() && left_behind),
            "{closed:?}"
        );
        drop(client);
        if let Some(program) = program {
            until_gone(program).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn the_socket_that_is_named_or_none() {
    let named = |port, socket: &str| {
        let uri = uri("root", port, &format!("system?socket={socket}"));
        async move { connect(&uri, by_key(port)).await }
    };
    for (port, _) in WAYS {
        let client = named(port, "/run/libvirt/libvirt-sock").await.unwrap();
        assert_eq!(runs("nc"), port != 22);
        assert!(!runs("virt-ssh-helper"));
        drop(client);
        until_gone("nc").await;
        let refusal = named(port, "/run/libvirt/not-there").await.unwrap_err();
        assert!(
            refusal.to_string().contains("the far side says: nc"),
            "{refusal}"
        );
    }
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn a_session_is_asked_of_the_helper() {
    let client = connect(&uri("root", 22, "session"), by_key(22)).await;
    assert!(client.is_ok() && runs("virt-ssh-helper"));
    drop(client);
    until_gone("virt-ssh-helper").await;
    let refusal = connect(&uri("root", 2223, "session"), by_key(2223))
        .await
        .unwrap_err();
    assert!(refusal.to_string().contains("virt-ssh-helper"), "{refusal}");
    let by_netcat = uri("root", 22, "session?proxy=netcat");
    let refusal = connect(&by_netcat, by_key(22)).await.unwrap_err();
    assert!(matches!(refusal, Error::Uri(_)), "{refusal}");
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn by_an_agent() {
    let agent = with(SshCredentials {
        agent: Some(file("run/agent")),
        ..knowing(22)
    });
    let client = connect(&uri("root", 22, "system?sshauth=agent"), agent).await;
    client.unwrap().close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn who_is_not_let_in_and_who_is_not_believed() {
    let refusal = connect(&uri("nobody", 22, "system"), by_key(22))
        .await
        .unwrap_err();
    assert!(matches!(refusal, Error::Identity(Refusal::Ssh { .. })));
    let knowing = |known_hosts: String| {
        let mut options = by_key(22);
        options.credentials.ssh.known_hosts = Some(known_hosts);
        options
    };
    let root = uri("root", 22, "system");
    let unknown = connect(&root, knowing(String::new())).await.unwrap_err();
    assert!(matches!(
        unknown,
        Error::Identity(Refusal::HostKeyUnknown { .. })
    ));
    let other = format!("{} {}", host(22), read("root/.ssh/lab.pub"));
    let changed = connect(&root, knowing(other)).await.unwrap_err();
    assert!(matches!(
        changed,
        Error::Identity(Refusal::HostKeyChanged { .. })
    ));
}
