//! The path that all kinds share: a key is hinted, a worker takes it, looks at everything anew and
//! writes what it found.

pub mod cache;
pub mod queue;
pub mod write;

use std::fmt;

pub use cache::{Cache, Store};
use drover_core::desired::image::ImageName;
use drover_crds::VirtualMachine;
use kube::ResourceExt;
pub use queue::{Again, Hints, Lane, Queue};

/// The kinds that are reconciled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Host.
    Host,
    /// StoragePool.
    StoragePool,
    /// Network.
    Network,
    /// ClusterImage.
    ClusterImage,
    /// Image.
    Image,
    /// Volume.
    Volume,
    /// VirtualMachine.
    VirtualMachine,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Host,
        Self::StoragePool,
        Self::Network,
        Self::ClusterImage,
        Self::Image,
        Self::Volume,
        Self::VirtualMachine,
    ];

    /// The controller's name, in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::StoragePool => "storagepool",
            Self::Network => "network",
            Self::ClusterImage => "clusterimage",
            Self::Image => "image",
            Self::Volume => "volume",
            Self::VirtualMachine => "virtualmachine",
        }
    }
}

/// An object to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for one of the cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// A Host.
    #[must_use]
    pub fn host(name: &str) -> Self {
        Self::new(Kind::Host, "", name)
    }

    /// A StoragePool.
    #[must_use]
    pub fn pool(name: &str) -> Self {
        Self::new(Kind::StoragePool, "", name)
    }

    /// A Network.
    #[must_use]
    pub fn network(name: &str) -> Self {
        Self::new(Kind::Network, "", name)
    }

    /// An Image, or a ClusterImage, which has no namespace.
    #[must_use]
    pub fn image(image: &ImageName) -> Self {
        let kind = match image.namespace.as_str() {
            "" => Kind::ClusterImage,
            _ => Kind::Image,
        };
        Self::new(kind, &image.namespace, &image.name)
    }

    /// A Volume.
    #[must_use]
    pub fn volume(namespace: &str, name: &str) -> Self {
        Self::new(Kind::Volume, namespace, name)
    }

    /// A VirtualMachine.
    #[must_use]
    pub fn machine(namespace: &str, name: &str) -> Self {
        Self::new(Kind::VirtualMachine, namespace, name)
    }

    /// This VirtualMachine.
    #[must_use]
    pub fn of_machine(machine: &VirtualMachine) -> Self {
        Self::machine(
            &machine.namespace().unwrap_or_default(),
            &machine.name_any(),
        )
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind.as_str(), self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind.as_str(), self.name),
        }
    }
}
