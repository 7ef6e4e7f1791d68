//! Pools and volumes.

use drover_crds::storage_pool::{PoolSource, PoolType};
use drover_crds::volume::VolumeFormat;

use crate::desired::pool::{DesiredPool, Making, making};
use crate::desired::volume::format_word;
use crate::xml::Element;

/// The definition of a pool, the same on every host; nothing for one that is only observed and whose
/// type would need to know where it is.
#[must_use]
pub fn pool_xml(pool: &DesiredPool) -> Option<String> {
    if pool.target.is_none() && needs_target(pool.type_) {
        return None;
    }
    let target = pool.target.clone().or_else(|| usual_target(pool));
    let target = target.map(|path| Element::new("target").child(Element::text("path", path)));
    let element = Element::new("pool")
        .attribute("type", type_word(pool.type_))
        .child(Element::text("name", &pool.name))
        .child(Element::text("uuid", pool.uuid.to_string()))
        .children(source(pool))
        .children(target);
    Some(element.to_string())
}

/// The definition of the libvirt secret with which a pool's hosts log on. Its value is kept by libvirt,
/// which starts the pool without Drover, and shown to nobody.
#[must_use]
pub fn secret_xml(pool: &DesiredPool, fleet: &str) -> Option<String> {
    pool.login.as_ref()?;
    let name = format!("drover/{fleet}/{}", pool.name);
    let (usage, member) = match pool.type_ {
        PoolType::Rbd => ("ceph", "name"),
        _ => ("iscsi", "target"),
    };
    let usage = Element::new("usage")
        .attribute("type", usage)
        .child(Element::text(member, name));
    let element = Element::new("secret")
        .attribute("ephemeral", "no")
        .attribute("private", "yes")
        .child(Element::text("uuid", pool.secret_uuid.to_string()))
        .child(usage);
    Some(element.to_string())
}

fn login(pool: &DesiredPool) -> Option<Element> {
    let login = pool.login.as_ref()?;
    let kind = match pool.type_ {
        PoolType::Rbd => "ceph",
        _ => "chap",
    };
    let secret = Element::new("secret").attribute("uuid", pool.secret_uuid.to_string());
    let auth = Element::new("auth")
        .attribute("type", kind)
        .attribute("username", &login.username);
    Some(auth.child(secret))
}

fn needs_target(type_: PoolType) -> bool {
    making(type_) == Making::Files
}

// Where libvirt's manual has it: libvirt itself wants to be told.
fn usual_target(pool: &DesiredPool) -> Option<String> {
    match pool.type_ {
        PoolType::Logical => Some(format!("/dev/{}", pool.source.name.as_ref()?)),
        PoolType::Disk => Some("/dev".to_owned()),
        PoolType::Iscsi | PoolType::Scsi => Some("/dev/disk/by-path".to_owned()),
        PoolType::Mpath => Some("/dev/mapper".to_owned()),
        _ => None,
    }
}

/// libvirt's word for a pool's type.
#[must_use]
pub fn type_word(type_: PoolType) -> &'static str {
    match type_ {
        PoolType::Dir => "dir",
        PoolType::Fs => "fs",
        PoolType::Netfs => "netfs",
        PoolType::Logical => "logical",
        PoolType::Disk => "disk",
        PoolType::Iscsi => "iscsi",
        PoolType::IscsiDirect => "iscsi-direct",
        PoolType::Scsi => "scsi",
        PoolType::Mpath => "mpath",
        PoolType::Rbd => "rbd",
        PoolType::Gluster => "gluster",
        PoolType::Zfs => "zfs",
    }
}

fn source(pool: &DesiredPool) -> Option<Element> {
    let source = &pool.source;
    if *source == PoolSource::default() {
        return None;
    }
    let hosts = source.hosts.iter().map(|host| {
        let port = host.port.map(|port| port.to_string());
        let mut element = Element::new("host").attribute("name", &host.name);
        if let Some(port) = port {
            element = element.attribute("port", port);
        }
        element
    });
    let devices = source
        .devices
        .iter()
        .map(|path| Element::new("device").attribute("path", path));
    // A folder of a volume of gluster's is `/` unless somebody says more.
    let folder = source.path.as_deref().or(match pool.type_ {
        PoolType::Gluster => Some("/"),
        _ => None,
    });
    let initiator = source
        .initiator
        .as_ref()
        .map(|name| Element::new("initiator").child(Element::new("iqn").attribute("name", name)));
    let adapter = source.adapter.as_ref().map(|name| {
        Element::new("adapter")
            .attribute("type", "scsi_host")
            .attribute("name", name)
    });
    let element = Element::new("source")
        .children(hosts)
        .children(folder.map(|path| Element::new("dir").attribute("path", path)))
        .children(devices)
        .children(login(pool))
        .children(initiator)
        .children(adapter)
        .children(source.name.as_ref().map(|name| Element::text("name", name)))
        .children(
            source
                .format
                .as_ref()
                .map(|word| Element::new("format").attribute("type", word)),
        );
    Some(element)
}

/// The definition of a qcow2 volume of `capacity` bytes that is based on another one. How that is kept
/// is said, so that nobody looks for it in what a guest can write.
#[must_use]
pub fn overlay_xml(name: &str, capacity: u64, base: &str, format: &str) -> String {
    let format = Element::new("format").attribute("type", format);
    let base = Element::new("backingStore")
        .child(Element::text("path", base))
        .child(format);
    volume(name, capacity, "qcow2").child(base).to_string()
}

/// Where a running domain's disk is copied to. How that is kept is said, so that nobody looks for it.
#[must_use]
pub fn mirror_xml(path: &str, format: VolumeFormat, block: bool) -> String {
    let (type_, name) = match block {
        true => ("block", "dev"),
        false => ("file", "file"),
    };
    let driver = Element::new("driver")
        .attribute("name", "qemu")
        .attribute("type", format_word(format));
    Element::new("disk")
        .attribute("type", type_)
        .child(driver)
        .child(Element::new("source").attribute(name, path))
        .to_string()
}

/// The definition of a volume of `capacity` bytes.
#[must_use]
pub fn volume_xml(name: &str, capacity: u64, format: &str) -> String {
    volume(name, capacity, format).to_string()
}

/// The definition of a raw volume that only its owner may read: libvirt makes it QEMU's when a machine
/// with it starts.
#[must_use]
pub fn private_volume_xml(name: &str, capacity: u64) -> String {
    let mut volume = volume(name, capacity, "raw");
    let permissions = Element::new("permissions").child(Element::text("mode", "0600"));
    volume.ensure("target").push(permissions);
    volume.to_string()
}

fn volume(name: &str, capacity: u64, format: &str) -> Element {
    Element::new("volume")
        .child(Element::text("name", name))
        .child(Element::text("capacity", capacity.to_string()).attribute("unit", "bytes"))
        .child(Element::text("allocation", "0").attribute("unit", "bytes"))
        .child(Element::new("target").child(Element::new("format").attribute("type", format)))
}
