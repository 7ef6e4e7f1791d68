//! Sockets other than TCP's: abstract, of a program, and those that are given.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;

use super::plain::Plain;
use super::server::Server;
use crate::client::Client;
use crate::connect::ConnectOptions;
use crate::dialer::Dialer;
use crate::error::Error;
use crate::permissions::Permissions;
use crate::refusal::Refusal;
use crate::transport::dial;
use crate::uri::{Uri, UriError};

const YES: [u8; 4] = [0, 0, 0, 1];

/// Opens as a server without authentication does.
async fn serve(socket: DuplexStream) -> Server {
    let mut server = Server::new(socket);
    server.answer(66, &[0, 0, 0, 1, 0, 0, 0, 0]).await;
    server.answer(1, &[]).await;
    server.answer(60, &YES).await;
    server
}

fn options() -> ConnectOptions {
    ConnectOptions {
        keepalive: None,
        ..ConnectOptions::default()
    }
}

fn uri() -> Uri {
    "test+tcp://nowhere/default".parse().unwrap()
}

#[tokio::test]
async fn a_connection_on_bytes_that_are_given() {
    let (ours, theirs) = tokio::io::duplex(4096);
    let uri = uri();
    let (client, mut server) =
        tokio::join!(Client::over_stream(ours, &uri, options()), serve(theirs));
    let client = client.unwrap();
    let version = [0, 0, 0, 0, 0, 0xa7, 0xe4, 0x78];
    let (said, _) = tokio::join!(client.library_version(), server.answer(157, &version));
    assert_eq!(said, Ok(11_003_000));

    // A byte stream would need another one.
    let failed = client.for_stream().await.unwrap_err().to_string();
    assert!(
        failed.contains("ConnectOptions::dialer makes more"),
        "{failed}"
    );
}

#[tokio::test]
async fn a_dialer_is_asked_for_each_connection() {
    let (sender, mut servers) = mpsc::unbounded_channel();
    let dialer = Dialer::new(move || {
        let (ours, theirs) = tokio::io::duplex(4096);
        sender.send(theirs).unwrap();
        async { Ok(ours) }
    });
    let options = ConnectOptions {
        dialer: Some(dialer),
        ..options()
    };
    let uri = uri();
    let connecting = Client::connect(&uri, options);
    let serving = async { serve(servers.recv().await.unwrap()).await };
    let (client, _server) = tokio::join!(connecting, serving);
    let client = client.unwrap();
    let serving = async { serve(servers.recv().await.unwrap()).await };
    let (second, _server) = tokio::join!(client.for_stream(), serving);
    second.unwrap();

    let broken = Dialer::new(|| async { Err::<DuplexStream, _>(std::io::Error::other("no way")) });
    let options = ConnectOptions {
        dialer: Some(broken),
        ..ConnectOptions::default()
    };
    let said = Client::connect(&uri, options).await.unwrap_err();
    assert!(matches!(&said, Error::Connect { reason, .. } if reason == "no way"));
}

/// A socket of an abstract name, filled up with zero bytes as libvirt does it, or not.
fn abstract_socket(name: &str, is_filled: bool) -> UnixListener {
    let mut bytes = name.as_bytes().to_vec();
    if is_filled {
        bytes.resize(107, 0);
    }
    let address = SocketAddr::from_abstract_name(bytes).unwrap();
    UnixListener::bind_addr(&address).unwrap()
}

#[tokio::test]
async fn abstract_sockets() {
    for is_filled in [false, true] {
        let name = format!("drover-{}", uuid::Uuid::new_v4());
        let uri: Uri = format!("qemu:///system?socket=@{name}").parse().unwrap();
        let nobody = dial(&uri, &options()).await.err().unwrap();
        assert!(nobody.to_string().contains(&format!("@{name}")), "{nobody}");
        let listener = abstract_socket(&name, is_filled);
        dial(&uri, &options()).await.unwrap();
        listener.accept().unwrap();
    }
}

#[tokio::test]
async fn a_program_is_run_if_the_caller_says_so() {
    let run = async |text: &str, programs| {
        let options = ConnectOptions {
            permit: Permissions {
                programs,
                ..Permissions::default()
            },
            ..options()
        };
        dial(&text.parse().unwrap(), &options).await.map(Plain)
    };
    let mut socket = run("qemu+ext:///system?command=cat", true).await.unwrap();
    socket.write_all(b"there and back").await.unwrap();
    let mut heard = [0; 14];
    socket.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"there and back");

    for text in [
        "qemu+ext:///system?command=cat",
        "qemu+ssh://h/system?command=cat",
    ] {
        let said = run(text, false).await.err().unwrap();
        assert!(
            matches!(said, Error::Uri(UriError::NotPermitted { .. })),
            "{said}"
        );
    }
    let said = run("qemu+ext:///system", true).await.err().unwrap();
    assert!(matches!(said, Error::Identity(Refusal::Missing { .. })));
    let said = run("qemu+ext:///system?command=/not/there", true).await;
    assert!(matches!(said.err().unwrap(), Error::Connect { .. }));
}

#[tokio::test]
async fn a_program_in_place_of_ssh_has_the_arguments_of_openssh() {
    let options = ConnectOptions {
        permit: Permissions {
            programs: true,
            unverified: true,
        },
        ..options()
    };
    // It takes them for text to print.
    let text =
        "qemu+ssh://me@h:2222/system?command=echo&no_tty=1&no_verify=1&keyfile=/k&proxy=native";
    let mut socket = Plain(dial(&text.parse().unwrap(), &options).await.unwrap());
    let mut said = String::new();
    socket.read_to_string(&mut said).await.unwrap();
    assert_eq!(
        said,
        "-p 2222 -l me -i /k -T -e none -o BatchMode=yes -o StrictHostKeyChecking=no -- h \
         sh -c 'exec virt-ssh-helper '\\''qemu:///system'\\'''\n"
    );
}

#[tokio::test]
async fn addresses_with_a_zone() {
    let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else {
        // A machine without IPv6.
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let uri: Uri = format!("test+tcp://[::1%251]:{port}/default")
        .parse()
        .unwrap();
    let (dialed, accepted) = tokio::join!(
        async { dial(&uri, &options()).await.map(drop) },
        listener.accept()
    );
    dialed.unwrap();
    accepted.unwrap();
}
