//! Servers that mean no good. Whatever they do, each call ends by its deadline with an error that
//! says what happened.

mod frames;
mod order;
mod slow;
mod truncated;

use std::time::Duration;

use drover_rpc_proto::{CloseReason, Keepalive};
use tokio::time::{Instant, timeout};

use super::pair_with;
use super::server::{Request, Server};
use crate::client::Client;
use crate::connect::ConnectOptions;
use crate::error::Error;

const LIB_VERSION: i32 = 157;
const VERSION: [u8; 8] = 11_003_000_u64.to_be_bytes();
const DEADLINE: Duration = Duration::from_secs(3);

/// A client whose calls end within [`DEADLINE`], and its server.
fn pair(keepalive: Option<Keepalive>) -> (Client, Server) {
    pair_with(ConnectOptions {
        keepalive,
        deadline: DEADLINE,
        ..ConnectOptions::default()
    })
}

/// What a call meets when the server sends these bytes after it, and why the connection has ended,
/// if it has.
async fn meets(
    bytes: impl FnOnce(&Request) -> Vec<u8>,
) -> (Result<u64, Error>, Option<CloseReason>) {
    let (client, mut server) = pair(None);
    let start = Instant::now();
    let (result, ()) = tokio::join!(client.connect_get_lib_version(), async {
        let request = server.expect(LIB_VERSION).await;
        server.raw(&bytes(&request)).await;
    });
    assert!(start.elapsed() <= DEADLINE);
    let ended = timeout(Duration::from_millis(10), client.closed()).await;
    (result, ended.ok())
}

/// A frame of any words: program, version, procedure, type, serial, status.
fn frame(words: [u32; 6], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(28 + body.len()).unwrap();
    let words = std::iter::once(length).chain(words);
    let mut bytes: Vec<u8> = words.flat_map(u32::to_be_bytes).collect();
    bytes.extend_from_slice(body);
    bytes
}

/// The words of a good reply.
fn reply(request: &Request) -> [u32; 6] {
    let header = &request.header;
    [
        header.program,
        header.version,
        header.procedure.cast_unsigned(),
        1,
        header.serial,
        0,
    ]
}
