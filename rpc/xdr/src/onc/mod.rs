//! Plain ONC RPC, [RFC 5531]: messages, and a client's and a server's state without I/O.
//!
//! What `xdrgen` writes for a `program` block is a [`Procedure`] for each procedure: its numbers, its
//! arguments, its reply. [`Caller`] makes calls of them and gives each answer to the call it belongs
//! to; [`Service`] answers them.
#![cfg_attr(
    feature = "std",
    doc = "[`TcpClient`], [`UdpClient`] and [`Server`] move the bytes over std's sockets."
)]
//!
//! [RFC 5531]: https://www.rfc-editor.org/rfc/rfc5531

mod auth;
mod caller;
mod message;
#[cfg(feature = "std")]
mod net;
mod procedure;
mod refusal;
mod retransmission;
mod service;
#[cfg(test)]
mod tests;

pub use auth::{AuthStatus, AuthSys, Flavor, OpaqueAuth};
pub use caller::{Answer, Caller, Failure, Ticket};
pub use message::{Call, RPC_VERSION, Reply};
#[cfg(feature = "std")]
pub use net::{CallError, Options, Server, ServerOptions, TcpClient, UdpClient};
pub use procedure::Procedure;
pub use refusal::Refusal;
pub use retransmission::Retransmission;
pub use service::Service;
