//! Whose a domain is, and the mark that it is to have.

use std::collections::BTreeSet;

use drover_crds::condition::Reason;

use super::Situation;
use crate::desired::machine::DesiredMachine;
use crate::fields::{Field, NicField, ROWS, Shape, Value};
use crate::identity::{Mark, Recorded};
use crate::observed::domain::ObservedDomain;
use crate::plan::Verdict;
use crate::plan::changes::{disk_named, interface_named};

/// The manager of what is kept without a cluster.
const CLI: &str = "cli";

/// Whose a domain is.
pub(super) enum Owner {
    This,
    /// It carries no mark, and may be taken over.
    Nobody,
}

/// What kind of manager has this name, for a person.
#[must_use]
pub fn manager_kind(manager: &str) -> &'static str {
    if manager == CLI {
        "the command line"
    } else {
        "a cluster"
    }
}

pub(super) fn ownership(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
) -> Result<Owner, Verdict> {
    let desired = situation.desired;
    let refused = |reason, message: String| Err(Verdict::new(reason, message));
    let Some(mark) = domain.mark() else {
        if !desired.existing {
            let message = format!(
                "domain {} on the host has this machine's UUID {} and not its mark",
                domain.name, domain.uuid
            );
            return refused(Reason::UUIDConflict, message);
        }
        if !situation.adoption {
            let message = format!(
                "spec.uuid: the Host's spec.adoption does not let namespace {} take over domain {}",
                desired.namespace, domain.name
            );
            return refused(Reason::AdoptionRefused, message);
        }
        return Ok(Owner::Nobody);
    };
    if !mark.same_object(&desired.mark(0)) {
        // Whose it is is nobody else's business.
        let message = format!(
            "domain {} on the host has the UUID {} and another owner's mark",
            domain.name, domain.uuid
        );
        return refused(Reason::UUIDConflict, message);
    }
    let other = !mark.manager.is_empty() && (mark.manager == CLI) != (situation.manager == CLI);
    if other && !situation.take_over {
        let message = format!(
            "domain {} is kept by {}: take it over with --take-over",
            domain.name,
            manager_kind(&mark.manager)
        );
        return refused(Reason::AdoptionRefused, message);
    }
    Ok(Owner::This)
}

// Whose it is, by which placement and manager.
fn named(situation: &Situation<'_>) -> Mark {
    Mark {
        manager: situation.manager.to_owned(),
        ..situation.desired.mark(situation.epoch)
    }
}

/// The mark of a machine that is being made.
pub(super) fn fresh(situation: &Situation<'_>, wanted: &Shape) -> Mark {
    let mut mark = adopted(situation);
    mark.spec = wanted.hash();
    mark.recorded.declared = declared(wanted);
    // What asks for a start is still to be done; there is nothing to restart, reset or stop.
    mark.recorded.acted.started = None;
    mark
}

/// The mark of a machine that is being taken over: whatever its definition says may have been said
/// by anybody, so that no spec is named.
pub(super) fn adopted(situation: &Situation<'_>) -> Mark {
    let mut mark = named(situation);
    mark.recorded = Recorded {
        acted: situation.desired.asked.clone(),
        instance_type: situation.desired.instance_type.clone(),
        seed_key: situation.site.seed.as_ref().map(|seed| seed.key),
        ..Recorded::default()
    };
    mark
}

/// The mark that a definition is to have which has this one, before anything is changed.
pub(super) fn renewed(situation: &Situation<'_>, found: Option<&Mark>) -> Mark {
    let mut mark = named(situation);
    if let Some(found) = found {
        mark.spec.clone_from(&found.spec);
        mark.recorded = found.recorded.clone();
    }
    mark.recorded
        .instance_type
        .clone_from(&situation.desired.instance_type);
    if let Some(seed) = &situation.site.seed {
        mark.recorded.seed_key = Some(seed.key);
    }
    mark
}

/// What a running definition does not show as it was declared: what is hidden, also that nothing was
/// declared, and the memory that the guest is giving back.
pub(super) fn declared(wanted: &Shape) -> Vec<(String, String)> {
    let mut all: Vec<_> = ROWS
        .iter()
        .zip(&wanted.values)
        .filter(|(row, _)| !row.shown_live)
        .map(|(row, value)| (row.path.to_owned(), value.to_string()))
        .collect();
    all.extend(asked_memory(wanted));
    all
}

/// The devices of the spec that Drover did not write, and those that it has to let go of still.
pub(super) fn adopted_devices(situation: &Situation<'_>, wanted: &Shape) -> Vec<(String, String)> {
    let mut all = BTreeSet::new();
    for found in situation.observed.iter().flat_map(|it| it.definitions()) {
        let disks = found.disks.iter().filter(|disk| disk.adopted);
        all.extend(disks.filter_map(|disk| Some((disk.target.clone(), disk.name.clone()?))));
        let nics = found.interfaces.iter().filter(|nic| nic.adopted);
        all.extend(nics.filter_map(|nic| Some((nic.mac.clone(), nic.name.clone()?))));
        for item in &wanted.disks {
            let disk = disk_named(found, &item.name).filter(|disk| disk.name.is_none());
            all.extend(disk.map(|disk| (disk.target.clone(), item.name.clone())));
        }
        for item in &wanted.interfaces {
            let known = interface_named(found, item);
            if let Some(nic) = known.filter(|nic| nic.name.is_none() || nic.adopted) {
                all.insert((nic.mac.clone(), item.name.clone()));
                // It is found by the new address as soon as it has that.
                let mac = item
                    .values
                    .get(NicField::Mac as usize)
                    .and_then(Value::as_text);
                all.extend(mac.map(|mac| (mac.to_owned(), item.name.clone())));
            }
        }
    }
    all.into_iter().collect()
}

/// The memory that the guest is asked to have.
pub(super) fn asked_memory(wanted: &Shape) -> Option<(String, String)> {
    let kib = wanted.get(Field::Memory).as_number()?;
    let most = wanted.get(Field::MaxMemory).as_number()?;
    let path = ROWS[Field::Memory as usize].path;
    (kib < most).then(|| (path.to_owned(), format!("{kib} KiB")))
}

impl DesiredMachine {
    /// Who the machine is.
    #[must_use]
    pub fn mark(&self, epoch: i64) -> Mark {
        Mark {
            fleet: self.fleet.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            epoch,
            ..Mark::default()
        }
    }
}
