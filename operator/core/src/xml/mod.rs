//! libvirt's XML, written. Everything that comes from outside is escaped.

mod element;
mod network;
mod place;
mod read;
mod storage;

pub use element::Element;
pub use network::network_xml;
pub use place::{DomainType, HostFlavor, ResolvedBacking, ResolvedDisk};
pub use storage::{overlay_xml, pool_xml, type_word, volume_xml};
