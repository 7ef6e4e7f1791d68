//! A volume in its pool on its host.
//!
//! Volumes have no metadata, so whose one is and whether it is whole stand in records beside it:
//! the owner record is made before the data and removed after it, the completion record is made
//! after the data and removed before it. Wherever Drover is stopped, what is there says how to go
//! on.

use drover_crds::condition::Reason;

use super::{Plan, used_by};
use crate::desired::volume::DesiredVolume;
use crate::observed::volume::ObservedVolume;

/// One thing to be done on the host. After it everything is looked at anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make the record of whose it is.
    CreateOwner,
    /// Remove data that was never complete.
    DiscardData,
    /// Make it, without content.
    CreateData,
    /// Fetch its content and upload it, or copy it from an image.
    Import,
    /// Make the record that it is whole.
    CreateReady,
    /// Make it as large as declared.
    Grow,
    /// Remove the record that it is whole.
    DeleteReady,
    /// Overwrite the data.
    Wipe,
    /// Remove the data.
    DeleteData,
    /// Remove the record of whose it is.
    DeleteOwner,
}

impl Step {
    /// Whether the step may destroy data, so that every host that could hold a user is asked first.
    #[must_use]
    pub fn is_destructive(self) -> bool {
        matches!(
            self,
            Self::DiscardData | Self::DeleteReady | Self::Wipe | Self::DeleteData | Self::Import
        )
    }
}

/// The plan for a volume. `was_ready` says whether it has been whole before, `progress` what this
/// operator has done to data that has no completion record yet.
#[must_use]
pub fn plan(
    desired: &DesiredVolume,
    observed: &ObservedVolume,
    was_ready: bool,
    progress: Progress,
) -> Plan<Step> {
    if desired.existing {
        return plan_existing(desired, observed);
    }
    match (&observed.owner, &observed.data, &observed.ready) {
        // Somebody was stopped between making the record and writing it, before anything else.
        (Some(owner), None, None) if owner.is_empty() && !was_ready => {
            Plan::doing(Step::CreateOwner, Reason::Creating, "it is being made")
        }
        (Some(owner), ..) if !owner_is(owner, desired) => Plan::waiting(
            Reason::NameConflict,
            format!("volume {} belongs to {owner}", desired.volume_name),
        ),
        (None, Some(_), _) | (None, None, Some(_)) => Plan::waiting(
            Reason::NameConflict,
            format!(
                "a volume {} that is not Drover's is in the pool",
                desired.volume_name
            ),
        ),
        // Each of these says that it has been whole.
        (_, None, ready) if was_ready || ready.is_some() => Plan::waiting(
            Reason::VolumeMissing,
            format!(
                "volume {} was there and is gone; it is not made again",
                desired.volume_name
            ),
        ),
        (None, None, None) => Plan::doing(Step::CreateOwner, Reason::Creating, "it is being made"),
        // It was whole, and only the record of it is gone: the data is somebody's.
        (Some(_), Some(_), None) if was_ready => Plan::doing(
            Step::CreateReady,
            Reason::Creating,
            "its record is being made again",
        ),
        // One that is copied is made by that.
        (Some(_), None, _) if desired.source.makes_data() => import(),
        (Some(_), None, _) => Plan::doing(Step::CreateData, Reason::Creating, "it is being made"),
        (Some(_), Some(_), None) => plan_unfinished(desired, progress),
        // Somebody was stopped between making that record and writing it.
        (Some(_), Some(_), Some(ready)) if ready.is_empty() => Plan::doing(
            Step::CreateReady,
            Reason::Creating,
            "its record is being written",
        ),
        (Some(_), Some(data), Some(_)) if data.capacity < desired.capacity => {
            Plan::doing(Step::Grow, Reason::Creating, "it is growing")
        }
        (Some(_), Some(_), Some(_)) => Plan::waiting(Reason::Available, "it is there and whole"),
    }
}

// What was there before its object is neither made nor marked: it may be in a pool of others'.
fn plan_existing(desired: &DesiredVolume, observed: &ObservedVolume) -> Plan<Step> {
    let name = &desired.volume_name;
    match (&observed.owner, &observed.data) {
        (Some(owner), _) => {
            let message = format!("volume {name} belongs to {owner}: it is not taken over");
            Plan::waiting(Reason::NameConflict, message)
        }
        (None, None) => {
            let message = format!("there is no volume {name} in pool {}", desired.pool);
            Plan::waiting(Reason::VolumeMissing, message)
        }
        (None, Some(data)) if data.capacity < desired.capacity => {
            Plan::doing(Step::Grow, Reason::Creating, "it is growing")
        }
        (None, Some(_)) => Plan::waiting(Reason::Available, "it is there and whole"),
    }
}

/// What this operator has done to data that has no completion record yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// Nothing that it remembers: the data may be anything.
    #[default]
    Unknown,
    /// It has made the data.
    Created,
    /// It has made the data and filled it.
    Filled,
    /// It has overwritten the data, which is to go.
    Wiped,
}

fn plan_unfinished(desired: &DesiredVolume, progress: Progress) -> Plan<Step> {
    match (progress, &desired.source) {
        (Progress::Unknown | Progress::Wiped, _) => Plan::doing(
            Step::DiscardData,
            Reason::Creating,
            "what an interrupted attempt left is removed",
        ),
        (Progress::Created, source) if source.is_slow() => import(),
        (Progress::Created | Progress::Filled, _) => {
            Plan::doing(Step::CreateReady, Reason::Creating, "it is being made")
        }
    }
}

fn import() -> Plan<Step> {
    Plan::doing(Step::Import, Reason::Importing, "its content is on its way")
}

/// The plan for a volume whose object is being deleted. `was_ready` says whether it has been whole
/// before, `users` are domains that name it, `progress` what this operator has done to it.
#[must_use]
pub fn plan_deletion(
    desired: &DesiredVolume,
    observed: &ObservedVolume,
    was_ready: bool,
    users: &[String],
    progress: Progress,
) -> Plan<Step> {
    if desired.existing {
        return Plan::waiting(Reason::Deleting, "nothing is to be done");
    }
    if let Some(message) = used_by("others", users) {
        return Plan::waiting(Reason::InUse, message);
    }
    let alone = observed.data.is_none() && observed.ready.is_none();
    let owned = observed
        .owner
        .as_ref()
        .is_some_and(|owner| owner_is(owner, desired) || (alone && owner.is_empty()));
    if !desired.delete && owned && was_ready && observed.data.is_some() && observed.ready.is_none()
    {
        // When its object is gone, only the record says that what is kept is whole.
        return Plan::doing(
            Step::CreateReady,
            Reason::Deleting,
            "its record is being made again",
        );
    }
    if !desired.delete || !owned {
        return Plan::waiting(Reason::Deleting, "nothing is to be done");
    }
    let step = match (&observed.ready, &observed.data) {
        (Some(_), _) => Step::DeleteReady,
        // Begun again by whoever does not remember that it was done.
        (None, Some(_)) if desired.wipe && progress != Progress::Wiped => {
            return Plan::doing(Step::Wipe, Reason::Deleting, "it is being wiped");
        }
        (None, Some(_)) => Step::DeleteData,
        (None, None) => Step::DeleteOwner,
    };
    Plan::doing(step, Reason::Deleting, "its data is being removed")
}

// The record's first line; more may follow.
/// Whether an owner record is of this volume.
#[must_use]
pub fn owner_is(record: &str, desired: &DesiredVolume) -> bool {
    record.lines().next() == Some(desired.owner.as_str())
}
