//! The definitions that machines come to, without any host.

use std::process::ExitCode;

use drover_core::definition::create;
use drover_core::desired::machine::DesiredMachine;
use drover_core::desired::volume::{format_word, name_in_pool};
use drover_core::fields::Site;
use drover_core::identity;
use drover_core::xml::{DomainType, ResolvedDisk};
use drover_crds::{InstanceType, VirtualMachine, Volume};
use kube::ResourceExt;

use super::{CliError, RenderArgs, files};

/// Prints the XML of each machine, and what virsh would be told.
///
/// # Errors
/// When the files cannot be read.
pub fn render(args: &RenderArgs) -> Result<ExitCode, CliError> {
    let given = files::read(&args.files.files, &args.namespace)?;
    let types: Vec<InstanceType> = all_of(&given, "instancetypes");
    let volumes: Vec<Volume> = all_of(&given, "volumes");
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
        let site = site(args, &desired, &volumes);
        println!("<!-- {}", desired.domain_name);
        println!("  virsh define --validate {}.xml", desired.domain_name);
        println!("  virsh start {} -->", desired.domain_name);
        println!("{}", create(&desired, &site, &desired.mark(1)));
    }
    Ok(ExitCode::SUCCESS)
}

fn all_of<K: serde::de::DeserializeOwned>(given: &[files::Given], plural: &str) -> Vec<K> {
    let all = given.iter().filter(|it| it.plural == plural);
    all.filter_map(|it| serde_json::from_value(it.object.clone()).ok())
        .collect()
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
            format: format_word(format).to_owned(),
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
