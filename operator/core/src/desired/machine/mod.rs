//! A machine.

mod first_boot;
mod parts;
mod placement;

use std::collections::BTreeMap;

use drover_crds::instance_type::InstanceTypeSpec;
use drover_crds::virtual_machine::{
    APPROVE, Approval, ChangeClass, Cpu, Devices, Drift, Memory, RESET_AT, RESTARTED_AT,
    STARTED_AT, STOPPED_AT, VolumeTemplate,
};
pub use drover_crds::virtual_machine::{
    Bootloader, DiskBus, DiskQos, DiskType, Firmware, InterfaceModel, InterfaceQos,
    MachineDeletionPolicy, RunStrategy, WhenHalted,
};
use drover_crds::{ManagementPolicy, VirtualMachine};
use uuid::Uuid;

pub use self::first_boot::FirstBoot;
use self::parts::{parse_cpu, parse_disk, parse_interface, parse_memory};
pub use self::placement::{DesiredGroup, DesiredPlacement, taint};
use super::Invalid;
use super::image::ImageName;
use crate::identity::{self, Acted};

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
    /// Whether the spec names that UUID: the domain exists, and is taken over.
    pub existing: bool,
    /// Its domain's name.
    pub domain_name: String,
    /// When it is to run.
    pub strategy: RunStrategy,
    /// Whether its CPUs are to stand still.
    pub paused: bool,
    /// Its CPUs.
    pub cpu: DesiredCpu,
    /// Its memory.
    pub memory: DesiredMemory,
    /// libvirt's machine type.
    pub machine_type: Option<String>,
    /// The architecture.
    pub architecture: Option<String>,
    /// What starts the guest.
    pub firmware: Firmware,
    /// The time zone of its clock; UTC, if not set.
    pub timezone: Option<String>,
    /// Its disks.
    pub disks: Vec<DesiredDisk>,
    /// Its interfaces.
    pub interfaces: Vec<DesiredInterface>,
    /// What its guest is given for its first start.
    pub first_boot: Option<FirstBoot>,
    /// Its other devices.
    pub devices: Devices,
    /// What its InstanceType says, as JSON.
    pub instance_type: Option<String>,
    /// Its object's labels, by which others want to be near to it or not.
    pub labels: BTreeMap<String, String>,
    /// Where it may be.
    pub placement: DesiredPlacement,
    /// The classes of changes that are made unasked.
    pub allow: Vec<ChangeClass>,
    /// Whether a person has to approve each plan.
    pub approval: Approval,
    /// The hash of the plan that is approved.
    pub approved: Option<String>,
    /// What is done about a change behind Drover's back.
    pub drift: Drift,
    /// The beginnings of the paths of what stays as it is found: what the spec of a machine that is
    /// taken over leaves out.
    pub as_found: Vec<&'static str>,
    /// Whether Drover only looks.
    pub observe: bool,
    /// What its annotations ask for.
    pub asked: Acted,
    /// How long it may take to shut down, in milliseconds.
    pub grace_millis: u64,
    /// What deleting it does.
    pub deletion_policy: MachineDeletionPolicy,
}

/// Virtual CPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredCpu {
    /// Sockets.
    pub sockets: u32,
    /// Cores of each socket.
    pub cores: u32,
    /// Threads of each core.
    pub threads: u32,
    /// Sockets that it may be given while it runs.
    pub max_sockets: Option<u32>,
    /// The model.
    pub model: Option<String>,
    /// The features, each with its policy, by name.
    pub features: Vec<(String, &'static str)>,
}

/// Memory in KiB: whole numbers of MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DesiredMemory {
    /// What the guest has.
    pub kib: u64,
    /// What it may be given while it runs.
    pub max_kib: Option<u64>,
    /// The size of the huge pages that back it.
    pub page_kib: Option<u64>,
}

/// A disk of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredDisk {
    /// Its name.
    pub name: String,
    /// What the guest sees.
    pub type_: DiskType,
    /// How the guest sees it.
    pub bus: DiskBus,
    /// Its place among the boot devices.
    pub boot_order: Option<i32>,
    /// The name of its Volume; nothing for an empty drive.
    pub volume: Option<String>,
    /// The image whose copy is in a drive.
    pub image: Option<ImageName>,
    /// The pool that keeps the copy, if the spec says so.
    pub pool: Option<String>,
    /// What the Volume is made from, if it is made with the machine.
    pub template: Option<VolumeTemplate>,
    /// libvirt's word for its cache.
    pub cache: Option<&'static str>,
    /// libvirt's word for its I/O.
    pub io: Option<&'static str>,
    /// Its serial number.
    pub serial: Option<String>,
    /// libvirt's names of its limits, each with its amount.
    pub limits: Vec<(&'static str, u64)>,
}

impl DesiredDisk {
    /// Whether it is more than an empty drive.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.volume.is_some() || self.image.is_some()
    }
}

/// An interface of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredInterface {
    /// Its name.
    pub name: String,
    /// Its Network, which is also the libvirt network's name.
    pub network: String,
    /// The port group.
    pub port_group: Option<String>,
    /// The device that the guest sees.
    pub model: InterfaceModel,
    /// Its MAC address, in lower case.
    pub mac: String,
    /// The address that its network keeps for it, as it was written.
    pub ip_address: Option<String>,
    /// Whether its cable is plugged in.
    pub up: bool,
    /// How much it may send and receive.
    pub qos: InterfaceQos,
}

impl DesiredMachine {
    /// Reads a machine's object. `size` is what the InstanceType says that it names.
    ///
    /// # Errors
    /// [`Invalid`] for what the API server should have refused, or when the InstanceType is missing.
    pub fn parse(
        object: &VirtualMachine,
        fleet: &str,
        size: Option<&InstanceTypeSpec>,
    ) -> Result<Self, Invalid> {
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let name = object.metadata.name.clone().unwrap_or_default();
        let spec = &object.spec;
        let (cpu, memory) = sizes(object, size)?;
        let uuid = match &spec.uuid {
            Some(text) => text
                .parse()
                .map_err(|_| Invalid::new("spec.uuid", text, "must be a UUID"))?,
            None => identity::machine_uuid(fleet, &namespace, &name),
        };
        let machine = spec.machine.clone().unwrap_or_default();
        let placement = spec.placement.clone();
        let placement = placement.or_else(|| size.and_then(|size| size.placement.clone()));
        let placement = placement.unwrap_or_default();
        let devices = spec.devices.clone();
        let devices = devices.or_else(|| size.and_then(|size| size.devices.clone()));
        let as_found = as_found(object, &cpu, &memory, devices.is_some());
        let update = spec.update.clone().unwrap_or_default();
        let disks = spec.disks.iter();
        let disks = disks.map(|disk| parse_disk(disk, &namespace, &name));
        let interfaces = spec.interfaces.iter().map(|it| parse_interface(it, &uuid));
        Ok(Self {
            fleet: fleet.to_owned(),
            domain_name: identity::domain_name(&namespace, &name),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            uuid,
            existing: spec.uuid.is_some(),
            strategy: spec.run_strategy,
            paused: spec.paused,
            cpu: parse_cpu(&cpu)?,
            memory: parse_memory(&memory)?,
            machine_type: machine.type_,
            architecture: machine.architecture,
            firmware: spec.firmware.clone().unwrap_or_default(),
            timezone: spec.clock.clone().and_then(|clock| clock.timezone),
            disks: disks.collect::<Result<_, _>>()?,
            interfaces: interfaces.collect(),
            first_boot: first_boot::parse(spec)?,
            devices: devices.unwrap_or_default(),
            instance_type: size.and_then(|size| serde_json::to_string(size).ok()),
            labels: object.metadata.labels.clone().unwrap_or_default(),
            placement: DesiredPlacement::parse(placement),
            allow: update.allow,
            approval: update.approval,
            as_found,
            approved: annotation(object, APPROVE)?,
            drift: spec.drift,
            observe: spec.management_policy == ManagementPolicy::Observe,
            asked: Acted {
                restarted: annotation(object, RESTARTED_AT)?,
                reset: annotation(object, RESET_AT)?,
                started: annotation(object, STARTED_AT)?,
                stopped: annotation(object, STOPPED_AT)?,
            },
            grace_millis: u64::try_from(spec.termination_grace_period_seconds).unwrap_or(0) * 1_000,
            deletion_policy: spec.deletion_policy,
            namespace,
            name,
        })
    }

    /// The disk in whose pool what its guest is given for its first start is kept: the first, drives
    /// last.
    #[must_use]
    pub fn seed_home(&self) -> Option<&DesiredDisk> {
        let placed = || self.disks.iter().filter(|disk| disk.volume.is_some());
        let mut solid = placed().filter(|disk| disk.type_ == DiskType::Disk);
        solid.next().or_else(|| placed().next())
    }

    /// How many virtual CPUs it has.
    #[must_use]
    pub fn vcpus(&self) -> u32 {
        self.cpu.sockets.saturating_mul(self.cpu.of_a_socket())
    }

    /// The images that its drives have in them.
    pub fn images(&self) -> impl Iterator<Item = (&DesiredDisk, &ImageName)> {
        let disks = self.disks.iter();
        disks.filter_map(|disk| Some((disk, disk.image.as_ref()?)))
    }

    /// The names of its Volumes.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        let disks = self.disks.iter().filter_map(|disk| disk.volume.as_deref());
        let boot = self.firmware.kernel_boot.as_ref();
        let kernels = boot.into_iter().flat_map(|boot| {
            let initrd = boot.initrd_volume.as_ref();
            std::iter::once(&boot.kernel_volume).chain(initrd)
        });
        disks.chain(kernels.map(|volume| volume.name.as_str()))
    }

    /// Whether it takes nothing of its host, where it is off already.
    #[must_use]
    pub fn rests_without_place(&self) -> bool {
        let frees = self.placement.when_halted == WhenHalted::FreePlace;
        frees && self.strategy == RunStrategy::Halted
    }

    /// Whether a class of changes is made unasked.
    #[must_use]
    pub fn allows(&self, class: ChangeClass) -> bool {
        self.allow.contains(&class)
    }
}

impl DesiredCpu {
    /// Virtual CPUs of a socket.
    #[must_use]
    pub fn of_a_socket(&self) -> u32 {
        self.cores.saturating_mul(self.threads)
    }
}

/// Whether this is one of libvirt's CPU modes, which take the host's own CPU, and not the name of a model.
#[must_use]
pub fn is_cpu_mode(model: &str) -> bool {
    matches!(model, "host-model" | "host-passthrough" | "maximum")
}

// The machine's own, or those of its InstanceType. A machine that is being deleted needs none.
fn sizes(
    object: &VirtualMachine,
    size: Option<&InstanceTypeSpec>,
) -> Result<(Cpu, Memory), Invalid> {
    let spec = &object.spec;
    match (&spec.instance_type, size, &spec.memory) {
        (Some(_), Some(size), _) => Ok((size.cpu.clone(), size.memory.clone())),
        (None, _, Some(memory)) => Ok((spec.cpu.clone().unwrap_or_default(), memory.clone())),
        _ if object.metadata.deletion_timestamp.is_some() => {
            let guest = "1Mi".into();
            let (max_guest, hugepages) = (None, None);
            Ok((
                Cpu::default(),
                Memory {
                    guest,
                    max_guest,
                    hugepages,
                },
            ))
        }
        (Some(named), None, _) => Err(Invalid::new(
            "spec.instanceType.name",
            &named.name,
            "there is no such InstanceType",
        )),
        (None, _, None) => Err(Invalid::new(
            "spec",
            "neither",
            "exactly one of instanceType and memory is needed",
        )),
    }
}

// A default would change what somebody else has made.
fn as_found(
    object: &VirtualMachine,
    cpu: &Cpu,
    memory: &Memory,
    has_devices: bool,
) -> Vec<&'static str> {
    let spec = &object.spec;
    if spec.uuid.is_none() {
        return Vec::new();
    }
    let left_out = [
        (
            spec.cpu.is_none() && spec.instance_type.is_none(),
            "spec.cpu",
        ),
        (cpu.features.is_empty(), "spec.cpu.features"),
        (memory.hugepages.is_none(), "spec.memory.hugepages"),
        (spec.firmware.is_none(), "spec.firmware"),
        (spec.clock.is_none(), "spec.clock"),
        (!has_devices, "spec.devices"),
        (spec.cloud_init.is_none(), "spec.cloudInit"),
        (spec.ignition.is_none(), "spec.ignition"),
        (spec.sysprep.is_none(), "spec.sysprep"),
    ];
    let left_out = left_out.into_iter().filter(|(left_out, _)| *left_out);
    left_out.map(|(_, path)| path).collect()
}

// What asks for something once is compared, never understood.
fn annotation(object: &VirtualMachine, name: &str) -> Result<Option<String>, Invalid> {
    let value = object
        .metadata
        .annotations
        .as_ref()
        .and_then(|all| all.get(name));
    let Some(value) = value else { return Ok(None) };
    if value.is_empty() || value.len() > 64 || value.chars().any(char::is_control) {
        let field = format!("metadata.annotations[{name}]");
        return Err(Invalid::new(field, value, "must be 1 to 64 characters"));
    }
    Ok(Some(value.clone()))
}
