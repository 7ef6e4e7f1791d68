//! libvirt's XML, written. Everything that comes from outside is escaped.

mod domain;
mod element;
mod network;
mod storage;

pub use domain::{DomainType, HostFlavor, ResolvedDisk, domain_xml};
pub use element::Element;
pub use network::network_xml;
pub use storage::{pool_xml, volume_xml};
