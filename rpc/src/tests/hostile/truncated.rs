//! A conversation that stops at any of its bytes.

use std::time::Duration;

use drover_rpc_proto::Keepalive;
use tokio::time::Instant;

use super::super::server::{Request, Server, error};
use super::{DEADLINE, VERSION, frame, pair, reply};
use crate::client::Client;
use crate::error::Error;

const AUTH_LIST: i32 = 66;
const FEATURE: i32 = 60;
const LIB_VERSION: i32 = 157;
const LOOKUP: i32 = 23;
const REGISTER: i32 = 316;

/// What the client does: all that there is to do on one connection.
async fn talk(client: &Client) -> Result<(), Error> {
    client.open().await?;
    assert_eq!(client.connect_get_lib_version().await?, 11_003_000);
    match client.domain_lookup_by_name("none").await {
        Err(error) if error.not_found() => {}
        Err(error) => return Err(error),
        Ok(domain) => panic!("{domain:?}"),
    }
    let mut events = client.subscribe_domain(0, None).await?;
    if events.next().await.is_none() {
        let reason = client.closed().await;
        return Err(Error::Closed { reason, sent: true });
    }
    drop(events);
    client.close().await
}

/// What the server says to a frame.
fn answer(request: &Request) -> Vec<u8> {
    match request.header.procedure {
        AUTH_LIST => frame(reply(request), &[0, 0, 0, 1, 0, 0, 0, 0]),
        FEATURE => frame(reply(request), &[0, 0, 0, 1]),
        LIB_VERSION => frame(reply(request), &VERSION),
        LOOKUP => {
            let mut words = reply(request);
            words[5] = 1;
            frame(words, &error(42, "Domain not found"))
        }
        REGISTER => {
            let mut event = vec![0, 0, 0, 7, 0, 0, 0, 1, b'a', 0, 0, 0];
            event.extend_from_slice(&[7; 16]);
            event.extend_from_slice(&[0; 12]);
            let mut bytes = frame(reply(request), &[0, 0, 0, 7]);
            bytes.extend(frame([0x2000_8086, 1, 318, 2, 1, 0], &event));
            bytes
        }
        _ => frame(reply(request), &[]),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Closes,
    IsSilent,
}

/// Says `budget` bytes in all. How many it has said.
async fn serve(mut server: Server, budget: usize, then: Then) -> usize {
    let mut said = 0;
    while let Some(request) = server.next().await {
        if request.header.program == 0x6b65_6570 {
            continue;
        }
        let bytes = answer(&request);
        let part = &bytes[..bytes.len().min(budget - said)];
        server.raw(part).await;
        said += part.len();
        if part.len() < bytes.len() {
            if then == Then::IsSilent {
                while server.next().await.is_some() {}
            }
            break;
        }
    }
    said
}

async fn run(budget: usize, then: Then) -> (Result<(), Error>, usize) {
    // Events have no deadline: a server that is silent among them is found out by this.
    let (client, server) = pair(Some(Keepalive {
        interval: Duration::from_secs(1),
        count: 1,
    }));
    let start = Instant::now();
    let talking = async {
        let result = talk(&client).await;
        drop(client);
        result
    };
    let (result, said) = tokio::join!(talking, serve(server, budget, then));
    assert!(start.elapsed() <= DEADLINE, "{:?}", start.elapsed());
    (result, said)
}

#[tokio::test(start_paused = true)]
async fn a_conversation_cut_at_any_byte_fails_in_time() {
    let (whole, length) = run(usize::MAX, Then::Closes).await;
    whole.unwrap();
    assert!(length > 400, "{length}");
    for then in [Then::Closes, Then::IsSilent] {
        for budget in 0..length {
            let (result, said) = run(budget, then).await;
            assert_eq!(said, budget);
            let error = result.expect_err("an end before the end");
            assert!(
                matches!(error, Error::Closed { .. } | Error::Timeout { .. }),
                "{error:?} at byte {budget}"
            );
        }
    }
}
