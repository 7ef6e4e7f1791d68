//! The life of a machine with everything, and of its pool and network, on one host: in it every call
//! that changes something there is made, and every write of the objects.

use serde_json::Value;

use super::between::HOST;
use super::objects::{Guest, ready, reason, state, taken};
use super::world::World;

/// The namespace that it happens in.
pub(crate) const SPACE: &str = "e2e-whole";

/// Every procedure of the operator's that changes something on a host.
pub(crate) const CHANGES: [&str; 30] = [
    "DOMAIN_ATTACH_DEVICE_FLAGS",
    "DOMAIN_BLOCK_RESIZE",
    "DOMAIN_CREATE_WITH_FLAGS",
    "DOMAIN_DEFINE_XML_FLAGS",
    "DOMAIN_DESTROY_FLAGS",
    "DOMAIN_DETACH_DEVICE_FLAGS",
    "DOMAIN_RESET",
    "DOMAIN_RESUME",
    "DOMAIN_SET_AUTOSTART",
    "DOMAIN_SET_BLOCK_IO_TUNE",
    "DOMAIN_SET_MEMORY_FLAGS",
    "DOMAIN_SET_METADATA",
    "DOMAIN_SET_VCPUS_FLAGS",
    "DOMAIN_SHUTDOWN_FLAGS",
    "DOMAIN_SUSPEND",
    "DOMAIN_UNDEFINE_FLAGS",
    "DOMAIN_UPDATE_DEVICE_FLAGS",
    "NETWORK_CREATE",
    "NETWORK_DEFINE_XML",
    "NETWORK_DESTROY",
    "NETWORK_UNDEFINE",
    "STORAGE_POOL_CREATE",
    "STORAGE_POOL_DEFINE_XML",
    "STORAGE_POOL_DELETE",
    "STORAGE_POOL_DESTROY",
    "STORAGE_POOL_UNDEFINE",
    "STORAGE_VOL_CREATE_XML",
    "STORAGE_VOL_DELETE",
    "STORAGE_VOL_RESIZE",
    "STORAGE_VOL_UPLOAD",
];

/// Those that are made in no such life, but in those of copies, images, networks and wiped
/// volumes.
pub(crate) const ELSEWHERE: [&str; 10] = [
    "DOMAIN_BLOCK_COPY",
    "DOMAIN_BLOCK_JOB_ABORT",
    "DOMAIN_FSFREEZE",
    "DOMAIN_FSTHAW",
    "NETWORK_UPDATE",
    "SECRET_DEFINE_XML",
    "SECRET_SET_VALUE",
    "SECRET_UNDEFINE",
    "STORAGE_VOL_CREATE_XML_FROM",
    "STORAGE_VOL_WIPE",
];

/// Every procedure of the operator's that changes nothing but what its own connection is told.
pub(crate) const READS: [&str; 51] = [
    "AUTH_LIST",
    "CONNECT_CLOSE",
    "CONNECT_COMPARE_HYPERVISOR_CPU",
    "CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY",
    "CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY",
    "CONNECT_GET_ALL_DOMAIN_STATS",
    "CONNECT_GET_CAPABILITIES",
    "CONNECT_GET_DOMAIN_CAPABILITIES",
    "CONNECT_GET_LIB_VERSION",
    "CONNECT_GET_TYPE",
    "CONNECT_GET_VERSION",
    "CONNECT_LIST_ALL_DOMAINS",
    "CONNECT_LIST_ALL_NETWORKS",
    "CONNECT_LIST_ALL_NODE_DEVICES",
    "CONNECT_LIST_ALL_STORAGE_POOLS",
    "CONNECT_NETWORK_EVENT_REGISTER_ANY",
    "CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY",
    "CONNECT_OPEN",
    "CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY",
    "CONNECT_SUPPORTS_FEATURE",
    // How long it waits for a guest.
    "DOMAIN_AGENT_SET_RESPONSE_TIMEOUT",
    "DOMAIN_GET_AUTOSTART",
    "DOMAIN_GET_BLOCK_INFO",
    "DOMAIN_GET_BLOCK_JOB_INFO",
    "DOMAIN_GET_GUEST_INFO",
    "DOMAIN_GET_INFO",
    "DOMAIN_GET_STATE",
    "DOMAIN_GET_XML_DESC",
    "DOMAIN_INTERFACE_ADDRESSES",
    "DOMAIN_IS_ACTIVE",
    "DOMAIN_IS_PERSISTENT",
    "DOMAIN_LOOKUP_BY_NAME",
    "INTERFACE_LOOKUP_BY_NAME",
    "NETWORK_GET_DHCP_LEASES",
    "NETWORK_GET_XML_DESC",
    "NETWORK_IS_ACTIVE",
    "NETWORK_IS_PERSISTENT",
    "NODE_DEVICE_GET_XML_DESC",
    "NODE_GET_INFO",
    "SECRET_LOOKUP_BY_UUID",
    "STORAGE_POOL_GET_INFO",
    "STORAGE_POOL_GET_XML_DESC",
    "STORAGE_POOL_LIST_ALL_VOLUMES",
    // libvirt looks at what is there anew.
    "STORAGE_POOL_REFRESH",
    "STORAGE_VOL_DOWNLOAD",
    "STORAGE_VOL_GET_INFO",
    "STORAGE_VOL_GET_INFO_FLAGS",
    "STORAGE_VOL_GET_PATH",
    "STORAGE_VOL_GET_XML_DESC",
    "STORAGE_VOL_LOOKUP_BY_NAME",
    "STORAGE_VOL_LOOKUP_BY_PATH",
];

const DOMAIN: &str = "e2e-whole_all";
const FOREIGN: &str = "5f0c0de0-2222-4222-8333-944444444444";

/// One life; its objects are gone afterwards, and so is all that stood for them.
pub(crate) fn live(world: &World) {
    places(world);
    made(world);
    let placed = epoch(world);
    changed_while_it_runs(world);
    off_and_on(world);
    assert_eq!(epoch(world), placed, "it was placed once");
    taken_over(world);
    unmade(world);
}

fn is(world: &World, reason_wanted: &str) {
    world.machine_is(SPACE, "all", reason_wanted, |machine| {
        reason(machine) == reason_wanted && is_current(machine)
    });
    let domains = world.domains(&format!("{SPACE}_"));
    assert_eq!(domains, [(HOST.to_owned(), DOMAIN.to_owned())]);
}

fn is_current(machine: &Value) -> bool {
    machine["status"]["observedGeneration"] == machine["metadata"]["generation"]
}

fn epoch(world: &World) -> Value {
    world.machine(SPACE, "all").unwrap()["status"]["epoch"].clone()
}

fn id(world: &World) -> String {
    world.domain_id(HOST, DOMAIN)
}

fn places(world: &World) {
    world.apply(
        "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {name: whole}
spec:
  type: dir
  scope: Local
  hostSelector: {matchLabels: {suite: bookworm}}
  target: {path: /var/lib/libvirt/drover-whole}
  deletionPolicy: Delete
---
apiVersion: drover.dev/v1alpha1
kind: Network
metadata: {name: whole}
spec:
  mode: Isolated
  hostSelector: {matchLabels: {suite: bookworm}}
",
    );
    for kind in ["storagepools", "networks"] {
        world.wait((kind, "", "whole"), "realized", ready);
    }
}

// Small, and paused from the first moment.
fn made(world: &World) {
    let small = "cpu: {maxSockets: 4}";
    let guest = guest("128Mi").more(small);
    world.apply(&guest.clone().more("paused: true").yaml());
    is(world, "Paused");
    world.apply(&guest.yaml());
    is(world, "Running");
}

fn guest(memory: &str) -> Guest {
    Guest::new(SPACE, "all")
        .on(HOST)
        .memory(&format!("{{guest: {memory}, maxGuest: 256Mi}}"))
        .blank("root", "whole")
        .more("cloudInit: {userData: first}")
}

fn large(memory: &str) -> Guest {
    let scsi = "{name: scsi, bus: scsi, qos: {totalIops: 500}, \
                volumeTemplate: {pool: whole, capacity: 8Mi}}";
    let cpu = "cpu: {maxSockets: 4, sockets: 2}";
    guest(memory).disk(scsi.to_owned()).more(cpu)
}

const CABLES: &str = "interfaces: [{name: eth0, network: whole, state: Down}";
const ANOTHER: &str = ", {name: eth1, network: whole}";

// It grows, has its cable plugged in and its limit raised, stands still, and is reset.
fn changed_while_it_runs(world: &World) {
    let before = id(world);
    let grown = large("128Mi").more(&format!("{CABLES}{ANOTHER}]"));
    world.apply(&grown.yaml());
    is(world, "Running");
    let shows = |part: &str| world.virsh(HOST, &["dumpxml", DOMAIN]).contains(part);
    for part in [
        "ua-disk-scsi",
        "<link state='down'/>",
        "ua-if-eth1",
        "current='2'>4</vcpu>",
    ] {
        assert!(shows(part), "{part}");
    }
    world.apply(&as_changed(&grown));
    is(world, "Running");
    assert!(!shows("<link state='down'/>") && shows(">900</total_iops_sec>"));
    larger(world, "all-scsi");
    world.apply(&as_changed(&grown.clone().more("paused: true")));
    is(world, "Paused");
    let reset = grown.annotated("resetAt", "2026-01-01T00:00:00Z");
    world.apply(&as_changed(&reset));
    is(world, "Running");
    assert!(shows("2026-01-01T00:00:00Z"), "that it was reset is noted");
    assert_eq!(id(world), before, "it went on running");
}

fn as_changed(guest: &Guest) -> String {
    let yaml = guest.yaml().replace("state: Down", "state: Up");
    yaml.replace("totalIops: 500", "totalIops: 900")
}

// And is given something else at its next start.
fn as_given(guest: &Guest) -> String {
    as_changed(guest).replace("userData: first", "userData: second")
}

fn larger(world: &World, volume: &str) {
    let patch = "{\"spec\":{\"capacity\":\"16Mi\"}}";
    let words = ["-n", SPACE, "--type=merge", "-p", patch];
    world.kubectl(&[&["patch", "vvol", volume], &words[..]].concat());
    world.wait(("volumes", SPACE, volume), "larger", |volume| {
        ready(volume) && volume["status"]["capacity"] == "16Mi"
    });
}

// Nobody in it lets a device go, takes more memory, or hears that it is to shut down.
fn off_and_on(world: &World) {
    let before = id(world);
    let guest = large("192Mi")
        .more(&format!("{CABLES}]"))
        .annotated("resetAt", "2026-01-01T00:00:00Z");
    world.apply(&as_given(&guest));
    world.machine_is(SPACE, "all", "asked", |machine| {
        ["Updating", "RestartRequired"].contains(&reason(machine)) && is_current(machine)
    });
    assert_eq!(id(world), before, "it went on running");
    let mut guest = guest.annotated("restartedAt", "2026-01-01T00:01:00Z");
    guest.grace = 1;
    world.apply(&as_given(&guest));
    is(world, "Running");
    let again = id(world);
    assert_ne!(again, before, "it was started again");
    world.apply(&as_given(&guest.clone().strategy("Halted")));
    is(world, "Halted");
    larger(world, "all-root");
    let other = guest.memory("{guest: 160Mi, maxGuest: 256Mi}");
    world.apply(&as_given(&other));
    is(world, "Running");
    let started = |id: &str| id.parse::<u32>().unwrap();
    assert_eq!(started(&id(world)), started(&again) + 1, "started once");
    let folder = world.host(HOST).root(&world.lab);
    let folder = folder.join("var/lib/libvirt/drover-whole");
    world.wait_for("what it was given first is gone", || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.contains("_seed-")).count() == 1
    });
}

// Somebody's own machine, which starts with its host; it is let go again.
fn taken_over(world: &World) {
    let xml = format!(
        "<domain type='qemu'><name>whole-legacy</name><uuid>{FOREIGN}</uuid>\
         <memory unit='MiB'>64</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
    );
    let folder = world.host(HOST).root(&world.lab).join("root");
    std::fs::write(folder.join("whole-legacy.xml"), xml).unwrap();
    world.virsh(HOST, &["define", "/root/whole-legacy.xml"]);
    world.virsh(HOST, &["start", "whole-legacy"]);
    world.virsh(HOST, &["autostart", "whole-legacy"]);
    world.adoption(HOST, "{\"from\":\"All\"}");
    let before = world.domain_id(HOST, "whole-legacy");
    let machine = taken(SPACE, FOREIGN);
    world.apply(&machine);
    world.machine_is(SPACE, "taken", "Running", |machine| {
        ready(machine) && state(machine) == "Running"
    });
    world.delete(&machine);
    world.adoption(HOST, "null");
    assert_eq!(world.domain_id(HOST, "whole-legacy"), before, "it ran on");
    let xml = world.virsh(HOST, &["dumpxml", "whole-legacy"]);
    assert!(!xml.contains("drover"), "{xml}");
    world.virsh(HOST, &["destroy", "whole-legacy"]);
    world.virsh(HOST, &["undefine", "whole-legacy"]);
}

fn unmade(world: &World) {
    world.kubectl(&["delete", "vm", "all", "-n", SPACE, "--timeout=120s"]);
    world.wait_for("its disks are gone", || {
        let volumes = world.kubectl(&["get", "vvol", "-n", SPACE, "-o", "name"]);
        volumes.trim().is_empty()
    });
    assert!(world.domains(&format!("{SPACE}_")).is_empty());
    world.kubectl(&["delete", "vpool/whole", "vnet/whole", "--timeout=120s"]);
    for words in [
        ["pool-list", "--all", "--name"],
        ["net-list", "--all", "--name"],
    ] {
        let left = world.virsh(HOST, &words);
        assert!(!left.contains("whole"), "{left}");
    }
    let folder = world.host(HOST).root(&world.lab);
    assert!(!folder.join("var/lib/libvirt/drover-whole").exists());
}
