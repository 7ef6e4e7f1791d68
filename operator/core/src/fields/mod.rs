//! Every field of a machine that Drover models: how it is declared, how a definition shows it, how
//! it is written there, and what it takes to change it. The plan, the documentation and the tests
//! all go by these tables.

mod compute;
mod devices;
mod disk;
mod firmware;
mod first_boot;
mod interface;
mod shape;
mod target;
mod value;

use roxmltree::Node;

pub use disk::DISK_ROWS;
pub use interface::INTERFACE_ROWS;
pub use shape::{Item, Shape, short_hash};
pub use value::Value;

pub(crate) use devices::HOST_DEVICE_ALIAS;
pub(crate) use disk::{DISK_ALIAS, DiskField, LIMITS, is_drive, limit, new_disk};
pub(crate) use firmware::family;
pub(crate) use first_boot::is_seed;
pub(crate) use interface::{INTERFACE_ALIAS, NicField, bandwidth_of, new_interface};
pub(crate) use shape::shown;
pub(crate) use target::{free_target, targets};

use crate::desired::machine::DesiredMachine;
use crate::xml::{DomainType, Element};

/// What it takes to make a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// It is made while the machine runs.
    Live,
    /// It is written down, and takes effect at the next start.
    NextBoot,
    /// The machine has to be shut down and started.
    RestartNow,
    /// The machine has to move to another host.
    Migrate,
    /// The machine would have to be made anew.
    Recreate,
    /// It is not done at all.
    Forbidden,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Live,
        Self::NextBoot,
        Self::RestartNow,
        Self::Migrate,
        Self::Recreate,
        Self::Forbidden,
    ];

    /// As a status has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::NextBoot => "NextBoot",
            Self::RestartNow => "RestartNow",
            Self::Migrate => "Migrate",
            Self::Recreate => "Recreate",
            Self::Forbidden => "Forbidden",
        }
    }

    /// Whether nobody's approval lets it happen.
    #[must_use]
    pub fn is_refused(self) -> bool {
        matches!(self, Self::Migrate | Self::Recreate | Self::Forbidden)
    }
}

/// What of a definition depends on where the machine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// What runs guests there.
    pub domain_type: DomainType,
    /// The architecture of its guests, if the spec names none.
    pub architecture: String,
    /// Where its disks are.
    pub disks: Vec<crate::xml::ResolvedDisk>,
    /// The path of the kernel that it starts.
    pub kernel: Option<String>,
    /// The path of that kernel's first RAM disk.
    pub initrd: Option<String>,
    /// The devices of its host that it is given, by its names for them; nothing, if that is not known.
    pub host_devices: Option<Vec<(String, String)>>,
    /// Where what its guest is given for its first start is kept, if that is known.
    pub seed: Option<crate::xml::ResolvedSeed>,
}

/// Why a class is not the usual one of a field.
pub type Judgement = Option<(Class, &'static str)>;

/// A change that is being judged.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// What the definition has.
    pub from: &'a Value,
    /// What is declared.
    pub to: &'a Value,
    /// All that the definition has beside it.
    pub found: &'a [Value],
    /// All that is declared beside it.
    pub wanted: &'a [Value],
}

/// One field: `W` is what declares it.
pub struct Row<W> {
    /// Its path in the spec.
    pub path: &'static str,
    /// What it usually takes to change it while the machine runs.
    pub class: Class,
    /// Why it takes that, or what to do instead.
    pub words: &'static str,
    /// What is declared.
    pub want: fn(&W, &Site) -> Value,
    /// What a definition shows.
    pub read: fn(Node<'_, '_>) -> Value,
    /// Puts it into a definition, of which these are to be all values.
    pub write: fn(&mut Element, &[Value]),
    /// Whether what a definition shows is what is declared, in other words.
    pub same: fn(&str, &str) -> bool,
    /// When it takes something else.
    pub judge: fn(&Judged<'_>) -> Judgement,
    /// Whether what runs shows it as it was declared.
    pub shown_live: bool,
    /// Whether only QEMU has it.
    pub qemu_only: bool,
}

impl<W> Row<W> {
    const fn new(
        path: &'static str,
        class: Class,
        words: &'static str,
        want: fn(&W, &Site) -> Value,
        read: fn(Node<'_, '_>) -> Value,
        write: fn(&mut Element, &[Value]),
    ) -> Self {
        Self {
            path,
            class,
            words,
            want,
            read,
            write,
            same: |_, _| false,
            judge: |_| None,
            shown_live: true,
            qemu_only: false,
        }
    }

    const fn judged(mut self, judge: fn(&Judged<'_>) -> Judgement) -> Self {
        self.judge = judge;
        self
    }

    const fn also_same(mut self, same: fn(&str, &str) -> bool) -> Self {
        self.same = same;
        self
    }

    const fn of_qemu(mut self) -> Self {
        self.qemu_only = true;
        self
    }

    const fn hidden_live(mut self) -> Self {
        self.shown_live = false;
        self
    }
}

impl<W> Row<W> {
    /// Whether a definition that shows one thing is as declared, as far as can be told.
    pub(crate) fn agrees(&self, shown: &Value, declared: &Value) -> bool {
        let word = |value: &Value| match value {
            Value::Text(text) => Some(text.clone()),
            Value::None => Some("none".into()),
            _ => None,
        };
        if *shown == Value::Any || *declared == Value::Any || shown == declared {
            return true;
        }
        let words = word(shown).zip(word(declared));
        words.is_some_and(|(shown, declared)| (self.same)(&shown, &declared))
    }
}

/// The fields that a machine has once, in the order of [`ROWS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Sockets,
    Cores,
    Threads,
    MaxSockets,
    CpuModel,
    CpuFeatures,
    Memory,
    MaxMemory,
    Hugepages,
    MachineType,
    Architecture,
    Bootloader,
    SecureBoot,
    Tpm,
    Kernel,
    Initrd,
    Cmdline,
    Clock,
    CloudInit,
    Ignition,
    Sysprep,
    Graphics,
    Video,
    Serial,
    Rng,
    Watchdog,
    Balloon,
    AgentChannel,
    Panic,
    HostDevices,
}

/// The fields that a machine has once.
pub static ROWS: [Row<DesiredMachine>; 30] = [
    compute::SOCKETS,
    compute::CORES,
    compute::THREADS,
    compute::MAX_SOCKETS,
    compute::CPU_MODEL,
    compute::CPU_FEATURES,
    compute::MEMORY,
    compute::MAX_MEMORY,
    compute::HUGEPAGES,
    firmware::MACHINE_TYPE,
    firmware::ARCHITECTURE,
    firmware::BOOTLOADER,
    firmware::SECURE_BOOT,
    firmware::TPM,
    firmware::KERNEL,
    firmware::INITRD,
    firmware::CMDLINE,
    firmware::CLOCK,
    first_boot::CLOUD_INIT,
    first_boot::IGNITION,
    first_boot::SYSPREP,
    devices::GRAPHICS,
    devices::VIDEO,
    devices::SERIAL,
    devices::RNG,
    devices::WATCHDOG,
    devices::BALLOON,
    devices::AGENT_CHANNEL,
    devices::PANIC,
    devices::HOST_DEVICES,
];

#[cfg(test)]
mod tests {
    use super::{Field, ROWS};

    #[test]
    fn each_field_is_in_its_row() {
        for (field, path) in [
            (Field::Sockets, "spec.cpu.sockets"),
            (Field::CpuFeatures, "spec.cpu.features"),
            (Field::Memory, "spec.memory.guest"),
            (Field::MachineType, "spec.machine.type"),
            (Field::Bootloader, "spec.firmware.bootloader"),
            (Field::Clock, "spec.clock"),
            (Field::CloudInit, "spec.cloudInit"),
            (Field::Graphics, "spec.devices.graphics"),
            (Field::Panic, "spec.devices.panic"),
            (Field::HostDevices, "spec.devices.hostDevices"),
        ] {
            assert_eq!(ROWS[field as usize].path, path);
        }
    }
}
