//! The definitions that objects come to, without any host.

use std::fmt;
use std::process::ExitCode;

use drover_core::definition::create;
use drover_core::desired::machine::DesiredMachine;
use drover_core::desired::network::DesiredNetwork;
use drover_core::desired::pool::{DesiredPool, Making, making};
use drover_core::desired::volume::{DesiredVolume, format_in, format_word, name_in_pool};
use drover_core::fields::Site;
use drover_core::identity;
use drover_core::observed::node_device::Address;
use drover_core::reservations::{Claim, Ruling};
use drover_core::seed::Names;
use drover_core::xml::{
    DomainType, Kept, ResolvedDisk, ResolvedSeed, network_xml, pool_xml, volume_xml,
};
use drover_crds::virtual_machine::RunStrategy;
use drover_crds::{InstanceType, Network, StoragePool, VirtualMachine, Volume};
use kube::ResourceExt;

use super::{CliError, RenderArgs, files};
use crate::controllers::machine::templates;

/// Prints the definition of each object, and what virsh would be told of it.
///
/// # Errors
/// When the files cannot be read.
pub fn render(args: &RenderArgs) -> Result<ExitCode, CliError> {
    let given = files::read(&args.files.files, &args.namespace)?;
    let mut definitions = Vec::new();
    let pools = all_of::<StoragePool>(&given, "storagepools")?;
    for (_, pool) in &pools {
        definitions.extend(Definition::of_pool(&DesiredPool::parse(pool, &args.fleet)));
    }
    let type_of = |name: &str| {
        let mut pools = pools.iter().map(|(_, pool)| pool);
        let pool = pools.find(|pool| pool.metadata.name.as_deref() == Some(name));
        pool.map(|pool| pool.spec.type_)
    };
    let machines_given = all_of::<VirtualMachine>(&given, "virtualmachines")?;
    for (file, network) in all_of::<Network>(&given, "networks")? {
        let mut network = DesiredNetwork::parse(&network, &args.fleet).map_err(wrong(&file))?;
        let claims = machines_given.iter();
        let claims = claims.flat_map(|(_, machine)| Claim::of(machine, &args.fleet, &network.name));
        network.reservations = Ruling::of(&network, claims.collect()).reservations;
        definitions.extend(network.managed.then(|| Definition::of_network(&network)));
    }
    let types = all_of::<InstanceType>(&given, "instancetypes")?;
    let mut volumes = all_of::<Volume>(&given, "volumes")?;
    let named: Vec<Volume> = volumes.iter().map(|(_, volume)| volume.clone()).collect();
    let mut machines = Vec::new();
    for (file, machine) in machines_given {
        let named_type = machine.spec.instance_type.as_ref();
        let size = named_type.and_then(|named| {
            let mut all = types.iter().map(|(_, size)| size);
            all.find(|size| size.metadata.name.as_ref() == Some(&named.name))
        });
        let desired = DesiredMachine::parse(&machine, &args.fleet, size.map(|size| &size.spec));
        let desired = desired.map_err(wrong(&file))?;
        let made = templates(&machine, &desired).into_iter();
        volumes.extend(made.map(|volume| (file.clone(), volume)));
        let site = site(args, &desired, &named);
        machines.push(Definition::of_machine(&desired, &site));
    }
    for (file, volume) in &volumes {
        let volume = DesiredVolume::parse(volume, &args.fleet, type_of(&volume.spec.pool))
            .map_err(wrong(file))?;
        definitions.extend((!volume.existing).then(|| Definition::of_volume(&volume)));
    }
    definitions.extend(machines);
    for definition in definitions {
        println!("{definition}\n");
    }
    Ok(ExitCode::SUCCESS)
}

fn wrong<E: fmt::Display>(file: &str) -> impl FnOnce(E) -> CliError {
    let file = file.to_owned();
    move |error| CliError::File(file, error.to_string())
}

// What libvirt is given, and what virsh would be told: FILE stands for the file that it is in.
struct Definition {
    calls: Vec<String>,
    xml: String,
}

impl Definition {
    // None of one that is only observed.
    fn of_pool(pool: &DesiredPool) -> Option<Self> {
        let calls = vec![
            "pool-define FILE".to_owned(),
            match making(pool.type_) {
                Making::Files => format!("pool-start {} --build", pool.name),
                Making::Blocks | Making::Found => format!("pool-start {}", pool.name),
            },
        ];
        let xml = pool_xml(pool).filter(|_| pool.managed)?;
        Some(Self { calls, xml })
    }

    fn of_network(network: &DesiredNetwork) -> Self {
        let start = format!("net-start {}", network.name);
        Self {
            calls: vec!["net-define FILE".to_owned(), start],
            xml: network_xml(network, &Kept::default()),
        }
    }

    // As it is made; what is fetched for it is written into it afterwards.
    fn of_volume(volume: &DesiredVolume) -> Self {
        Self {
            calls: vec![format!("vol-create {} FILE", volume.pool)],
            xml: volume_xml(
                &volume.volume_name,
                volume.capacity,
                format_word(volume.format),
            ),
        }
    }

    fn of_machine(machine: &DesiredMachine, site: &Site) -> Self {
        let mut calls = vec!["define --validate FILE".to_owned()];
        let paused = if machine.paused { " --paused" } else { "" };
        if !matches!(machine.strategy, RunStrategy::Manual | RunStrategy::Halted) {
            calls.push(format!("start {}{paused}", machine.domain_name));
        }
        Self {
            calls,
            xml: create(machine, site, &machine.mark(1)),
        }
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for call in &self.calls {
            writeln!(f, "# virsh {call}")?;
        }
        f.write_str(&self.xml)
    }
}

// Each with its file.
fn all_of<K: serde::de::DeserializeOwned>(
    given: &[files::Given],
    plural: &str,
) -> Result<Vec<(String, K)>, CliError> {
    let all = given.iter().filter(|it| it.plural == plural);
    let read = |it: &files::Given| {
        let object = serde_json::from_value(it.object.clone()).map_err(wrong(&it.file))?;
        Ok((it.file.clone(), object))
    };
    all.map(read).collect()
}

fn site(args: &RenderArgs, machine: &DesiredMachine, volumes: &[Volume]) -> Site {
    let disks = machine.disks.iter().filter_map(|disk| {
        let name = disk.volume.as_ref()?;
        let template = disk.template.as_ref();
        let known = volumes.iter().find(|volume| {
            volume.namespace().as_ref() == Some(&machine.namespace) && volume.name_any() == *name
        });
        let pool = known.map(|volume| &volume.spec.pool);
        let format = known.map_or_else(|| template.and_then(|it| it.format), |it| it.spec.format);
        Some(ResolvedDisk {
            name: disk.name.clone(),
            pool: pool
                .or(template.map(|template| &template.pool))
                .map_or("POOL".to_owned(), Clone::clone),
            volume: known
                .and_then(|volume| name_in_pool(volume).ok())
                .unwrap_or_else(|| identity::volume_name(&machine.namespace, name)),
            format: format_word(format_in(format, None)).to_owned(),
            shareable: false,
            backing: None,
            path: None,
        })
    });
    let disks: Vec<_> = disks.collect();
    Site {
        seed: seed(machine, &disks),
        domain_type: match args.hypervisor.as_str() {
            "qemu" => DomainType::Qemu,
            _ => DomainType::Kvm,
        },
        architecture: "x86_64".to_owned(),
        disks,
        kernel: Some("KERNEL".to_owned()),
        initrd: Some("INITRD".to_owned()),
        host_devices: Some(host_devices(machine)),
    }
}

// Which ones they are its host decides: the first buses stand for them.
fn host_devices(machine: &DesiredMachine) -> Vec<(String, String)> {
    let devices = machine.devices.host_devices.iter().zip(1..);
    devices
        .map(|(device, bus)| {
            (
                device.name.clone(),
                Address::Pci([0, bus, 0, 0]).to_string(),
            )
        })
        .collect()
}

// Its content is not looked at: SEED stands for it.
fn seed(machine: &DesiredMachine, disks: &[ResolvedDisk]) -> Option<ResolvedSeed> {
    let home = machine.first_boot.as_ref().and(machine.seed_home())?;
    let place = disks.iter().find(|place| place.name == home.name)?;
    let volume = Names::of(machine).volume("SEED");
    Some(ResolvedSeed {
        pool: place.pool.clone(),
        path: volume.clone(),
        volume,
        key: uuid::Uuid::nil(),
    })
}
