//! A domain.

use std::sync::Arc;

use roxmltree::Node;
use uuid::Uuid;

use super::node_device::Address;
use super::{Unreadable, attribute, bytes, child, children, parse};
use crate::fields::{
    DISK_ALIAS, DISK_ROWS, Field, HOST_DEVICE_ALIAS, INTERFACE_ALIAS, INTERFACE_ROWS, ROWS, Value,
    is_seed, shown,
};
use crate::host_devices::Given;
use crate::identity::{Mark, Stop};

/// libvirt's states of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainState {
    /// Nothing is known.
    NoState,
    /// It runs.
    Running,
    /// It waits for something.
    Blocked,
    /// Its CPUs stand still.
    Paused,
    /// It is shutting down.
    Shutdown,
    /// It is off.
    Shutoff,
    /// It is off after a failure.
    Crashed,
    /// The guest has suspended itself.
    PmSuspended,
}

impl DomainState {
    /// From libvirt's number.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Running,
            2 => Self::Blocked,
            3 => Self::Paused,
            4 => Self::Shutdown,
            5 => Self::Shutoff,
            6 => Self::Crashed,
            7 => Self::PmSuspended,
            _ => Self::NoState,
        }
    }

    /// libvirt's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoState => "NoState",
            Self::Running => "Running",
            Self::Blocked => "Blocked",
            Self::Paused => "Paused",
            Self::Shutdown => "Shutdown",
            Self::Shutoff => "Shutoff",
            Self::Crashed => "Crashed",
            Self::PmSuspended => "PMSuspended",
        }
    }

    /// Whether there is a process with the guest's memory.
    #[must_use]
    pub fn is_active(self) -> bool {
        !matches!(self, Self::NoState | Self::Shutoff | Self::Crashed)
    }

    /// libvirt's reason for the state.
    #[must_use]
    pub fn reason(self, reason: i32) -> &'static str {
        let words: &[&str] = match self {
            Self::Running => &[
                "Unknown",
                "Booted",
                "Migrated",
                "Restored",
                "FromSnapshot",
                "Unpaused",
                "MigrationCanceled",
                "SaveCanceled",
                "Wakeup",
                "Crashed",
                "PostCopy",
                "PostCopyFailed",
            ],
            Self::Paused => &[
                "Unknown",
                "User",
                "Migration",
                "Save",
                "Dump",
                "IOError",
                "Watchdog",
                "FromSnapshot",
                "ShuttingDown",
                "Snapshot",
                "Crashed",
                "StartingUp",
                "PostCopy",
                "PostCopyFailed",
                "ApiError",
            ],
            Self::Shutdown => &["Unknown", "User"],
            Self::Shutoff => &[
                "Unknown",
                "Shutdown",
                "Destroyed",
                "Crashed",
                "Migrated",
                "Saved",
                "Failed",
                "FromSnapshot",
                "Daemon",
            ],
            Self::Crashed => &["Unknown", "Panicked"],
            _ => &["Unknown"],
        };
        usize::try_from(reason)
            .ok()
            .and_then(|at| words.get(at).copied())
            .unwrap_or("Unknown")
    }
}

/// A domain as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedDomain {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// Its state.
    pub state: DomainState,
    /// libvirt's reason for it.
    pub reason: &'static str,
    /// Whether it has a definition that outlives it.
    pub persistent: bool,
    /// Whether libvirt starts it with the host.
    pub autostart: bool,
    /// What runs, if it is active.
    pub live: Option<Arc<Definition>>,
    /// What its next start takes.
    pub inactive: Option<Arc<Definition>>,
}

impl ObservedDomain {
    /// Drover's mark, if it has one: the one that its next start takes counts.
    #[must_use]
    pub fn mark(&self) -> Option<&Mark> {
        let definition = self.inactive.as_ref().or(self.live.as_ref());
        definition.and_then(|definition| definition.mark.as_ref())
    }

    /// Both definitions.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.live.iter().chain(&self.inactive).map(AsRef::as_ref)
    }
}

impl ObservedDomain {
    /// How it came to be off, as its state tells.
    #[must_use]
    pub fn stop(&self) -> Stop {
        match (self.state, self.reason) {
            (DomainState::Crashed, _) | (_, "Crashed" | "Failed") => Stop::Crash,
            (_, "Shutdown") => Stop::GuestShutdown,
            (_, "Destroyed" | "Migrated" | "Saved") => Stop::Outside,
            // A daemon that has just started does not know, and neither does one whose host has.
            _ => Stop::HostLost,
        }
    }
}

/// What a definition says, as far as Drover asks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Definition {
    /// Memory in KiB: what it may have at most.
    pub memory_kib: u64,
    /// Virtual CPUs that it has.
    pub vcpus: u32,
    /// The fields that it has once, in the order of [`ROWS`]. Those of many machines are the same.
    pub values: Arc<Vec<Value>>,
    /// The disks, without the one with what the guest is given for its first start.
    pub disks: Vec<DiskFacts>,
    /// The interfaces.
    pub interfaces: Vec<InterfaceFacts>,
    /// The devices of its host that it has.
    pub host_devices: Vec<HostDeviceFacts>,
    /// Whether the guest's agent answers.
    pub agent: bool,
    /// Drover's mark.
    pub mark: Option<Mark>,
}

impl Definition {
    /// The huge pages that its memory is made of: their size in bytes, 0 if it is the host's usual one.
    #[must_use]
    pub fn hugepages(&self) -> Option<u64> {
        match self.values.get(Field::Hugepages as usize)? {
            Value::None | Value::Any => None,
            other => Some(other.as_number().unwrap_or(0) << 10),
        }
    }

    /// Whether it has a screen.
    #[must_use]
    pub fn has_screen(&self) -> bool {
        let screen = self.values.get(Field::Graphics as usize);
        screen.is_some_and(|it| !matches!(it, Value::None | Value::Any))
    }
}

/// A disk of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskFacts {
    /// Its name in the spec, if Drover wrote it or took it over.
    pub name: Option<String>,
    /// Whether only the mark says so.
    pub adopted: bool,
    /// The name of its device, such as `vda`.
    pub target: String,
    /// The pool and the volume, if it says so.
    pub volume: Option<(String, String)>,
    /// The path of the disk itself, if it says so.
    pub path: Option<String>,
    /// Every path that it, its backing chain and its mirror name.
    pub paths: Vec<String>,
    /// The path of what it is being copied to while it runs.
    pub mirror: Option<String>,
    /// Whether nobody writes into it.
    pub read_only: bool,
    /// Its fields, in the order of [`DISK_ROWS`].
    pub values: Vec<Value>,
}

/// An interface of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceFacts {
    /// Its name in the spec, if Drover wrote it or took it over.
    pub name: Option<String>,
    /// Whether only the mark says so.
    pub adopted: bool,
    /// Its MAC address, in lower case.
    pub mac: String,
    /// Its network.
    pub network: Option<String>,
    /// Its fields, in the order of [`INTERFACE_ROWS`].
    pub values: Vec<Value>,
}

/// A device of its host that a definition has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDeviceFacts {
    /// Its name in the spec, if Drover wrote it.
    pub name: Option<String>,
    /// Which one it is.
    pub address: Address,
}

impl Definition {
    /// The devices of its host that Drover gives it.
    #[must_use]
    pub fn given(&self) -> Given {
        let all = self.host_devices.iter();
        all.filter_map(|it| Some((it.name.clone()?, it.address.clone())))
            .collect()
    }

    /// Reads the XML of a domain.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not XML.
    pub fn parse(xml: &str) -> Result<Self, Unreadable> {
        let document = parse("a domain", xml)?;
        let root = document.root_element();
        let devices = child(root, "devices");
        let devices = |name| {
            devices
                .into_iter()
                .flat_map(move |devices| children(devices, name))
        };
        let vcpu = child(root, "vcpu");
        let current = vcpu.and_then(|vcpu| vcpu.attribute("current").or_else(|| vcpu.text()));
        let mut definition = Self {
            memory_kib: bytes(root, "memory", "KiB").unwrap_or_default() >> 10,
            vcpus: current
                .and_then(|count| count.trim().parse().ok())
                .unwrap_or(1),
            values: Arc::new(shown(&ROWS, root)),
            disks: devices("disk").filter(|it| !gives(*it)).map(disk).collect(),
            interfaces: devices("interface").map(interface).collect(),
            host_devices: devices("hostdev").filter_map(host_device).collect(),
            agent: devices("channel").any(agent_answers),
            mark: Mark::read(root),
        };
        definition.name_adopted();
        Ok(definition)
    }

    // What Drover did not write is named by the mark.
    fn name_adopted(&mut self) {
        let adopted = self.mark.iter().flat_map(|mark| &mark.recorded.adopted);
        for (device, name) in adopted {
            let unnamed = self
                .disks
                .iter_mut()
                .find(|disk| disk.name.is_none() && disk.target == *device);
            if let Some(disk) = unnamed {
                (disk.name, disk.adopted) = (Some(name.clone()), true);
            }
            let unnamed = self
                .interfaces
                .iter_mut()
                .find(|nic| nic.name.is_none() && nic.mac == *device);
            if let Some(nic) = unnamed {
                (nic.name, nic.adopted) = (Some(name.clone()), true);
            }
        }
    }

    /// Where what the guest is given for its first start is kept: a pool and a volume, or a path.
    pub fn seeds(&self) -> impl Iterator<Item = &str> {
        let fields = [Field::CloudInit, Field::Ignition, Field::Sysprep].into_iter();
        let values = fields.filter_map(|field| self.values.get(field as usize));
        values.filter_map(|value| match value {
            Value::Sealed(place) => Some(place.as_str()),
            _ => None,
        })
    }

    /// Where what this field of the spec gives the guest is kept.
    #[must_use]
    pub fn seed_of(&self, path: &str) -> Option<&str> {
        let mut rows = ROWS.iter().zip(self.values.iter());
        match rows.find(|(row, _)| row.path == path)?.1 {
            Value::Sealed(place) => Some(place),
            _ => None,
        }
    }

    /// Whether a disk, what it is based on, or the kernel that is started, is this volume.
    #[must_use]
    pub fn uses(&self, pool: &str, volume: &str, path: Option<&str>) -> bool {
        let kernel = |field: Field| self.values.get(field as usize).and_then(Value::as_text);
        let boots = [Field::Kernel, Field::Initrd]
            .into_iter()
            .filter_map(kernel);
        if path.is_some_and(|path| boots.into_iter().any(|used| used == path)) {
            return true;
        }
        let is_this =
            |place: &str| place.split_once('/') == Some((pool, volume)) || Some(place) == path;
        if self.seeds().any(is_this) {
            return true;
        }
        self.disks.iter().any(|disk| {
            let named = disk
                .volume
                .as_ref()
                .is_some_and(|(p, v)| p == pool && v == volume);
            named || path.is_some_and(|path| disk.paths.iter().any(|used| used == path))
        })
    }
}

fn agent_answers(channel: Node<'_, '_>) -> bool {
    child(channel, "target").is_some_and(|target| {
        target.attribute("name") == Some("org.qemu.guest_agent.0")
            && target.attribute("state") == Some("connected")
    })
}

fn gives(disk: Node<'_, '_>) -> bool {
    attribute(disk, "alias", "name").is_some_and(|alias| is_seed(&alias))
}

fn user_alias(node: Node<'_, '_>, prefix: &str) -> Option<String> {
    attribute(node, "alias", "name")?
        .strip_prefix(prefix)
        .map(str::to_owned)
}

fn paths_of<'a>(source: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    ["file", "dev", "dir", "name"]
        .into_iter()
        .filter_map(move |name| source.attribute(name))
}

fn disk(node: Node<'_, '_>) -> DiskFacts {
    let source = child(node, "source");
    let attribute_of = |name| {
        source
            .and_then(|source| source.attribute(name))
            .map(str::to_owned)
    };
    // Paths of the disk itself and of each level that it is based on.
    let sources = node
        .descendants()
        .filter(|inner| inner.has_tag_name("source"));
    let paths = sources.flat_map(paths_of);
    let first = |source: Option<Node<'_, '_>>| {
        let path = source.and_then(|source| paths_of(source).next());
        path.map(str::to_owned)
    };
    let mirror = child(node, "mirror").and_then(|mirror| child(mirror, "source"));
    DiskFacts {
        name: user_alias(node, DISK_ALIAS),
        adopted: false,
        target: attribute(node, "target", "dev").unwrap_or_default(),
        volume: attribute_of("pool").zip(attribute_of("volume")),
        path: first(source),
        paths: paths.map(str::to_owned).collect(),
        mirror: first(mirror),
        read_only: child(node, "readonly").is_some(),
        values: shown(&DISK_ROWS, node),
    }
}

fn interface(node: Node<'_, '_>) -> InterfaceFacts {
    InterfaceFacts {
        name: user_alias(node, INTERFACE_ALIAS),
        adopted: false,
        mac: attribute(node, "mac", "address")
            .unwrap_or_default()
            .to_lowercase(),
        network: attribute(node, "source", "network"),
        values: shown(&INTERFACE_ROWS, node),
    }
}

pub(crate) fn host_device(node: Node<'_, '_>) -> Option<HostDeviceFacts> {
    Some(HostDeviceFacts {
        name: user_alias(node, HOST_DEVICE_ALIAS),
        address: Address::of_hostdev(node)?,
    })
}

#[cfg(test)]
mod tests {
    use super::Definition;

    #[test]
    fn what_a_definition_says() {
        let definition = Definition::parse(
            "<domain type='kvm' id='3'><name>web</name><memory unit='MiB'>512</memory>\
             <vcpu placement='static'>4</vcpu>\
             <cpu><topology sockets='1' dies='2' cores='2' threads='1'/></cpu>\
             <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>\
             <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>\
             <source file='/a/top.qcow2'/><backingStore type='file'><source file='/a/base'/>\
             </backingStore><target dev='vda' bus='virtio'/><alias name='virtio-disk0'/></disk>\
             <disk type='volume'><source pool='p' volume='v' index='1'/><target dev='vdb'/>\
             <alias name='ua-disk-data'/></disk>\
             <interface type='network'><mac address='52:54:00:AB:00:01'/>\
             <source network='lan' portid='x' bridge='virbr0'/><model type='virtio'/></interface>\
             </devices></domain>",
        )
        .unwrap();
        assert_eq!(definition.memory_kib, 512 << 10);
        assert_eq!(definition.vcpus, 4);
        let shown: Vec<_> = definition.values.iter().map(ToString::to_string).collect();
        assert_eq!(shown[..4], ["2", "2", "1", "2"]);
        assert!(shown.contains(&"pc-q35-7.2".to_owned()));
        assert!(definition.uses("x", "y", Some("/a/base")));
        assert!(definition.uses("p", "v", None));
        assert!(!definition.uses("p", "w", Some("/a")));
        assert_eq!(definition.disks[1].name.as_deref(), Some("data"));
        let paths = definition.disks.iter().map(|disk| disk.path.as_deref());
        assert_eq!(paths.collect::<Vec<_>>(), [Some("/a/top.qcow2"), None]);
        assert_eq!(definition.interfaces[0].mac, "52:54:00:ab:00:01");
        assert_eq!(definition.mark, None);
    }

    #[test]
    fn a_disk_that_is_being_copied() {
        let definition = Definition::parse(
            "<domain><devices><disk type='volume'><source pool='p' volume='v'/>\
             <mirror type='file' file='/a/copy' format='raw' job='copy' ready='yes'>\
             <format type='raw'/><source file='/a/copy'/></mirror><target dev='vda'/></disk>\
             <disk type='file'><source file='/a/cd'/><target dev='sda'/><readonly/></disk>\
             </devices></domain>",
        )
        .unwrap();
        let [disk, drive] = &definition.disks[..] else {
            panic!("{definition:?}");
        };
        assert_eq!((&disk.path, disk.read_only), (&None, false));
        assert_eq!(disk.mirror.as_deref(), Some("/a/copy"));
        assert!(definition.uses("x", "y", Some("/a/copy")));
        assert_eq!((&drive.mirror, drive.read_only), (&None, true));
    }

    #[test]
    fn what_is_no_definition() {
        assert!(Definition::parse("<domain>").is_err());
        assert_eq!(Definition::parse("<domain/>").unwrap().vcpus, 1);
    }
}
