//! CPUs, memory, board, firmware and clock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::LocalRef;
use crate::quantity::Quantity;
use crate::rules;

/// Virtual CPUs: sockets times cores times threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::cpu()))]
pub struct Cpu {
    /// CPU sockets. May grow up to `maxSockets` while the machine runs.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 4_096))]
    pub sockets: i32,
    /// Cores of each socket.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 4_096))]
    pub cores: i32,
    /// Threads of each core.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 4_096))]
    pub threads: i32,
    /// How many sockets the machine may be given while it runs; as many as `sockets` if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_096))]
    pub max_sockets: Option<i32>,
    /// `host-model`, `host-passthrough`, `maximum`, or libvirt's name of a CPU such as
    /// `Skylake-Server`; what suits the host if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9_.+-]*$")
    )]
    pub model: Option<String>,
    /// CPU features that the machine must or must not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub features: Vec<CpuFeature>,
}

impl Default for Cpu {
    fn default() -> Self {
        Self {
            sockets: 1,
            cores: 1,
            threads: 1,
            max_sockets: None,
            model: None,
            features: Vec::new(),
        }
    }
}

fn one() -> i32 {
    1
}

/// A feature of a CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CpuFeature {
    /// libvirt's name of it, such as `vmx`.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[a-z0-9][a-z0-9_.-]*$"))]
    pub name: String,
    /// What is asked of it.
    #[serde(default)]
    pub policy: FeaturePolicy,
}

/// What is asked of a CPU feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeaturePolicy {
    /// The guest sees it whether or not the host has it.
    Force,
    /// The guest sees it, and the machine does not start where the host has it not.
    #[default]
    Require,
    /// The guest sees it if the host has it.
    Optional,
    /// The guest does not see it.
    Disable,
    /// The machine does not start where the host has it.
    Forbid,
}

/// Memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::memory_sizes()))]
pub struct Memory {
    /// What the guest has, in whole MiB, such as `2Gi`. May change up to `maxGuest` while the
    /// machine runs.
    #[schemars(extend("x-kubernetes-validations" = rules::memory()))]
    pub guest: Quantity,
    /// What the guest may be given while it runs, in whole MiB; as much as `guest` if not set. The
    /// guest's balloon driver holds what it does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules::memory()))]
    pub max_guest: Option<Quantity>,
    /// Backs the memory with the host's huge pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hugepages: Option<Hugepages>,
}

/// Huge pages of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hugepages {
    /// Their size, such as `2Mi` or `1Gi`. The machine's memory is a multiple of it.
    #[schemars(extend("x-kubernetes-validations" = rules::positive()))]
    pub page_size: Quantity,
}

/// The board that a guest sees.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// libvirt's machine type, such as `q35` or `pc-q35-7.2`; the host's default if not set.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9_.+-]*$")
    )]
    pub type_: Option<String>,
    /// The architecture of its CPUs, such as `x86_64`; the host's own if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = "^[a-z0-9_]+$"))]
    pub architecture: Option<String>,
}

/// What starts the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::firmware()))]
pub struct Firmware {
    /// BIOS (the default) or EFI. A machine that is there cannot change it.
    #[serde(default)]
    pub bootloader: Bootloader,
    /// Whether EFI starts only what is signed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secure_boot: bool,
    /// An emulated TPM 2.0. Its secrets go with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm: Option<Tpm>,
    /// A kernel that is started instead of a boot loader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_boot: Option<KernelBoot>,
}

/// A guest's firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Bootloader {
    /// SeaBIOS, or what the board has.
    #[default]
    #[serde(rename = "BIOS")]
    Bios,
    /// UEFI; the host picks the build.
    #[serde(rename = "EFI")]
    Efi,
}

/// An emulated TPM.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Tpm {}

/// A kernel in a Volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KernelBoot {
    /// The Volume that holds the kernel, byte for byte.
    pub kernel_volume: LocalRef,
    /// The Volume that holds the first RAM disk, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd_volume: Option<LocalRef>,
    /// What is handed to the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2_000), regex(pattern = "^[ -~]*$"))]
    pub cmdline: Option<String>,
}

/// The guest's clock. Exactly one member is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::clock()))]
pub struct Clock {
    /// A time zone such as `Europe/Berlin`, for guests that expect local time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$")
    )]
    pub timezone: Option<String>,
    /// UTC, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc: Option<Utc>,
}

/// Coordinated universal time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Utc {}
