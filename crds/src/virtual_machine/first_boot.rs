//! What a guest is given for its first start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{LocalRef, SecretKeyRef};
use crate::rules;

/// The largest text that a guest is given, in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// What cloud-init in the guest is given, on a small disk that can only be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::cloud_init()))]
pub struct CloudInit {
    /// How the disk is laid out: NoCloud (the default), or ConfigDrive as OpenStack has it.
    #[serde(default)]
    pub datasource: Datasource,
    /// The user data, such as a `#cloud-config`. It can be read by whoever can read this object:
    /// passwords and keys belong into a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub user_data: Option<String>,
    /// The key of a Secret with the user data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data_secret_ref: Option<SecretKeyRef>,
    /// The network configuration: cloud-init's YAML for NoCloud, OpenStack's JSON for ConfigDrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub network_data: Option<String>,
    /// The key of a Secret with the network configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_data_secret_ref: Option<SecretKeyRef>,
    /// What the provider adds to the user data; the user data counts more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub vendor_data: Option<String>,
    /// The key of a Secret with what the provider adds to the user data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_data_secret_ref: Option<SecretKeyRef>,
    /// The guest's name; that of the machine if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(
            pattern = "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"
        )
    )]
    pub hostname: Option<String>,
    /// A Secret whose values are public SSH keys, one a line, whatever they are called. The guest is
    /// given them beside the user data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_keys_secret_ref: Option<LocalRef>,
    /// Whether a guest whose data have changed takes itself for a new one at its next start, and does
    /// everything again: otherwise it does once what is done once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rerun_on_change: bool,
}

/// How what cloud-init is given is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Datasource {
    /// A file system called `cidata` with `user-data`, `meta-data`, `network-config` and `vendor-data`.
    #[default]
    NoCloud,
    /// A file system called `config-2` with a folder `openstack/latest`.
    ConfigDrive,
}

/// What Ignition in the guest is given, by the firmware's configuration device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ignition {
    /// The key of a Secret with the configuration, in JSON.
    pub secret_ref: SecretKeyRef,
}

/// What Windows' setup is given, on a medium in a drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sysprep {
    /// A Secret with the answers: `autounattend.xml`, `unattend.xml` or both.
    pub secret_ref: LocalRef,
}
