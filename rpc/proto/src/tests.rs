//! Two endpoints and a virtual clock.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
mod events;
mod fds;
mod frames;
mod keepalive;
mod random;
mod server;
mod serving;
mod streams;
mod windows;

use std::time::Duration;

use server::{Request, Server};

use crate::call::{Call, CallId};
use crate::connection::{Config, Connection, Output};
use crate::error::{CallError, CloseReason};
use crate::frame::Header;
use crate::program::REMOTE;
use crate::stream::StreamEvent;

const OPEN: i32 = 1;
const CLOSE: i32 = 2;
const GET_INFO: i32 = 16;
const LIB_VERSION: i32 = 157;

/// A connection, the server at its other end, and the time.
struct Pair {
    client: Connection,
    server: Server,
    now: Duration,
}

impl Pair {
    fn new() -> Self {
        Self::with(Config {
            keepalive: None,
            ..Config::default()
        })
    }

    fn with(config: Config) -> Self {
        Self {
            client: Connection::new(config, Duration::ZERO),
            server: Server::default(),
            now: Duration::ZERO,
        }
    }

    /// Makes a call that is not urgent.
    fn call(&mut self, procedure: i32) -> CallId {
        self.client.call(plain(procedure)).unwrap()
    }

    /// Makes an urgent call.
    fn urgent(&mut self, procedure: i32) -> CallId {
        self.client.call(plain(procedure).urgent(true)).unwrap()
    }

    /// What the client writes, as the server reads it.
    fn pump(&mut self) -> Vec<Request> {
        let mut bytes = Vec::new();
        while self.client.transmit(&mut bytes) {}
        self.server.read(&bytes)
    }

    /// Sends a frame to the client.
    fn deliver(&mut self, header: &Header, body: &[u8]) {
        let bytes = server::frame(header, body);
        self.client.handle_input(self.now, &bytes);
    }

    /// Answers well.
    fn reply(&mut self, request: &Request, body: &[u8]) {
        self.deliver(&request.reply(), body);
    }

    /// Moves the clock to when the client wants to be woken, and wakes it.
    fn wake(&mut self) -> Duration {
        self.now = self.client.poll_timeout().expect("a timer");
        self.client.handle_timeout(self.now);
        self.now
    }

    /// All that the client has to tell.
    fn told(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.client.poll_output()).collect()
    }
}

fn plain(procedure: i32) -> Call {
    Call::new(REMOTE, 1, procedure, &()).unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn well(call: CallId, body: &[u8]) -> Output {
    Output::Reply {
        call,
        result: Ok(body.to_vec()),
    }
}

fn badly(call: CallId, error: CallError) -> Output {
    Output::Reply {
        call,
        result: Err(error),
    }
}

fn on_stream(stream: CallId, event: StreamEvent) -> Output {
    Output::Stream { stream, event }
}

fn unexpected(what: &'static str) -> Output {
    Output::Closed(CloseReason::Unexpected(what))
}
