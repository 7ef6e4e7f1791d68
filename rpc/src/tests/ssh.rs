//! SSH: a server in this process that forwards or does not, with and without libvirt's helper.

mod log_in;
mod server;

use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use self::log_in::enters;
use self::server::{Rules, Server, key};
use super::plain::Plain;
use crate::client::Client;
use crate::connect::ConnectOptions;
use crate::credentials::{Credentials, Secret, SshCredentials};
use crate::error::Error;
use crate::permissions::Permissions;
use crate::refusal::Refusal;
use crate::transport::dial;
use crate::uri::UriError;

const DIRECT: &str = "/var/run/libvirt/virtqemud-sock";
const LEGACY: &str = "/var/run/libvirt/libvirt-sock";

fn text(key: &PrivateKey) -> Secret {
    key.to_openssh(LineEnding::LF)
        .unwrap()
        .as_bytes()
        .to_vec()
        .into()
}

/// A server that lets the owner of that key in.
async fn server(key: &PrivateKey, sockets: &[&'static str], programs: &[&'static str]) -> Server {
    Server::start(Rules {
        key: Some(key.public_key().clone()),
        sockets: sockets.to_vec(),
        programs: programs.to_vec(),
        ..Rules::default()
    })
    .await
}

fn knowing(server: &Server) -> SshCredentials {
    SshCredentials {
        known_hosts: Some(server.known_hosts(&server.host_key)),
        ..SshCredentials::default()
    }
}

fn options(ssh: SshCredentials) -> ConnectOptions {
    ConnectOptions {
        keepalive: None,
        credentials: Credentials {
            ssh,
            only_given: true,
            ..Credentials::default()
        },
        ..ConnectOptions::default()
    }
}

async fn try_at(server: &Server, rest: &str, options: &ConnectOptions) -> Result<Plain, Error> {
    let uri = format!("qemu+ssh://me@127.0.0.1:{}/{rest}", server.port);
    dial(&uri.parse().unwrap(), options).await.map(Plain)
}

async fn line(socket: &mut Plain) -> String {
    let mut said = Vec::new();
    while said.last() != Some(&b'\n') {
        said.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(said).unwrap().trim_end().to_owned()
}

/// What is reached by a URI.
async fn reached(
    rest: &str,
    sockets: &[&'static str],
    programs: &[&'static str],
    permit: Permissions,
) -> String {
    let mine = key();
    let server = server(&mine, sockets, programs).await;
    let options = ConnectOptions {
        read_only: rest.starts_with("ro-"),
        permit,
        ..options(SshCredentials {
            private_key: Some(text(&mine)),
            ..knowing(&server)
        })
    };
    let rest = rest.trim_start_matches("ro-");
    let mut socket = try_at(&server, rest, &options).await.unwrap();
    let said = line(&mut socket).await;
    if !said.starts_with("forwarded") {
        socket.write_all(b"and back\n").await.unwrap();
        assert_eq!(line(&mut socket).await, "and back");
    }
    drop(socket);
    let gone = tokio::time::timeout(Duration::from_secs(10), server.ended());
    gone.await.expect("the connection and its program end");
    said
}

const BOTH: &[&str] = &["helper", "netcat"];

/// A URI's end, the sockets to which the server forwards, the programs there, and what is reached.
type Way = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

#[rustfmt::skip]
const WAYS: [Way; 14] = [
    ("system", &[DIRECT, LEGACY], BOTH, "forwarded to /var/run/libvirt/virtqemud-sock"),
    ("system", &[LEGACY], BOTH, "forwarded to /var/run/libvirt/libvirt-sock"),
    ("system", &[], BOTH, "helper qemu:///system"),
    ("ro-system", &[], BOTH, "helper -r qemu:///system"),
    ("system?x='$(a)%20b", &[], BOTH, "helper qemu:///system?x=%27%24%28a%29%20b"),
    ("system", &[], &["netcat"], "nc -q0 -U /var/run/libvirt/libvirt-sock"),
    ("system", &[], &["plain-netcat"], "plain nc -U /var/run/libvirt/libvirt-sock"),
    ("system?mode=direct", &[LEGACY], BOTH, "nc -q0 -U /var/run/libvirt/virtqemud-sock"),
    ("system?proxy=native", &[DIRECT], BOTH, "helper qemu:///system"),
    ("system?proxy=netcat", &[DIRECT], BOTH, "nc -q0 -U /var/run/libvirt/libvirt-sock"),
    // The socket that is named, and no other.
    ("system?socket=/my%20own", &["/my own"], BOTH, "forwarded to /my own"),
    ("system?socket=/my%20own", &[DIRECT, LEGACY], BOTH, "nc -q0 -U /my own"),
    ("session?socket=/own", &[], BOTH, "nc -q0 -U /own"),
    // A session is never the system's daemon.
    ("session", &[DIRECT, LEGACY], BOTH, "helper qemu:///session"),
];

#[tokio::test]
async fn the_first_way_that_is_open_is_gone() {
    let not = Permissions::default();
    for (rest, sockets, programs, expected) in WAYS {
        let found = reached(rest, sockets, programs, not).await;
        assert_eq!(found, expected, "{rest}");
    }
    let may = Permissions {
        programs: true,
        ..not
    };
    let found = reached("system?netcat=nc", &[DIRECT], BOTH, may).await;
    assert_eq!(found, "nc -q0 -U /var/run/libvirt/libvirt-sock");
}

#[tokio::test]
async fn what_the_far_side_complains_about_is_told() {
    let mine = key();
    let server = server(&mine, &[], &[]).await;
    let uri = format!("qemu+ssh://me@127.0.0.1:{}/system", server.port);
    let options = options(SshCredentials {
        private_key: Some(text(&mine)),
        ..knowing(&server)
    });
    let failed = Client::connect(&uri.parse().unwrap(), options).await;
    let said = failed.unwrap_err().to_string();
    assert!(said.starts_with("the far side says: "), "{said}");
    assert!(said.contains("nc: not found"), "{said}");
}

#[tokio::test]
async fn who_the_server_is() {
    let mine = key();
    let with = |known_hosts: fn(&Server) -> String, unverified| {
        let mine = text(&mine);
        move |server: &Server| ConnectOptions {
            permit: Permissions {
                unverified,
                ..Permissions::default()
            },
            ..options(SshCredentials {
                private_key: Some(mine.clone()),
                known_hosts: Some(known_hosts(server)),
                ..SshCredentials::default()
            })
        }
    };
    let enters = |rest: &'static str, options| enters(Some(&mine), rest, options);
    let none = |_: &Server| String::new();
    let other = |server: &Server| server.known_hosts(key().public_key());
    let said = enters("system", with(none, false)).await;
    assert!(matches!(
        said,
        Err(Error::Identity(Refusal::HostKeyUnknown { .. }))
    ));
    let said = enters("system", with(other, false)).await;
    assert!(matches!(
        said,
        Err(Error::Identity(Refusal::HostKeyChanged { .. }))
    ));
    for rest in ["system?no_verify=1", "system?known_hosts_verify=ignore"] {
        let said = enters(rest, with(other, false)).await;
        assert!(matches!(
            said,
            Err(Error::Uri(UriError::NotPermitted { .. }))
        ));
        assert_eq!(enters(rest, with(other, true)).await, Ok(()));
    }
    let said = enters("system?no_verify=0", with(other, true)).await;
    assert!(matches!(
        said,
        Err(Error::Identity(Refusal::HostKeyChanged { .. }))
    ));
}

/// A server's side of the first words of SSH, with these kinds of host keys.
fn greeting(kinds: &str) -> Vec<u8> {
    let lists = [
        "curve25519-sha256",
        kinds,
        "aes256-ctr",
        "aes256-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let mut payload = vec![20];
    payload.extend([7; 16]);
    for list in lists {
        payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        payload.extend(list.bytes());
    }
    payload.extend([0; 5]);
    let padding = 16 - (payload.len() + 5) % 8;
    let length = u32::try_from(payload.len() + padding + 1).unwrap();
    let mut greeting = b"SSH-2.0-test\r\n".to_vec();
    greeting.extend(length.to_be_bytes());
    greeting.push(u8::try_from(padding).unwrap());
    greeting.extend(payload);
    greeting.resize(greeting.len() + padding, 0);
    greeting
}

#[tokio::test]
async fn a_host_key_certificate_is_named() {
    for (kinds, is_named) in [
        (
            "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com",
            true,
        ),
        ("ssh-dss", false),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(&greeting(kinds)).await.unwrap();
            socket.read_to_end(&mut Vec::new()).await.ok();
        });
        let uri = format!("qemu+ssh://me@127.0.0.1:{port}/system");
        let options = options(SshCredentials {
            private_key: Some(text(&key())),
            known_hosts: Some(String::new()),
            ..SshCredentials::default()
        });
        let said = dial(&uri.parse().unwrap(), &options).await.err().unwrap();
        let named = Error::Identity(Refusal::HostKeyCertificate {
            server: "127.0.0.1".to_owned(),
        });
        assert_eq!(said == named, is_named, "{said}");
        assert!(is_named || matches!(said, Error::Connect { .. }), "{said}");
    }
}
