//! Where a machine belongs, decided from what each host has been heard to have of it.
//!
//! A binding is written under a precondition before anything is made on the host, so that it is the
//! word that counts. What is on the hosts counts when the binding is lost, or older than they are.

mod preemption;

pub use self::preemption::{Claim, Other, claim, may_make_room, may_take_room};
use crate::desired::machine::DesiredMachine;
use crate::observed::domain::ObservedDomain;

/// What is known of a machine on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting<'a> {
    /// The host.
    pub host: &'a str,
    /// Whether this operator has listed it.
    pub listed: bool,
    /// Whether a person has said that it is off, after contact to it was lost.
    pub off: bool,
    /// What it has.
    pub sight: Sight,
}

/// What a host has of a machine, when it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sight {
    /// Nothing.
    Nothing,
    /// Something that an event has spoken of, and nobody has looked at.
    Unseen,
    /// A domain that has its UUID and not its mark.
    Foreign,
    /// A domain that is the machine's.
    Copy {
        /// Whether it runs.
        active: bool,
        /// The placement that wrote it.
        epoch: i64,
    },
}

/// What a machine is looked for on the hosts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be bound, or to go on where it is bound.
    Placing,
    /// To go, with all that is its own.
    Deleting,
}

impl Sight {
    /// What a domain is of a machine that has its UUID. One without a mark that is to be taken over, or
    /// only looked at, says where the machine is to be; it is not deleted with it.
    #[must_use]
    pub fn of(desired: &DesiredMachine, domain: &ObservedDomain, purpose: Purpose) -> Self {
        let active = domain.state.is_active();
        let named = desired.existing || desired.observe;
        match (domain.mark(), purpose) {
            (_, Purpose::Deleting) if desired.observe => Self::Foreign,
            (Some(mark), _) if mark.same_object(&desired.mark(0)) => Self::Copy {
                active,
                epoch: mark.epoch,
            },
            (None, Purpose::Placing) if named => Self::Copy { active, epoch: 1 },
            _ => Self::Foreign,
        }
    }
}

/// Where a machine goes that is not bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Nowhere, until these have been heard: each could hold it.
    Wait(Vec<&'a str>),
    /// Nowhere: all of these run it.
    RunsTwice(Vec<&'a str>),
    /// Nowhere: all of these have it, it is off on each, and nobody can tell which one counts. Two
    /// placements are alike when the second was made while the first one's host was dead.
    Ambiguous(Vec<&'a str>),
    /// Nowhere: this host has a domain of its UUID that is not its own.
    Taken(&'a str),
    /// Where it is already.
    Stay {
        /// The host.
        host: &'a str,
        /// The placement.
        epoch: i64,
        /// Whether it runs there. If not, the host still has to have room for it.
        active: bool,
    },
    /// To a host that the scheduler chooses.
    Anew {
        /// The placement.
        epoch: i64,
    },
}

/// What is to be done about a machine that is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course<'a> {
    /// What its plan says.
    Go,
    /// It is bound to the same host anew, so that it outdoes what is elsewhere.
    Raise {
        /// The placement.
        epoch: i64,
    },
    /// Another host runs it or has it, and where it is bound there is nothing, or what is older: it is
    /// placed anew, by a placement that is not less than this.
    Replace {
        /// The least placement.
        epoch: i64,
    },
    /// It is not made until these have been heard: each could hold it.
    Wait(Vec<&'a str>),
    /// It is neither made nor started: this host runs it.
    RunsElsewhere(&'a str),
    /// It is not started: this host has one that is newer, or as new, and only a person knows which one
    /// counts.
    Outdone {
        /// The host.
        host: &'a str,
        /// Its placement.
        epoch: i64,
    },
}

impl Sighting<'_> {
    // Of a host that is off nothing runs, whatever was last seen.
    fn copy(&self) -> Option<(bool, i64)> {
        match self.sight {
            Sight::Copy { active, epoch } => Some((active && !self.off, epoch)),
            _ => None,
        }
    }

    fn is_heard(&self) -> bool {
        self.off || (self.listed && self.sight != Sight::Unseen)
    }
}

/// The hosts that have a machine, those that run it first, and then the newest.
#[must_use]
pub fn copies<'a>(seen: &[Sighting<'a>]) -> Vec<&'a str> {
    let there = seen.iter().filter(|it| !it.off);
    let mut copies: Vec<_> = there
        .filter_map(|it| it.copy().map(|copy| (copy, it.host)))
        .collect();
    copies.sort_unstable_by(|a, b| b.cmp(a));
    copies.into_iter().map(|(_, host)| host).collect()
}

/// The hosts that could hold a machine, for all that is known.
#[must_use]
pub fn unheard<'a>(sightings: &[Sighting<'a>]) -> Vec<&'a str> {
    let silent = sightings.iter().filter(|sighting| !sighting.is_heard());
    silent.map(|sighting| sighting.host).collect()
}

/// Where a machine goes that is not bound: to where it is, or to a host that is yet to be chosen.
#[must_use]
pub fn decide<'a>(sightings: &[Sighting<'a>]) -> Decision<'a> {
    let reachable = || sightings.iter().filter(|sighting| !sighting.off);
    let active = || reachable().filter(|it| it.copy().is_some_and(|(active, _)| active));
    if active().count() > 1 {
        return Decision::RunsTwice(active().map(|sighting| sighting.host).collect());
    }
    let unheard = unheard(sightings);
    if !unheard.is_empty() {
        // Whatever the others have: it is let run where it runs.
        let running = active().find_map(|it| Some((it.host, it.copy()?.1)));
        return match running {
            Some((host, epoch)) => Decision::Stay {
                host,
                epoch,
                active: true,
            },
            None => Decision::Wait(unheard),
        };
    }
    let highest = highest(sightings.iter());
    let copies = || reachable().filter_map(|it| it.copy().map(|copy| (copy, it.host)));
    let Some(((active, epoch), host)) = copies().max_by_key(|(copy, _)| *copy) else {
        return match reachable().find(|it| it.sight == Sight::Foreign) {
            Some(taken) => Decision::Taken(taken.host),
            None => Decision::Anew { epoch: highest + 1 },
        };
    };
    let alike = || copies().filter(|(copy, _)| *copy == (active, epoch));
    if alike().count() > 1 {
        return Decision::Ambiguous(alike().map(|(_, host)| host).collect());
    }
    Decision::Stay {
        host,
        // A copy with a higher epoch elsewhere is outdone.
        epoch: match epoch < highest {
            true => highest + 1,
            false => epoch,
        },
        active,
    }
}

/// What is to be done about a machine that is bound to this host by this placement. `here` says
/// whether the host has it, and whether it runs there.
#[must_use]
pub fn course<'a>(
    host: &str,
    epoch: i64,
    here: Option<bool>,
    sightings: &[Sighting<'a>],
) -> Course<'a> {
    let others = || sightings.iter().filter(|sighting| sighting.host != host);
    let next = highest(sightings.iter()).max(epoch) + 1;
    let running = others().find_map(|it| {
        let (active, epoch) = it.copy()?;
        active.then_some((epoch, it.host))
    });
    if let Some((other, on)) = running {
        // The binding follows what runs, unless what is here may be the newer one.
        return match here {
            None => Course::Replace { epoch: next },
            Some(false) if other > epoch => Course::Replace { epoch: next },
            Some(_) => Course::RunsElsewhere(on),
        };
    }
    let other = others().filter_map(|it| it.copy().map(|(_, epoch)| (epoch, it.host)));
    let newest = other.max_by_key(|(epoch, _)| *epoch);
    match (newest, here) {
        (Some((other, _)), Some(true)) if other >= epoch => return Course::Raise { epoch: next },
        (Some((other, host)), Some(false)) if other >= epoch => {
            return Course::Outdone { host, epoch: other };
        }
        (Some((other, _)), None) if other >= epoch => return Course::Replace { epoch: next },
        _ => {}
    }
    // Nothing is made anew while it is anywhere else.
    let startable = others().any(|it| !it.off && it.copy().is_some());
    if here.is_none() && startable {
        return Course::Replace { epoch: next };
    }
    // A binding that was restored from a backup may be older than what an unheard host has.
    let unheard = unheard(sightings);
    match here {
        None if !unheard.is_empty() => Course::Wait(unheard),
        _ => Course::Go,
    }
}

fn highest<'a, 'b: 'a>(sightings: impl Iterator<Item = &'a Sighting<'b>>) -> i64 {
    let epochs = sightings.filter_map(|sighting| sighting.copy().map(|(_, epoch)| epoch));
    epochs.max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
