//! libvirt's XML, written. Everything that comes from outside is escaped.

mod canonical;
mod element;
mod network;
mod place;
mod read;
mod storage;

pub use element::Element;
pub use network::{Kept, network_xml};
pub use place::{DomainType, HostFlavor, ResolvedBacking, ResolvedDisk, ResolvedSeed};
pub use storage::{
    mirror_xml, overlay_xml, pool_xml, private_volume_xml, secret_xml, type_word, volume_xml,
};
