//! Definitions of fifty machines: both versions of libvirt take them with their schema, show what was
//! declared, and show what was changed, with all that Drover does not model where it was.

use drover_core::definition::{create, update};
use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::{Shape, Site};
use drover_core::identity::Mark;
use drover_core::observed::domain::Definition;
use drover_core::plan::changes::differences;
use drover_core::xml::{DomainType, ResolvedDisk};
use drover_crds::VirtualMachine;

use crate::support::World;

/// What each machine says beside its memory.
const SPECS: &[&str] = &[
    "",
    "cpu: {cores: 4}",
    "cpu: {sockets: 2, cores: 2, threads: 2}",
    "cpu: {sockets: 1, maxSockets: 8}",
    "cpu: {model: qemu64}",
    "cpu: {model: Nehalem, features: [{name: vmx, policy: disable}]}",
    "cpu: {model: maximum}",
    "cpu: {cores: 2, features: [{name: x2apic, policy: optional}]}",
    "machine: {type: q35}",
    "machine: {type: pc}",
    "machine: {type: q35, architecture: x86_64}",
    "clock: {timezone: Europe/Berlin}",
    "clock: {utc: {}}",
    "devices: {serial: false}",
    "devices: {rng: false}",
    "devices: {balloon: false}",
    "devices: {agentChannel: false}",
    "devices: {panic: false}",
    "devices: {serial: false, rng: false, balloon: false, agentChannel: false, panic: false}",
    "devices: {graphics: {type: vnc}}",
    "devices: {graphics: {type: vnc}, video: {model: virtio}}",
    "devices: {graphics: {type: vnc}, video: {model: vga}}",
    "devices: {graphics: {type: vnc}, video: {model: bochs}}",
    "devices: {graphics: {type: vnc}, video: {model: cirrus}}",
    "devices: {video: {model: vga}}",
    "devices: {watchdog: {}}",
    "devices: {watchdog: {model: ib700, action: poweroff}}",
    "devices: {watchdog: {action: pause}}",
    "machine: {type: q35}\ndevices: {watchdog: {action: none}}",
    "disks: [{name: a, volume: {name: v}}]",
    "disks: [{name: a, volume: {name: v}, bootOrder: 1}, {name: b, volume: {name: w}, bootOrder: 2}]",
    "disks: [{name: a, volume: {name: v}, bus: sata}]",
    "disks: [{name: a, volume: {name: v}, bus: scsi}, {name: b, volume: {name: w}, bus: scsi}]",
    "disks: [{name: a, volume: {name: v}, bus: usb}]",
    "machine: {type: pc}\ndisks: [{name: a, volume: {name: v}, bus: ide}]",
    "disks: [{name: a, volume: {name: v}, cache: none, io: native}]",
    "disks: [{name: a, volume: {name: v}, cache: writeback, io: threads}]",
    "disks: [{name: a, volume: {name: v}, cache: unsafe}]",
    "disks: [{name: a, volume: {name: v}, io: io_uring}]",
    "disks: [{name: a, volume: {name: v}, serial: S-1.2_3}]",
    "disks: [{name: a, volume: {name: v}, qos: {totalIops: 500, totalBytesPerSecond: 50Mi}}]",
    "disks: [{name: a, volume: {name: v}, qos: {readIops: 5, writeIops: 6, readBytesPerSecond: 7Mi}}]",
    "disks: [{name: cd, type: cdrom}]",
    "disks: [{name: cd, type: cdrom, volume: {name: v}}, {name: a, volume: {name: w}}]",
    "machine: {type: q35}\ndisks: [{name: cd, type: cdrom, bus: scsi, volume: {name: v}}]",
    "interfaces: [{name: eth0, network: first}]",
    "interfaces: [{name: eth0, network: first, model: e1000e}, {name: eth1, network: first}]",
    "interfaces: [{name: eth0, network: first, macAddress: '52:54:00:AA:0b:01', state: Down}]",
    "interfaces: [{name: eth0, network: first, portGroup: web}]",
    "interfaces: [{name: eth0, network: first, qos: {inbound: {average: 100, peak: 200, burst: 64}}}]",
    "interfaces: [{name: eth0, network: first, qos: {outbound: {average: 9}}}]",
    "firmware: {kernelBoot: {kernelVolume: {name: k}, initrdVolume: {name: i}, cmdline: \"a='b' & <c>\"}}",
    "machine: {type: q35}\nfirmware: {tpm: {}}",
];

fn machine(index: usize, spec: &str) -> DesiredMachine {
    let spec = spec.replace('\n', "\n  ");
    let text = format!(
        "apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {{name: m-{index}, namespace: e2e-definitions, uid: u}}
spec:
  memory: {{guest: 64Mi, maxGuest: 128Mi}}
  {spec}
"
    );
    let object: VirtualMachine = serde_saphyr::from_str(&text).unwrap();
    DesiredMachine::parse(&object, "lab", None).unwrap()
}

fn site(machine: &DesiredMachine) -> Site {
    let disk = |disk: &drover_core::desired::machine::DesiredDisk| {
        Some(ResolvedDisk {
            name: disk.name.clone(),
            pool: "first".to_owned(),
            volume: format!("e2e-definitions_{}", disk.volume.as_ref()?),
            format: "qcow2".to_owned(),
            path: None,
        })
    };
    Site {
        domain_type: DomainType::Qemu,
        architecture: "x86_64".to_owned(),
        disks: machine.disks.iter().filter_map(disk).collect(),
        kernel: Some("/var/lib/libvirt/kernel & co".to_owned()),
        initrd: Some("/var/lib/libvirt/initrd".to_owned()),
    }
}

struct Bench<'a> {
    world: &'a World,
    host: &'a str,
}

impl Bench<'_> {
    fn define(&self, xml: &str, validate: bool) -> Result<(), String> {
        let host = self.world.host(self.host);
        std::fs::write(host.root(&self.world.lab).join("root/m.xml"), xml).unwrap();
        let mut words = vec!["define", "/root/m.xml"];
        if validate {
            words.push("--validate");
        }
        let done = drover_e2e::hosts::virsh(&self.world.lab, &host, &words);
        done.map(drop).map_err(|error| error.to_string())
    }

    fn shown(&self, name: &str) -> String {
        let words = ["dumpxml", "--inactive", "--security-info", name];
        self.world.virsh(self.host, &words)
    }
}

fn mark(machine: &DesiredMachine) -> Mark {
    machine.mark(1)
}

// What differs of what libvirt shows from what is declared.
fn open(machine: &DesiredMachine, xml: &str) -> Vec<String> {
    let site = site(machine);
    let found = Definition::parse(xml).unwrap();
    let wanted = Shape::of(machine, &site);
    let all = differences(&wanted, &site, &found, false);
    all.iter()
        .map(|it| format!("{}: {} -> {}", it.path, it.from, it.to))
        .collect()
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn libvirt_shows_what_was_declared_and_what_was_changed() {
    let world = World::new();
    assert!(SPECS.len() >= 50);
    let mut wrong = Vec::new();
    for host in ["host1", "host2"] {
        let bench = Bench {
            world: &world,
            host,
        };
        for (index, spec) in SPECS.iter().enumerate() {
            let this = machine(index, spec);
            let name = this.domain_name.clone();
            let xml = create(&this, &site(&this), &mark(&this));
            if let Err(error) = bench.define(&xml, true) {
                wrong.push(format!("{host}: {spec}: {error}"));
                continue;
            }
            for difference in open(&this, &bench.shown(&name)) {
                wrong.push(format!("{host}: {spec}: {difference}"));
            }
            // It becomes the next one, in place, and stays that.
            let next = DesiredMachine {
                name: this.name.clone(),
                domain_name: name.clone(),
                uuid: this.uuid,
                ..machine(index, SPECS[(index + 1) % SPECS.len()])
            };
            if let Err(error) = become_next(&bench, &name, &next) {
                wrong.push(format!("{host}: {spec} -> next: {error}"));
            }
            world.virsh(host, &["undefine", &name, "--nvram", "--tpm"]);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// With a note in it, of which Drover knows nothing.
fn become_next(bench: &Bench<'_>, name: &str, next: &DesiredMachine) -> Result<(), String> {
    let noted = "<description>a note</description><memory";
    bench.define(&bench.shown(name).replacen("<memory", noted, 1), false)?;
    let site = site(next);
    let wanted = Shape::of(next, &site);
    let xml = bench.shown(name);
    let refused: Vec<String> =
        differences(&wanted, &site, &Definition::parse(&xml).unwrap(), false)
            .iter()
            .filter(|change| change.class.is_refused())
            .map(|change| change.path.clone())
            .collect();
    let changed = update(&xml, &wanted, &site, &mark(next), |_| true).unwrap();
    bench.define(&changed.xml, false)?;
    let xml = bench.shown(name);
    if !xml.contains("a note") {
        return Err("the note is gone".to_owned());
    }
    let left = open(next, &xml);
    let left: Vec<_> = left
        .iter()
        .filter(|line| !refused.iter().any(|path| line.starts_with(path.as_str())))
        .collect();
    let again = update(&xml, &wanted, &site, &mark(next), |_| true).unwrap();
    match (left.as_slice(), again.changed.as_slice()) {
        ([], []) => Ok(()),
        (left, again) => Err(format!("{left:?} {again:?}")),
    }
}
