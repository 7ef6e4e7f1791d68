//! What a guest is given for its first start: what a plan says of it, and what it leaves out.

use drover_core::desired::machine::DesiredMachine;
use drover_core::observed::domain::ObservedDomain;
use drover_core::plan::machine::Step;
use uuid::Uuid;

use super::given;
use super::world::{World, with};

const WITH: &str = "  cloudInit: {userData: a}\n";

// It is made, started and has nothing left to be done.
fn running(desired: &DesiredMachine, content: &str) -> World {
    let mut world = World::new(None);
    world.site.seed = Some(given::seed(content));
    world.settle(desired);
    world
}

fn seeds(domain: &ObservedDomain) -> Vec<&str> {
    domain
        .definitions()
        .flat_map(|found| found.seeds())
        .collect()
}

#[test]
fn the_domain_remembers_what_names_are_made_with() {
    let desired = with(WITH);
    let world = running(&desired, "a");
    let domain = world.domain.unwrap();
    let mark = domain.mark().unwrap();
    assert_eq!(mark.recorded.seed_key, Some(Uuid::from_u128(7)));
    assert_eq!(seeds(&domain), ["fast/shop_web_seed-a"; 2]);
    let found = domain.inactive.as_deref().unwrap();
    assert_eq!(found.disks.len(), 2, "it is none of the machine's disks");
    assert!(
        found.uses("fast", "shop_web_seed-a", None),
        "and is used all the same"
    );
}

#[test]
fn other_content_waits_for_the_next_start_and_is_not_shown() {
    let desired = with(WITH);
    let mut world = running(&desired, "a");
    world.site.seed = Some(given::seed("b"));
    let first = world.plan(&desired);
    assert!(
        matches!(&first.step, Some(Step::Define { paths, .. }) if *paths == ["spec.cloudInit"])
    );
    let (plan, _) = world.settle(&desired);
    let [(change, _)] = plan.changes.as_slice() else {
        panic!("{:?}", plan.changes)
    };
    assert_eq!(change.to_string(), "spec.cloudInit: other content -> set");
    assert!(
        change.reason.starts_with("the content has changed"),
        "{}",
        change.reason
    );
    let told = format!(
        "{change} {} {:?} {:?}",
        change.reason, plan.verdict, plan.hash
    );
    assert!(!told.contains("seed-"), "{told}");
    assert_eq!(
        seeds(&world.domain.unwrap()),
        ["fast/shop_web_seed-a", "fast/shop_web_seed-b"]
    );
}

#[test]
fn what_cannot_be_read_any_more_stays_as_it_is() {
    let desired = with(WITH);
    let mut world = running(&desired, "a");
    world.site.seed = None;
    assert_eq!(world.plan(&desired).changes, []);
    let domain = world.domain.as_ref().unwrap();
    assert_eq!(
        domain.mark().unwrap().recorded.seed_key,
        Some(Uuid::from_u128(7))
    );
    assert_eq!(seeds(domain).len(), 2);
}

#[test]
fn what_is_declared_no_more_goes_with_the_next_start() {
    let mut world = running(&with(WITH), "a");
    world.site.seed = None;
    let without = given::machine();
    let (plan, _) = world.settle(&without);
    let [(change, _)] = plan.changes.as_slice() else {
        panic!("{:?}", plan.changes)
    };
    assert_eq!(change.to_string(), "spec.cloudInit: set -> none");
    world.stop("Destroyed");
    world.settle(&without);
    assert_eq!(seeds(&world.domain.unwrap()), [""; 0]);
}

#[test]
fn another_way_takes_the_place_of_the_first() {
    let mut world = running(&with(WITH), "a");
    let ignition = with("  ignition: {secretRef: {name: ci, key: config}}\n");
    world.settle(&ignition);
    world.stop("Destroyed");
    let (plan, _) = world.settle(&ignition);
    assert_eq!(plan.changes, []);
    assert_eq!(
        seeds(&world.domain.unwrap()),
        ["/srv/fast/shop_web_seed-a"; 2]
    );
}
