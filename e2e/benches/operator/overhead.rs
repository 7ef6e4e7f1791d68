//! What QEMU takes beside its guest's memory, and how near the formula comes to it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use drover_core::schedule::{Overhead, overhead};
use drover_crds::VirtualMachine;
use drover_e2e::Lab;
use serde_json::{Value, json};

use crate::fleet::Fleet;

const MIB: f64 = 1_048_576.0;
// It is at rest when two looks so far apart differ by less than a hundredth.
const PAUSE: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(60);

// CPUs, MiB, disks, interfaces, whether it has a screen.
const KINDS: [(u32, u64, usize, usize, bool); 13] = [
    (1, 64, 0, 0, false),
    (1, 512, 0, 0, false),
    (1, 2_048, 0, 0, false),
    (2, 64, 0, 0, false),
    (4, 64, 0, 0, false),
    (6, 64, 0, 0, false),
    (1, 64, 4, 0, false),
    (1, 64, 12, 0, false),
    (1, 64, 0, 2, false),
    (1, 64, 0, 4, false),
    (1, 64, 0, 0, true),
    (4, 1_024, 4, 2, true),
    (6, 2_048, 8, 4, true),
];

struct Measured {
    host: String,
    asked: Overhead,
    guest: u64,
    mib: f64,
}

/// Measures it on both of the lab's hosts.
pub(crate) async fn run(lab: &Lab) {
    let fleet = Fleet::new(lab, &[]).await;
    let mut all = Vec::new();
    for host in ["host1", "host2"] {
        for (number, kind) in KINDS.iter().enumerate() {
            let name = format!("o{number}-{host}");
            fleet.create(&[machine(&name, host, *kind)], 1.0).await;
            let (vcpus, mib, disks, interfaces, screen) = *kind;
            let domain = format!("{}_{name}", fleet.namespace);
            all.push(Measured {
                host: host.to_owned(),
                asked: Overhead {
                    vcpus,
                    memory: mib << 20,
                    devices: disks + interfaces,
                    graphics: screen,
                },
                guest: mib,
                mib: at_rest(&domain, mib).await,
            });
            fleet.delete_machines().await;
        }
    }
    fleet.remove().await;
    print(&all);
}

fn machine(
    name: &str,
    host: &str,
    (vcpus, mib, disks, interfaces, screen): (u32, u64, usize, usize, bool),
) -> VirtualMachine {
    let disk = |number: usize| {
        let template = json!({"pool": "first", "capacity": "8Mi"});
        json!({"name": format!("d{number}"), "volumeTemplate": template})
    };
    let nic = |number: usize| json!({"name": format!("n{number}"), "network": "first"});
    let devices = match screen {
        true => json!({"graphics": {"type": "vnc"}}),
        false => json!({}),
    };
    let machine = json!({
        "apiVersion": "drover.dev/v1alpha1",
        "kind": "VirtualMachine",
        "metadata": {"name": name},
        "spec": {
            "cpu": {"cores": vcpus},
            "memory": {"guest": format!("{mib}Mi")},
            "machine": {"type": "q35"},
            "placement": {"host": host},
            "disks": (0..disks).map(disk).collect::<Vec<Value>>(),
            "interfaces": (0..interfaces).map(nic).collect::<Vec<Value>>(),
            "devices": devices,
            "terminationGracePeriodSeconds": 0,
        },
    });
    serde_json::from_value(machine).expect("a machine")
}

async fn at_rest(domain: &str, guest: u64) -> f64 {
    let process = process_of(domain);
    let (start, mut before) = (Instant::now(), taken(&process, guest));
    while start.elapsed() < LIMIT {
        tokio::time::sleep(PAUSE).await;
        let now = taken(&process, guest);
        if (now - before).abs() < before / 100.0 {
            return now;
        }
        before = now;
    }
    before
}

fn process_of(domain: &str) -> PathBuf {
    let wanted = format!("guest={domain},");
    let processes = std::fs::read_dir("/proc").expect("processes");
    let mut of_it = processes.flatten().map(|it| it.path()).filter(|path| {
        let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&wanted)
    });
    of_it.next().expect("its QEMU")
}

// What is its own, in MiB, without the mapping that is the guest's memory.
fn taken(process: &Path, guest: u64) -> f64 {
    let maps = std::fs::read_to_string(process.join("smaps")).expect("its memory");
    let (mut size, mut sum, mut skipped) = (0, 0, false);
    for line in maps.lines() {
        let kib = |name: &str| {
            let rest = line.strip_prefix(name)?.trim().strip_suffix(" kB")?;
            rest.trim().parse::<u64>().ok()
        };
        if let Some(kib) = kib("Size:") {
            size = kib;
        }
        match kib("Pss:") {
            Some(_) if size == guest << 10 && !skipped => skipped = true,
            Some(kib) => sum += kib,
            None => {}
        }
    }
    assert!(skipped, "no mapping of {guest} MiB");
    sum as f64 / 1_024.0
}

fn print(all: &[Measured]) {
    println!(
        "\n| host | CPUs | memory | disks and interfaces | screen | measured | formula | |\n|---|---|---|---|---|---|---|---|"
    );
    for it in all {
        let formula = overhead(it.asked) as f64 / MIB;
        println!(
            "| {} | {} | {} MiB | {} | {} | {:.0} MiB | {formula:.0} MiB | {} |",
            it.host,
            it.asked.vcpus,
            it.guest,
            it.asked.devices,
            if it.asked.graphics { "yes" } else { "" },
            it.mib,
            if formula >= it.mib { "met" } else { "MISSED" },
        );
    }
    println!();
}
