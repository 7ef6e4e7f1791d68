//! Whether who is far away lives: asked on every transport.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use drover_rpc::{Client, CloseReason, ConnectOptions, Error, Keepalive};
use futures::future::join_all;
use tokio::net::UnixStream;

use crate::{address, connect, file, ssh, tls};

/// The host's libvirtd, stopped where it is for as long as this lives.
struct Stopped(String);

impl Stopped {
    async fn now() -> Self {
        let socket = UnixStream::connect(socket()).await;
        let pid = socket.unwrap().peer_cred().unwrap().pid().unwrap();
        signal("-STOP", &pid.to_string());
        Self(pid.to_string())
    }
}

fn socket() -> PathBuf {
    file("run/libvirt/libvirt-sock")
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal("-CONT", &self.0);
    }
}

fn signal(name: &str, pid: &str) {
    let sent = Command::new("kill").args([name, pid]).status();
    assert!(sent.unwrap().success());
}

/// Asks every second, and waits for an answer as long.
fn asking(options: ConnectOptions) -> ConnectOptions {
    ConnectOptions {
        keepalive: Some(Keepalive {
            interval: Duration::from_secs(1),
            count: 1,
        }),
        ..options
    }
}

async fn by_every_transport() -> Vec<(String, Client)> {
    let mut ways = vec![
        (
            format!("qemu+unix:///system?socket={}", socket().display()),
            ConnectOptions::default(),
        ),
        (
            format!("qemu+tcp://{}/system", address()),
            ConnectOptions::default(),
        ),
        (tls::uri("good"), tls::options()),
    ];
    for port in [22, 2222, 2223] {
        ways.push((ssh::uri("root", port, "system"), ssh::by_key(port)));
    }
    let mut clients = Vec::new();
    for (uri, options) in ways {
        let client = connect(&uri, asking(options)).await.unwrap();
        clients.push((uri, client));
    }
    clients
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn a_dead_daemon_is_told_from_a_silent_one_on_every_transport() {
    let clients = by_every_transport().await;
    let any_closed = join_all(clients.iter().map(|(_, client)| async {
        tokio::time::timeout(Duration::from_secs(4), client.closed()).await
    }));
    for ((uri, _), closed) in clients.iter().zip(any_closed.await) {
        assert!(closed.is_err(), "{uri}: {closed:?}");
    }
    let stopped = Stopped::now().await;
    let start = Instant::now();
    let calls = join_all(clients.iter().map(|(uri, client)| async move {
        let call = client.connect_get_lib_version().await;
        (uri, call, start.elapsed())
    }));
    let calls = calls.await;
    drop(stopped);
    for (uri, call, took) in calls {
        println!("{uri}: {call:?} after {took:?}");
        let reason = CloseReason::Keepalive;
        assert_eq!(call, Err(Error::Closed { reason, sent: true }), "{uri}");
        assert!(took < Duration::from_secs(3), "{uri}: {took:?}");
    }
}
