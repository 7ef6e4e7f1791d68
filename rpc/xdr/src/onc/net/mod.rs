//! Calls and answers over the sockets of `std`, blocking, each with a deadline.

mod server;
mod tcp;
mod udp;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io;
use std::time::{Duration, Instant};

pub use server::{Server, ServerOptions};
pub use tcp::TcpClient;
pub use udp::UdpClient;

use super::{Caller, Failure, Retransmission};
use crate::record_marking::TooLong;
use crate::{Error, Limits};

/// What a client takes upon itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long connecting, and each call over TCP, may take.
    pub deadline: Duration,
    /// When a call over UDP is sent again, and how long it may take in all.
    pub retransmission: Retransmission,
    /// The longest reply over TCP, in bytes.
    pub record: usize,
    /// Bounds on what is in a reply.
    pub limits: Limits,
}

impl Default for Options {
    /// 25 s for a call, 4 MiB for a reply.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(25),
            retransmission: Retransmission::default(),
            record: 4 << 20,
            limits: Limits::default(),
        }
    }
}

/// Why a call has no reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server refused, or its reply cannot be read.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The arguments are over a bound of their declaration; nothing was sent.
    #[error("the arguments cannot be sent: {0}")]
    Arguments(Error),
    /// The arguments do not fit in a datagram; nothing was sent.
    #[error("a call of {length} bytes, and a datagram holds {most}")]
    Datagram {
        /// The call's length.
        length: usize,
        /// The longest that a datagram holds.
        most: usize,
    },
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// No answer came in time. Whether the call was done is not known.
    #[error("no answer in {0:?}")]
    TimedOut(Duration),
    /// The server sent what is no reply.
    #[error("what came is no reply: {0}")]
    NoReply(Error),
    /// The reply is longer than [`Options::record`].
    #[error("the reply is {0}")]
    TooLong(#[from] TooLong),
    /// The server closed the connection, or an earlier call left it in the middle of a message.
    #[error("the connection is closed")]
    Closed,
}

impl CallError {
    /// The server's refusal, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<super::Refusal> {
        match self {
            Self::Failure(Failure::Refused(refusal)) => Some(*refusal),
            _ => None,
        }
    }
}

// The first transaction's number differs from client to client: a server that remembers the last
// answers must not take one client's call for another's.
fn caller(options: &Options) -> Caller {
    let random = RandomState::new().hash_one(Instant::now());
    Caller::new(random as u32, options.limits)
}

// What is left until the deadline, as sockets want it: not nothing.
fn left(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

// A socket's own timeout, by either of the names that systems have for it.
fn timed_out(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
