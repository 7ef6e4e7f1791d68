//! What a guest is given for its first start, read back by the guest itself.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use drover_e2e::command::run;
use drover_e2e::{hosts, objects, operator};
use serde_json::Value;

use crate::support::files::{Files, HOST, text};
use crate::support::objects::condition;
use crate::support::{Guest, World, audit, message, ready, reason};

const SPACE: &str = "e2e-first-boot";
const RIGHTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: drover-secrets, namespace: e2e-first-boot}
rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: drover-secrets, namespace: e2e-first-boot}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: drover-secrets}
subjects: [{kind: ServiceAccount, name: drover, namespace: drover-system}]
";

fn secret(name: &str, key: &str, text: &str) -> String {
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: {SPACE}}}
stringData: {{{key}: {text:?}}}
"
    )
}

// With the small guest on its disk.
fn booting(world: &World, name: &str, host: &str, given: &str) -> Guest {
    Guest::booting(&world.lab, SPACE, name).on(host).more(given)
}

fn console(world: &World, host: &str, guest: &Guest) -> PathBuf {
    world.host(host).console(&world.lab, &guest.domain())
}

fn says(world: &World, host: &str, guest: &Guest, words: &str) -> String {
    objects::line_on(&console(world, host, guest), words).unwrap()
}

// What is kept of a machine's seeds in the example's pool.
fn kept(world: &World, host: &str, guest: &Guest) -> Vec<String> {
    let prefix = format!("{}_seed", guest.domain());
    let mut files = world.pool_files(host);
    files.retain(|file| file.starts_with(&prefix));
    files
}

// Nothing tells of a Secret: the machine is looked at again and again.
fn looked_at(world: &World, what: &str, is: impl Fn(&Value) -> bool) {
    let start = Instant::now();
    world.wait_for(what, || {
        let note = format!("e2e/touched={}", start.elapsed().as_millis());
        world.kubectl(&["annotate", "vm", "web", "-n", SPACE, "--overwrite", &note]);
        world
            .machine(SPACE, "web")
            .is_some_and(|machine| is(&machine))
    });
}

// Everything that anybody may read who may not read Secrets.
fn public(world: &World) -> String {
    let log = std::fs::read(world.lab.log(operator::NAME)).unwrap();
    let events = world.kubectl(&["get", "events.events.k8s.io", "-A", "-o", "yaml"]);
    let all = world.kubectl(&["get", "vm,vvol,vpool,vhost", "-A", "-o", "yaml"]);
    format!("{}{events}{all}", String::from_utf8_lossy(&log))
}

fn steps(machine: &Value) -> Vec<String> {
    let steps = machine["status"]["plan"]["steps"].as_array();
    let all = steps.into_iter().flatten();
    all.map(|step| format!("{} {}", step["path"], step["class"]))
        .collect()
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_secret_that_comes_later_reaches_the_guest_and_nobody_else() {
    let world = World::new();
    world.space(SPACE);
    let given =
        "cloudInit: {hostname: web.example.org, userDataSecretRef: {name: ci, key: userdata}}";
    let web = booting(&world, "web", "host1", given);
    world.apply(&web.yaml());
    let waits = |what: &str, words: &str| {
        world.machine_is(SPACE, "web", what, |machine| {
            reason(machine) == "SecretMissing" && message(machine).contains(words)
        })
    };
    waits(
        "told that it may not be read",
        "the operator may not read Secret \"ci\" in namespace",
    );
    world.apply(RIGHTS);
    waits(
        "told that it is missing",
        "userDataSecretRef: there is no Secret \"ci\"",
    );
    world.apply(&secret("ci", "other", "nothing"));
    waits(
        "told which key is missing",
        "Secret \"ci\" has no key \"userdata\"",
    );
    assert!(
        world.domains(&web.domain()).is_empty(),
        "it is not made without"
    );
    world.apply(&secret(
        "ci",
        "userdata",
        "#cloud-config\npassword: swordfish-1",
    ));
    world.is_running(SPACE, "web");
    let on = |words: &str| says(&world, "host1", &web, words);
    println!("{}", on("given cidata on"));
    on("given user-data: password: swordfish-1");
    let first = on("given meta-data: ");
    assert!(first.contains("web.example.org"), "{first}");
    let files = kept(&world, "host1", &web);
    assert_eq!(files.len(), 2, "the volume and its record: {files:?}");
    let folder = world
        .host("host1")
        .root(&world.lab)
        .join("var/lib/libvirt/drover-first");
    let mode = std::fs::metadata(folder.join(&files[0])).unwrap().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");

    changed(&world, &web, &first, &files);

    let public = public(&world);
    assert!(!public.contains("swordfish"), "it is told");
    world.remove_space(SPACE);
    assert_eq!(
        kept(&world, "host1", &web),
        [""; 0],
        "it goes with the machine"
    );
}

// What is new is there at the next start, and what was there before is not any more.
fn changed(world: &World, web: &Guest, first: &str, before: &[String]) {
    world.apply(&secret(
        "ci",
        "userdata",
        "#cloud-config\npassword: swordfish-2",
    ));
    looked_at(world, "the change is seen", |machine| {
        !steps(machine).is_empty()
    });
    let id = world.domain_id("host1", &web.domain());
    let machine = world.machine_is(SPACE, "web", "RestartRequired", |machine| {
        condition(machine, "RestartRequired").is_some()
    });
    assert_eq!(steps(&machine), ["\"spec.cloudInit\" \"NextBoot\""]);
    assert!(ready(&machine), "it runs on");
    assert_eq!(
        kept(world, "host1", web).len(),
        3,
        "both volumes and the record"
    );
    assert_eq!(world.domain_id("host1", &web.domain()), id);
    world.apply(&web.clone().annotated("restartedAt", "1").yaml());
    let line = says(
        world,
        "host1",
        web,
        "given user-data: password: swordfish-2",
    );
    println!("{line}");
    world.is_running(SPACE, "web");
    let second = says(world, "host1", web, "given meta-data: ");
    assert_eq!(first, second, "it is the same instance");
    world.wait_for("the old volume is removed", || {
        let files = kept(world, "host1", web);
        files.len() == 2 && files != before
    });
    // A Secret that goes afterwards takes nothing with it.
    world.kubectl(&["delete", "secret", "ci", "-n", SPACE]);
    world.virsh("host1", &["destroy", &web.domain()]);
    world.wait_for("it is started again", || {
        world
            .virsh("host1", &["domstate", &web.domain()])
            .contains("running")
    });
    looked_at(world, "it is told that its Secret is gone", |machine| {
        let given = condition(machine, "FirstBootReady");
        given.is_some_and(|it| it["reason"] == "SecretMissing") && ready(machine)
    });
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn every_way_to_give_it_is_one_that_the_guest_finds() {
    let world = World::new();
    world.space(SPACE);
    world.apply(RIGHTS);
    world.apply(&secret(
        "config",
        "ign",
        "{\"ignition\":{\"version\":\"3.4.0\"}}",
    ));
    world.apply(&secret(
        "answers",
        "autounattend.xml",
        "<unattend>42</unattend>",
    ));
    world.apply(&secret("keys", "ada", "ssh-ed25519 AAAA ada"));
    let drive = "cloudInit: {datasource: ConfigDrive, userData: 'say: drive', rerunOnChange: true, \
                 sshKeysSecretRef: {name: keys}}";
    let all = [
        (
            "drive",
            drive,
            "given openstack/latest/user_data: say: drive",
        ),
        (
            "coreos",
            "ignition: {secretRef: {name: config, key: ign}}",
            "given ignition: {\"ignition\":{\"version\":\"3.4.0\"}}",
        ),
        (
            "windows",
            "sysprep: {secretRef: {name: answers}}",
            "given all",
        ),
    ];
    for host in ["host1", "host2"] {
        let guests =
            all.map(|(name, given, _)| booting(&world, &format!("{name}-{host}"), host, given));
        for guest in &guests {
            world.apply(&guest.yaml());
        }
        for (guest, (_, _, words)) in guests.iter().zip(all) {
            world.is_running(SPACE, &guest.name);
            println!("{host}: {}", says(&world, host, guest, words));
        }
        let meta = says(
            &world,
            host,
            &guests[0],
            "given openstack/latest/meta_data.json: ",
        );
        assert!(meta.contains("ssh-ed25519 AAAA ada"), "{meta}");
        let answers = read_drive(&world, host, &guests[2]);
        assert_eq!(answers, "<unattend>42</unattend>");
    }
    world.remove_space(SPACE);
}

// The small guest's kernel has no driver for the drive: somebody else reads what is in it, by the names
// that Windows reads.
fn read_drive(world: &World, host: &str, guest: &Guest) -> String {
    let xml = world.virsh(host, &["dumpxml", &guest.domain()]);
    let drive = xml.split("<disk ").find(|disk| disk.contains("ua-sysprep"));
    let drive = drive.unwrap();
    assert!(
        drive.contains("device='cdrom'") && drive.contains("bus='sata'"),
        "{drive}"
    );
    let folder = world
        .host(host)
        .root(&world.lab)
        .join("var/lib/libvirt/drover-first");
    let medium = folder.join(&kept(world, host, guest)[0]);
    let to = world.lab.state().join("e2e-answers.xml");
    let mut xorriso = Command::new("xorriso");
    xorriso.args(["-osirrox", "on", "-read_fs", "norock", "-indev"]);
    xorriso.arg(format!("stdio:{}", medium.display()));
    run(xorriso.args(["-extract", "/autounattend.xml"]).arg(&to)).unwrap();
    let text = std::fs::read_to_string(&to).unwrap();
    std::fs::remove_file(&to).unwrap();
    text
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_is_given_takes_no_write_to_the_api_server() {
    let world = World::new();
    world.space(SPACE);
    let since = audit::now(&world.lab);
    let given = "cloudInit: {userData: 'a: b'}";
    let guest = Guest::new(SPACE, "few").blank("root", "first").more(given);
    world.apply(&guest.yaml());
    world.is_running(SPACE, "few");
    let mut writes = audit::by_operator(&world.lab, since);
    let machines = |it: &audit::Write| it.resource == "virtualmachines" && it.name == "few";
    writes.retain(|it| machines(it) || it.name.contains("seed"));
    assert!(writes.len() <= 3, "{writes:#?}");
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_is_no_text_is_refused_with_where() {
    let world = World::new();
    world.space(SPACE);
    world.apply(RIGHTS);
    let binary = "apiVersion: v1\nkind: Secret\nmetadata: {name: ci, namespace: e2e-first-boot}\n\
                data: {userdata: I2Nsb3VkLWNvbmZpZwr/}\n";
    world.apply(binary);
    let given = "cloudInit: {userDataSecretRef: {name: ci, key: userdata}}";
    world.apply(
        &Guest::new(SPACE, "bad")
            .blank("root", "first")
            .more(given)
            .yaml(),
    );
    let machine = world.machine_is(SPACE, "bad", "refused", |machine| {
        reason(machine) == "SourceRefused"
    });
    let words = message(&machine);
    println!("{words}");
    assert!(
        words.ends_with("key \"userdata\" of Secret \"ci\" is not UTF-8 at byte 14"),
        "{words}"
    );
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_example_gives_its_guest_a_password_and_a_key() {
    let world = World::new();
    let folder = objects::example(&world.lab, "first-boot").unwrap();
    let folder = folder.display().to_string();
    world.kubectl(&["apply", "--server-side", "-f", &folder]);
    world.is_running("first-boot", "web");
    let machine = world.machine("first-boot", "web").unwrap();
    let host = machine["status"]["host"].as_str().unwrap();
    let console = world.host(host).console(&world.lab, "first-boot_web");
    for words in [
        "given user-data: password: correct-horse-battery-staple",
        "AAAAC3NzaC1lZDI1NTE5AAAAIEx4YW1wbGVLZXlPZkFkYU5vdFJlYWxseUFLZXkw",
        "given network-config: version: 2",
    ] {
        println!("{}", objects::line_on(&console, words).unwrap());
    }
    assert!(!public(&world).contains("correct-horse"), "it is told");
    world.kubectl(&["delete", "--timeout=120s", "-f", &folder]);
    let left = hosts::run_in(
        &world.lab,
        &world.host(host),
        &["ls", "/var/lib/libvirt/drover-first-boot"],
    );
    assert!(
        left.is_err(),
        "the pool is gone, for nothing is left in it: {left:?}"
    );
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn without_a_cluster_the_secrets_are_among_the_files() {
    let files = Files::new("e2e-first-boot-files");
    // What an earlier run that failed left.
    let _ = std::fs::remove_file(files.folder.join("secret.yaml"));
    files.write(
        "pool.yaml",
        "apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {name: e2e-seeds}
spec: {type: dir, target: {path: /var/lib/libvirt/e2e-seeds}, deletionPolicy: Delete}
",
    );
    let given = "cloudInit: {userDataSecretRef: {name: ci, key: userdata}}";
    let guest = Guest::new(SPACE, "alone")
        .blank("root", "e2e-seeds")
        .more(given);
    files.write("vm.yaml", &guest.yaml());
    files.says(2, "plan", &[], &["there is no Secret \"ci\""]);
    files.write(
        "secret.yaml",
        &secret("ci", "userdata", "password: swordfish-3"),
    );
    files.says(2, "plan", &[], &["3 to make"]);
    files.says(0, "apply", &["--yes"], &[]);
    files.says(0, "plan", &[], &["Everything is as declared"]);
    files.write(
        "secret.yaml",
        &secret("ci", "userdata", "password: swordfish-4"),
    );
    files.says(2, "plan", &[], &["spec.cloudInit: other content -> set"]);
    let folder = files.folder.display().to_string();
    let said = files.drover(&["plan", "-f", &folder]);
    assert!(!text(&said).contains("swordfish"), "it is told");
    files.says(0, "delete", &["--yes"], &[]);
    let root = files.world.host(HOST).root(&files.world.lab);
    assert!(
        !root.join("var/lib/libvirt/e2e-seeds").exists(),
        "nothing is left"
    );
    std::fs::remove_dir_all(&files.folder).unwrap();
}
