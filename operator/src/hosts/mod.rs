//! The hosts: one session each, an inventory that events keep fresh, and everything that is asked
//! of libvirt or done to it.

pub mod access;
pub mod act;
mod addresses;
mod alike;
mod bulk;
mod cpu;
mod devices;
mod found;
mod guest;
pub mod holds;
pub mod inventory;
mod kinds;
pub mod listing;
pub mod machines;
pub mod mirror;
pub mod networks;
pub mod news;
pub mod observe;
pub mod pace;
mod records;
pub mod registry;
mod removals;
pub mod secrets;
mod seeds;
pub mod session;
pub mod volumes;
mod wipe;

use drover_core::observed::Unreadable;
use drover_rpc::proto::remote;
use uuid::Uuid;

pub use inventory::{HostHandle, Reach};
pub use machines::MachineOnHost;
pub use registry::Registry;

/// Why something could not be learned from a host, or done there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HostError {
    /// The host does not answer, or is not connected.
    #[error("{host}: {message}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        message: String,
    },
    /// libvirt refuses, or did not answer.
    #[error("{host}: {what}: {error}")]
    Rpc {
        /// The host.
        host: String,
        /// What was tried.
        what: &'static str,
        /// What came back.
        error: drover_rpc::Error,
    },
    /// It would be in danger: a removal of the same name may still be done.
    #[error("{host}: {volume} is not made: a removal of which no reply came may still be done")]
    Removal {
        /// The host.
        host: String,
        /// The volume.
        volume: String,
    },
    /// libvirt's answer makes no sense.
    #[error("{host}: {error}")]
    Unreadable {
        /// The host.
        host: String,
        /// What is wrong.
        error: Unreadable,
    },
}

impl HostError {
    /// libvirt's own error, if it is one.
    #[must_use]
    pub fn rpc(&self) -> Option<&drover_rpc::Error> {
        match self {
            Self::Rpc { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Whether the host has no such function: it would say so again.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        let code = self.rpc().and_then(drover_rpc::Error::code);
        code == Some(drover_rpc::code::NO_SUPPORT)
    }

    /// Whether the host has to be reached again first.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
            || self.rpc().is_some_and(drover_rpc::Error::connection_lost)
    }
}

/// A domain as calls name it. libvirt goes by the UUID.
pub(crate) fn domain_ref(name: &str, uuid: Uuid) -> remote::Domain {
    remote::Domain {
        name: name.into(),
        uuid: uuid.into_bytes(),
        id: -1,
    }
}

/// A network as calls name it.
pub(crate) fn network_ref(name: &str, uuid: Uuid) -> remote::Network {
    remote::Network {
        name: name.into(),
        uuid: uuid.into_bytes(),
    }
}

/// A pool as calls name it.
pub(crate) fn pool_ref(name: &str, uuid: Uuid) -> remote::StoragePool {
    remote::StoragePool {
        name: name.into(),
        uuid: uuid.into_bytes(),
    }
}
