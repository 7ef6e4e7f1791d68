//! Every field, changed while the machine runs, is off, stands still, has crashed: what is done about
//! it, and what is told.

use drover_core::desired::machine::{DesiredMachine, FirstBoot, RunStrategy};
use drover_core::fields::{Class, DISK_ROWS, INTERFACE_ROWS, ROWS, Site};
use drover_core::observed::domain::{DomainState, ObservedDomain};
use drover_core::plan::machine::Fate;
use drover_core::xml::{ResolvedBacking, ResolvedDisk, ResolvedSeed};
use drover_crds::condition::{Reason, entries};
use drover_crds::virtual_machine::ChangeClass;

use self::State::{Crashed, Off, Paused, Running};

use super::given;
use super::world::{EPOCH, World, off_at, words};

const MACHINE: &str = "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {name: web, namespace: shop, uid: u-1}
spec:
  cpu: {sockets: 2, cores: 2, maxSockets: 4}
  memory: {guest: 256Mi, maxGuest: 1Gi}
  machine: {type: q35}
  firmware: {}
  clock: {utc: {}}
  devices: {}
  disks:
  - {name: root, bootOrder: 1, volume: {name: root}}
  - {name: data, volume: {name: data}}
  - {name: slow, bus: sata, volume: {name: slow}}
  - {name: cd, type: cdrom, volume: {name: cd}}
  interfaces:
  - {name: eth0, network: lan}
  - {name: eth1, network: wan, macAddress: '52:54:00:aa:bb:0c'}
";

/// What it takes while it runs, is off, stands still and has crashed, a field, and what of the machine
/// above is another thing before it is changed and after. L Live, N NextBoot, S RestartNow, R Recreate,
/// F Forbidden, M Migrate, - nothing to tell.
type Line = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const LINES: [Line; 67] = [
    ("LNLN", "spec.cpu.sockets", "sockets: 2,", "sockets: 2,", "sockets: 3,"),
    ("NNNN", "spec.cpu.sockets", "sockets: 2,", "sockets: 2,", "sockets: 1,"),
    ("NNNN", "spec.cpu.cores", "cores: 2", "cores: 2", "cores: 1"),
    ("NNNN", "spec.cpu.threads", "cores: 2", "cores: 2", "cores: 2, threads: 2"),
    ("NNNN", "spec.cpu.maxSockets", "maxSockets: 4", "maxSockets: 4", "maxSockets: 8"),
    ("NNNN", "spec.cpu.model", "cores: 2", "cores: 2", "cores: 2, model: Nehalem"),
    ("NNNN", "spec.cpu.model", "cores: 2", "cores: 2, model: host-model", "cores: 2, model: Nehalem"),
    ("NNNN", "spec.cpu.features", "cores: 2", "cores: 2", "cores: 2, features: [{name: avx}]"),
    ("LNLN", "spec.memory.guest", "guest: 256Mi", "guest: 256Mi", "guest: 512Mi"),
    ("LNLN", "spec.memory.guest", "guest: 256Mi", "guest: 256Mi", "guest: 128Mi"),
    ("NNNN", "spec.memory.guest", "guest: 256Mi", "guest: 256Mi", "guest: 1Gi"),
    ("NNNN", "spec.memory.maxGuest", "maxGuest: 1Gi", "maxGuest: 1Gi", "maxGuest: 2Gi"),
    ("NNNN", "spec.memory.hugepages", "maxGuest: 1Gi", "maxGuest: 1Gi", "maxGuest: 1Gi, hugepages: {pageSize: 2Mi}"),
    ("NNNN", "spec.machine.type", "q35", "q35", "pc-q35-7.2"),
    ("RRRR", "spec.machine.type", "q35", "q35", "pc"),
    ("RRRR", "spec.machine.architecture", "q35", "q35", "q35, architecture: aarch64"),
    ("RRRR", "spec.firmware.bootloader", "firmware: {}", "firmware: {}", "firmware: {bootloader: EFI}"),
    ("RRRR", "spec.firmware.secureBoot", "firmware: {}", "firmware: {bootloader: EFI}", "firmware: {bootloader: EFI, secureBoot: true}"),
    ("NNNN", "spec.firmware.tpm", "firmware: {}", "firmware: {}", "firmware: {tpm: {}}"),
    ("FFFF", "spec.firmware.tpm", "firmware: {}", "firmware: {tpm: {}}", "firmware: {}"),
    ("NNNN", "spec.firmware.kernelBoot.kernelVolume", "firmware: {}", "firmware: {kernelBoot: {kernelVolume: {name: a}}}", "firmware: {kernelBoot: {kernelVolume: {name: b}}}"),
    ("NNNN", "spec.firmware.kernelBoot.initrdVolume", "firmware: {}", "firmware: {kernelBoot: {kernelVolume: {name: a}}}", "firmware: {kernelBoot: {kernelVolume: {name: a}, initrdVolume: {name: i}}}"),
    ("NNNN", "spec.firmware.kernelBoot.cmdline", "firmware: {}", "firmware: {kernelBoot: {kernelVolume: {name: a}}}", "firmware: {kernelBoot: {kernelVolume: {name: a}, cmdline: quiet}}"),
    ("NNNN", "spec.clock", "utc: {}", "utc: {}", "timezone: Europe/Berlin"),
    ("NNNN", "spec.cloudInit", "clock:", "clock:", "cloudInit: {userData: a}\n  clock:"),
    ("NNNN", "spec.cloudInit", "clock:", "cloudInit: {userData: a}\n  clock:", "cloudInit: {userData: b}\n  clock:"),
    ("NNNN", "spec.cloudInit", "clock:", "cloudInit: {userData: a}\n  clock:", "clock:"),
    ("NNNN", "spec.ignition", "clock:", "ignition: {secretRef: {name: a, key: k}}\n  clock:", "ignition: {secretRef: {name: b, key: k}}\n  clock:"),
    ("NNNN", "spec.sysprep", "clock:", "sysprep: {secretRef: {name: a}}\n  clock:", "sysprep: {secretRef: {name: b}}\n  clock:"),
    ("NNNN", "spec.devices.graphics", "devices: {}", "devices: {video: {model: vga}}", "devices: {video: {model: vga}, graphics: {}}"),
    ("NNNN", "spec.devices.video", "devices: {}", "devices: {}", "devices: {video: {model: vga}}"),
    ("NNNN", "spec.devices.serial", "devices: {}", "devices: {}", "devices: {serial: false}"),
    ("NNNN", "spec.devices.rng", "devices: {}", "devices: {}", "devices: {rng: false}"),
    ("NNNN", "spec.devices.watchdog", "devices: {}", "devices: {}", "devices: {watchdog: {}}"),
    ("NNNN", "spec.devices.balloon", "devices: {}", "devices: {}", "devices: {balloon: false}"),
    ("NNNN", "spec.devices.agentChannel", "devices: {}", "devices: {agentChannel: false}", "devices: {}"),
    ("NNNN", "spec.devices.panic", "devices: {}", "devices: {}", "devices: {panic: false}"),
    ("NNNN", "spec.devices.hostDevices", "devices: {}", "devices: {}", "devices: {hostDevices: [{name: gpu, resource: a/1}]}"),
    ("NNNN", "spec.devices.hostDevices", "devices: {}", "devices: {hostDevices: [{name: gpu, resource: a/1}]}", "devices: {hostDevices: [{name: gpu, resource: a/2}]}"),
    ("NNNN", "spec.devices.hostDevices", "devices: {}", "devices: {hostDevices: [{name: gpu, resource: a/1}]}", "devices: {}"),
    ("LNLN", "spec.disks[more]", "  - {name: slow", "  - {name: slow", "  - {name: more, volume: {name: more}}\n  - {name: slow"),
    ("LNLN", "spec.disks[more]", "  - {name: slow", "  - {name: more, bus: usb, volume: {name: more}}\n  - {name: slow", "  - {name: slow"),
    ("NNNN", "spec.disks[more]", "  - {name: slow", "  - {name: slow", "  - {name: more, bus: sata, volume: {name: more}}\n  - {name: slow"),
    ("NNNN", "spec.disks[more]", "  - {name: slow", "  - {name: more, bus: scsi, type: cdrom}\n  - {name: slow", "  - {name: slow"),
    ("NNNN", "spec.disks[slow].type", "name: slow", "name: slow", "name: slow, type: cdrom"),
    ("NNNN", "spec.disks[slow].bus", "bus: sata", "bus: sata", "bus: scsi"),
    ("SNSN", "spec.disks[data].volume", "{name: data}", "{name: data}", "{name: other}"),
    ("LNLN", "spec.disks[cd].volume", "{name: cd}", "{name: cd}", "{name: other}"),
    ("SNSN", "spec.disks[data].format", "{name: data}", "{name: data}", "{name: data.raw}"),
    ("LNLN", "spec.disks[cd].format", "{name: cd}", "{name: cd}", "{name: cd.raw}"),
    ("SNSN", "spec.disks[data].backing", "{name: data}", "{name: data}", "{name: data.qcow2.base}"),
    ("LNLN", "spec.disks[cd].backing", "{name: cd}", "{name: cd.qcow2.base}", "{name: cd}"),
    ("NNNN", "spec.disks[data].shareable", "name: data, volume: {name: data}", "name: data, cache: none, volume: {name: data}", "name: data, cache: none, volume: {name: data.qcow2.shared}"),
    ("NNNN", "spec.disks[root].bootOrder", "bootOrder: 1", "bootOrder: 1", "bootOrder: 2"),
    ("NNNN", "spec.disks[data].cache", "name: data,", "name: data,", "name: data, cache: none,"),
    ("NNNN", "spec.disks[data].io", "name: data,", "name: data,", "name: data, io: threads,"),
    ("NNNN", "spec.disks[data].serial", "name: data,", "name: data, serial: A,", "name: data, serial: B,"),
    ("LNLN", "spec.disks[data].qos", "name: data,", "name: data,", "name: data, qos: {totalIops: 5},"),
    ("LNLN", "spec.interfaces[more]", "  - {name: eth0", "  - {name: eth0", "  - {name: more, network: lan}\n  - {name: eth0"),
    ("LNLN", "spec.interfaces[more]", "  - {name: eth0", "  - {name: more, network: lan}\n  - {name: eth0", "  - {name: eth0"),
    ("LNLN", "spec.interfaces[eth1].network", "wan", "wan", "dmz"),
    ("LNLN", "spec.interfaces[eth1].portGroup", "wan", "wan", "wan, portGroup: web"),
    ("NNNN", "spec.interfaces[eth1].model", "wan", "wan", "wan, model: e1000e"),
    ("NNNN", "spec.interfaces[eth1].macAddress", "0c", "0c", "0d"),
    ("LNLN", "spec.interfaces[eth1].state", "wan", "wan", "wan, state: Down"),
    ("LNLN", "spec.interfaces[eth1].qos", "wan", "wan", "wan, qos: {inbound: {average: 9}}"),
    ("M-M-", "spec.placement", "", "", ""),
];

/// What is done then, what is told, and what becomes of the difference.
type Answer = (
    State,
    &'static str,
    &'static [&'static str],
    &'static str,
    Option<Fate>,
);

#[rustfmt::skip]
const ANSWERS: [Answer; 16] = [
    (Running, "L",  &["Define", "Change", "Record Live"],    "Running Ready=True", None),
    (Running, "N",  &["Define", "Record Live"],              "RestartRequired Ready=True RestartRequired=True", Some(Fate::Written)),
    (Running, "S",  &["Record Config", "Record Live"],       "RestartRequired Ready=True RestartRequired=True", Some(Fate::Waits)),
    (Running, "RF", &["Record Config", "Record Live"],       "ChangeRefused Ready=False Stalled=True", Some(Fate::Refused)),
    (Running, "M",  &[],                                     "ChangeRefused Ready=False Stalled=True", Some(Fate::Refused)),
    (Off,     "N",  &["Define"],                             "Halted Ready=True", None),
    (Off,     "RF", &["Record Config"],                      "ChangeRefused Ready=False Stalled=True", Some(Fate::Refused)),
    (Off,     "-",  &[],                                     "Halted Ready=True", None),
    (Paused,  "L",  &["Define", "Change", "Record Live"],    "Paused Ready=True Paused=True", None),
    (Paused,  "N",  &["Define", "Record Live"],              "Paused Ready=True Paused=True", Some(Fate::Written)),
    (Paused,  "S",  &["Record Config", "Record Live"],       "Paused Ready=True Paused=True", Some(Fate::Waits)),
    (Paused,  "RF", &["Record Config", "Record Live"],       "ChangeRefused Ready=False Stalled=True", Some(Fate::Refused)),
    (Paused,  "M",  &[],                                     "ChangeRefused Ready=False Stalled=True", Some(Fate::Refused)),
    (Crashed, "N",  &["Define", "Start"],                    "Running Ready=True", None),
    (Crashed, "RF", &["Record Config", "Start"],             "ChangeRefused Ready=False Stalled=True", Some(Fate::Refused)),
    (Crashed, "-",  &["Start"],                              "ChangeRefused Ready=False Stalled=True", Some(Fate::Refused)),
];

/// By what it takes while it runs: what becomes of it while it runs, is off, stands still and has crashed,
/// where nothing is allowed unasked, Live, NextBoot and RestartNow. m it is made or written, w it waits.
/// What has crashed is started, and is then one that runs.
#[rustfmt::skip]
const ALLOWED: [(&str, [&str; 4]); 6] = [
    //     nothing  Live    NextBoot RestartNow
    ("L", ["wwww", "mwmm", "wmwm", "wwww"]),
    ("N", ["wwww", "wwww", "mmmm", "wwww"]),
    ("S", ["wwww", "wwww", "wmwm", "mwmm"]),
    ("R", ["rrrr", "rrrr", "rrrr", "rrrr"]),
    ("F", ["rrrr", "rrrr", "rrrr", "rrrr"]),
    ("M", ["rmrr", "rmrr", "rmrr", "rmrr"]),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Running,
    Off,
    Paused,
    Crashed,
}

const STATES: [State; 4] = [Running, Off, Paused, Crashed];

fn machine(find: &str, text: &str, state: State) -> DesiredMachine {
    assert!(MACHINE.contains(find), "{find}");
    DesiredMachine {
        strategy: if state == Off {
            RunStrategy::Halted
        } else {
            RunStrategy::Always
        },
        paused: state == Paused,
        ..given::machine_from(&MACHINE.replace(find, text))
    }
}

fn site(machine: &DesiredMachine) -> Site {
    let place = |disk: &drover_core::desired::machine::DesiredDisk| {
        let volume = disk.volume.as_deref()?;
        let (name, format) = volume.split_once('.').unwrap_or((volume, "qcow2"));
        let (format, base) = format.split_once('.').unwrap_or((format, ""));
        let backing = base.split_whitespace().filter(|base| *base != "shared");
        let backing = backing.map(|base| ResolvedBacking {
            path: base.to_owned(),
            format: "raw".to_owned(),
        });
        Some(ResolvedDisk {
            volume: name.to_owned(),
            format: format.to_owned(),
            shareable: base == "shared",
            backing: Some(backing.collect()),
            ..given::place(&disk.name)
        })
    };
    let boot = machine.firmware.kernel_boot.as_ref();
    let devices = machine.devices.host_devices.iter();
    let devices = devices.map(|it| (it.name.clone(), given::device(&it.resource)));
    Site {
        host_devices: Some(devices.collect()),
        disks: machine.disks.iter().filter_map(place).collect(),
        kernel: boot.map(|boot| boot.kernel_volume.name.clone()),
        initrd: boot.and_then(|boot| Some(boot.initrd_volume.as_ref()?.name.clone())),
        seed: machine.first_boot.as_ref().map(seed),
        ..given::site()
    }
}

fn seed(declared: &FirstBoot) -> ResolvedSeed {
    let content = match declared {
        FirstBoot::CloudInit(it) => it.user_data.clone(),
        FirstBoot::Ignition(it) => Some(it.secret_ref.name.clone()),
        FirstBoot::Sysprep(it) => Some(it.secret_ref.name.clone()),
    };
    given::seed(&content.unwrap_or_default())
}

fn domain(before: &DesiredMachine, state: State) -> ObservedDomain {
    let off = off_at(before, EPOCH, &site(before));
    let (state, reason) = match state {
        Running => (DomainState::Running, "Booted"),
        Off => (DomainState::Shutoff, "Shutdown"),
        Paused => (DomainState::Paused, "User"),
        Crashed => (DomainState::Crashed, "Panicked"),
    };
    ObservedDomain {
        state,
        reason,
        live: off.inactive.clone().filter(|_| state.is_active()),
        ..off
    }
}

fn world(line: &Line, state: State) -> (World, DesiredMachine) {
    let (_, path, find, before, after) = line;
    let (before, after) = (machine(find, before, state), machine(find, after, state));
    let mut world = World::new(Some(domain(&before, state)));
    world.site = site(&after);
    world.misplaced = (*path == "spec.placement").then_some("host1, which it may not be on");
    (world, after)
}

fn class(letter: char) -> Class {
    let mut all = "LNSMRF".chars().zip(Class::ALL);
    all.find(|(known, _)| *known == letter).unwrap().1
}

fn answer(state: State, letter: char) -> &'static Answer {
    let mut all = ANSWERS.iter();
    let answer = all.find(|(known, letters, ..)| *known == state && letters.contains(letter));
    answer.unwrap_or_else(|| panic!("{state:?} {letter} is to be in the table"))
}

#[test]
fn what_each_change_takes_in_each_state() {
    for line in &LINES {
        for (state, letter) in STATES.into_iter().zip(line.0.chars()) {
            let what = format!("{state:?} {line:?}");
            let (mut world, after) = world(line, state);
            let first = world.plan(&after);
            let classes: Vec<_> = first
                .changes
                .iter()
                .map(|(change, _)| (change.path.as_str(), change.class))
                .collect();
            let expected = (letter != '-').then(|| (line.1, class(letter)));
            assert_eq!(classes, expected.into_iter().collect::<Vec<_>>(), "{what}");

            if (state, letter) == (Running, 'L') {
                assert_eq!(first.verdict.reason, Reason::Updating, "{what}");
            }
            let (plan, steps) = world.settle(&after);
            let (.., expected, told, left) = answer(state, letter);
            let steps = words(&steps);
            let short = |step: &String| match step.strip_prefix("Change ") {
                Some(path) if path == line.1 => "Change".to_owned(),
                _ => step.clone(),
            };
            assert_eq!(
                steps.iter().map(short).collect::<Vec<_>>(),
                *expected,
                "{what}"
            );
            assert_eq!(conditions(plan.verdict.reason), *told, "{what}");
            let fates: Vec<_> = plan.changes.iter().map(|(_, fate)| *fate).collect();
            assert_eq!(fates, left.iter().copied().collect::<Vec<_>>(), "{what}");
            assert_eq!(world.settle(&after).1, [], "{what}");
            assert!(
                plan.changes
                    .iter()
                    .all(|(change, _)| !change.reason.is_empty())
            );
        }
    }
}

#[test]
fn what_may_be_done_unasked() {
    let classes = [
        ChangeClass::Live,
        ChangeClass::NextBoot,
        ChangeClass::RestartNow,
    ];
    for line in &LINES {
        let mut all = ALLOWED.iter();
        let (_, expected) = all.find(|(letter, _)| line.0.starts_with(letter)).unwrap();
        for (column, expected) in expected.iter().enumerate() {
            let made = STATES.map(|state| {
                let (mut world, mut after) = world(line, state);
                after.allow = classes
                    .iter()
                    .copied()
                    .skip(column.saturating_sub(1))
                    .take(column.min(1))
                    .collect();
                let (plan, _) = world.settle(&after);
                match plan.changes.first() {
                    Some((_, Fate::Waits)) => 'w',
                    Some((_, Fate::Refused)) => 'r',
                    _ => 'm',
                }
            });
            assert_eq!(
                made.iter().collect::<String>(),
                *expected,
                "{column} {line:?}"
            );
        }
    }
}

// Of a host that does not answer nothing is asked: there is no plan, and this is what is told.
#[test]
fn of_a_host_that_does_not_answer_nothing_is_known() {
    let told = "HostUnreachable Ready=Unknown HostUnreachable=True Reconciling=True";
    assert_eq!(conditions(Reason::HostUnreachable), told);
}

fn conditions(reason: Reason) -> String {
    let entries = entries(reason, "", Vec::new());
    let all = entries
        .iter()
        .map(|it| format!(" {}={}", it.type_, it.status.as_str()));
    format!("{}{}", reason.as_str(), all.collect::<String>())
}

#[test]
fn each_field_has_a_line() {
    let once = ROWS.iter().map(|row| row.path.to_owned());
    let disk = DISK_ROWS
        .iter()
        .map(|row| format!("spec.disks[].{}", row.path));
    let interface = INTERFACE_ROWS
        .iter()
        .map(|row| format!("spec.interfaces[].{}", row.path));
    let whole = ["spec.disks[]", "spec.interfaces[]", "spec.placement"].map(str::to_owned);
    for path in once.chain(disk).chain(interface).chain(whole) {
        let (kind, field) = path.split_once("[]").unwrap_or((&path, ""));
        let has = |line: &Line| line.1.starts_with(kind) && line.1.ends_with(field);
        assert!(LINES.iter().any(has), "{path}");
    }
}
