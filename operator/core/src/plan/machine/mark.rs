//! Whose a domain is, and the mark that it is to have.

use drover_crds::condition::Reason;

use super::Situation;
use crate::desired::machine::DesiredMachine;
use crate::fields::{Field, ROWS, Shape};
use crate::identity::{Mark, Recorded};
use crate::observed::domain::ObservedDomain;
use crate::plan::Verdict;

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
