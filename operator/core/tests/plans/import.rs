//! What is there, said in Drover's words: applying them changes nothing.

use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::{Shape, Site};
use drover_core::import::{self, Domain, Imported, Place, Places};
use drover_core::observed::domain::{Definition, DomainState};
use drover_core::observed::network::NetworkFacts;
use drover_core::plan::changes::differences;
use drover_core::xml::{DomainType, ResolvedDisk};
use drover_crds::{VirtualMachine, Volume};
use uuid::Uuid;

const UUID: &str = "5f0c0de0-1111-4222-8333-944444444444";

// As an installer's tool writes it, and what somebody has added by hand.
const LEGACY: &str = r#"
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>Old Web</name>
  <uuid>5f0c0de0-1111-4222-8333-944444444444</uuid>
  <title>do not touch</title>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/10"/>
    </libosinfo:libosinfo>
  </metadata>
  <memory unit='KiB'>1000000</memory>
  <currentMemory unit='KiB'>524288</currentMemory>
  <vcpu placement='static' current='2'>4</vcpu>
  <cputune><shares>2048</shares></cputune>
  <os>
    <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
    <boot dev='hd'/>
  </os>
  <features><acpi/><apic/><hyperv mode='custom'><relaxed state='on'/></hyperv></features>
  <cpu mode='host-model' check='partial'><feature policy='disable' name='vmx'/></cpu>
  <clock offset='localtime'><timer name='rtc' tickpolicy='catchup'/></clock>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>preserve</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
      <source file='/images/old web.qcow2'/>
      <target dev='hda' bus='ide'/>
      <serial>ABC 1</serial>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' io='threads'/>
      <source file='/images/data.img'/>
      <target dev='vda' bus='virtio'/>
      <iotune><total_iops_sec>500</total_iops_sec></iotune>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <target dev='hdc' bus='ide'/>
      <readonly/>
    </disk>
    <disk type='file' device='floppy'><source file='/images/f.img'/><target dev='fda' bus='fdc'/></disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='/nowhere/x.img'/><target dev='vdb' bus='virtio'/>
    </disk>
    <controller type='usb' index='0' model='piix3-uhci'/>
    <interface type='network'>
      <mac address='52:54:00:AA:bb:01'/><source network='default'/><model type='e1000'/>
      <link state='down'/>
      <bandwidth><inbound average='1000' peak='2000'/></bandwidth>
    </interface>
    <interface type='bridge'>
      <mac address='52:54:00:aa:bb:02'/><source bridge='br0'/><model type='virtio'/><mtu size='9000'/>
    </interface>
    <serial type='pty'><target port='0'/></serial>
    <console type='pty'><target type='serial' port='0'/></console>
    <input type='tablet' bus='usb'/>
    <input type='mouse' bus='ps2'/>
    <graphics type='vnc' port='-1' autoport='yes'/>
    <sound model='ich6'/>
    <video><model type='vmvga' vram='16384'/></video>
    <memballoon model='virtio'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
  <qemu:commandline><qemu:arg value='-foo'/></qemu:commandline>
</domain>"#;

fn places() -> Places {
    let place = |volume: &str| Place {
        pool: "default".to_owned(),
        volume: volume.to_owned(),
        path: format!("/images/{volume}"),
        capacity: 10 << 30,
    };
    let mut places = Places::default();
    places.look_at(["old web.qcow2", "data.img", "vmlinuz"].map(place).into());
    places
}

// As the API server would.
fn refused(machine: &VirtualMachine) -> Vec<String> {
    let (_, definition) = drover_crds::schema::definitions()
        .into_iter()
        .find(|(_, it)| it.spec.names.kind == "VirtualMachine")
        .unwrap();
    let schema = definition.spec.versions[0].schema.as_ref().unwrap();
    let schema = serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap();
    let object = serde_json::to_value(machine).unwrap();
    drover_crds::check::faults(&schema, &object, None)
}

fn imported(xml: &str, state: DomainState) -> (Imported, Vec<Volume>) {
    let mut places = places();
    let domain = Domain {
        host: "kvm-1",
        namespace: "demo",
        name: "old-web",
        uuid: UUID.parse::<Uuid>().unwrap(),
        state,
        xml,
    };
    let imported = import::machine(&domain, &mut places, refused).unwrap();
    (imported, places.into_volumes())
}

fn left(imported: &Imported, volumes: &[Volume], xml: &str) -> Vec<String> {
    let desired = DesiredMachine::parse(&imported.machine, "local", None).unwrap();
    let disks = imported.machine.spec.disks.iter().filter_map(|disk| {
        let name = &disk.volume.as_ref()?.name;
        let mut all = volumes.iter();
        let volume = all
            .find(|it| it.metadata.name.as_ref() == Some(name))
            .unwrap();
        let existing = volume.spec.existing.as_ref().unwrap().name.clone();
        let format = serde_json::to_value(volume.spec.format).unwrap();
        Some(ResolvedDisk {
            name: disk.name.clone(),
            pool: volume.spec.pool.clone(),
            shareable: false,
            backing: None,
            path: Some(format!("/images/{existing}")),
            volume: existing,
            format: format.as_str().unwrap().to_owned(),
        })
    });
    let site = Site {
        domain_type: DomainType::Kvm,
        architecture: "x86_64".to_owned(),
        disks: disks.collect(),
        kernel: Some("/images/vmlinuz".to_owned()),
        initrd: None,
        host_devices: None,
        seed: None,
    };
    let found = Definition::parse(xml).unwrap();
    let all = differences(&Shape::of(&desired, &site), &site, &found, false);
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn a_machine_made_by_hand() {
    let (imported, volumes) = imported(LEGACY, DomainState::Running);
    assert_eq!(left(&imported, &volumes, LEGACY), Vec::<String>::new());
    let spec = &imported.machine.spec;
    let shown = serde_json::to_value(spec).unwrap();
    assert_eq!(shown["runStrategy"], "Always");
    assert_eq!(shown["deletionPolicy"], "Orphan");
    assert_eq!(shown["uuid"], UUID);
    assert_eq!(shown["cpu"]["sockets"], 2);
    assert_eq!(shown["cpu"]["maxSockets"], 4);
    assert_eq!(shown["cpu"]["model"], "host-model");
    assert_eq!(shown["cpu"]["features"][0]["policy"], "disable");
    assert_eq!(shown["memory"]["guest"], "512Mi");
    assert_eq!(shown["memory"]["maxGuest"], "977Mi");
    assert_eq!(shown["machine"]["type"], "pc-i440fx-7.2");
    assert_eq!(shown["firmware"]["bootloader"], "BIOS");
    let disks: Vec<_> = spec.disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(
        disks,
        ["vda", "hdc"],
        "a serial number with a space cannot be said"
    );
    assert_eq!(shown["disks"][0]["qos"]["totalIops"], 500);
    assert_eq!(shown["interfaces"][0]["network"], "default");
    assert_eq!(shown["interfaces"][0]["state"], "Down");
    assert_eq!(shown["interfaces"][0]["qos"]["inbound"]["peak"], 2_000);
    let unsaid = imported.unsaid.join("\n");
    for words in [
        "spec.clock.timezone: Invalid value: \"offset localtime\"",
        "spec.devices.video: vmvga",
        "ABC 1",
        "spec.disks[fda]: ",
        "spec.disks[vdb]: /nowhere/x.img is in no pool",
        "spec.interfaces[52:54:00:aa:bb:02]: bridge br0: it is in no network",
        "<title>",
        "<on_crash>",
        "<metadata/libosinfo>",
        "<cputune>",
        "<features/hyperv>",
        "<clock/timer>",
        "<devices/input>",
        "<devices/sound>",
        "<devices/disk[hda]/driver/@discard>",
        "<devices/interface[52:54:00:aa:bb:02]/mtu>",
        "<commandline>",
    ] {
        assert!(unsaid.contains(words), "{words}: {unsaid}");
    }
    assert!(!unsaid.contains("would be changed"), "{unsaid}");
    assert_eq!(volumes.len(), 1, "what no machine uses is not given");
    assert_eq!(volumes[0].metadata.name.as_deref(), Some("data-img"));
}

#[test]
fn a_machine_that_is_off_and_starts_a_kernel() {
    let xml = "<domain type='kvm'><name>k</name><memory unit='MiB'>64</memory>\
        <vcpu>6</vcpu><cpu><topology sockets='1' dies='1' cores='4' threads='1'/></cpu>\
        <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><kernel>/images/vmlinuz</kernel>\
        <cmdline>console=ttyS0</cmdline></os><devices/></domain>";
    let (imported, volumes) = imported(xml, DomainState::Shutoff);
    assert_eq!(left(&imported, &volumes, xml), Vec::<String>::new());
    let shown = serde_json::to_value(&imported.machine.spec).unwrap();
    assert_eq!(shown["runStrategy"], "Halted");
    assert_eq!(shown["cpu"], serde_json::Value::Null);
    let boot = &shown["firmware"]["kernelBoot"];
    assert_eq!(boot["kernelVolume"]["name"], "vmlinuz");
    assert_eq!(boot["cmdline"], "console=ttyS0");
    assert_eq!(shown["devices"]["serial"], false);
    assert_eq!(imported.unsaid, ["spec.cpu.sockets: 6 virtual CPUs"]);
}

#[test]
fn pools_and_networks_of_every_kind() {
    for kind in [
        "dir",
        "fs",
        "netfs",
        "logical",
        "disk",
        "iscsi",
        "iscsi-direct",
        "scsi",
        "mpath",
        "rbd",
        "gluster",
        "zfs",
    ] {
        let pool = import::pool("default", kind, "demo").unwrap();
        assert_eq!(serde_json::to_value(pool.spec.type_).unwrap(), kind);
    }
    assert!(import::pool("default", "sheepdog", "demo").is_err());
    assert!(import::pool("My Pool", "dir", "demo").is_err());
    for (xml, mode) in [
        ("", "Isolated"),
        ("<forward mode='nat'/>", "NAT"),
        ("<forward/>", "NAT"),
        ("<forward mode='route'/>", "Route"),
        ("<forward mode='open'/>", "Open"),
        ("<forward mode='bridge'/><bridge name='br0'/>", "Bridge"),
        (
            "<forward mode='bridge'/><bridge name='b'/><virtualport type='openvswitch'/>",
            "OVS",
        ),
        (
            "<forward mode='bridge'><interface dev='e'/></forward>",
            "Macvtap",
        ),
        ("<forward mode='passthrough'/>", "Macvtap"),
        ("<forward mode='hostdev'/>", "HostDev"),
    ] {
        let xml = format!("<network><name>lan</name>{xml}</network>");
        let facts = NetworkFacts::parse(&xml).unwrap();
        let network = import::network("lan", &facts).unwrap();
        assert_eq!(serde_json::to_value(network.spec.mode).unwrap(), mode);
    }
}
