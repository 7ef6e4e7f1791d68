//! libvirt's RPC protocol without I/O: the types of every procedure and the connection as a state machine.

#![forbid(unsafe_code)]

mod generated;
pub mod procedure;

pub use generated::{keepalive, lxc, net, qemu, remote};
