//! A machine.

use drover_crds::VirtualMachine;
use drover_crds::virtual_machine::{Disk, RunStrategy, VolumeTemplate};
pub use drover_crds::virtual_machine::{DiskBus, InterfaceModel, MachineDeletionPolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use uuid::Uuid;

use super::{Invalid, bytes};
use crate::identity;

/// A machine as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredMachine {
    /// The fleet.
    pub fleet: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its object's UID.
    pub uid: String,
    /// Its domain's UUID.
    pub uuid: Uuid,
    /// Its domain's name.
    pub domain_name: String,
    /// Whether it is to run.
    pub run: bool,
    /// CPU sockets.
    pub sockets: u32,
    /// Cores of each socket.
    pub cores: u32,
    /// Threads of each core.
    pub threads: u32,
    /// Memory in KiB: a whole number of MiB.
    pub memory_kib: u64,
    /// libvirt's machine type.
    pub machine_type: Option<String>,
    /// The architecture.
    pub architecture: Option<String>,
    /// Its disks.
    pub disks: Vec<DesiredDisk>,
    /// Its interfaces.
    pub interfaces: Vec<DesiredInterface>,
    /// The one host that it may be on.
    pub host: Option<String>,
    /// The labels of the hosts that it may be on.
    pub host_selector: Option<LabelSelector>,
    /// How long it may take to shut down, in milliseconds.
    pub grace_millis: u64,
    /// What deleting it does.
    pub deletion_policy: MachineDeletionPolicy,
}

/// A disk of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredDisk {
    /// Its name.
    pub name: String,
    /// How the guest sees it.
    pub bus: DiskBus,
    /// Its place among the boot devices.
    pub boot_order: Option<i32>,
    /// The name of its Volume.
    pub volume: String,
    /// What the Volume is made from, if it is made with the machine.
    pub template: Option<VolumeTemplate>,
}

/// An interface of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredInterface {
    /// Its name.
    pub name: String,
    /// Its Network, which is also the libvirt network's name.
    pub network: String,
    /// The device that the guest sees.
    pub model: InterfaceModel,
    /// Its MAC address, in lower case.
    pub mac: String,
}

impl DesiredMachine {
    /// Reads a machine's object.
    ///
    /// # Errors
    /// [`Invalid`] for what the API server should have refused.
    pub fn parse(object: &VirtualMachine, fleet: &str) -> Result<Self, Invalid> {
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let name = object.metadata.name.clone().unwrap_or_default();
        let spec = &object.spec;
        let uuid = identity::machine_uuid(fleet, &namespace, &name);
        let memory = bytes("spec.memory.guest", &spec.memory.guest)?;
        if memory == 0 || memory % (1 << 20) != 0 {
            let value = spec.memory.guest.0.clone();
            return Err(Invalid::new(
                "spec.memory.guest",
                value,
                "must be a whole number of MiB",
            ));
        }
        let count = |field: &str, value: i32| match u32::try_from(value) {
            Ok(count @ 1..=4_096) => Ok(count),
            _ => Err(Invalid::new(field, value.to_string(), "must be 1..4096")),
        };
        let machine = spec.machine.clone().unwrap_or_default();
        let placement = spec.placement.clone().unwrap_or_default();
        let disks = spec
            .disks
            .iter()
            .map(|disk| parse_disk(disk, &name))
            .collect::<Result<_, _>>()?;
        let interfaces = spec.interfaces.iter().map(|interface| DesiredInterface {
            name: interface.name.clone(),
            network: interface.network.clone(),
            model: interface.model,
            mac: interface.mac_address.as_ref().map_or_else(
                || identity::mac_address(&uuid, &interface.name),
                |mac| mac.to_lowercase(),
            ),
        });
        Ok(Self {
            fleet: fleet.to_owned(),
            domain_name: identity::domain_name(&namespace, &name),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            uuid,
            run: spec.run_strategy == RunStrategy::Always,
            sockets: count("spec.cpu.sockets", spec.cpu.sockets)?,
            cores: count("spec.cpu.cores", spec.cpu.cores)?,
            threads: count("spec.cpu.threads", spec.cpu.threads)?,
            memory_kib: memory >> 10,
            machine_type: machine.type_,
            architecture: machine.architecture,
            disks,
            interfaces: interfaces.collect(),
            host: placement.host,
            host_selector: placement.host_selector,
            grace_millis: u64::try_from(spec.termination_grace_period_seconds).unwrap_or(0) * 1_000,
            deletion_policy: spec.deletion_policy,
            namespace,
            name,
        })
    }

    /// How many virtual CPUs it has.
    #[must_use]
    pub fn vcpus(&self) -> u32 {
        self.sockets
            .saturating_mul(self.cores)
            .saturating_mul(self.threads)
    }
}

fn parse_disk(disk: &Disk, machine: &str) -> Result<DesiredDisk, Invalid> {
    let (volume, template) = match (&disk.volume, &disk.volume_template) {
        (Some(volume), None) => (volume.name.clone(), None),
        (None, Some(template)) => (format!("{machine}-{}", disk.name), Some(template.clone())),
        _ => {
            let field = format!("spec.disks[{}]", disk.name);
            let allowed = "exactly one of volume and volumeTemplate is needed";
            return Err(Invalid::new(field, "both or none", allowed));
        }
    };
    Ok(DesiredDisk {
        name: disk.name.clone(),
        bus: disk.bus,
        boot_order: disk.boot_order,
        volume,
        template,
    })
}
