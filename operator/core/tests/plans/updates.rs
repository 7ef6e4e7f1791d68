//! Changes of a machine that is there: what is done unasked, what waits, what is refused.

use std::sync::Arc;

use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::{Class, Value};
use drover_core::plan::machine::{Fate, Plan, Step};
use drover_crds::condition::Reason;

use super::given;
use super::world::{EPOCH, World, off, running, with, words};

// A machine with room to grow.
fn roomy() -> String {
    given::MACHINE
        .replace("cpu: {cores: 2}", "cpu: {cores: 2, maxSockets: 4}")
        .replace("{guest: 256Mi}", "{guest: 256Mi, maxGuest: 1Gi}")
        .replace("web-data}, bus: sata}", "web-data}}")
}

fn base() -> DesiredMachine {
    given::machine_from(&roomy())
}

fn paths(plan: &Plan) -> Vec<(&str, Class, Fate)> {
    let changes = plan.changes.iter();
    changes
        .map(|(change, fate)| (change.path.as_str(), change.class, *fate))
        .collect()
}

// What is declared becomes this while the machine runs as `base` says.
fn changed(from: &str, to: &str) -> DesiredMachine {
    let text = roomy();
    assert!(text.contains(from), "{from}");
    given::machine_from(&text.replace(from, to))
}

#[test]
fn disks_and_interfaces_come_and_go() {
    let fewer = changed("  - {name: data, volume: {name: web-data}}\n", "");
    let mut world = World::new(Some(running(&fewer, EPOCH)));
    let (plan, steps) = world.settle(&base());
    assert_eq!(plan.verdict.reason, Reason::Running);
    let expected = ["Define", "Change spec.disks[data]", "Record Live"];
    assert_eq!(words(&steps), expected);
    let (plan, steps) = world.settle(&fewer);
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(words(&steps), expected);
    // The guest does not let it go.
    world.settle(&base());
    world.lets_go = false;
    let start = world.now;
    let (plan, _) = world.settle(&fewer);
    assert_eq!(world.now - start, 30_000);
    assert_eq!(plan.verdict.reason, Reason::RestartRequired);
    let (change, fate) = &plan.changes[0];
    assert_eq!((change.class, *fate), (Class::NextBoot, Fate::Written));
    assert!(
        change.reason.contains("did not let it happen"),
        "{}",
        change.reason
    );
    world.stop("Shutdown");
    let (plan, _) = world.settle(&fewer);
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(plan.changes, []);
}

#[test]
fn a_guest_that_gives_memory_back_is_given_time() {
    let memory = |world: &World| {
        let larger = given::machine_from(&roomy().replace("{guest: 256Mi", "{guest: 1Gi"));
        let values = off(&larger, EPOCH).inactive.unwrap().values.clone();
        (world.clone(), values)
    };
    // It has just started, and its balloon is empty.
    let (mut world, full) = memory(&World::new(Some(running(&base(), EPOCH))));
    world.live().values.clone_from(&full);
    assert_eq!(world.settle(&base()).1, []);
    // Asked for less, it keeps all of it.
    let smaller = changed("{guest: 256Mi", "{guest: 128Mi");
    let change = world.plan(&smaller).changes.remove(0).0;
    assert_eq!(
        (change.from.as_str(), change.to.as_str()),
        ("256Mi", "128Mi")
    );
    // Somebody else has taken memory away from it.
    let (mut world, _) = memory(&World::new(Some(running(&base(), EPOCH))));
    let less = off(&smaller, EPOCH).inactive.unwrap().values.clone();
    world.live().values = less;
    let (_, steps) = world.settle(&base());
    assert_eq!(words(&steps), ["Change spec.memory.guest"]);
}

#[test]
fn what_libvirt_refuses_while_it_runs_waits_for_the_next_start() {
    let desired = changed("256Mi", "512Mi");
    let mut world = World::new(Some(running(&base(), EPOCH)));
    let (change, _) = world.plan(&desired).changes.remove(0);
    world.history.refuse(&change, "not this time");
    let (plan, steps) = world.settle(&desired);
    assert_eq!(words(&steps), ["Define", "Record Live"]);
    assert_eq!(plan.verdict.reason, Reason::RestartRequired);
    let (change, _) = &plan.changes[0];
    assert!(change.reason.contains("not this time"), "{}", change.reason);
    world.stop("Destroyed");
    let (plan, steps) = world.settle(&desired);
    assert_eq!(
        (plan.verdict.reason, words(&steps)),
        (Reason::Running, vec!["Start".to_owned()])
    );
}

#[test]
fn what_takes_a_start_is_written_and_told() {
    let desired = changed("cores: 2,", "cores: 3,");
    let mut world = World::new(Some(running(&base(), EPOCH)));
    let (plan, steps) = world.settle(&desired);
    assert_eq!(words(&steps), ["Define", "Record Live"]);
    assert_eq!(plan.verdict.reason, Reason::RestartRequired);
    assert_eq!(
        paths(&plan),
        [("spec.cpu.cores", Class::NextBoot, Fate::Written)]
    );
    assert!(
        plan.verdict.message.contains("spec.cpu.cores: 2 -> 3"),
        "{}",
        plan.verdict.message
    );
    world.stop("Shutdown");
    let (plan, steps) = world.settle(&desired);
    assert_eq!(
        (plan.verdict.reason, words(&steps)),
        (Reason::Running, vec!["Start".to_owned()])
    );
}

#[test]
fn a_restart_is_made_when_it_is_allowed() {
    let other = |more: &str| {
        let text = given::MACHINE.replace("web-root}", "web-new}");
        given::machine_from(&format!("{text}{more}"))
    };
    let mut world = World::new(Some(running(&given::machine(), EPOCH)));
    world.site.disks[0].volume = "shop_web-new".to_owned();
    let (plan, _) = world.settle(&other(""));
    assert_eq!(plan.verdict.reason, Reason::RestartRequired);
    assert_eq!(
        paths(&plan),
        [("spec.disks[root].volume", Class::RestartNow, Fate::Waits)]
    );
    let allowed = other("  update: {allow: [Live, NextBoot, RestartNow]}\n");
    let (plan, steps) = world.settle(&allowed);
    assert_eq!(plan.verdict.reason, Reason::Running);
    let all = words(&steps);
    assert!(all.contains(&"Shutdown Button".to_owned()) && all.contains(&"Start".to_owned()));
    assert_eq!(plan.changes, []);
}

#[test]
fn without_leave_nothing_is_done() {
    let desired = with("  update: {allow: []}\n");
    let edited = given::machine_from(&given::MACHINE.replace("cores: 2", "cores: 3"));
    let mut world = World::new(Some(running(&edited, EPOCH)));
    let (plan, steps) = world.settle(&desired);
    // Only the marks, which say what is not written.
    assert_eq!(words(&steps), ["Record Config", "Record Live"]);
    assert_eq!(plan.verdict.reason, Reason::RestartRequired);
    assert_eq!(
        paths(&plan),
        [("spec.cpu.cores", Class::NextBoot, Fate::Waits)]
    );
    assert_eq!(
        world.config().mark.as_ref().unwrap().recorded.held,
        ["spec.cpu.cores"]
    );
}

#[test]
fn a_plan_waits_for_its_hash() {
    let manual = "  update: {approval: Manual}\n";
    let mut desired = changed("256Mi", "512Mi");
    desired.approval = with(manual).approval;
    let mut world = World::new(Some(running(&base(), EPOCH)));
    let (plan, _) = world.settle(&desired);
    assert_eq!(plan.verdict.reason, Reason::PlanNeedsApproval);
    assert_eq!(
        paths(&plan),
        [("spec.memory.guest", Class::Live, Fate::Waits)]
    );
    let hash = plan.hash.unwrap();
    // Another hash is no approval.
    desired.approved = Some("0000000000000000".to_owned());
    assert_eq!(
        world.settle(&desired).0.verdict.reason,
        Reason::PlanNeedsApproval
    );
    desired.approved = Some(hash.clone());
    let (plan, steps) = world.settle(&desired);
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert!(words(&steps).contains(&"Change spec.memory.guest".to_owned()));
    assert_eq!(
        world.config().mark.as_ref().unwrap().recorded.approved,
        None
    );
    // A changed plan has another hash.
    let mut other = changed("256Mi", "768Mi");
    other.approval = desired.approval;
    other.approved = Some(hash.clone());
    let (plan, _) = world.settle(&other);
    assert_eq!(plan.verdict.reason, Reason::PlanNeedsApproval);
    assert_ne!(plan.hash, Some(hash));
}

#[test]
fn an_approved_plan_of_several_steps_is_carried_to_its_end() {
    let text = given::MACHINE
        .replace(
            "cpu: {cores: 2}",
            "cpu: {cores: 2, maxSockets: 4, sockets: 2}",
        )
        .replace("{guest: 256Mi}", "{guest: 512Mi, maxGuest: 1Gi}")
        .replace("web-data}, bus: sata}", "web-data}}");
    let mut desired = given::machine_from(&text);
    desired.approval = with("  update: {approval: Manual}\n").approval;
    let mut world = World::new(Some(running(&base(), EPOCH)));
    desired.approved = world.settle(&desired).0.hash;
    // The operator is killed after each step, and forgets.
    let mut all = Vec::new();
    for _ in 0..20 {
        world.history = Default::default();
        let Some(step) = world.plan(&desired).step else {
            break;
        };
        world.apply(&desired, &step);
        all.push(step);
    }
    let all = words(&all);
    for path in ["spec.cpu.sockets", "spec.memory.guest"] {
        assert!(all.contains(&format!("Change {path}")), "{all:?}");
    }
    assert_eq!(world.plan(&desired).verdict.reason, Reason::Running);
}

fn edit(world: &mut World) {
    let larger = given::machine_from(&given::MACHINE.replace("256Mi", "512Mi"));
    let values = off(&larger, EPOCH).inactive.unwrap().values.clone();
    world.config().values = values;
}

#[test]
fn a_change_behind_its_back_is_put_right_or_told_or_let_be() {
    let mut world = World::new(Some(running(&given::machine(), EPOCH)));
    edit(&mut world);
    let (plan, steps) = world.settle(&given::machine());
    assert_eq!(
        (plan.verdict.reason, words(&steps)),
        (Reason::Running, vec!["Define".to_owned()])
    );

    let report = with("  drift: Report\n");
    let mut world = World::new(Some(running(&report, EPOCH)));
    edit(&mut world);
    let (plan, steps) = world.settle(&report);
    assert_eq!((plan.verdict.reason, steps), (Reason::Running, vec![]));
    let (change, fate) = &plan.changes[0];
    assert_eq!(*fate, Fate::Reported);
    assert_eq!(
        (change.from.as_str(), change.to.as_str()),
        ("512Mi", "256Mi")
    );

    let ignore = with("  drift: Ignore\n");
    let mut world = World::new(Some(running(&ignore, EPOCH)));
    edit(&mut world);
    let (plan, steps) = world.settle(&ignore);
    assert_eq!(
        (plan.verdict.reason, steps, plan.changes),
        (Reason::Running, vec![], vec![])
    );
}

#[test]
fn a_device_that_was_pulled_out_is_plugged_in_again() {
    let mut world = World::new(Some(running(&base(), EPOCH)));
    world
        .live()
        .disks
        .retain(|disk| disk.name.as_deref() != Some("data"));
    let (plan, steps) = world.settle(&base());
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(words(&steps), ["Change spec.disks[data]"]);
}

#[test]
fn a_change_of_the_spec_is_made_though_drift_is_only_told() {
    let report = |memory: &str| {
        let text = given::MACHINE.replace("256Mi", memory);
        given::machine_from(&format!("{text}  drift: Report\n"))
    };
    let mut world = World::new(Some(running(&report("256Mi"), EPOCH)));
    let (plan, steps) = world.settle(&report("512Mi"));
    assert_eq!(words(&steps), ["Define", "Record Live"]);
    assert_eq!(
        paths(&plan),
        [("spec.memory.guest", Class::NextBoot, Fate::Written)]
    );
}

#[test]
fn what_a_running_guest_does_not_show_is_remembered() {
    let model = |name: &str| {
        given::machine_from(
            &given::MACHINE.replace("cores: 2", &format!("cores: 2, model: {name}")),
        )
    };
    let mut world = World::new(Some(running(&model("host-model"), EPOCH)));
    // libvirt shows what it made of it.
    let index = world
        .live()
        .values
        .iter()
        .position(|it| *it == Value::Text("host-model".into()));
    Arc::make_mut(&mut world.live().values)[index.unwrap()] = Value::Text("EPYC".into());
    assert_eq!(world.settle(&model("host-model")).1, []);
    let (plan, _) = world.settle(&model("qemu64"));
    assert_eq!(
        paths(&plan),
        [("spec.cpu.model", Class::NextBoot, Fate::Written)]
    );
    assert_eq!(plan.changes[0].0.from, "host-model");
}

#[test]
fn a_model_that_was_not_declared_when_it_started_waits_for_the_next_start() {
    let mut world = World::new(Some(running(&given::machine(), EPOCH)));
    let named = given::machine_from(&given::MACHINE.replace("cores: 2", "cores: 2, model: EPYC"));
    let (plan, _) = world.settle(&named);
    assert_eq!(plan.verdict.reason, Reason::RestartRequired);
    assert_eq!(
        paths(&plan),
        [("spec.cpu.model", Class::NextBoot, Fate::Written)]
    );
    world.stop("Shutdown");
    assert_eq!(world.settle(&named).0.verdict.reason, Reason::Running);
}

#[test]
fn what_is_called_none_is_not_nothing() {
    let text = given::MACHINE.replace("bus: sata}", "bus: sata, cache: none}");
    let report = |text: &str| given::machine_from(&format!("{text}  drift: Report\n"));
    let mut world = World::new(Some(running(&report(given::MACHINE), EPOCH)));
    let (plan, steps) = world.settle(&report(&text));
    assert_eq!(words(&steps), ["Define", "Record Live"]);
    let change = plan.changes[0].0.to_string();
    assert_eq!(change, "spec.disks[data].cache: not set -> none");
}

#[test]
fn a_machine_that_is_off_or_stands_still_tells_what_somebody_has_to_do() {
    let efi = given::MACHINE.replace("memory:", "firmware: {bootloader: EFI}\n  memory:");
    let larger = given::MACHINE.replace("256Mi", "512Mi") + "  update: {approval: Manual}\n";
    for (text, reason) in [
        (efi, Reason::ChangeRefused),
        (larger, Reason::PlanNeedsApproval),
    ] {
        for more in ["  runStrategy: Halted\n", "  paused: true\n"] {
            let before = with(more);
            let mut world = World::new(None);
            world.settle(&before);
            let (plan, _) = world.settle(&given::machine_from(&format!("{text}{more}")));
            assert_eq!(plan.verdict.reason, reason, "{more}");
            assert!(plan.hash.is_some());
        }
    }
}

#[test]
fn what_is_only_looked_at_is_never_touched() {
    let observe = with("  managementPolicy: Observe\n");
    let mut world = World::new(Some(off(&observe, EPOCH)));
    world.config().mark = None;
    edit(&mut world);
    let plan = world.plan(&observe);
    assert_eq!((plan.step, plan.verdict.reason), (None, Reason::Observed));
    assert_eq!(plan.changes.len(), 1);
    world.deleting = true;
    assert_eq!(world.plan(&observe).step, None::<Step>);
}
