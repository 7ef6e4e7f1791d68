//! A server that goes away in every state of a session, in order and by reset, over real sockets:
//! each call fails with a typed error before its deadline, and no task and no descriptor is left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fds;
mod many;
mod server;
mod silent;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drover_rpc::proto::remote::StorageVol;
use drover_rpc::{Client, CloseReason, ConnectOptions, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

use server::{Death, Plan, Server};

const DEADLINE: Duration = Duration::from_secs(3);

/// Descriptors are counted, so that one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Everything that a session can wait for.
async fn session(uri: &str) -> Result<(), Error> {
    let options = ConnectOptions {
        deadline: DEADLINE,
        connect_timeout: DEADLINE,
        stall: DEADLINE,
        ..ConnectOptions::default()
    };
    let client = Client::connect(&uri.parse().unwrap(), options).await?;
    let (one, other) = tokio::join!(
        client.connect_get_lib_version(),
        client.connect_get_lib_version()
    );
    one.and(other)?;
    let events = client.subscribe_domain(0, None).await?;
    let mut download = client.storage_vol_download(volume(), 0, 0, 0).await?;
    let mut bytes = Vec::new();
    download.read_to_end(&mut bytes).await?;
    assert_eq!(bytes.len(), server::DOWNLOAD);
    let mut upload = client
        .storage_vol_upload(volume(), 0, server::UPLOAD as u64, 0)
        .await?;
    upload.write_all(&vec![7; server::UPLOAD]).await?;
    upload.finish().await?;
    // The end of a registration is not waited for.
    drop(events);
    client.close().await
}

fn volume() -> StorageVol {
    StorageVol {
        pool: "pool".into(),
        name: "volume".into(),
        key: "key".into(),
    }
}

/// Waits until no task is left.
async fn all_tasks_gone() {
    let metrics = tokio::runtime::Handle::current().metrics();
    let gone = async {
        while metrics.num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(5), gone).await;
    assert!(waited.is_ok(), "{} tasks left", metrics.num_alive_tasks());
}

/// Runs a session against a server with this plan, and looks at what it leaves behind.
fn run(plan: Plan) -> Result<(), Error> {
    let runtime = runtime();
    // What the runtime itself needs is there already.
    runtime.block_on(async { tokio::time::sleep(Duration::ZERO).await });
    let before = descriptors();
    let server = Server::start(plan);
    let start = Instant::now();
    let result = runtime.block_on(async {
        let result = session(&server.uri()).await;
        all_tasks_gone().await;
        result
    });
    assert!(
        start.elapsed() < DEADLINE,
        "{plan:?}: {:?}",
        start.elapsed()
    );
    server.stop();
    assert_eq!(descriptors(), before, "{plan:?}");
    result
}

fn dies_everywhere(tcp: bool, death: Death) {
    let _alone = alone();
    let whole = Plan {
        tcp,
        death,
        after: usize::MAX,
    };
    run(whole).unwrap();
    let mut after = 0;
    // A session is over when the server no longer gets to die.
    loop {
        let plan = Plan { after, ..whole };
        match run(plan) {
            Ok(()) => break,
            Err(error) => {
                let typed = error.connection_lost()
                    || matches!(error, Error::Stream(_))
                    || matches!(&error, Error::Closed { reason, .. } if *reason != CloseReason::Local);
                assert!(typed, "{plan:?}: {error:?}");
            }
        }
        after += 1;
    }
    // Opening is four frames on each of three connections, and there is more between.
    assert!(after > 20, "{after} states");
    println!("{after} states");
}

#[test]
fn a_server_that_closes_in_any_state_over_unix_sockets() {
    dies_everywhere(false, Death::Close);
}

#[test]
fn a_server_that_closes_in_any_state_over_tcp() {
    dies_everywhere(true, Death::Close);
}

#[test]
fn a_server_that_resets_in_any_state() {
    dies_everywhere(true, Death::Reset);
}

#[test]
fn a_server_that_dies_half_way_through_a_frame_in_any_state() {
    dies_everywhere(false, Death::HalfFrame);
}

#[test]
fn sessions_that_are_dropped_half_way_leave_nothing() {
    let _alone = alone();
    let runtime = runtime();
    runtime.block_on(async { tokio::time::sleep(Duration::ZERO).await });
    let before = descriptors();
    let server = Server::start(Plan {
        tcp: false,
        death: Death::Close,
        after: usize::MAX,
    });
    runtime.block_on(async {
        for round in 0..200_u64 {
            let soon = Duration::from_micros(round * 50);
            let uri = server.uri();
            tokio::time::timeout(soon, session(&uri)).await.ok();
        }
        all_tasks_gone().await;
    });
    server.stop();
    assert_eq!(descriptors(), before);
}
