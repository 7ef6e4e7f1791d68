//! A domain as a VirtualMachine. Each part is taken into the spec if the API accepts it and the
//! definition is then as declared; otherwise it is left out, and stays as it is.

use drover_crds::common::LocalRef;
use drover_crds::virtual_machine::{
    Disk, Interface, KernelBoot, MachineDeletionPolicy, RunStrategy, VirtualMachineSpec,
};
use drover_crds::{VirtualMachine, Volume};
use uuid::Uuid;

use super::places::{Place, Places};
use super::{is_object_name, parts, unmodelled};
use crate::desired::machine::DesiredMachine;
use crate::fields::{Field, Shape, Site, Value};
use crate::observed::domain::{Definition, DiskFacts, DomainState};
use crate::observed::{Unreadable, parse};
use crate::plan::changes::{differences, is_within};
use crate::xml::{DomainType, ResolvedDisk};

/// A domain of a host.
#[derive(Debug, Clone, Copy)]
pub struct Domain<'a> {
    /// The host.
    pub host: &'a str,
    /// The namespace that it is to be in.
    pub namespace: &'a str,
    /// The name that it is to have there.
    pub name: &'a str,
    /// Its UUID.
    pub uuid: Uuid,
    /// Its state.
    pub state: DomainState,
    /// What its next start takes, or what runs, of one that has nothing else.
    pub xml: &'a str,
}

/// A domain, said as an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The object.
    pub machine: VirtualMachine,
    /// What it does not say, and why. All of it stays as it is.
    pub unsaid: Vec<String>,
}

/// Says a domain as an object. `refused` is why the API would not take a machine; the Volumes that
/// it comes to use are given by `places`.
///
/// # Errors
/// [`Unreadable`] when its definition is none.
pub fn machine(
    domain: &Domain<'_>,
    places: &mut Places,
    refused: impl Fn(&VirtualMachine) -> Vec<String>,
) -> Result<Imported, Unreadable> {
    let found = Definition::parse(domain.xml)?;
    let document = parse("a domain", domain.xml)?;
    let root = document.root_element();
    let mut work = Work {
        site: site(&found, root.attribute("type").unwrap_or_default()),
        machine: bare(domain, &found),
        found,
        unsaid: Vec::new(),
        refused,
    };
    work.fields();
    work.firmware(domain, places);
    for disk in work.found.disks.clone() {
        work.disk(domain, places, &disk);
    }
    if work.found.seeds().next().is_some() {
        let words = "what the guest was given for its first start";
        work.unsaid.push(words.to_owned());
    }
    work.interfaces();
    work.rest();
    let others = unmodelled::unmodelled(root);
    work.unsaid
        .extend(others.into_iter().map(|path| format!("<{path}>")));
    Ok(Imported {
        machine: work.machine,
        unsaid: work.unsaid,
    })
}

/// Where the disks of a definition are, and the kernel that it starts: paths, or `POOL/VOLUME`.
pub fn sources(found: &Definition) -> impl Iterator<Item = &str> {
    let boots = [Field::Kernel, Field::Initrd].into_iter();
    let boots = boots.filter_map(|field| found.values.get(field as usize)?.as_text());
    boots.chain(found.disks.iter().filter_map(parts::source))
}

fn site(found: &Definition, type_: &str) -> Site {
    let architecture = found.values.get(Field::Architecture as usize);
    Site {
        domain_type: match type_ {
            "kvm" => DomainType::Kvm,
            "test" => DomainType::Test,
            _ => DomainType::Qemu,
        },
        architecture: architecture
            .and_then(Value::as_text)
            .unwrap_or_default()
            .to_owned(),
        disks: Vec::new(),
        kernel: None,
        initrd: None,
        host_devices: None,
        seed: None,
    }
}

// What has to be said of each machine. It is not started, stopped or removed by being imported.
fn bare(domain: &Domain<'_>, found: &Definition) -> VirtualMachine {
    let mut memory = parts::memory(found);
    memory.hugepages = None;
    let strategy = match domain.state.is_active() {
        true => RunStrategy::Always,
        false => RunStrategy::Halted,
    };
    let spec = VirtualMachineSpec {
        run_strategy: strategy,
        paused: domain.state == DomainState::Paused,
        memory: Some(memory),
        deletion_policy: MachineDeletionPolicy::Orphan,
        uuid: Some(domain.uuid.to_string()),
        ..VirtualMachineSpec::default()
    };
    let mut machine = VirtualMachine::new(domain.name, spec);
    machine.metadata.namespace = Some(domain.namespace.to_owned());
    machine
}

// A machine that is being put together, part by part.
struct Work<F> {
    machine: VirtualMachine,
    site: Site,
    found: Definition,
    unsaid: Vec<String>,
    refused: F,
}

impl<F: Fn(&VirtualMachine) -> Vec<String>> Work<F> {
    fn fields(&mut self) {
        let cpu = parts::cpu(&self.found);
        let features = cpu.features.clone();
        self.part("spec.cpu", |spec, _| {
            spec.cpu = Some(drover_crds::virtual_machine::Cpu {
                features: Vec::new(),
                ..cpu
            });
        });
        if !features.is_empty() && self.machine.spec.cpu.is_some() {
            self.part("spec.cpu.features", |spec, _| {
                spec.cpu.get_or_insert_default().features = features;
            });
        }
        let pages = parts::memory(&self.found).hugepages;
        if self.found.values.get(Field::Hugepages as usize) != Some(&Value::None) {
            self.part("spec.memory.hugepages", |spec, _| {
                if let Some(memory) = &mut spec.memory {
                    memory.hugepages = pages;
                }
            });
        }
        let board = parts::board(&self.found);
        self.part("spec.machine", |spec, _| spec.machine = Some(board));
        let clock = parts::clock(&self.found);
        self.part("spec.clock", |spec, _| spec.clock = Some(clock));
        let devices = parts::devices(&self.found);
        let card = self.found.values.get(Field::Video as usize);
        if let Some(card) = card
            .and_then(Value::as_text)
            .filter(|_| devices.video.is_none())
        {
            self.unsaid.push(format!("spec.devices.video: {card}"));
        }
        self.part("spec.devices", |spec, _| spec.devices = Some(devices));
    }

    fn firmware(&mut self, domain: &Domain<'_>, places: &mut Places) {
        let mut firmware = parts::firmware(&self.found);
        if let Some((kernel, initrd, cmdline)) = parts::kernel(&self.found) {
            let mut volume = |path: &str| {
                let place = places.find(path)?.clone();
                let volume = places.volume(domain.host, domain.namespace, &place, "raw")?;
                let name = volume.metadata.name.clone()?;
                places.give(domain.host, &place, volume);
                Some(LocalRef { name })
            };
            let kernel_volume = volume(kernel);
            let initrd_volume = initrd.map(&mut volume);
            let (Some(kernel_volume), None | Some(Some(_))) = (kernel_volume, &initrd_volume)
            else {
                let words = format!("spec.firmware: {kernel} or its first RAM disk is in no pool");
                return self.unsaid.push(words);
            };
            firmware.kernel_boot = Some(KernelBoot {
                kernel_volume,
                initrd_volume: initrd_volume.flatten(),
                cmdline: cmdline.map(str::to_owned),
            });
            self.site.kernel = Some(kernel.to_owned());
            self.site.initrd = initrd.map(str::to_owned);
        }
        self.part("spec.firmware", |spec, _| spec.firmware = Some(firmware));
    }

    fn disk(&mut self, domain: &Domain<'_>, places: &mut Places, found: &DiskFacts) {
        match resolved(domain, places, found) {
            Ok((disk, volume)) => {
                let path = format!("spec.disks[{}]", disk.name);
                let place = volume.as_ref().map(|(place, _)| ResolvedDisk {
                    name: disk.name.clone(),
                    pool: place.pool.clone(),
                    volume: place.volume.clone(),
                    format: parts::format(found).unwrap_or_default().to_owned(),
                    shareable: false,
                    backing: None,
                    path: Some(place.path.clone()),
                });
                let taken = self.part(&path, |spec, site| {
                    site.disks.extend(place);
                    spec.disks.push(disk);
                });
                if let Some((place, volume)) = volume.filter(|_| taken) {
                    places.give(domain.host, &place, volume);
                }
            }
            Err(why) => self
                .unsaid
                .push(format!("spec.disks[{}]: {why}", found.target)),
        }
    }

    fn interfaces(&mut self) {
        for (index, found) in self.found.interfaces.clone().iter().enumerate() {
            let name = format!("eth{index}");
            let words = format!("spec.interfaces[{}]", found.mac);
            match parts::interface(found, &name) {
                Some(Interface { network, .. }) if !is_object_name(&network) => {
                    self.unsaid
                        .push(format!("{words}: there is no Network {network}"));
                }
                Some(interface) => {
                    let path = format!("spec.interfaces[{}]", interface.name);
                    self.part(&path, |spec, _| spec.interfaces.push(interface));
                }
                None => {
                    let shown: Vec<_> = found.values.iter().map(ToString::to_string).collect();
                    let words = format!("{words}: {}: it is in no network", shown[0]);
                    self.unsaid.push(words);
                }
            }
        }
    }

    // Takes a part into the spec, if it is what the definition has.
    fn part(&mut self, path: &str, add: impl FnOnce(&mut VirtualMachineSpec, &mut Site)) -> bool {
        let (mut machine, mut site) = (self.machine.clone(), self.site.clone());
        add(&mut machine.spec, &mut site);
        match self.fault(&machine, &site, path) {
            None => {
                (self.machine, self.site) = (machine, site);
                true
            }
            Some(why) => {
                self.unsaid.push(why);
                false
            }
        }
    }

    fn fault(&self, machine: &VirtualMachine, site: &Site, path: &str) -> Option<String> {
        if let Some(fault) = (self.refused)(machine).into_iter().next() {
            return Some(fault);
        }
        let desired = match DesiredMachine::parse(machine, "", None) {
            Ok(desired) => desired,
            Err(invalid) => return Some(invalid.to_string()),
        };
        let all = differences(&Shape::of(&desired, site), site, &self.found, false);
        let change = all.into_iter().find(|it| is_within(&it.path, path))?;
        Some(format!("{}: {}", change.path, change.from))
    }

    // What would be changed for all that: nothing, if all is well.
    fn rest(&mut self) {
        if let Some(fault) = self.fault(&self.machine, &self.site, "spec") {
            self.unsaid.push(format!("{fault}: would be changed"));
        }
    }
}

type Resolved = (Disk, Option<(Place, Volume)>);

fn resolved(domain: &Domain<'_>, places: &Places, found: &DiskFacts) -> Result<Resolved, String> {
    let unknown = || "there are no words for its kind".to_owned();
    let Some(source) = parts::source(found) else {
        return Ok((parts::disk(found, None).ok_or_else(unknown)?, None));
    };
    let place = places.find(source);
    let place = place.ok_or_else(|| format!("{source} is in no pool that can be named"))?;
    let format = parts::format(found).unwrap_or("no format");
    let volume = places.volume(domain.host, domain.namespace, place, format);
    let volume = volume.ok_or_else(|| format!("{source} is {format}, neither raw nor qcow2"))?;
    let disk = parts::disk(found, volume.metadata.name.clone()).ok_or_else(unknown)?;
    Ok((disk, Some((place.clone(), volume))))
}
