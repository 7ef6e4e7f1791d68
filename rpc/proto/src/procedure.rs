//! What the generated modules say of each procedure and event.

use drover_xdr::{Decode, Encode, Error};

/// Whether the server may keep a call waiting behind slow ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// May wait for the hypervisor.
    Low,
    /// Answered even when all ordinary workers of the server are stuck.
    High,
}

/// Whether a byte stream follows the reply, and which way it flows, seen from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// None follows.
    None,
    /// The server sends.
    Read,
    /// The client sends.
    Write,
    /// Both send.
    Both,
}

/// Which way file descriptors are passed with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fds {
    /// None are.
    None,
    /// The client passes some with the call.
    WithCall,
    /// The server passes some with the reply.
    WithReply,
    /// Both do.
    Both,
}

/// Whether a number of a program is called, or comes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The client calls it.
    Call,
    /// The server sends it.
    Event,
}

/// A procedure that can be called.
pub trait Procedure: Send + Sync + 'static {
    /// The program it belongs to.
    const PROGRAM: u32;
    /// The version of that program.
    const VERSION: u32;
    /// Its number in the program.
    const NUMBER: i32;
    /// Its name, such as `DOMAIN_GET_INFO`.
    const NAME: &'static str;
    /// Its priority.
    const PRIORITY: Priority;
    /// The byte stream that follows its reply.
    const STREAM: Stream;
    /// The file descriptors that go with it.
    const FDS: Fds;
    /// What it takes.
    type Args: Encode + Decode + Send + Sync;
    /// What it answers.
    type Reply: Encode + Decode + Send + Sync;
}

/// A row of a program's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcedureInfo {
    /// The number in the program.
    pub number: i32,
    /// The name, such as `DOMAIN_GET_INFO`.
    pub name: &'static str,
    /// Called, or an event.
    pub kind: Kind,
    /// The type of its arguments (of its message, if it is an event), or `()`.
    pub args: &'static str,
    /// The type of its reply, or `()`.
    pub reply: &'static str,
    /// The priority.
    pub priority: Priority,
    /// The byte stream that follows the reply.
    pub stream: Stream,
    /// The file descriptors that go with it.
    pub fds: Fds,
    /// The first libvirt that has the function of that name, as libvirt writes versions (11003000
    /// is 11.3.0); unknown where no function has the procedure's name.
    pub since: Option<u32>,
}

/// What is wrong with an event: its number, and what decoding said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {number}: {error}")]
pub struct BadEvent {
    /// Its number in its program.
    pub number: i32,
    /// What is wrong.
    pub error: Error,
}
