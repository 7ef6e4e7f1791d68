//! Machines that anybody might declare.

use drover_core::desired::machine::{
    Bootloader, DesiredDisk, DesiredInterface, DesiredMachine, DiskBus, DiskType, Firmware,
    FirstBoot, InterfaceModel, InterfaceQos,
};
use drover_core::fields::Site;
use drover_core::xml::{DomainType, ResolvedBacking, ResolvedDisk};
use drover_crds::common::{LocalRef, SecretKeyRef};
use drover_crds::virtual_machine::{
    Bandwidth, Devices, Graphics, GraphicsType, Ignition, KernelBoot, Sysprep, Tpm, Video,
    VideoModel, Watchdog, WatchdogAction, WatchdogModel,
};

use super::given;
use crate::dice::Dice;

/// One of this one's name, and where it is.
pub(crate) fn machine(base: &DesiredMachine, dice: &mut Dice) -> (DesiredMachine, Site) {
    let mut machine = base.clone();
    compute(&mut machine, dice);
    machine.machine_type = dice.maybe(&["q35", "pc-q35-7.2"]).map(str::to_owned);
    machine.architecture = dice.maybe(&["x86_64".to_owned()]);
    machine.timezone = dice
        .maybe(&["Europe/Berlin", "localtime"])
        .map(str::to_owned);
    machine.firmware = firmware(dice);
    machine.devices = devices(dice);
    let names = ["root", "data", "vda", "sda", "new-1", "new-2"];
    let mut orders: Vec<i32> = (1..=6).collect();
    machine.disks = names
        .into_iter()
        .filter(|_| dice.once_in(2))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|name| disk(name, &mut orders, dice))
        .collect();
    // The addresses are dealt out: two may well be swapped.
    let mut macs = vec![
        "52:54:00:aa:bb:0c",
        "52:54:00:aa:bb:0d",
        "52:54:00:aa:bb:0e",
    ];
    machine.interfaces = ["eth0", "eth1", "new"]
        .into_iter()
        .filter(|_| dice.once_in(2))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|name| {
            let mac = macs.remove(dice.below(macs.len()));
            interface(name, mac, dice)
        })
        .collect();
    machine.first_boot = first_boot(dice);
    let site = site(&machine, dice);
    (machine, site)
}

fn first_boot(dice: &mut Dice) -> Option<FirstBoot> {
    let name = "ci".to_owned();
    let key = "config".to_owned();
    let secret_ref = SecretKeyRef {
        name: name.clone(),
        key,
    };
    let all = [
        FirstBoot::CloudInit(Box::default()),
        FirstBoot::Ignition(Ignition { secret_ref }),
        FirstBoot::Sysprep(Sysprep {
            secret_ref: LocalRef { name },
        }),
    ];
    dice.maybe(&all)
}

fn compute(machine: &mut DesiredMachine, dice: &mut Dice) {
    let cpu = &mut machine.cpu;
    (cpu.sockets, cpu.cores, cpu.threads) = (
        dice.pick(&[1, 2, 3]),
        dice.pick(&[1, 2]),
        dice.pick(&[1, 1, 2]),
    );
    cpu.max_sockets = dice.maybe(&[0, 2]).map(|more| cpu.sockets + more);
    cpu.model = dice
        .maybe(&["host-model", "host-passthrough", "Nehalem"])
        .map(str::to_owned);
    for name in ["avx", "avx2", "x2apic"] {
        let policy = dice.maybe(&["require", "disable"]);
        cpu.features
            .extend(policy.map(|policy| (name.to_owned(), policy)));
    }
    let memory = &mut machine.memory;
    memory.kib = dice.pick(&[128, 256, 512]) << 10;
    memory.max_kib = dice.maybe(&[0, 256]).map(|more| memory.kib + (more << 10));
    memory.page_kib = dice.maybe(&[2_048]);
}

fn firmware(dice: &mut Dice) -> Firmware {
    let named = |name: &str| LocalRef {
        name: name.to_owned(),
    };
    let boot = dice.once_in(3).then(|| KernelBoot {
        kernel_volume: named("kernel"),
        initrd_volume: dice.maybe(&[named("initrd")]),
        cmdline: dice
            .maybe(&["quiet", " a='b' & <c> ", "  ", ""])
            .map(str::to_owned),
    });
    Firmware {
        bootloader: dice.pick(&[Bootloader::Bios, Bootloader::Bios, Bootloader::Efi]),
        secure_boot: false,
        tpm: dice.maybe(&[Tpm {}]),
        kernel_boot: boot,
    }
}

fn devices(dice: &mut Dice) -> Devices {
    let graphics = [GraphicsType::Vnc, GraphicsType::Spice].map(|type_| Graphics { type_ });
    let models = [
        VideoModel::Virtio,
        VideoModel::Vga,
        VideoModel::Qxl,
        VideoModel::None,
    ];
    let watchdogs = [
        (WatchdogModel::I6300esb, WatchdogAction::Reset),
        (WatchdogModel::Itco, WatchdogAction::Reset),
        (WatchdogModel::Itco, WatchdogAction::Pause),
    ];
    Devices {
        graphics: dice.maybe(&graphics),
        video: dice.maybe(&models.map(|model| Video { model })),
        watchdog: dice.maybe(&watchdogs.map(|(model, action)| Watchdog { model, action })),
        serial: !dice.once_in(3),
        rng: !dice.once_in(3),
        balloon: !dice.once_in(3),
        agent_channel: !dice.once_in(3),
        panic: !dice.once_in(3),
        host_devices: Vec::new(),
    }
}

fn disk(name: &str, orders: &mut Vec<i32>, dice: &mut Dice) -> DesiredDisk {
    let drive = dice.once_in(4);
    let buses = [DiskBus::Sata, DiskBus::Scsi, DiskBus::Usb, DiskBus::Virtio];
    let volume = (!drive || dice.once_in(2)).then(|| name.to_owned());
    let amounts = |dice: &mut Dice, names: &[&'static str]| {
        let all = names.iter().filter(|_| dice.once_in(2));
        all.map(|name| (*name, 500)).collect::<Vec<_>>()
    };
    let mut limits = match dice.below(3) {
        0 => amounts(
            dice,
            &["total_iops_sec", "read_bytes_sec", "write_bytes_sec"],
        ),
        1 => amounts(
            dice,
            &["total_bytes_sec", "read_iops_sec", "write_iops_sec"],
        ),
        _ => Vec::new(),
    };
    limits.sort_unstable();
    DesiredDisk {
        name: name.to_owned(),
        type_: if drive {
            DiskType::Cdrom
        } else {
            DiskType::Disk
        },
        bus: dice.pick(&buses[..if drive { 3 } else { 4 }]),
        boot_order: dice
            .once_in(3)
            .then(|| orders.remove(dice.below(orders.len()))),
        volume,
        image: None,
        pool: None,
        template: None,
        cache: dice.maybe(&["none", "directsync"]),
        io: dice.maybe(&["threads", "io_uring"]),
        serial: dice.maybe(&["OLD".to_owned(), "NEW".to_owned()]),
        limits,
    }
}

fn interface(name: &str, mac: &str, dice: &mut Dice) -> DesiredInterface {
    let limits = [
        (100, None, None),
        (100, Some(200), None),
        (7, Some(8), Some(9)),
    ];
    let limits = limits.map(|(average, peak, burst)| Bandwidth {
        average,
        peak,
        burst,
    });
    DesiredInterface {
        name: name.to_owned(),
        network: dice.pick(&["default", "lan"]).to_owned(),
        port_group: dice.maybe(&["web".to_owned()]),
        model: dice.pick(&[InterfaceModel::Virtio, InterfaceModel::E1000e]),
        mac: mac.to_owned(),
        ip_address: None,
        up: !dice.once_in(3),
        qos: InterfaceQos {
            inbound: dice.maybe(&limits),
            outbound: dice.maybe(&limits),
        },
    }
}

fn site(machine: &DesiredMachine, dice: &mut Dice) -> Site {
    let mut place = |disk: &DesiredDisk| {
        let volume = disk.volume.as_ref()?;
        // Of some nobody knows yet where they are.
        (!dice.once_in(8)).then(|| ResolvedDisk {
            name: disk.name.clone(),
            pool: "fast".to_owned(),
            volume: format!("shop_web-{volume}{}", dice.pick(&["", "", "-2"])),
            format: dice.pick(&["qcow2", "qcow2", "raw"]).to_owned(),
            shareable: dice.once_in(4),
            backing: dice.pick(&[Some(""), Some("/srv/base"), None]).map(backing),
            path: dice.maybe(&["/srv/fast/desktop.qcow2".to_owned(), "/srv/a".to_owned()]),
        })
    };
    let disks = machine.disks.iter().filter_map(&mut place).collect();
    Site {
        domain_type: dice.pick(&[DomainType::Qemu, DomainType::Kvm]),
        architecture: "x86_64".to_owned(),
        disks,
        kernel: dice.maybe(&["/srv/a & b".to_owned(), "/boot/vmlinuz".to_owned()]),
        initrd: dice.maybe(&["/srv/initrd".to_owned()]),
        host_devices: dice
            .pick(&[None, Some(&[][..]), Some(&[1]), Some(&[2, 1])])
            .map(devices_of),
        seed: machine
            .first_boot
            .is_some()
            .then(|| given::seed(dice.pick(&["a", "b"]))),
    }
}

fn devices_of(buses: &[u32]) -> Vec<(String, String)> {
    let named = buses.iter().enumerate();
    named
        .map(|(at, bus)| (format!("d{at}"), given::device(&format!("a/{bus}"))))
        .collect()
}

fn backing(path: &str) -> Vec<ResolvedBacking> {
    let base = |path: &str| ResolvedBacking {
        path: path.to_owned(),
        format: "qcow2".to_owned(),
    };
    path.lines().map(base).collect()
}
