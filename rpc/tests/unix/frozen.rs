//! A libvirtd that is stopped where it is.

use std::process::Command;
use std::time::{Duration, Instant};

use drover_rpc::{CloseReason, ConnectOptions, Error, Keepalive};
use tokio::net::UnixStream;

use super::connect;

/// A process that is stopped for as long as this lives.
struct Stopped(i32);

impl Stopped {
    fn now(pid: i32) -> Self {
        signal("-STOP", pid);
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal("-CONT", self.0);
    }
}

fn signal(name: &str, pid: i32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
#[ignore = "needs a libvirtd: DROVER_TEST_UNIX_URI"]
async fn it_is_taken_for_dead_within_three_seconds_when_asked_so() {
    let options = ConnectOptions {
        keepalive: Some(Keepalive {
            interval: Duration::from_secs(1),
            count: 1,
        }),
        ..ConnectOptions::default()
    };
    let client = connect(options).await;
    // Who answers questions lives, though nothing is called.
    let alive = tokio::time::timeout(Duration::from_secs(4), client.closed()).await;
    assert!(alive.is_err(), "{alive:?}");

    let socket = UnixStream::connect(socket_path()).await.unwrap();
    let pid = socket.peer_cred().unwrap().pid().unwrap();
    let stopped = Stopped::now(pid);
    let start = Instant::now();
    let call = client.connect_get_lib_version().await;
    let took = start.elapsed();
    drop(stopped);
    println!("after {took:?}: {call:?}");
    let reason = CloseReason::Keepalive;
    assert_eq!(call, Err(Error::Closed { reason, sent: true }));
    assert!(took < Duration::from_secs(3), "{took:?}");
}

fn socket_path() -> String {
    let text = std::env::var("DROVER_TEST_UNIX_URI").unwrap();
    let (_, socket) = text.split_once("socket=").expect("a URI with a socket");
    socket.to_owned()
}
