//! Where machines go, and why they wait.

mod room;

use std::time::Instant;

use drover_e2e::hosts::{self, Host, power};
use drover_e2e::objects;
use serde_json::Value;

use crate::support::{Guest, World, message, ready, reason};

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
