//! A network.

use drover_core::desired::network::DesiredNetwork;
use drover_core::observed::network::{NetworkFacts, ObservedNetwork};
use drover_core::plan::network::{Step, plan, plan_deletion};
use drover_core::xml::network_xml;
use drover_crds::condition::Reason;
use uuid::Uuid;

use super::given;

fn there(desired: &DesiredNetwork) -> ObservedNetwork {
    ObservedNetwork {
        name: desired.name.clone(),
        uuid: desired.uuid,
        active: false,
        definition: NetworkFacts::parse(&network_xml(desired)).unwrap(),
    }
}

fn apply(host: &mut Option<ObservedNetwork>, desired: &DesiredNetwork, step: Step) {
    match (step, host.as_mut()) {
        (Step::Define, None) => *host = Some(there(desired)),
        (Step::Define, Some(network)) => network.definition = there(desired).definition,
        (Step::Start, Some(network)) => network.active = true,
        (Step::Destroy, Some(network)) => network.active = false,
        (Step::Undefine, Some(_)) => *host = None,
        other => panic!("{other:?}"),
    }
}

fn settle(host: &mut Option<ObservedNetwork>, desired: &DesiredNetwork) -> Reason {
    for _ in 0..6 {
        let found = plan(desired, host.as_ref(), false);
        let Some(step) = found.step else {
            return found.verdict.reason;
        };
        apply(host, desired, step);
    }
    panic!("it does not settle: {host:?}");
}

#[test]
fn it_comes_and_goes_whatever_was_done_before() {
    let desired = given::network(true);
    let mut host = None;
    let mut states = vec![host.clone()];
    while let Some(step) = plan(&desired, host.as_ref(), false).step {
        apply(&mut host, &desired, step);
        states.push(host.clone());
    }
    assert_eq!(
        plan(&desired, host.as_ref(), true).verdict.reason,
        Reason::Realized
    );
    for mut host in states {
        while let Some(step) = plan_deletion(&desired, host.as_ref(), false).step {
            apply(&mut host, &desired, step);
        }
        assert_eq!(host, None);
    }
}

#[test]
fn a_change_waits_for_running_machines() {
    let before = given::network(true);
    let mut host = None;
    settle(&mut host, &before);
    let mut desired = before.clone();
    desired.subnets.truncate(1);
    desired.subnets[0].ranges.clear();
    let found = plan(&desired, host.as_ref(), true);
    assert_eq!(
        (found.step, found.verdict.reason),
        (None, Reason::NotRealized)
    );
    assert_eq!(settle(&mut host, &desired), Reason::Realized);
    assert_eq!(host.unwrap().definition, there(&desired).definition);
}

#[test]
fn the_host_takes_the_first_address() {
    let xml = network_xml(&given::network(true));
    assert!(
        xml.contains("address=\"192.168.150.1\" prefix=\"24\""),
        "{xml}"
    );
    assert!(
        xml.contains("address=\"fd00:150::1\" prefix=\"64\""),
        "{xml}"
    );
}

#[test]
fn what_belongs_to_others_stays() {
    let desired = given::network(true);
    let foreign = ObservedNetwork {
        uuid: Uuid::nil(),
        ..there(&desired)
    };
    let found = plan(&desired, Some(&foreign), false);
    assert_eq!(
        (found.step, found.verdict.reason),
        (None, Reason::NameConflict)
    );
    assert_eq!(plan_deletion(&desired, Some(&foreign), false).step, None);
    let observed = given::network(false);
    let found = plan(&observed, Some(&foreign), false);
    assert_eq!(
        (found.step, found.verdict.reason),
        (None, Reason::NotRealized)
    );
    assert_eq!(
        plan(&observed, None, false).verdict.reason,
        Reason::NotRealized
    );
    assert_eq!(plan_deletion(&observed, Some(&foreign), false).step, None);
}

#[test]
fn one_in_use_is_not_removed() {
    let desired = given::network(true);
    let mut host = None;
    settle(&mut host, &desired);
    let found = plan_deletion(&desired, host.as_ref(), true);
    assert_eq!((found.step, found.verdict.reason), (None, Reason::InUse));
}
