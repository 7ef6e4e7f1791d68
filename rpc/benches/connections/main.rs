//! The memory of a connection that does nothing, of 1,000 in one process.
//!
//! ```text
//! DROVER_TEST_LIBVIRT_URI='test+unix:///default?socket=/run/libvirt/libvirt-sock' \
//!     cargo bench -p drover-rpc --bench connections
//! ```

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use allocation_counter::measure;
use drover_rpc::{Client, Uri};
use futures::future::join_all;
use futures::{StreamExt, stream};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime::Runtime;

use crate::common::report::{self, Target, Wanted};
use crate::common::usage;

const CONNECTIONS: usize = 1_000;
/// libvirtd stops taking connections while twenty are not authenticated.
const DIALLED_AT_A_TIME: usize = 10;
/// What a connection may take, in KiB.
const ALLOWED: f64 = 24.0;

fn main() {
    let Some(uri) = common::uri() else {
        return;
    };
    allow_sockets();
    // All of the client is on this thread, so that its memory is counted.
    let runtime = common::one_thread();
    // What the first connection alone needs is there before.
    let first = runtime.block_on(common::connect(&uri));
    runtime.block_on(report::place(&first));
    let resident = usage::resident_kib();
    let start = Instant::now();
    let mut clients = Vec::with_capacity(CONNECTIONS);
    let opened = measure(|| clients.extend(runtime.block_on(open(&uri))));
    let took = start.elapsed();
    let after = usage::resident_kib();
    let called = measure(|| call_each(&runtime, &clients));
    let last = usage::resident_kib();
    tell(
        took,
        [after - resident, last - resident],
        [
            opened.bytes_current,
            opened.bytes_current + called.bytes_current,
        ],
    );
}

// One file each, and a few more.
fn allow_sockets() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let wanted = 2 * CONNECTIONS as u64;
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard).unwrap();
    }
}

async fn open(uri: &Uri) -> Vec<Client> {
    let dialled = stream::iter(0..CONNECTIONS).map(|_| common::connect(uri));
    dialled.buffer_unordered(DIALLED_AT_A_TIME).collect().await
}

fn call_each(runtime: &Runtime, clients: &[Client]) {
    let calls = clients.iter().map(|client| async {
        client.library_version().await.unwrap();
    });
    runtime.block_on(join_all(calls));
}

fn tell(took: Duration, resident: [f64; 2], heap: [i64; 2]) {
    println!(
        "{CONNECTIONS} connections in {:.2} s.\n",
        took.as_secs_f64()
    );
    let each = |kib: f64| kib / CONNECTIONS as f64;
    let resident = resident.map(each);
    let heap = heap.map(|bytes| each(bytes as f64 / 1_024.0));
    report::head(&["each connection", "resident (RSS)", "allocated"]);
    for (at, when) in ["opened", "opened and called once"].iter().enumerate() {
        report::row(&[
            (*when).to_owned(),
            format!("{:.1} KiB", resident[at]),
            format!("{:.1} KiB", heap[at]),
        ]);
    }
    let target = |what: &str, measured| Target {
        what: format!("KiB of an idle connection, {what}"),
        measured,
        wanted: Wanted::AtMost(ALLOWED),
    };
    report::verdicts(&[
        target("resident", resident[1]),
        target("allocated", heap[1]),
    ]);
}
