//! Definitions that are changed in place: what goes along with a change, and what stays.

use drover_core::definition::{create, update};
use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::{Shape, Site};
use drover_core::observed::domain::Definition;
use drover_core::plan::changes::differences;

use super::given;

fn open(desired: &DesiredMachine, site: &Site, xml: &str) -> Vec<String> {
    let found = Definition::parse(xml).unwrap();
    let all = differences(&Shape::of(desired, site), site, &found, false);
    all.iter().map(ToString::to_string).collect()
}

// The definition of this, as declared by that: nothing differs any more.
fn updated(xml: &str, desired: &DesiredMachine) -> String {
    let site = given::site();
    let wanted = Shape::of(desired, &site);
    let mark = desired.mark(1);
    let made = update(xml, &wanted, &site, &mark, |_| true).unwrap();
    assert_eq!(open(desired, &site, &made.xml), [""; 0], "{}", made.xml);
    let again = update(&made.xml, &wanted, &site, &mark, |_| true).unwrap();
    assert_eq!((again.xml, again.changed), (made.xml.clone(), vec![]));
    made.xml
}

fn created(desired: &DesiredMachine) -> String {
    create(desired, &given::site(), &desired.mark(1))
}

// The usual machine that says this instead of that.
fn saying(from: &str, to: &str) -> DesiredMachine {
    assert!(given::MACHINE.contains(from), "{from}");
    given::machine_from(&given::MACHINE.replace(from, to))
}

#[test]
fn features_of_which_one_begins_as_another_are_as_declared() {
    let features = "cores: 2, features: [{name: avx}, {name: avx2, policy: disable}]";
    let desired = saying("cores: 2", features);
    let xml = updated(&created(&desired), &desired);
    assert_eq!(updated(&created(&given::machine()), &desired), xml);
}
