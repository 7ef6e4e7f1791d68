//! The operator is killed around each of its writes to the API server, or the reply is lost.

use std::time::Duration;

use drover_e2e::operator;

use crate::support::api_proxy::ApiProxy;
use crate::support::{Act, Guest, Moment, World, ready, state};

const SPACE: &str = "e2e-writes";
const SOON: Duration = Duration::from_secs(60);

/// Writes on the way to a running machine: finalizer, binding, running; and its volume's two.
const MAKING: [(&str, usize); 5] = [
    (
        "PATCH /apis/drover.dev/v1alpha1/namespaces/e2e-writes/virtualmachines/",
        1,
    ),
    (
        "PATCH /apis/drover.dev/v1alpha1/namespaces/e2e-writes/virtualmachines/",
        2,
    ),
    (
        "PATCH /apis/drover.dev/v1alpha1/namespaces/e2e-writes/virtualmachines/",
        3,
    ),
    (
        "POST /apis/drover.dev/v1alpha1/namespaces/e2e-writes/volumes",
        1,
    ),
    (
        "PATCH /apis/drover.dev/v1alpha1/namespaces/e2e-writes/volumes/",
        1,
    ),
];

struct Setting {
    world: World,
    proxy: ApiProxy,
}

impl Setting {
    fn new() -> Self {
        let world = World::new();
        world.space(SPACE);
        let proxy = world.runtime.block_on(ApiProxy::start(&world.lab));
        operator::stop(&world.lab).unwrap();
        world.start_operator_at(&proxy.kubeconfig);
        Self { world, proxy }
    }

    fn end(self) {
        self.world.remove_space(SPACE);
        operator::stop(&self.world.lab).unwrap();
        let _ = std::fs::remove_file(&self.proxy.kubeconfig);
        operator::start(&self.world.lab).unwrap();
    }

    fn happened(&self, what: &str, act: Act) {
        let fired = self.proxy.trigger.fired_within(SOON);
        self.proxy.trigger.disarm();
        if !fired {
            self.world.fail(&format!("{what}: was not asked"));
        }
        if act == Act::Kill {
            self.world.start_operator_at(&self.proxy.kubeconfig);
        }
    }
}

fn make(setting: &Setting, act: Act, moment: Moment) {
    let world = &setting.world;
    for (index, (request, nth)) in MAKING.into_iter().enumerate() {
        let what = format!("{act:?} {moment:?} {request} {nth}");
        println!("{what}");
        let guest = Guest::new(SPACE, &format!("m-{index}")).blank("data", "first");
        setting.proxy.trigger.arm(request, nth, moment, act);
        world.apply(&guest.yaml());
        setting.happened(&what, act);
        let machine = world.machine_is(SPACE, &guest.name, &what, |machine| {
            ready(machine) && state(machine) == "Running"
        });
        let host = machine["status"]["host"].as_str().unwrap();
        let domains = world.domains(&format!("{SPACE}_"));
        assert_eq!(domains, [(host.to_owned(), guest.domain())], "{what}");
        assert_eq!(machine["status"]["epoch"], 1, "{what}");
        remove(setting, &guest, act, moment);
    }
}

/// The write that lets the machine go, too.
fn remove(setting: &Setting, guest: &Guest, act: Act, moment: Moment) {
    let world = &setting.world;
    let request = format!(
        "PATCH /apis/drover.dev/v1alpha1/namespaces/{SPACE}/virtualmachines/{}?",
        guest.name
    );
    setting.proxy.trigger.arm(&request, 1, moment, act);
    let words = ["delete", "--wait=false", "-f", "-"];
    world.try_kubectl(&words, &guest.yaml()).unwrap();
    setting.happened("letting the machine go", act);
    world.wait_for("machine and volume are gone", || {
        let volume = format!("{}-data", guest.name);
        world.machine(SPACE, &guest.name).is_none()
            && world.get("volumes", SPACE, &volume).is_none()
    });
    let left = world.domains(&format!("{SPACE}_"));
    assert!(left.is_empty(), "{left:?}");
    for host in ["host1", "host2"] {
        let left = world.pool_files(host);
        assert!(!left.iter().any(|file| file.contains(SPACE)), "{left:?}");
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn killed_before_a_write() {
    let setting = Setting::new();
    make(&setting, Act::Kill, Moment::Before);
    setting.end();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn killed_after_a_write() {
    let setting = Setting::new();
    make(&setting, Act::Kill, Moment::After);
    setting.end();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_reply_to_a_write_is_lost() {
    let setting = Setting::new();
    make(&setting, Act::Cut, Moment::After);
    setting.end();
}
