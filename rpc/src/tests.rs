//! The client and a server that does as the test says, in one process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
mod dialing;
mod events;
mod every_event;
mod hostile;
mod objects;
mod opening;
mod plain;
mod server;
mod ssh;
mod streams;
mod tls;

use std::time::Duration;

use drover_rpc_proto::Keepalive;

use self::server::Server;
use crate::client::Client;
use crate::connect::ConnectOptions;

/// A client without keepalive, and its server. Nothing has been said yet.
fn pair() -> (Client, Server) {
    pair_with(ConnectOptions {
        keepalive: None,
        ..ConnectOptions::default()
    })
}

fn pair_with(options: ConnectOptions) -> (Client, Server) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let uri = "test+tcp://nowhere/default".parse().unwrap();
    let client = Client::over(Box::new(ours), uri, options);
    (client, Server::new(theirs))
}

fn keepalive() -> Option<Keepalive> {
    Some(Keepalive {
        interval: Duration::from_secs(5),
        count: 5,
    })
}
