//! A pool on one host.

use drover_crds::condition::Reason;

use super::Plan;
use crate::desired::pool::{DesiredPool, Making, making};
use crate::identity::POOL_MARKER;
use crate::observed::pool::ObservedPool;

/// What a file system has of itself.
const LOST_AND_FOUND: &str = "lost+found";

/// One thing to be done on the host. After it everything is looked at anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Write the definition.
    Define,
    /// Start it.
    Start,
    /// Make the marker volume.
    CreateMarker,
    /// Remove the marker volume.
    DeleteMarker,
    /// Stop it.
    Destroy,
    /// Remove the folder.
    Delete,
    /// Take the definition away.
    Undefine,
}

/// What it means that a pool has no marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmarked {
    /// It is new: the marker is to be made.
    New,
    /// It had one there before: its storage is not there.
    Lost,
    /// Of a Shared pool, on a host that has not seen it yet: another one makes it, or has made it.
    Unseen,
}

/// The plan for a pool on a host.
#[must_use]
pub fn plan(
    desired: &DesiredPool,
    observed: Option<&ObservedPool>,
    unmarked: Unmarked,
) -> Plan<Step> {
    let Some(pool) = observed else {
        if desired.managed {
            return Plan::creating(Step::Define, "it is being defined");
        }
        let message = format!("there is no pool {} on the host", desired.name);
        return Plan::waiting(Reason::NotRealized, message);
    };
    if !desired.managed {
        let message = "the pool is not active";
        return if pool.active {
            Plan::fine()
        } else {
            Plan::waiting(Reason::NotRealized, message)
        };
    }
    if pool.uuid != desired.uuid {
        let message = format!(
            "a pool {} that is not Drover's is on the host",
            desired.name
        );
        return Plan::waiting(Reason::NameConflict, message);
    }
    // Of some types libvirt chooses it.
    if desired.target.is_some() && pool.target != desired.target {
        let found = pool.target.as_deref().unwrap_or("nothing");
        let wanted = desired.target.as_deref().unwrap_or("nothing");
        let message =
            format!("target.path: the pool on the host has {found}, declared is {wanted}");
        return Plan::waiting(Reason::NotRealized, message);
    }
    if !pool.active {
        // Building a folder that is there does nothing.
        return Plan::creating(Step::Start, "it is being started");
    }
    if !desired.is_marked() || pool.volumes.iter().any(|volume| volume == POOL_MARKER) {
        return Plan::fine();
    }
    let target = desired.target.as_deref().unwrap_or_default();
    match unmarked {
        Unmarked::New => Plan::creating(Step::CreateMarker, "it is being marked"),
        Unmarked::Lost => {
            let message = format!(
                "volume {POOL_MARKER} is gone: the storage behind {target} may not be mounted"
            );
            Plan::waiting(Reason::VolumeMissing, message)
        }
        Unmarked::Unseen => {
            let message = format!(
                "volume {POOL_MARKER} is not seen: what is behind {target} may not be the storage \
                 that the other hosts have"
            );
            Plan::waiting(Reason::VolumeMissing, message)
        }
    }
}

/// The plan for a pool whose object is being deleted.
#[must_use]
pub fn plan_deletion(desired: &DesiredPool, observed: Option<&ObservedPool>) -> Plan<Step> {
    let ours = observed.filter(|pool| {
        desired.managed && desired.delete && pool.uuid == desired.uuid && pool.name == desired.name
    });
    let Some(pool) = ours else {
        return Plan::waiting(Reason::Deleting, "nothing is to be done");
    };
    // What is in one of these was there before it.
    let holds = making(desired.type_) != Making::Found;
    let others: Vec<&str> = pool
        .volumes
        .iter()
        .map(String::as_str)
        .filter(|volume| holds && *volume != POOL_MARKER && *volume != LOST_AND_FOUND)
        .collect();
    if !others.is_empty() {
        let message = format!(
            "the pool holds {} volumes, such as {}",
            others.len(),
            others[0]
        );
        return Plan::waiting(Reason::InUse, message);
    }
    match pool.active {
        true if !holds || !pool.volumes.iter().any(|volume| volume == POOL_MARKER) => {
            Plan::creating(Step::Destroy, "it is being stopped")
        }
        true => Plan::creating(Step::DeleteMarker, "it is being removed"),
        false => Plan::creating(Step::Undefine, "it is being removed"),
    }
}
