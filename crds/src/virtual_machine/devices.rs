//! Devices beside disks and interfaces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// Devices beside disks and interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Devices {
    /// A screen that can be looked at from outside; none if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graphics: Option<Graphics>,
    /// The graphics card; none without `graphics`, what suits it otherwise, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<Video>,
    /// A serial port, which `drover console` opens and whose output is kept on the host.
    #[serde(default = "yes")]
    pub serial: bool,
    /// A source of random numbers.
    #[serde(default = "yes")]
    pub rng: bool,
    /// What happens when the guest stops answering; no watchdog if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<Watchdog>,
    /// The balloon, by which memory is given and taken while the machine runs.
    #[serde(default = "yes")]
    pub balloon: bool,
    /// The channel of the QEMU guest agent.
    #[serde(default = "yes")]
    pub agent_channel: bool,
    /// A device by which the guest tells that its kernel has panicked.
    #[serde(default = "yes")]
    pub panic: bool,
    /// Devices of the host that the guest is given whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub host_devices: Vec<HostDevice>,
}

/// A device of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostDevice {
    /// Its name in this machine.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    )]
    pub name: String,
    /// What it is: one of the resources that Hosts have in `devices`.
    #[schemars(
        length(min = 3, max = 253),
        regex(pattern = rules::RESOURCE)
    )]
    pub resource: String,
}

impl Default for Devices {
    fn default() -> Self {
        Self {
            graphics: None,
            video: None,
            serial: true,
            rng: true,
            watchdog: None,
            balloon: true,
            agent_channel: true,
            panic: true,
            host_devices: Vec::new(),
        }
    }
}

fn yes() -> bool {
    true
}

/// A screen that can be looked at from outside. It listens on the host's loopback only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Graphics {
    /// The protocol.
    #[serde(default, rename = "type")]
    pub type_: GraphicsType,
}

/// The protocol of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GraphicsType {
    /// VNC.
    #[default]
    Vnc,
    /// SPICE, where the host's QEMU has it.
    Spice,
}

/// A graphics card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Video {
    /// What the guest sees.
    pub model: VideoModel,
}

/// What a guest sees as its graphics card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VideoModel {
    /// virtio-gpu.
    Virtio,
    /// Plain VGA.
    Vga,
    /// QXL, for SPICE.
    Qxl,
    /// The old Cirrus card.
    Cirrus,
    /// A frame buffer that early firmware can use.
    Bochs,
    /// None.
    None,
}

/// A watchdog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Watchdog {
    /// The device.
    #[serde(default)]
    pub model: WatchdogModel,
    /// What happens when the guest stops answering.
    #[serde(default)]
    pub action: WatchdogAction,
}

/// A watchdog device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchdogModel {
    /// Intel's 6300ESB, a PCI card.
    #[default]
    I6300esb,
    /// The one of the q35 board.
    Itco,
    /// An ISA card.
    Ib700,
}

/// What happens to a guest that stops answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchdogAction {
    /// It is reset.
    #[default]
    Reset,
    /// It is powered off, and counts as crashed.
    Poweroff,
    /// It is paused.
    Pause,
    /// Nothing; it is only told.
    None,
}
