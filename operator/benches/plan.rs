//! How long it takes to decide: the plan of a machine, and reading what libvirt says of one.
//! `cargo bench -p drover --bench plan`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use drover_core::definition::create;
use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::Site;
use drover_core::observed::domain::{Definition, DomainState, ObservedDomain};
use drover_core::plan::history::History;
use drover_core::plan::machine::{Situation, Step, plan};
use drover_core::xml::{DomainType, ResolvedDisk};
use drover_crds::VirtualMachine;

const ROUNDS: u32 = 20_000;

fn machine(disks: usize) -> DesiredMachine {
    let mut text = "apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {name: web, namespace: demo, uid: u}
spec:
  cpu: {cores: 2, maxSockets: 4}
  memory: {guest: 2Gi, maxGuest: 8Gi}
  machine: {type: q35}
  interfaces: [{name: eth0, network: lan}]
  disks:
"
    .to_owned();
    for disk in 0..disks {
        writeln!(text, "  - {{name: d-{disk}, volume: {{name: v-{disk}}}}}").unwrap();
    }
    let object: VirtualMachine = serde_saphyr::from_str(&text).unwrap();
    DesiredMachine::parse(&object, "bench", None).unwrap()
}

fn site(machine: &DesiredMachine) -> Site {
    let disks = machine.disks.iter().map(|disk| ResolvedDisk {
        name: disk.name.clone(),
        pool: "fast".to_owned(),
        volume: disk.volume.clone().unwrap(),
        format: "qcow2".to_owned(),
        shareable: false,
        backing: Some(Vec::new()),
        path: None,
    });
    Site {
        domain_type: DomainType::Kvm,
        architecture: "x86_64".to_owned(),
        disks: disks.collect(),
        kernel: None,
        initrd: None,
        host_devices: None,
        seed: None,
    }
}

fn time(what: &str, most: f64, mut work: impl FnMut()) {
    for _ in 0..ROUNDS / 10 {
        work();
    }
    let mut rounds: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS / 5).for_each(|_| work());
            start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS / 5)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what}: {:.1} us (wanted: at most {most} us)", rounds[2]);
}

fn main() {
    let machine = machine(2);
    let site = site(&machine);
    let history = History::default();
    let situation = |observed| Situation {
        desired: &machine,
        site: &site,
        observed,
        name_taken: false,
        manager: "c",
        take_over: false,
        adoption: false,
        misplaced: None,
        making_room: None,
        epoch: 1,
        deleting: false,
        history: &history,
        now: 1,
    };
    let Some(Step::Create { mark }) = plan(&situation(None)).step else {
        panic!("it is made");
    };
    let definition = Arc::new(Definition::parse(&create(&machine, &site, &mark)).unwrap());
    let domain = ObservedDomain {
        name: machine.domain_name.clone(),
        uuid: machine.uuid,
        state: DomainState::Running,
        reason: "Booted",
        persistent: true,
        autostart: false,
        live: Some(Arc::clone(&definition)),
        inactive: Some(definition),
    };
    assert_eq!(plan(&situation(Some(&domain))).step, None);
    time("plan of a machine that runs as declared", 50.0, || {
        black_box(plan(black_box(&situation(Some(&domain)))));
    });
    let large = self::machine(20);
    let xml = create(&large, &self::site(&large), &mark);
    time("reading a definition with 20 disks", 300.0, || {
        black_box(Definition::parse(black_box(&xml)).unwrap());
    });
    let small = create(&machine, &site, &mark);
    time("reading a definition with 2 disks", 300.0, || {
        black_box(Definition::parse(black_box(&small)).unwrap());
    });
}
