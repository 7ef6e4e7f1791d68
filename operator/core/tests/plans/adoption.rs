//! Taking over what is there: only with everybody's consent.

use std::sync::Arc;

use drover_core::definition::create;
use drover_core::desired::machine::{DesiredMachine, RunStrategy};
use drover_core::fields::Site;
use drover_core::identity::Mark;
use drover_core::observed::domain::{Definition, DomainState};
use drover_core::placement::{Purpose, Sight, Sighting, copies};
use drover_core::plan::machine::Step;
use drover_core::xml::Element;
use drover_crds::condition::Reason;

use super::given;
use super::world::{EPOCH, World, mark, running, words};

const UUID: &str = "5f0c0de0-1111-4222-8333-944444444444";

fn named() -> DesiredMachine {
    given::machine_from(&format!("{}  uuid: {UUID}\n", given::MACHINE))
}

fn foreign() -> World {
    let mut world = World::new(Some(running(&named(), EPOCH)));
    let domain = world.domain.as_mut().unwrap();
    domain.name = "legacy".to_owned();
    for definition in [&mut domain.live, &mut domain.inactive] {
        Arc::make_mut(definition.as_mut().unwrap()).mark = None;
    }
    world
}

#[test]
fn a_domain_without_a_mark_is_taken_over_when_its_host_lets_it() {
    let mut world = foreign();
    let plan = world.plan(&named());
    assert_eq!(
        (plan.step, plan.verdict.reason),
        (None, Reason::AdoptionRefused)
    );
    world.adoption = true;
    world.deleting = true;
    let plan = world.plan(&named());
    assert_eq!((plan.step, plan.verdict.reason), (None, Reason::Deleting));
    world.deleting = false;
    let (plan, steps) = world.settle(&named());
    assert_eq!(plan.verdict.reason, Reason::Running);
    assert_eq!(
        words(&steps),
        ["Record Config", "Record Config", "Record Live"]
    );
    // From now on it is nobody else's.
    let mut other = named();
    other.namespace = "bank".to_owned();
    let plan = world.plan(&other);
    assert_eq!(
        (plan.step, plan.verdict.reason),
        (None, Reason::UUIDConflict)
    );
    world.deleting = true;
    assert_eq!(world.plan(&other).step, None, "nor is it deleted");
}

#[test]
fn what_a_machine_names_without_its_mark_is_no_part_of_it_when_it_goes() {
    let at_epoch_1 = Sight::Copy {
        active: true,
        epoch: 1,
    };
    let ours = Sight::Copy {
        active: true,
        epoch: EPOCH,
    };
    let observing = |desired: DesiredMachine| DesiredMachine {
        observe: true,
        ..desired
    };
    let unmarked = foreign().domain.unwrap();
    let marked = running(&named(), EPOCH);
    let other = DesiredMachine {
        namespace: "bank".to_owned(),
        ..named()
    };
    for (desired, domain, placing, deleting) in [
        (named(), &unmarked, at_epoch_1, Sight::Foreign),
        (observing(named()), &unmarked, at_epoch_1, Sight::Foreign),
        (
            observing(given::machine()),
            &unmarked,
            at_epoch_1,
            Sight::Foreign,
        ),
        (given::machine(), &unmarked, Sight::Foreign, Sight::Foreign),
        (named(), &marked, ours, ours),
        (observing(named()), &marked, ours, Sight::Foreign),
        (other.clone(), &marked, Sight::Foreign, Sight::Foreign),
        (observing(other), &marked, Sight::Foreign, Sight::Foreign),
    ] {
        let sight = |purpose| Sight::of(&desired, domain, purpose);
        assert_eq!(sight(Purpose::Placing), placing, "{desired:?}");
        assert_eq!(sight(Purpose::Deleting), deleting, "{desired:?}");
        // Its object goes when no host has a copy any more.
        let seen = [Sighting {
            host: "host1",
            listed: true,
            off: false,
            sight: sight(Purpose::Deleting),
        }];
        let left = if deleting == ours {
            &["host1"][..]
        } else {
            &[]
        };
        assert_eq!(copies(&seen), left, "{desired:?}");
    }
}

#[test]
fn a_domain_is_never_taken_over_by_accident() {
    // The host lets everybody, and the spec names nothing.
    let mut world = foreign();
    world.adoption = true;
    let plan = world.plan(&given::machine());
    assert_eq!(
        (plan.step, plan.verdict.reason),
        (None, Reason::UUIDConflict)
    );
    // A name for what is not there makes nothing.
    let mut world = World::new(None);
    let plan = world.plan(&named());
    assert_eq!(
        (plan.step, plan.verdict.reason),
        (None, Reason::AdoptionRefused)
    );
}

#[test]
fn one_manager_does_not_take_what_the_other_keeps() {
    let desired = given::machine();
    let marked = |manager: &str| {
        let mut domain = running(&desired, EPOCH);
        for definition in [&mut domain.live, &mut domain.inactive] {
            let mark = Mark {
                manager: manager.to_owned(),
                ..mark(&desired, EPOCH)
            };
            Arc::make_mut(definition.as_mut().unwrap()).mark = Some(mark);
        }
        World::new(Some(domain))
    };
    for (keeper, asks) in [("cli", "c-1"), ("c-1", "cli")] {
        let mut world = marked(keeper);
        world.manager = asks;
        let plan = world.plan(&desired);
        assert_eq!(
            (plan.step, plan.verdict.reason),
            (None, Reason::AdoptionRefused)
        );
        assert!(plan.verdict.message.contains("--take-over"));
        world.take_over = true;
        let (plan, steps) = world.settle(&desired);
        assert_eq!(plan.verdict.reason, Reason::Running);
        assert_eq!(words(&steps), ["Record Config", "Record Live"]);
    }
    // A cluster that was made anew, and what was marked before there were two.
    for keeper in ["c-0", ""] {
        let (plan, _) = marked(keeper).settle(&desired);
        assert_eq!(plan.verdict.reason, Reason::Running);
    }
}

// A definition as libvirt would give it back, without the names that Drover gives devices.
fn by_hand(desired: &DesiredMachine, site: &Site, mark: Option<&Mark>) -> Definition {
    let xml = create(desired, site, &desired.mark(EPOCH));
    let mut root = Element::parse("a domain", &xml).unwrap();
    for device in root.ensure("devices").elements_mut() {
        device.remove("alias", |_| true);
    }
    let metadata = root.ensure("metadata");
    metadata.remove("drover:mark", |_| true);
    if let Some(mark) = mark {
        metadata.push(mark.element());
    }
    Definition::parse(&root.to_string()).unwrap()
}

// A foreign machine that may be taken over, whose spec names its disks as `drover import` does.
fn imported() -> (DesiredMachine, World) {
    let text = given::MACHINE.replace("name: root", "name: vda");
    let text = text.replace("name: data", "name: sda");
    let full = given::machine_from(&format!("{text}  uuid: {UUID}\n"));
    let mut world = foreign();
    world.adoption = true;
    for (place, disk) in world.site.disks.iter_mut().zip(&full.disks) {
        place.name.clone_from(&disk.name);
    }
    (full, world)
}

#[test]
fn a_device_that_was_taken_over_goes_when_the_spec_leaves_it_out() {
    let (full, mut world) = imported();
    let site = world.site.clone();
    let by_hand = |mark| by_hand(&full, &site, mark);
    let domain = world.domain.as_mut().unwrap();
    domain.live = None;
    domain.state = DomainState::Shutoff;
    domain.inactive = Some(Arc::new(by_hand(None)));
    let (_, steps) = world.settle(&halted(full.clone()));
    let Some(Step::Record { mark, .. }) = steps.last() else {
        panic!("{steps:?}");
    };
    assert_eq!(
        mark.recorded.adopted.len(),
        full.disks.len() + full.interfaces.len()
    );
    let mut fewer = halted(full.clone());
    let (disk, nic) = (fewer.disks.pop().unwrap(), fewer.interfaces.pop().unwrap());
    world.domain.as_mut().unwrap().inactive = Some(Arc::new(by_hand(Some(mark))));
    let (plan, steps) = world.settle(&fewer);
    assert_eq!(plan.changes, []);
    let Some(Step::Define { paths, .. }) = steps.first() else {
        panic!("{steps:?}");
    };
    let path = |kind: &str, name: &str| format!("spec.{kind}[{name}]");
    assert_eq!(
        *paths,
        [path("disks", &disk.name), path("interfaces", &nic.name)]
    );
}

fn halted(mut machine: DesiredMachine) -> DesiredMachine {
    machine.strategy = RunStrategy::Halted;
    machine
}

#[test]
fn a_running_machine_that_was_taken_over_settles() {
    let (full, mut world) = imported();
    let site = world.site.clone();
    let by_hand = |mark| Some(Arc::new(by_hand(&full, &site, mark)));
    let domain = world.domain.as_mut().unwrap();
    domain.inactive = by_hand(None);
    domain.live = domain.inactive.clone();
    world.settle(&full);
    let marks: Vec<Mark> = {
        let domain = world.domain.as_ref().unwrap();
        domain
            .definitions()
            .map(|it| it.mark.clone().unwrap())
            .collect()
    };
    let domain = world.domain.as_mut().unwrap();
    (domain.live, domain.inactive) = (by_hand(Some(&marks[0])), by_hand(Some(&marks[1])));
    let plan = world.plan(&full);
    assert_eq!((plan.step, plan.changes), (None, vec![]));
}
