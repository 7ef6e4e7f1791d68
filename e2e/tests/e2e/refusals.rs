//! Every reason why a host is none for a machine, on real hosts that were asked themselves.

use drover_e2e::hosts::network;

use crate::scheduling::{Changed, what_if};
use crate::support::{Guest, World, message, ready};

const SPACE: &str = "e2e-refusals";
const HOST: &str = "host1";

// Of a machine that is not applied, where the other host is gone.
fn refused(world: &World, yaml: &str, words: &str) {
    let connect = format!("{HOST}={}", world.host(HOST).uri());
    let more = [
        "--without",
        "host2",
        "--connect",
        connect.as_str(),
        "--insecure",
    ];
    let (code, said) = what_if(world, yaml, &more);
    println!("{said}");
    assert_eq!(code, Some(2), "{words}: {said}");
    let words = format!("0 of 1 hosts fit: 1 {words}");
    assert!(said.contains(&words), "{words}: {said}");
}

// Something of a host's that is not there for a while.
struct Hidden<'a>(&'a World, &'static str);

impl<'a> Hidden<'a> {
    fn new(world: &'a World, path: &'static str) -> Self {
        world.shell(HOST, &format!("mv {path} {}", hidden(path)));
        Self(world, path)
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        let path = self.1;
        self.0.shell(HOST, &format!("mv {} {path}", hidden(path)));
    }
}

// libvirt reads every file beside it.
fn hidden(path: &str) -> String {
    format!("/var/tmp/{}", path.rsplit('/').next().unwrap_or_default())
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_a_host_cannot_do() {
    let world = World::new();
    world.space(SPACE);
    let guest = Guest::new(SPACE, "asked");
    let board = |machine: &str| guest.yaml().replace("{type: q35}", machine);
    for (yaml, words) in [
        (board("{architecture: s390x}"), "cannot run s390x"),
        (
            board("{type: pc-q35-10.0}"),
            "without machine type pc-q35-10.0",
        ),
        (
            guest.clone().more("cpu: {model: Skylake-Server}").yaml(),
            "cannot run CPU Skylake-Server",
        ),
        (
            guest
                .clone()
                .more("cpu: {model: qemu64, features: [{name: avx512f, policy: require}]}")
                .yaml(),
            "cannot run CPU qemu64",
        ),
        (
            guest
                .clone()
                .memory("{guest: 64Mi, hugepages: {pageSize: 2Mi}}")
                .yaml(),
            "insufficient huge pages of 2Mi (asked 64Mi, largest free 0 on host1)",
        ),
        (
            guest
                .clone()
                .more("devices: {hostDevices: [{name: gpu, resource: example.com/gpu}]}")
                .yaml(),
            "insufficient example.com/gpu (asked 1, largest free 0 on host1)",
        ),
    ] {
        refused(&world, &yaml, words);
    }
    what_is_hidden(&world, &guest);
    world.remove_space(SPACE);
}

// What the host has otherwise.
fn what_is_hidden(world: &World, guest: &Guest) {
    let efi = guest.clone().more("firmware: {bootloader: EFI}").yaml();
    let tpm = guest.clone().more("firmware: {tpm: {}}").yaml();
    let secure = guest
        .clone()
        .more("firmware: {bootloader: EFI, secureBoot: true}")
        .yaml();
    let builds = Hidden::new(world, "/usr/share/qemu/firmware");
    refused(world, &efi, "without EFI firmware");
    drop(builds);
    let signed = Hidden::new(
        world,
        "/usr/share/qemu/firmware/40-edk2-x86_64-secure-enrolled.json",
    );
    let further = Hidden::new(world, "/usr/share/qemu/firmware/50-edk2-x86_64-secure.json");
    refused(world, &secure, "without secure boot firmware");
    drop((signed, further));
    let emulator = Hidden::new(world, "/usr/bin/swtpm");
    refused(world, &tpm, "without a TPM emulator");
    drop(emulator);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_others_are_in_the_way_of() {
    let world = World::new();
    world.space(SPACE);
    let apart = Guest::new(SPACE, "apart").on(HOST).labelled("app", "db");
    let yaml = apart.yaml().replace(
        "placement: {host: host1}",
        "placement:
    host: host1
    affinity: {machineAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [
      {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}]}}",
    );
    world.apply(&yaml);
    world.machine_is(SPACE, "apart", "ready", ready);
    let web = Guest::new(SPACE, "asked").labelled("app", "web");
    refused(
        &world,
        &web.yaml(),
        "kept for themselves by other machines (kubernetes.io/hostname)",
    );
    let db = Guest::new(SPACE, "asked").labelled("app", "db").more(
        "placement: {affinity: {machineAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [
  {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}]}}}",
    );
    refused(
        &world,
        &db.yaml(),
        "too near what it may not be near (kubernetes.io/hostname)",
    );
    let even = Guest::new(SPACE, "asked").labelled("app", "db").more(
        "placement: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname,
  whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: db}}}]}",
    );
    let (cordoned, back) = (r#"{"unschedulable":true}"#, r#"{"unschedulable":false}"#);
    let changed = Changed::to(&world, "host2", cordoned, back);
    let (code, said) = what_if(&world, &even.yaml(), &[]);
    println!("{said}");
    drop(changed);
    assert_eq!(code, Some(2));
    let words = "0 of 2 hosts fit: 1 spread too unevenly (kubernetes.io/hostname), 1 cordoned";
    assert!(said.contains(words), "{said}");
    world.remove_space(SPACE);
}

const LIMITED: &str = "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {name: e2e-refusals}
spec:
  type: dir
  hostSelector: {matchLabels: {suite: bookworm}}
  target: {path: /srv/e2e-refusals}
  deletionPolicy: Delete
  overcommit: \"0.001\"
";

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn where_its_data_is_and_where_there_is_room_for_it() {
    let world = World::new();
    world.space(SPACE);
    let holder = Guest::new(SPACE, "holder")
        .on("host2")
        .blank("data", "first");
    world.apply(&holder.yaml());
    world.machine_is(SPACE, "holder", "ready", ready);
    let user = Guest::new(SPACE, "asked").disk("{name: data, volume: {name: holder-data}}".into());
    let (code, said) = what_if(&world, &user.yaml(), &["--without", "host2"]);
    println!("{said}");
    assert_eq!(code, Some(2));
    assert!(said.contains("1 without its volumes (on host2)"), "{said}");
    world.apply(LIMITED);
    world.wait(("storagepools", "", "e2e-refusals"), "ready", ready);
    let large = Guest::new(SPACE, "asked")
        .disk("{name: root, volumeTemplate: {pool: e2e-refusals, capacity: 1Pi}}".into());
    refused(
        &world,
        &large.yaml(),
        "without room in pool \"e2e-refusals\" (asked 1Pi, largest free ",
    );
    world.delete(LIMITED);
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_host_that_does_not_answer() {
    let world = World::new();
    world.space(SPACE);
    let host = world.host(HOST);
    network::cut(&host).unwrap();
    world.wait(("hosts", "", HOST), "unreachable", |host| !ready(host));
    let guest = Guest::new(SPACE, "asked");
    let (code, said) = what_if(&world, &guest.yaml(), &["--without", "host2"]);
    println!("{said}");
    network::heal(&host).unwrap();
    let back = world.wait(("hosts", "", HOST), "reachable", ready);
    println!("{}", message(&back));
    assert_eq!(code, Some(2));
    assert!(said.contains("0 of 1 hosts fit: 1 unreachable"), "{said}");
    world.remove_space(SPACE);
}
