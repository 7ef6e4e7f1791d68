//! What a plan comes to when everything goes well: the steps that a person is shown before anything
//! is done.

use std::sync::Arc;

use super::changes::{Change, What, differences, disk_named, follower, interface_named};
use super::history::History;
use super::machine::{Plan, Side, Situation, Step, plan};
use crate::definition::create;
use crate::fields::{INTERFACE_ROWS, Item, Shape, Site, Value};
use crate::identity::Mark;
use crate::observed::domain::{Definition, DiskFacts, DomainState, InterfaceFacts, ObservedDomain};

/// Nothing takes more steps.
const MOST_STEPS: usize = 200;

/// The plan as it is now, and every step until there is nothing left to do.
#[must_use]
pub fn foresee(situation: &Situation<'_>) -> (Plan, Vec<Step>) {
    let first = plan(situation);
    let mut steps = Vec::new();
    let mut domain = situation.observed.cloned();
    let mut history = situation.history.clone();
    let mut next = first.step.clone();
    while let Some(step) = next.take().filter(|_| steps.len() < MOST_STEPS) {
        domain = after(domain, &step, situation);
        match &step {
            Step::Start { .. } => history.start(situation.now, true),
            Step::Reset { value } => history.reset = Some(value.clone()),
            _ => history.look(domain.as_ref(), situation.now),
        }
        steps.push(step);
        let then = Situation {
            observed: domain.as_ref(),
            history: &forgetful(&history),
            ..*situation
        };
        next = plan(&then).step;
    }
    (first, steps)
}

// A start that has just succeeded is no reason to wait for the next one.
fn forgetful(history: &History) -> History {
    History {
        crashes: 0,
        crashed: None,
        ..history.clone()
    }
}

/// The domain after a step that went well, and a guest that obeys.
#[must_use]
pub fn after(
    domain: Option<ObservedDomain>,
    step: &Step,
    situation: &Situation<'_>,
) -> Option<ObservedDomain> {
    let Some(mut domain) = domain else {
        return match step {
            Step::Create { mark } => Some(created(situation, mark)),
            _ => None,
        };
    };
    let wanted = Shape::of(situation.desired, situation.site);
    match step {
        Step::Create { .. } => {}
        Step::Define { mark, paths } => define(&mut domain, &wanted, situation.site, mark, paths),
        Step::Record { side, mark } => {
            let definition = match side {
                Side::Live => &mut domain.live,
                Side::Config => &mut domain.inactive,
            };
            if let Some(definition) = definition {
                Arc::make_mut(definition).mark = Some((**mark).clone());
            }
        }
        Step::Change(change) => {
            if let Some(live) = &mut domain.live {
                apply(Arc::make_mut(live), &wanted, std::slice::from_ref(change));
            }
        }
        Step::ClearAutostart => domain.autostart = false,
        Step::Start { paused } => start(&mut domain, *paused),
        Step::Resume => (domain.state, domain.reason) = (DomainState::Running, "Unpaused"),
        Step::Suspend => (domain.state, domain.reason) = (DomainState::Paused, "User"),
        Step::Reset { .. } => {}
        Step::Shutdown(_) => return stopped(domain, "Shutdown"),
        Step::Destroy => return stopped(domain, "Destroyed"),
        Step::Undefine => {
            domain.persistent = false;
            domain.inactive = None;
            return domain.state.is_active().then_some(domain);
        }
        Step::RemoveMark => {
            for definition in [&mut domain.live, &mut domain.inactive]
                .into_iter()
                .flatten()
            {
                Arc::make_mut(definition).mark = None;
            }
        }
    }
    Some(domain)
}

/// The domain after it has stopped, for this reason of libvirt's.
#[must_use]
pub fn stopped(mut domain: ObservedDomain, reason: &'static str) -> Option<ObservedDomain> {
    (domain.state, domain.reason, domain.live) = (DomainState::Shutoff, reason, None);
    domain.persistent.then_some(domain)
}

fn created(situation: &Situation<'_>, mark: &Mark) -> ObservedDomain {
    let desired = situation.desired;
    // What Drover writes can be read.
    let definition = Definition::parse(&create(desired, situation.site, mark));
    ObservedDomain {
        name: desired.domain_name.clone(),
        uuid: desired.uuid,
        state: DomainState::Shutoff,
        reason: "Unknown",
        persistent: true,
        autostart: false,
        live: None,
        inactive: definition.ok().map(Arc::new),
    }
}

fn start(domain: &mut ObservedDomain, paused: bool) {
    domain.live.clone_from(&domain.inactive);
    (domain.state, domain.reason) = match paused {
        true => (DomainState::Paused, "User"),
        false => (DomainState::Running, "Booted"),
    };
}

fn define(domain: &mut ObservedDomain, wanted: &Shape, site: &Site, mark: &Mark, paths: &[String]) {
    let Some(definition) = domain.inactive.clone().or_else(|| domain.live.clone()) else {
        return;
    };
    let mut definition = Arc::unwrap_or_clone(definition);
    let changes: Vec<Change> = differences(wanted, site, &definition, false)
        .into_iter()
        .filter(|change| paths.contains(&change.path) && !change.class.is_refused())
        .collect();
    apply(&mut definition, wanted, &changes);
    definition.mark = Some(mark.clone());
    (domain.inactive, domain.persistent) = (Some(Arc::new(definition)), true);
}

fn apply(definition: &mut Definition, wanted: &Shape, changes: &[Change]) {
    for change in changes {
        apply_one(definition, wanted, &change.what);
    }
}

fn apply_one(definition: &mut Definition, wanted: &Shape, what: &What) {
    let item = |items: &[Item], name: &str| items.iter().find(|item| item.name == name).cloned();
    match what {
        What::Once(index) => {
            for index in [Some(*index), follower(wanted, *index)]
                .into_iter()
                .flatten()
            {
                Arc::make_mut(&mut definition.values)[index] = wanted.values[index].clone();
            }
        }
        What::Disk(name, index) => {
            let Some(item) = item(&wanted.disks, name) else {
                return;
            };
            let target = disk_named(definition, name).map(|disk| disk.target.clone());
            let mut disks = definition.disks.iter_mut();
            if let Some(disk) = disks.find(|disk| Some(&disk.target) == target.as_ref()) {
                disk.values[*index] = item.values[*index].clone();
            }
        }
        What::AddDisk(name) => {
            if let Some(item) = item(&wanted.disks, name) {
                definition.disks.push(new_disk(item));
            }
        }
        What::RemoveDisk(name) => {
            definition
                .disks
                .retain(|disk| disk.name.as_ref() != Some(name));
        }
        What::Interface(name, index) => {
            let Some(item) = item(&wanted.interfaces, name) else {
                return;
            };
            let mac = interface_named(definition, &item).map(|nic| nic.mac.clone());
            let mut all = definition.interfaces.iter_mut();
            if let Some(nic) = all.find(|nic| Some(&nic.mac) == mac.as_ref()) {
                nic.values[*index] = item.values[*index].clone();
            }
        }
        What::AddInterface(name) => {
            if let Some(item) = item(&wanted.interfaces, name) {
                definition.interfaces.push(new_interface(item));
            }
        }
        What::RemoveInterface(name) => {
            definition
                .interfaces
                .retain(|nic| nic.name.as_ref() != Some(name));
        }
        What::Place => {}
    }
}

fn new_disk(item: Item) -> DiskFacts {
    DiskFacts {
        target: format!("new-{}", item.name),
        name: Some(item.name),
        values: item.values,
        ..DiskFacts::default()
    }
}

fn new_interface(item: Item) -> InterfaceFacts {
    let row = INTERFACE_ROWS
        .iter()
        .position(|row| row.path == "macAddress");
    let mac = row
        .and_then(|row| item.values.get(row))
        .and_then(Value::as_text);
    InterfaceFacts {
        mac: mac.unwrap_or_default().to_owned(),
        name: Some(item.name),
        adopted: false,
        network: None,
        values: item.values,
    }
}
