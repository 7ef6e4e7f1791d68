//! What the benchmarks share: where to measure, whom beside, and how the result is told.
//!
//! Every client is measured in a process of its own, ours too: a benchmark starts itself again.

// Each benchmark uses a part of this.
#![allow(dead_code)]

pub(crate) mod peers;
pub(crate) mod report;
pub(crate) mod usage;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use drover_rpc::{Client, ConnectOptions, Uri};
use tokio::runtime::{Builder, Runtime};

/// Names the libvirtd to measure at.
const VARIABLE: &str = "DROVER_TEST_LIBVIRT_URI";
/// Goes before the words for a process that measures our client.
const OURS: &str = "--ours";

/// The words for this process, if it is to measure our client.
pub(crate) fn ours() -> Option<Vec<String>> {
    let mut words = std::env::args().skip(1);
    (words.next()? == OURS).then(|| words.collect())
}

/// This program again, to measure our client.
pub(crate) fn ourselves() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg(OURS);
    command
}

/// Where to measure; nothing, after saying so, when nothing is named.
pub(crate) fn uri() -> Option<Uri> {
    let Ok(text) = std::env::var(VARIABLE) else {
        println!("{VARIABLE} is not set: it names the libvirtd to measure at, by its unix socket:");
        println!("test+unix:///default?socket=/run/libvirt/libvirt-sock");
        return None;
    };
    Some(text.parse().expect(VARIABLE))
}

/// The QEMU driver of the same daemon.
pub(crate) fn qemu(uri: &Uri) -> Uri {
    Uri {
        driver: "qemu".to_owned(),
        path: "/system".to_owned(),
        ..uri.clone()
    }
}

/// The daemon's socket.
pub(crate) fn socket(uri: &Uri) -> &str {
    uri.parameter("socket")
        .expect("the URI names a unix socket: test+unix:///default?socket=PATH")
}

/// As libvirt's own library takes it.
pub(crate) fn text(uri: &Uri) -> String {
    let Uri { driver, path, .. } = uri;
    format!("{driver}+unix://{path}?socket={}", socket(uri))
}

/// All of the client on one thread.
pub(crate) fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The runtime that `#[tokio::main]` makes, with two threads.
pub(crate) fn two_threads() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// A connection with patience for what is done before and after measuring.
pub(crate) async fn connect(uri: &Uri) -> Client {
    let options = ConnectOptions {
        deadline: Duration::from_secs(120),
        ..ConnectOptions::default()
    };
    let connected = Client::connect(uri, options).await;
    connected.unwrap_or_else(|error| panic!("{}: {error}", text(uri)))
}

/// A file of the benchmarks.
pub(crate) fn source(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches")
        .join(path)
}
