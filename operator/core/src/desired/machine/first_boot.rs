//! What a machine's guest is given for its first start.

use drover_crds::virtual_machine::VirtualMachineSpec;
use drover_crds::virtual_machine::{CloudInit, Disk, Ignition, Sysprep};

use crate::desired::Invalid;

/// What a guest is given: one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstBoot {
    /// cloud-init's data.
    CloudInit(Box<CloudInit>),
    /// Ignition's configuration.
    Ignition(Ignition),
    /// The answers to the questions of Windows' setup.
    Sysprep(Sysprep),
}

impl FirstBoot {
    /// Its field of the spec.
    #[must_use]
    pub fn path(&self) -> &'static str {
        match self {
            Self::CloudInit(_) => "spec.cloudInit",
            Self::Ignition(_) => "spec.ignition",
            Self::Sysprep(_) => "spec.sysprep",
        }
    }

    /// The names of the Secrets that it is made from, each with the field that names it.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, &str)> {
        let it = match self {
            Self::CloudInit(it) => it,
            Self::Ignition(it) => return vec![("spec.ignition.secretRef", &it.secret_ref.name)],
            Self::Sysprep(it) => return vec![("spec.sysprep.secretRef", &it.secret_ref.name)],
        };
        let keys = [
            ("spec.cloudInit.userDataSecretRef", &it.user_data_secret_ref),
            (
                "spec.cloudInit.networkDataSecretRef",
                &it.network_data_secret_ref,
            ),
            (
                "spec.cloudInit.vendorDataSecretRef",
                &it.vendor_data_secret_ref,
            ),
        ];
        let named = keys
            .into_iter()
            .filter_map(|(field, key)| Some((field, key.as_ref()?)));
        let mut all: Vec<_> = named
            .map(|(field, key)| (field, key.name.as_str()))
            .collect();
        let ssh = it.ssh_keys_secret_ref.as_ref();
        all.extend(ssh.map(|keys| ("spec.cloudInit.sshKeysSecretRef", keys.name.as_str())));
        all
    }
}

pub(super) fn parse(spec: &VirtualMachineSpec) -> Result<Option<FirstBoot>, Invalid> {
    let cloud_init = spec
        .cloud_init
        .clone()
        .map(|it| FirstBoot::CloudInit(Box::new(it)));
    let ignition = spec.ignition.clone().map(FirstBoot::Ignition);
    let sysprep = spec.sysprep.clone().map(FirstBoot::Sysprep);
    let mut all = [cloud_init, ignition, sysprep].into_iter().flatten();
    let Some(first) = all.next() else {
        return Ok(None);
    };
    if let Some(other) = all.next() {
        let allowed = "at most one of cloudInit, ignition and sysprep can be set";
        return Err(Invalid::new(other.path(), "both", allowed));
    }
    let has_volume = |disk: &Disk| disk.volume.is_some() || disk.volume_template.is_some();
    if !spec.disks.iter().any(has_volume) {
        let allowed = format!(
            "{} needs a disk with volume or volumeTemplate, in whose pool it is kept",
            first.path()
        );
        return Err(Invalid::new("spec.disks", "none", allowed));
    }
    if let FirstBoot::CloudInit(it) = &first {
        one_of(
            "userData",
            it.user_data.is_some(),
            it.user_data_secret_ref.is_some(),
        )?;
        one_of(
            "networkData",
            it.network_data.is_some(),
            it.network_data_secret_ref.is_some(),
        )?;
        one_of(
            "vendorData",
            it.vendor_data.is_some(),
            it.vendor_data_secret_ref.is_some(),
        )?;
    }
    Ok(Some(first))
}

fn one_of(field: &str, inline: bool, secret: bool) -> Result<(), Invalid> {
    if inline && secret {
        let allowed = format!("at most one of {field} and {field}SecretRef can be set");
        return Err(Invalid::new(
            format!("spec.cloudInit.{field}"),
            "both",
            allowed,
        ));
    }
    Ok(())
}
