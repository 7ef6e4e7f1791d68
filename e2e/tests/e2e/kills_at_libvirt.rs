//! The operator is killed, or loses its connection, around each call that changes something on a
//! host. Afterwards there is one domain, in the right state, with one set of volumes.

use std::time::Duration;

use drover_e2e::{objects, operator};

use crate::support::rpc_proxy::RpcProxy;
use crate::support::{Act, Guest, Moment, World, ready, state};

const SPACE: &str = "e2e-kills";
const HOST: &str = "host1";

/// Points on the way to a running machine.
const MAKING: [(&str, usize); 5] = [
    ("STORAGE_VOL_CREATE_XML", 1),
    ("STORAGE_VOL_CREATE_XML", 2),
    ("STORAGE_VOL_CREATE_XML", 3),
    ("DOMAIN_DEFINE_XML_FLAGS", 1),
    ("DOMAIN_CREATE_WITH_FLAGS", 1),
];
/// Points on the way to a machine that is gone.
const REMOVING: [(&str, usize); 4] = [
    ("DOMAIN_DESTROY_FLAGS", 1),
    ("DOMAIN_UNDEFINE_FLAGS", 1),
    ("STORAGE_VOL_DELETE", 1),
    ("STORAGE_VOL_DELETE", 2),
];
const SOON: Duration = Duration::from_secs(60);

struct Setting {
    world: World,
    proxy: RpcProxy,
    uri: String,
}

impl Setting {
    fn new() -> Self {
        let world = World::new();
        world.space(SPACE);
        let host = world.host(HOST);
        let proxy = RpcProxy::start(&world.lab, host.listen());
        let setting = Self {
            uri: host.uri(),
            world,
            proxy,
        };
        operator::stop(&setting.world.lab).unwrap();
        setting.point_host_at(&setting.proxy.uri());
        setting.start();
        setting
    }

    // By the same manager as everywhere: another one would keep the field from the tests to come.
    fn point_host_at(&self, uri: &str) {
        let world = &self.world;
        objects::host_at(&world.lab, &world.host(HOST), uri).unwrap();
    }

    fn start(&self) {
        let kubeconfig = self.world.lab.operator_kubeconfig();
        self.world.start_operator_at(&kubeconfig);
    }

    fn end(self) {
        let world = &self.world;
        world.remove_space(SPACE);
        operator::stop(&world.lab).unwrap();
        self.point_host_at(&self.uri);
        operator::start(&world.lab).unwrap();
        world.wait(("hosts", "", HOST), "connected as before", ready);
    }

    /// Waits until it has happened, and goes on as after a crash.
    fn happened(&self, what: &str, act: Act) {
        let fired = self.proxy.trigger.fired_within(SOON);
        self.proxy.trigger.disarm();
        if !fired {
            self.world.fail(&format!("{what}: was not called"));
        }
        if act == Act::Kill {
            self.start();
        }
    }
}

fn guest(name: &str) -> Guest {
    Guest::new(SPACE, name).on(HOST).blank("data", "first")
}

fn one_of_each(world: &World, guest: &Guest) {
    let domains = world.domains(&format!("{SPACE}_"));
    assert_eq!(domains, [(HOST.to_owned(), guest.domain())]);
    let mut files = world.pool_files(HOST);
    files.retain(|file| file.starts_with(SPACE));
    let data = format!("{}-data", guest.domain());
    let whole = [
        data.clone(),
        format!("{data}.owner"),
        format!("{data}.ready"),
    ];
    assert_eq!(files, whole);
}

fn make(setting: &Setting, act: Act, moment: Moment) {
    let world = &setting.world;
    for (index, (procedure, nth)) in MAKING.into_iter().enumerate() {
        let what = format!("{act:?} {moment:?} {procedure} {nth}");
        println!("{what}");
        let guest = guest(&format!("made-{index}"));
        setting.proxy.trigger.arm(procedure, nth, moment, act);
        world.apply(&guest.yaml());
        setting.happened(&what, act);
        world.machine_is(SPACE, &guest.name, &what, |machine| {
            ready(machine) && state(machine) == "Running"
        });
        one_of_each(world, &guest);
        world.delete(&guest.yaml());
        nothing_left(world, &what);
    }
}

fn nothing_left(world: &World, what: &str) {
    world.wait_for(&format!("nothing is left after {what}"), || {
        let mut files = world.pool_files(HOST);
        files.retain(|file| file.starts_with(SPACE));
        files.is_empty() && world.domains(&format!("{SPACE}_")).is_empty()
    });
}

fn remove(setting: &Setting, act: Act, moment: Moment) {
    let world = &setting.world;
    for (index, (procedure, nth)) in REMOVING.into_iter().enumerate() {
        let what = format!("{act:?} {moment:?} {procedure} {nth}");
        println!("{what}");
        let guest = guest(&format!("gone-{index}"));
        world.apply(&guest.yaml());
        world.machine_is(SPACE, &guest.name, "ready", ready);
        setting.proxy.trigger.arm(procedure, nth, moment, act);
        let yaml = guest.yaml();
        world
            .try_kubectl(&["delete", "--wait=false", "-f", "-"], &yaml)
            .unwrap();
        setting.happened(&what, act);
        world.wait_for(&what, || world.machine(SPACE, &guest.name).is_none());
        nothing_left(world, &what);
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn killed_before_a_call_that_makes() {
    let setting = Setting::new();
    make(&setting, Act::Kill, Moment::Before);
    setting.end();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn killed_after_a_call_that_makes() {
    let setting = Setting::new();
    make(&setting, Act::Kill, Moment::After);
    setting.end();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn cut_while_a_reply_is_waited_for() {
    let setting = Setting::new();
    make(&setting, Act::Cut, Moment::After);
    remove(&setting, Act::Cut, Moment::After);
    setting.end();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn killed_around_a_call_that_removes() {
    let setting = Setting::new();
    remove(&setting, Act::Kill, Moment::Before);
    remove(&setting, Act::Kill, Moment::After);
    setting.end();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_reply_is_held_back() {
    let setting = Setting::new();
    let world = &setting.world;
    let guest = guest("held");
    let trigger = &setting.proxy.trigger;
    trigger.arm("DOMAIN_CREATE_WITH_FLAGS", 1, Moment::After, Act::Hold);
    world.apply(&guest.yaml());
    assert!(trigger.fired_within(SOON));
    let id = world.domain_id(HOST, &guest.domain());
    trigger.disarm();
    world.machine_is(SPACE, &guest.name, "ready", ready);
    assert_eq!(world.domain_id(HOST, &guest.domain()), id, "started once");
    one_of_each(world, &guest);
    setting.end();
}
