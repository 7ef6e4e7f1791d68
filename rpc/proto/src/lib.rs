//! libvirt's RPC protocol without I/O: the types of every procedure and the connection as a state machine.
//!
//! [`Connection`] turns bytes into replies, events and stream data, and calls into bytes. It does
//! no I/O, starts nothing and reads no clock: it is told what came in and what time it is. Its other
//! end is [`server::Server`].

#![forbid(unsafe_code)]

mod call;
mod connection;
mod error;
mod event;
pub mod frame;
mod generated;
mod keepalive_timer;
pub mod procedure;
pub mod program;
pub mod server;
mod sorted;
mod stream;
#[cfg(test)]
mod tests;
mod window;

pub use call::{Call, CallId};
pub use connection::{Config, Connection, Output};
pub use error::{
    CallError, CloseReason, LibvirtError, MAX_BODY, MAX_FDS, Refused, StreamError, code,
};
pub use event::{Class, RawEvent};
pub use generated::{keepalive, lxc, net, qemu, remote};
pub use keepalive_timer::Keepalive;
pub use stream::{StreamBytes, StreamEvent, StreamMode};

/// A moment: how long after another one, which whoever drives the connection has chosen.
pub type Time = std::time::Duration;
