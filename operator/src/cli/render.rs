//! The definitions that machines come to, without any host.

use std::process::ExitCode;

use drover_core::definition::create;
use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::Site;
use drover_core::identity;
use drover_core::xml::{DomainType, ResolvedDisk};
use drover_crds::{InstanceType, VirtualMachine};

use super::{CliError, RenderArgs, files};

/// Prints the XML of each machine, and what virsh would be told.
///
/// # Errors
/// When the files cannot be read.
pub fn render(args: &RenderArgs) -> Result<ExitCode, CliError> {
    let given = files::read(&args.files.files, &args.namespace)?;
    let types: Vec<InstanceType> = given
        .iter()
        .filter(|it| it.plural == "instancetypes")
        .filter_map(|it| serde_json::from_value(it.object.clone()).ok())
        .collect();
    for it in given.iter().filter(|it| it.plural == "virtualmachines") {
        let wrong = |words: String| CliError::File(it.file.clone(), words);
        let machine: VirtualMachine =
            serde_json::from_value(it.object.clone()).map_err(|error| wrong(error.to_string()))?;
        let named = machine.spec.instance_type.as_ref();
        let size = named.and_then(|named| {
            let mut all = types.iter();
            all.find(|size| size.metadata.name.as_ref() == Some(&named.name))
        });
        let desired = DesiredMachine::parse(&machine, &args.fleet, size.map(|size| &size.spec))
            .map_err(|invalid| wrong(invalid.to_string()))?;
        let site = site(args, &desired);
        println!("<!-- {}", desired.domain_name);
        println!("  virsh define --validate {}.xml", desired.domain_name);
        println!("  virsh start {} -->", desired.domain_name);
        println!("{}", create(&desired, &site, &desired.mark(1)));
    }
    Ok(ExitCode::SUCCESS)
}

fn site(args: &RenderArgs, machine: &DesiredMachine) -> Site {
    let disks = machine.disks.iter().filter_map(|disk| {
        let volume = disk.volume.as_ref()?;
        let template = disk.template.as_ref();
        Some(ResolvedDisk {
            name: disk.name.clone(),
            pool: template.map_or("POOL".to_owned(), |template| template.pool.clone()),
            volume: identity::volume_name(&machine.namespace, volume),
            format: "qcow2".to_owned(),
            path: None,
        })
    });
    Site {
        domain_type: match args.hypervisor.as_str() {
            "qemu" => DomainType::Qemu,
            _ => DomainType::Kvm,
        },
        architecture: "x86_64".to_owned(),
        disks: disks.collect(),
        kernel: Some("KERNEL".to_owned()),
        initrd: Some("INITRD".to_owned()),
    }
}
