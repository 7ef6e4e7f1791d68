//! A connection beside a plain account of what it must say.
//!
//! [`Step`] is what can happen, made from four bytes each, so that property tests and fuzzers choose
//! alike. [`Reference`] is the account, written to be read and not to be fast: it says for each step
//! what is told, what is refused and which frames go out. [`World`] takes both through the same steps
//! and compares.

mod reference;
mod step;
mod stream;
mod world;

use drover_rpc_proto::frame::{Header, Kind, Status};
use drover_rpc_proto::{Class, StreamMode, program};

pub(crate) use step::Step;
pub(crate) use world::World;

use drover_rpc_proto::LibvirtError;

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Plain,
    Open,
    Close,
    Register(Class),
    Deregister(Class, i32),
    Stream(StreamMode),
}

impl What {
    /// Program and procedure.
    pub(crate) fn procedure(self) -> (u32, i32) {
        match self {
            Self::Plain => (program::REMOTE, 16),
            Self::Open => (program::REMOTE, 1),
            Self::Close => (program::REMOTE, 2),
            Self::Register(Class::QemuMonitor) => (program::QEMU, 4),
            Self::Register(Class::Domain) => (program::REMOTE, 316),
            Self::Register(_) => (program::REMOTE, 368),
            Self::Deregister(class, _) => class.deregistration(),
            Self::Stream(mode) if mode.receive && mode.send => (program::REMOTE, 201),
            Self::Stream(mode) if mode.receive => (program::REMOTE, 209),
            Self::Stream(_) => (program::REMOTE, 208),
        }
    }

    pub(crate) fn is_alone(self) -> bool {
        matches!(self, Self::Open | Self::Close)
    }

    pub(crate) fn header(self, kind: Kind, serial: u32, status: Status) -> Header {
        let (program, procedure) = self.procedure();
        Header {
            program,
            version: program::VERSION,
            procedure,
            kind,
            serial,
            status,
        }
    }
}

/// The event of a class that is tried.
pub(crate) fn event_of(class: Class) -> (u32, i32) {
    match class {
        Class::QemuMonitor => (program::QEMU, 6),
        Class::Domain => (program::REMOTE, 318),
        _ => (program::REMOTE, 370),
    }
}

/// What a server says that refuses.
pub(crate) fn failure() -> LibvirtError {
    LibvirtError {
        code: 42,
        domain: 12,
        level: 2,
        ..LibvirtError::default()
    }
}
