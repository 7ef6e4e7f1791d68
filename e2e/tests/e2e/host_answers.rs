//! What a host may answer: too late, in pieces, to nobody, or that it has never heard of it.

use std::time::{Duration, Instant};

use drover_e2e::{operator, process};

use crate::support::between::HOST;
use crate::support::objects::condition;
use crate::support::rpc_proxy::{REMOTE, Spoil};
use crate::support::{Act, Between, Guest, Moment, World, message, ready, reason};

const SPACE: &str = "e2e-hosts";
const OTHER: &str = "host2";
const SLOW: usize = 40;
const SOON: Duration = Duration::from_secs(60);

fn set(frame: &mut [u8], word: usize, value: u32) {
    frame[4 * word..4 * word + 4].copy_from_slice(&value.to_be_bytes());
}

fn with_word(word: usize, value: u32) -> Spoil {
    Box::new(move |mut frame| {
        set(&mut frame, word, value);
        (frame, false)
    })
}

// What is done to a reply, and a word of what is logged about it.
fn spoils() -> Vec<(&'static str, Spoil)> {
    let half: Spoil = Box::new(|frame| (frame[..frame.len() / 2].to_vec(), true));
    vec![
        ("the serial of no call", with_word(5, 0x7fff_fff0)),
        ("an unknown program", with_word(1, REMOTE + 77)),
        ("a length of 0", with_word(0, 0)),
        ("a length of 27", with_word(0, 27)),
        ("a length of 4 GiB", with_word(0, u32::MAX)),
        ("half of it", half),
    ]
}

// The most memory that the operator has ever had, in KiB.
fn most_memory(world: &World) -> u64 {
    let pid = process::running(&world.lab, operator::NAME).unwrap();
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn replies_that_make_no_sense() {
    let between = Between::new(SPACE);
    let world = &between.world;
    let guest = Guest::new(SPACE, "calm").on(HOST);
    world.apply(&guest.yaml());
    world.machine_is(SPACE, "calm", "ready", ready);
    let (id, before) = (world.domain_id(HOST, &guest.domain()), most_memory(world));
    let log = || std::fs::read_to_string(world.lab.log(operator::NAME)).unwrap();
    for (what, spoil) in spoils() {
        let so_far = log().len();
        between.rpc.spoil(spoil);
        // An event makes it ask.
        world.virsh(HOST, &["desc", &guest.domain(), "--live", "--title", what]);
        let start = Instant::now();
        world.wait_for(&format!("{what}: all was listed again"), || {
            log()[so_far..].contains(&format!("connected and listed host=\"{HOST}\""))
        });
        let log = log();
        let mut lines = log[so_far..].lines();
        let line = lines.find(|line| line.contains("the connection ended"));
        println!("{what}: listed again after {:?}: {line:?}", start.elapsed());
        assert!(line.is_some(), "{what}: {}", &log[so_far..]);
        world.wait(("hosts", "", HOST), "connected", ready);
        world.machine_is(SPACE, "calm", "ready", ready);
    }
    assert_eq!(world.domain_id(HOST, &guest.domain()), id, "it ran on");
    let after = most_memory(world);
    println!("{before} KiB at most before, {after} KiB after");
    assert!(after < before + (32 << 10));
    between.end();
}

// How long a machine takes to become Ready on the other host, with a pool and a network of its own
// on both.
fn time_of_another(world: &World, name: &str, subnet: u8) -> Duration {
    let guest = Guest::new(SPACE, name)
        .on(OTHER)
        .blank("data", name)
        .more(&format!("interfaces: [{{name: eth0, network: {name}}}]"));
    let start = Instant::now();
    world.apply(&format!(
        "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {{name: {name}}}
spec:
  type: dir
  scope: Local
  target: {{path: /var/lib/libvirt/drover-{name}}}
  deletionPolicy: Delete
---
apiVersion: drover.dev/v1alpha1
kind: Network
metadata: {{name: {name}}}
spec:
  mode: NAT
  subnets: [{{cidr: 192.168.{subnet}.0/24}}]
---
{}",
        guest.yaml()
    ));
    world.machine_is(SPACE, name, "ready", ready);
    start.elapsed()
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn one_slow_host_slows_no_other() {
    let between = Between::new(SPACE);
    let world = &between.world;
    let usual = time_of_another(world, "usual", 161);
    // Many more than are looked at at once, each with much to ask.
    between.rpc.late(Duration::from_millis(300));
    let slow: String = (0..SLOW)
        .map(|index| {
            format!(
                "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: slow-{index}, namespace: {SPACE}}}
spec: {{pool: first, host: {HOST}, capacity: 1Mi, reclaimPolicy: Delete}}
---
"
            )
        })
        .collect();
    world.apply(&slow);
    let meanwhile = time_of_another(world, "meanwhile", 162);
    println!("{usual:?} usually, {meanwhile:?} while {HOST} is slow");
    let done = (0..SLOW).filter(|index| {
        let volume = world.get("volumes", SPACE, &format!("slow-{index}"));
        ready(&volume.unwrap())
    });
    let done = done.count();
    println!("{done} of {SLOW} volumes of the slow host are ready by then");
    assert!(done < SLOW, "it was not slow");
    let other = world.get("hosts", "", OTHER).unwrap();
    assert_eq!(reason(&other), "Connected");
    assert!(meanwhile < usual * 2 + Duration::from_secs(2));
    between.rpc.late(Duration::ZERO);
    for index in 0..SLOW {
        let name = format!("slow-{index}");
        world.wait(("volumes", SPACE, &name), "ready", ready);
    }
    let all = ["delete", "vm,vvol", "--all", "-n", SPACE, "--timeout=120s"];
    world.kubectl(&all);
    for name in ["usual", "meanwhile"] {
        world.kubectl(&["delete", &format!("vpool/{name}"), &format!("vnet/{name}")]);
    }
    between.end();
}

// Whether the object says what its host has never heard of, and it is not asked again.
fn told_once(
    between: &Between,
    object: (&str, &str, &str),
    (doing, procedure): (&str, &str),
    before: usize,
) {
    let found = between.world.wait(object, "NotSupported", |object| {
        reason(object) == "NotSupported"
            && condition(object, "Stalled").is_some()
            && message(object).contains(doing)
    });
    println!("{procedure}: {}", message(&found));
    assert!(message(&found).contains("unknown procedure"), "{found}");
    // That the status was written is a change that is looked at; what is tried again comes within
    // half a second, and then after one, two and four.
    std::thread::sleep(Duration::from_secs(2));
    let calls = between.rpc.calls(procedure);
    std::thread::sleep(Duration::from_secs(5));
    println!("{procedure}: {calls} calls");
    assert!(calls - before <= 3, "{calls}");
    assert_eq!(between.rpc.calls(procedure), calls, "{procedure}");
}

// From now on; how often it was called before.
fn unknown(between: &Between, procedure: &'static str) -> usize {
    between.rpc.unknown(Some(procedure));
    between.rpc.calls(procedure)
}

fn touch(world: &World, kind: &str, name: &str) {
    let space = if kind == "vnet" { "default" } else { SPACE };
    let note = format!("example.com/touched={:?}", Instant::now());
    world.kubectl(&["annotate", kind, name, "--overwrite", "-n", space, &note]);
}

// Its definition, and then its start, by calls that are not there.
fn a_machine(between: &Between) {
    let world = &between.world;
    let before = unknown(between, "DOMAIN_DEFINE_XML_FLAGS");
    let machine = Guest::new(SPACE, "old").on(HOST);
    world.apply(&machine.yaml());
    let place = ("virtualmachines", SPACE, "old");
    told_once(
        between,
        place,
        ("defining", "DOMAIN_DEFINE_XML_FLAGS"),
        before,
    );
    let before = unknown(between, "DOMAIN_CREATE_WITH_FLAGS");
    touch(world, "vm", "old");
    told_once(
        between,
        place,
        ("starting", "DOMAIN_CREATE_WITH_FLAGS"),
        before,
    );
    between.rpc.unknown(None);
    touch(world, "vm", "old");
    world.wait(place, "ready", ready);
}

fn a_volume(between: &Between) {
    let world = &between.world;
    let before = unknown(between, "STORAGE_VOL_CREATE_XML");
    world.apply(&format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: old, namespace: {SPACE}}}
spec: {{pool: first, host: {HOST}, capacity: 8Mi, reclaimPolicy: Delete}}
"
    ));
    let place = ("volumes", SPACE, "old");
    told_once(between, place, ("making", "STORAGE_VOL_CREATE_XML"), before);
    between.rpc.unknown(None);
    touch(world, "vvol", "old");
    world.wait(place, "ready", ready);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_procedure_that_the_server_does_not_know() {
    let between = Between::new(SPACE);
    let world = &between.world;
    // A network that is made before anything is unknown: that it is there is news to all.
    world.apply(
        "apiVersion: drover.dev/v1alpha1
kind: Network
metadata: {name: old}
spec: {mode: Isolated, hostSelector: {matchLabels: {suite: bookworm}}}
",
    );
    let network = ("networks", "", "old");
    world.wait(network, "ready", ready);
    a_machine(&between);
    a_volume(&between);
    let before = unknown(&between, "NETWORK_DESTROY");
    world.kubectl(&["delete", "vnet/old", "--wait=false"]);
    told_once(&between, network, ("stopping", "NETWORK_DESTROY"), before);
    between.rpc.unknown(None);
    touch(world, "vnet", "old");
    world.wait_for("the network is gone", || {
        world.get("networks", "", "old").is_none()
    });
    between.end();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_reply_is_held_back() {
    let between = Between::new(SPACE);
    let world = &between.world;
    let guest = Guest::new(SPACE, "held").on(HOST).blank("data", "first");
    let trigger = &between.trigger;
    trigger.arm("DOMAIN_CREATE_WITH_FLAGS", 1, Moment::After, Act::Hold);
    world.apply(&guest.yaml());
    assert!(trigger.fired_within(SOON));
    let id = world.domain_id(HOST, &guest.domain());
    trigger.disarm();
    world.machine_is(SPACE, "held", "ready", ready);
    assert_eq!(world.domain_id(HOST, &guest.domain()), id, "started once");
    let domains = world.domains(&format!("{SPACE}_"));
    assert_eq!(domains, [(HOST.to_owned(), guest.domain())]);
    between.end();
}
