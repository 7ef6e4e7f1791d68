//! Where machines go, and why they wait.

use std::time::Instant;

use drover_e2e::hosts::{self, Host, power};
use drover_e2e::objects;
use serde_json::Value;

use crate::support::objects::condition;
use crate::support::{Guest, World, message, ready, reason, state};

const SPACE: &str = "e2e-scheduling";
const THIRD: u8 = 3;

const APART: &str = "placement:
  affinity:
    machineAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector: {matchLabels: {app: db}}";

fn host_of(machine: &Value) -> &str {
    machine["status"]["host"].as_str().unwrap_or_default()
}

fn placed(world: &World, guest: &Guest) -> String {
    let machine = world.machine_is(&guest.namespace, &guest.name, "ready", ready);
    host_of(&machine).to_owned()
}

fn waits(world: &World, name: &str, words: &str) {
    let machine = world.machine_is(SPACE, name, words, |machine| {
        reason(machine) == "Unschedulable" && message(machine).contains(words)
    });
    println!("{name}: {}", message(&machine));
}

/// A host beside the two, which goes again.
struct Third<'a> {
    world: &'a World,
    host: Host,
}

impl Drop for Third<'_> {
    fn drop(&mut self) {
        let lab = &self.world.lab;
        self.world
            .kubectl(&["delete", "vhost", &self.host.name, "--wait=false"]);
        power::off(lab, &self.host).unwrap();
        // The tests to come know of two.
        std::fs::remove_file(self.host.folder(lab).join("host.json")).unwrap();
        if !std::thread::panicking() {
            self.world.wait_for("the third host is gone", || {
                self.world.get("hosts", "", &self.host.name).is_none()
            });
        }
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_third_that_must_be_apart_is_placed_when_a_third_host_joins() {
    let world = World::new();
    world.space(SPACE);
    let member = |name: &str| Guest::new(SPACE, name).labelled("app", "db").more(APART);
    let [one, two, three] = ["db-1", "db-2", "db-3"].map(member);
    world.apply(&one.yaml());
    world.apply(&two.yaml());
    let on = [placed(&world, &one), placed(&world, &two)];
    assert_ne!(on[0], on[1], "they are apart");
    world.apply(&three.yaml());
    waits(
        &world,
        "db-3",
        "0 of 2 hosts fit: 2 too near what it may not be near (kubernetes.io/hostname)",
    );
    let third = Third {
        world: &world,
        host: Host::standard(THIRD),
    };
    hosts::ensure(&world.lab, &third.host).unwrap();
    let start = Instant::now();
    objects::host(&world.lab, &third.host).unwrap();
    world.wait(("hosts", "", &third.host.name), "connected", ready);
    let connected = start.elapsed();
    assert_eq!(placed(&world, &three), third.host.name);
    println!(
        "the third host is Ready {connected:?} after it was applied, and the machine on it {:?} later",
        start.elapsed().saturating_sub(connected)
    );
    world.remove_space(SPACE);
    drop(third);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn near_to_each_other_and_spread_over_both() {
    let world = World::new();
    world.space(SPACE);
    let first = Guest::new(SPACE, "cache")
        .labelled("app", "cache")
        .on("host2");
    let near = Guest::new(SPACE, "web").more(
        "placement:
  affinity:
    machineAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
      - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: cache}}}",
    );
    world.apply(&near.yaml());
    waits(
        &world,
        "web",
        "2 not near what it has to be near (kubernetes.io/hostname)",
    );
    world.apply(&first.yaml());
    placed(&world, &first);
    assert_eq!(placed(&world, &near), "host2");
    let even = |name: &str| {
        Guest::new(SPACE, name).labelled("app", "even").more(
            "placement:
  topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: DoNotSchedule
    labelSelector: {matchLabels: {app: even}}",
        )
    };
    let all = ["even-1", "even-2", "even-3", "even-4"].map(even);
    let mut on: Vec<String> = Vec::new();
    for guest in &all {
        world.apply(&guest.yaml());
        on.push(placed(&world, guest));
    }
    let on_first = on.iter().filter(|host| *host == "host1").count();
    assert_eq!(on_first, 2, "{on:?}");
    world.remove_space(SPACE);
}

// Changes a Host, and puts it back.
pub(crate) struct Changed<'a>(&'a World, &'a str, &'a str);

impl<'a> Changed<'a> {
    pub(crate) fn to(world: &'a World, host: &'a str, spec: &str, back: &'a str) -> Self {
        patch(world, host, spec);
        Self(world, host, back)
    }
}

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        patch(self.0, self.1, self.2);
    }
}

fn patch(world: &World, host: &str, spec: &str) {
    let patch = format!("{{\"spec\":{spec}}}");
    world.kubectl(&["patch", "vhost", host, "--type=merge", "-p", &patch]);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn taints_keep_away_and_limits_are_kept() {
    let world = World::new();
    world.space(SPACE);
    let taints = r#"{"taints":[{"key":"gpu","value":"true","effect":"NoSchedule"}]}"#;
    let tainted = Changed::to(&world, "host1", taints, r#"{"taints":null}"#);
    let limited = Changed::to(
        &world,
        "host2",
        r#"{"maxMachines":0}"#,
        r#"{"maxMachines":null}"#,
    );
    let plain = Guest::new(SPACE, "plain");
    world.apply(&plain.yaml());
    waits(&world, "plain", "0 of 2 hosts fit: ");
    waits(&world, "plain", "1 taint gpu=true");
    waits(&world, "plain", "1 at most machines");
    let tolerant = Guest::new(SPACE, "tolerant").more(
        "placement:
  tolerations: [{key: gpu, operator: Exists}]",
    );
    world.apply(&tolerant.yaml());
    assert_eq!(placed(&world, &tolerant), "host1");
    drop(limited);
    assert_eq!(placed(&world, &plain), "host2", "as soon as it may");
    drop(tainted);
    world.remove_space(SPACE);
}

// Lets host2 have so many more machines than it has.
fn room_for(world: &World, more: usize) -> Changed<'_> {
    let running = world.virsh("host2", &["list", "--name"]);
    let count = running.lines().filter(|name| !name.trim().is_empty());
    let spec = format!("{{\"maxMachines\":{}}}", count.count() + more);
    Changed::to(world, "host2", &spec, r#"{"maxMachines":null}"#)
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_group_is_placed_whole_or_not_at_all() {
    let world = World::new();
    world.space(SPACE);
    let room = room_for(&world, 2);
    let member = |name: &str| {
        Guest::new(SPACE, name).more(
            "placement:
  host: host2
  group: {name: db, minMember: 3}",
        )
    };
    let all = ["db-1", "db-2", "db-3"].map(member);
    world.apply(&all[0].yaml());
    waits(&world, "db-1", "group \"db\": 1 of 3 machines are there");
    world.apply(&all[1].yaml());
    world.apply(&all[2].yaml());
    for guest in &all {
        waits(
            &world,
            &guest.name,
            "group \"db\": 2 of 3 machines fit together; for e2e-scheduling/db-3: 0 of 2 hosts fit: ",
        );
    }
    let unbound = |guest: &Guest| {
        let machine = world.machine(SPACE, &guest.name).unwrap();
        host_of(&machine).is_empty()
    };
    assert!(all.iter().all(unbound), "none of them is placed");
    drop(room);
    let start = Instant::now();
    for guest in &all {
        assert_eq!(placed(&world, guest), "host2");
    }
    println!(
        "a group of three runs {:?} after room came",
        start.elapsed()
    );
    world.remove_space(SPACE);
}

fn strategy(world: &World, guest: &Guest, strategy: &str) {
    let patch = format!("{{\"spec\":{{\"runStrategy\":\"{strategy}\"}}}}");
    let words = [
        "patch",
        "vm",
        &guest.name,
        "-n",
        SPACE,
        "--type=merge",
        "-p",
    ];
    world.kubectl(&[&words[..], &[&patch]].concat());
}

fn is_scheduled(machine: &Value, status: &str, reason: &str) -> bool {
    let scheduled = condition(machine, "Scheduled");
    scheduled.is_some_and(|it| it["status"] == status && it["reason"] == reason)
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_machine_that_is_off_gives_its_place_up_and_takes_it_again() {
    let world = World::new();
    world.space(SPACE);
    let room = room_for(&world, 1);
    let free = Guest::new(SPACE, "free").more(
        "placement:
  host: host2
  whenHalted: FreePlace",
    );
    let other = Guest::new(SPACE, "other").on("host2");
    world.apply(&free.yaml());
    placed(&world, &free);
    world.apply(&other.yaml());
    waits(&world, "other", "1 at most machines");
    strategy(&world, &free, "Halted");
    world.machine_is(SPACE, "free", "off, without a place", |machine| {
        reason(machine) == "Halted" && is_scheduled(machine, "False", "PlaceFreed")
    });
    assert_eq!(placed(&world, &other), "host2", "in the place of the other");
    strategy(&world, &free, "Always");
    waits(
        &world,
        "free",
        "it has given its place on host2 up: 0 of 2 hosts fit: ",
    );
    assert_eq!(state(&world.machine(SPACE, "free").unwrap()), "Shutoff");
    strategy(&world, &other, "Halted");
    world.machine_is(SPACE, "other", "off, in its place", |machine| {
        reason(machine) == "Halted" && is_scheduled(machine, "True", "Placed")
    });
    waits(&world, "free", "1 at most machines");
    let start = Instant::now();
    world.kubectl(&["delete", "vm", "other", "-n", SPACE, "--timeout=60s"]);
    world.machine_is(SPACE, "free", "in its place again", |machine| {
        reason(machine) == "Running" && is_scheduled(machine, "True", "Placed")
    });
    assert_eq!(placed(&world, &free), "host2");
    println!(
        "it runs again {:?} after the other was deleted",
        start.elapsed()
    );
    drop(room);
    world.remove_space(SPACE);
}

fn with_priority(name: &str, priority: i32, preemption: &str) -> Guest {
    Guest::new(SPACE, name).more(&format!(
        "placement:
  host: host2
  priority: {priority}
  preemption: {preemption}"
    ))
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn one_of_a_higher_priority_stops_one_of_a_lower_if_both_allow_it() {
    let world = World::new();
    world.space(SPACE);
    let room = room_for(&world, 1);
    let low = with_priority("low", 1, "Allowed");
    world.apply(&low.yaml());
    placed(&world, &low);
    let id = world.domain_id("host2", &low.domain());
    let never = with_priority("never", 9, "Never");
    world.apply(&never.yaml());
    waits(&world, "never", "1 at most machines");
    // It is of the same priority.
    let equal = with_priority("equal", 1, "Allowed");
    world.apply(&equal.yaml());
    waits(&world, "equal", "1 at most machines");
    assert_eq!(world.domain_id("host2", &low.domain()), id, "it still runs");
    world.kubectl(&["delete", "vm", "never", "equal", "-n", SPACE]);
    let high = with_priority("high", 9, "Allowed");
    let start = Instant::now();
    world.apply(&high.yaml());
    assert_eq!(placed(&world, &high), "host2");
    println!(
        "it runs in the place of the other after {:?}",
        start.elapsed()
    );
    waits(
        &world,
        "low",
        "it has given its place on host2 up: 0 of 2 hosts fit: ",
    );
    let machine = world.machine(SPACE, "low").unwrap();
    assert_eq!((state(&machine), host_of(&machine)), ("Shutoff", "host2"));
    assert!(machine["status"]["preemptedBy"].is_null());
    let events = world.kubectl(&["get", "events", "-n", SPACE, "-o", "wide"]);
    let told = events.lines().find(|line| line.contains("Preempted"));
    let told = told.unwrap_or_else(|| world.fail(&events));
    println!("{told}");
    assert!(told.contains("e2e-scheduling/high"), "{told}");
    world.kubectl(&["delete", "vm", "high", "-n", SPACE, "--timeout=60s"]);
    assert_eq!(placed(&world, &low), "host2");
    drop(room);
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn one_that_makes_room_goes_on_when_nobody_needs_it() {
    let world = World::new();
    world.space(SPACE);
    let room = room_for(&world, 1);
    // Nothing in it hears that it is to shut down.
    let mut low = with_priority("low", 1, "Allowed");
    low.grace = 600;
    world.apply(&low.yaml());
    placed(&world, &low);
    let id = world.domain_id("host2", &low.domain());
    let high = with_priority("high", 9, "Allowed");
    world.apply(&high.yaml());
    let machine = world.machine_is(SPACE, "low", "to make room", |machine| {
        reason(machine) == "Preempted"
    });
    println!("low: {}", message(&machine));
    println!("low: {}", machine["status"]["plan"]);
    assert_eq!(machine["status"]["preemptedBy"]["name"], "high");
    let step = &machine["status"]["plan"]["steps"][0];
    assert_eq!(step["reason"], "it makes room for e2e-scheduling/high");
    waits(
        &world,
        "high",
        "; on host2 when e2e-scheduling/low has stopped",
    );
    world.kubectl(&["delete", "vm", "high", "-n", SPACE, "--timeout=60s"]);
    let machine = world.machine_is(SPACE, "low", "as before", |machine| {
        reason(machine) == "Running" && machine["status"]["preemptedBy"].is_null()
    });
    assert!(is_scheduled(&machine, "True", "Placed"));
    assert_eq!(world.domain_id("host2", &low.domain()), id, "it still runs");
    low.grace = 0;
    world.apply(&low.yaml());
    drop(room);
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn hosts_are_chosen_by_their_labels() {
    let world = World::new();
    world.space(SPACE);
    let by = |name: &str, expression: &str| {
        Guest::new(SPACE, name).more(&format!(
            "placement:
  affinity:
    hostAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        hostSelectorTerms: [{{matchExpressions: [{expression}]}}]"
        ))
    };
    for (name, expression, host) in [
        (
            "in",
            "{key: suite, operator: In, values: [trixie]}",
            "host2",
        ),
        (
            "not-in",
            "{key: suite, operator: NotIn, values: [trixie]}",
            "host1",
        ),
        (
            "by-name",
            "{key: kubernetes.io/hostname, operator: In, values: [host2]}",
            "host2",
        ),
    ] {
        let guest = by(name, expression);
        world.apply(&guest.yaml());
        assert_eq!(placed(&world, &guest), host, "{name}");
    }
    let nowhere = by("nowhere", "{key: rack, operator: Exists}");
    world.apply(&nowhere.yaml());
    waits(
        &world,
        "nowhere",
        "0 of 2 hosts fit: 2 do not match the host affinity",
    );
    world.kubectl(&["label", "vhost", "host1", "rack=a"]);
    let start = Instant::now();
    let on = placed(&world, &nowhere);
    world.kubectl(&["label", "vhost", "host1", "rack-"]);
    assert_eq!(on, "host1");
    println!("placed {:?} after the label came", start.elapsed());
    world.remove_space(SPACE);
}

// What is said of a machine that is not applied, with more words.
fn asked(world: &World, guest: &Guest, more: &[&str]) -> (Option<i32>, String) {
    what_if(world, &guest.yaml(), more)
}

/// What `drover schedule --what-if` says, and its exit status.
pub(crate) fn what_if(world: &World, yaml: &str, more: &[&str]) -> (Option<i32>, String) {
    let file = world.lab.state().join("what-if.yaml");
    std::fs::write(&file, yaml).unwrap();
    let mut command = std::process::Command::new(world.lab.built("drover"));
    command.args(["schedule", "--fleet", "lab", "--kubeconfig"]);
    command
        .arg(world.lab.kubeconfig())
        .arg("--what-if")
        .arg(&file);
    let output = command.args(more).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code(), said)
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_if_says_of_each_host_why_not() {
    let world = World::new();
    world.space(SPACE);
    let near = "affinity: {machineAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: \
                kubernetes.io/hostname, labelSelector: {matchLabels: {app: none}}}]}}";
    let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: rack, whenUnsatisfiable: \
                  DoNotSchedule, labelSelector: {}}]";
    let affinity = "affinity: {hostAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
                    {hostSelectorTerms: [{matchExpressions: [{key: rack, operator: Exists}]}]}}}";
    for (placement, words) in [
        ("host: host9", "2 not host9"),
        (
            "hostSelector: {matchLabels: {rack: a}}",
            "2 do not match the selector",
        ),
        (affinity, "2 do not match the host affinity"),
        (
            near,
            "2 not near what it has to be near (kubernetes.io/hostname)",
        ),
        (spread, "2 without label rack"),
    ] {
        let guest = Guest::new(SPACE, "asked").more(&format!("placement: {{{placement}}}"));
        let (code, said) = asked(&world, &guest, &[]);
        println!("{said}");
        assert_eq!(code, Some(2), "{placement}");
        assert!(
            said.contains(&format!("0 of 2 hosts fit: {words}")),
            "{said}"
        );
    }
    let guest = Guest::new(SPACE, "asked");
    for (guest, words) in [
        (
            guest.clone().memory("64Gi"),
            "2 insufficient memory (asked 64.2Gi, largest free ",
        ),
        (
            guest.clone().more("cpu: {cores: 64}"),
            "2 insufficient cpu (asked 64, largest free ",
        ),
        (
            guest.clone().blank("data", "nowhere"),
            "2 pool \"nowhere\" missing",
        ),
        (
            guest
                .clone()
                .more("interfaces: [{name: eth0, network: nowhere}]"),
            "2 network \"nowhere\" missing",
        ),
    ] {
        let (code, said) = asked(&world, &guest, &[]);
        println!("{said}");
        assert_eq!(code, Some(2), "{words}");
        assert!(said.contains(words), "{said}");
    }
    with_other_hosts(&world, &guest);
    explained(&world);
    world.remove_space(SPACE);
}

fn with_other_hosts(world: &World, guest: &Guest) {
    let (code, said) = asked(world, guest, &["--without", "host2"]);
    println!("{said}");
    assert_eq!(code, Some(0));
    assert!(said.contains("now it would go to host1"), "{said}");
    let closed = r#"{"namespaces":{"from":"Selector","selector":{"matchLabels":{"team":"a"}}}}"#;
    for (spec, back, words) in [
        (
            closed,
            r#"{"namespaces":null}"#,
            "not open to the namespace",
        ),
        (
            r#"{"unschedulable":true}"#,
            r#"{"unschedulable":false}"#,
            "cordoned",
        ),
        (
            r#"{"taints":[{"key":"gpu","value":"true","effect":"NoSchedule"}]}"#,
            r#"{"taints":null}"#,
            "taint gpu=true",
        ),
        (
            r#"{"maxMachines":0}"#,
            r#"{"maxMachines":null}"#,
            "at most machines",
        ),
    ] {
        let changed = Changed::to(world, "host1", spec, back);
        let (code, said) = asked(world, guest, &["--without", "host2"]);
        println!("{said}");
        assert_eq!(code, Some(2), "{words}");
        assert!(
            said.contains(&format!("0 of 1 hosts fit: 1 {words}")),
            "{said}"
        );
        let (_, said) = asked(world, guest, &["--host", "host1", "-o", "json"]);
        let json: Value = serde_json::from_str(&said).unwrap();
        let host = &json["machines"][0]["hosts"][0];
        assert_eq!(
            (&host["host"], &host["fits"]),
            (&"host1".into(), &false.into())
        );
        let filters = host["filters"].as_array().unwrap();
        assert!(filters.iter().any(|it| it["reason"] == words), "{said}");
        drop(changed);
    }
}

// A machine of the cluster, as if it were to be placed now.
fn explained(world: &World) {
    let words = [
        "schedule",
        "--explain",
        "first",
        "-n",
        "demo",
        "--fleet",
        "lab",
    ];
    let mut command = std::process::Command::new(world.lab.built("drover"));
    command
        .args(words)
        .arg("--kubeconfig")
        .arg(world.lab.kubeconfig());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(
        said.starts_with("VirtualMachine demo/first: it is on host"),
        "{said}"
    );
}
