//! What was made by hand, said in files: applying them changes nothing, without a cluster and in one.

use crate::support::files::{Files, HOST, text};
use crate::support::{World, message, ready, reason};

const SPACE: &str = "e2e-import";
const DOMAIN: &str = "Hand Made";
const POOL: &str = "by-hand";

// As somebody would write it: nothing in it carries a name of Drover's.
const XML: &str = "<domain type='qemu'><name>Hand Made</name>
  <uuid>5f0c0de0-aaaa-4222-8333-944444444445</uuid><title>an odd one</title>
  <memory unit='KiB'>65000</memory><vcpu>1</vcpu><cputune><shares>2048</shares></cputune>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features><clock offset='localtime'/>
  <on_crash>restart</on_crash>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
      <source file='/var/lib/libvirt/by-hand/one.img'/><target dev='vda' bus='virtio'/></disk>
    <disk type='volume' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/>
      <source pool='by-hand' volume='two.qcow2'/><target dev='sda' bus='scsi'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/>
      <source file='/root/elsewhere.img'/><target dev='vdb' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
    <controller type='scsi' index='0' model='virtio-scsi'/>
    <interface type='network'><mac address='52:54:00:1a:2b:3c'/><source network='by-hand'/>
      <model type='e1000'/><link state='down'/></interface>
    <interface type='ethernet'><mac address='52:54:00:1a:2b:3d'/><model type='virtio'/></interface>
    <input type='tablet' bus='usb'/><serial type='pty'/>
    <sound model='ich6'/><video><model type='cirrus'/></video><graphics type='vnc' autoport='yes'/>
  </devices></domain>";

const NETWORK: &str = "<network><name>by-hand</name><forward mode='route'/>
  <ip address='10.99.7.1' netmask='255.255.255.0'/></network>";

fn by_hand(world: &World) {
    let host = world.host(HOST);
    let root = host.root(&world.lab);
    for (name, text) in [("made.xml", XML), ("net.xml", NETWORK)] {
        std::fs::write(root.join("root").join(name), text).unwrap();
    }
    let folder = "/var/lib/libvirt/by-hand";
    let all = format!(
        "virsh pool-define-as {POOL} dir --target {folder} && virsh pool-build {POOL} && \
         virsh pool-start {POOL} && virsh vol-create-as {POOL} one.img 8M --format raw && \
         virsh vol-create-as {POOL} two.qcow2 8M --format qcow2 && \
         truncate -s 1M /root/elsewhere.img && \
         virsh net-define /root/net.xml && virsh net-start {POOL} && \
         virsh define /root/made.xml && virsh start '{DOMAIN}' && virsh autostart '{DOMAIN}'"
    );
    world.shell(HOST, &all);
}

fn undo(world: &World) {
    let all = format!(
        "virsh destroy '{DOMAIN}'; virsh undefine '{DOMAIN}'; virsh net-destroy {POOL}; \
         virsh net-undefine {POOL}; virsh pool-destroy {POOL}; virsh pool-undefine {POOL}; \
         rm -rf /var/lib/libvirt/by-hand /root/elsewhere.img; true"
    );
    world.shell(HOST, &all);
}

fn pid(world: &World) -> String {
    world.shell(HOST, &format!("cat '/run/libvirt/qemu/{DOMAIN}.pid'"))
}

fn definition(world: &World) -> String {
    let xml = world.virsh(HOST, &["dumpxml", "--inactive", DOMAIN]);
    let (start, rest) = xml.split_once("  <metadata>").unwrap_or((&xml, ""));
    let rest = rest
        .split_once("</metadata>\n")
        .map_or(rest, |(_, rest)| rest);
    format!("{start}{rest}")
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_was_made_by_hand_is_taken_over_as_it_is() {
    let files = Files::new("e2e-import");
    let world = &files.world;
    undo(world);
    by_hand(world);
    let (process, before) = (pid(world), definition(world));
    let printed = files.drover(&["import", "-n", SPACE, DOMAIN]);
    assert!(printed.status.success());
    let folder = files.folder.join("files");
    let _none = std::fs::remove_dir_all(&folder);
    let out = folder.display().to_string();
    let written = files.drover(&["import", "-n", SPACE, DOMAIN, "--out", &out]);
    assert!(written.status.success());
    for words in [
        "spec.disks[vdb]: /root/elsewhere.img is in no pool",
        "spec.interfaces[52:54:00:1a:2b:3d]",
        "<title>",
        "<cputune>",
        "<devices/sound>",
    ] {
        assert!(text(&written).contains(words), "{words}");
    }
    let again = files.drover(&["import", "-n", SPACE, DOMAIN, "--out", &out]);
    assert_eq!(again.status.code(), Some(1), "no file is written over");
    let run = |words: &[&str], status: i32, part: &str| {
        let output = files.drover(&[words, &["-f", &out]].concat());
        assert_eq!(output.status.code(), Some(status));
        assert!(text(&output).contains(part), "{part}");
    };
    // Nothing changes, neither before it is taken over nor after.
    run(&["plan"], 0, "it is taken over as it is");
    run(&["apply", "--yes"], 0, "Running");
    run(&["plan"], 0, "Everything is as declared");
    assert_eq!(pid(world), process, "it went on running");
    assert_eq!(definition(world), before);
    let info = world.virsh(HOST, &["dominfo", DOMAIN]);
    assert!(info.contains("Autostart:      disable"), "{info}");
    in_a_cluster(&files, &process, &before);
    undo(world);
    std::fs::remove_dir_all(&files.folder).unwrap();
}

// The same files, and who kept it before is told to let go by the word of a person.
fn in_a_cluster(files: &Files, process: &str, before: &str) {
    let world = &files.world;
    let folder = files.folder.join("files");
    let out = folder.display().to_string();
    // An orphan: the mark is off, and the disks are there.
    let output = files.drover(&["delete", "--yes", "-f", &out]);
    assert!(output.status.success());
    assert_eq!(
        (pid(world).as_str(), definition(world).as_str()),
        (process, before)
    );
    world.space(SPACE);
    world.adoption(
        HOST,
        &format!(
            "{{\"from\":\"Selector\",\"selector\":{{\"matchLabels\":\
         {{\"kubernetes.io/metadata.name\":\"{SPACE}\"}}}}}}"
        ),
    );
    world.kubectl(&["apply", "-f", &out]);
    world.machine_is(SPACE, "hand-made", "ready", ready);
    world.wait(("volumes", SPACE, "one-img"), "ready", ready);
    assert_eq!(
        (pid(world).as_str(), definition(world).as_str()),
        (process, before)
    );
    refused_to_others(world);
    world.kubectl(&["delete", "--wait=true", "-f", &out]);
    world.adoption(HOST, "null");
    assert_eq!(
        (pid(world).as_str(), definition(world).as_str()),
        (process, before)
    );
    world.remove_space(SPACE);
}

// Whoever may write a Volume gets neither another's data nor what its pool does not let him have.
fn refused_to_others(world: &World) {
    let volume = |space: &str| {
        format!(
            "apiVersion: drover.dev/v1alpha1\nkind: Volume\nmetadata: {{name: mine, namespace: {space}}}\n\
             spec: {{pool: {POOL}, host: {HOST}, capacity: 8Mi, format: raw, existing: {{name: one.img}}}}\n"
        )
    };
    for (space, why) in [(SPACE, "NameConflict"), ("default", "AdoptionRefused")] {
        world.apply(&volume(space));
        let refused = world.wait(("volumes", space, "mine"), why, |it| reason(it) == why);
        println!("{}", message(&refused));
        world.delete(&volume(space));
    }
    let files = world.shell(HOST, "ls /var/lib/libvirt/by-hand");
    assert_eq!(
        files, "one.img\ntwo.qcow2\n",
        "nothing is put into the pool"
    );
}
