//! Machines that are placed together or not at all.

use std::cmp::Reverse;

use super::decide::schedule;
use super::fleet::{Counts, Fleet};
use super::reasons::Unschedulable;
use super::request::Request;

/// Why none of a group is placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupRefused {
    /// There are not enough of them.
    #[error("group.minMember: {there} machines wait, {min_member} are needed")]
    TooFew {
        /// How many wait.
        there: usize,
        /// How many are needed.
        min_member: usize,
    },
    /// Not enough of them fit at once.
    #[error("group.minMember: {placed} of {min_member} machines fit together; for {uid}: {why}")]
    NoRoom {
        /// How many fit.
        placed: usize,
        /// How many are needed.
        min_member: usize,
        /// One that does not fit beside the others.
        uid: String,
        /// Why.
        why: Unschedulable,
    },
}

/// Hosts for the members of a group, in their order: for at least `min_member` of them, or for none. Each
/// counts for the next as if it were bound; the fleet is left as it was. A group may be refused that a
/// cleverer order would place: they are tried as they come, and then the largest first.
///
/// # Errors
/// [`GroupRefused`], with why one of them does not fit.
pub fn schedule_group(
    requests: &[Request],
    min_member: usize,
    fleet: &mut Fleet,
) -> Result<Vec<Option<String>>, GroupRefused> {
    let there = requests.len();
    if there < min_member {
        return Err(GroupRefused::TooFew { there, min_member });
    }
    let mut order: Vec<usize> = (0..there).collect();
    let refused = match attempt(requests, &order, fleet) {
        (hosts, why) if enough(&hosts, min_member) || why.is_none() => return Ok(hosts),
        (_, why) => why,
    };
    order.sort_by_key(|at| {
        let usage = &requests[*at].machine.usage;
        Reverse((usage.memory, usage.vcpus))
    });
    let (hosts, why) = attempt(requests, &order, fleet);
    let placed = hosts.iter().flatten().count();
    match why.or(refused) {
        Some((uid, why)) if placed < min_member => Err(GroupRefused::NoRoom {
            placed,
            min_member,
            uid,
            why,
        }),
        _ => Ok(hosts),
    }
}

fn enough(hosts: &[Option<String>], min_member: usize) -> bool {
    hosts.iter().flatten().count() >= min_member
}

type Missed = Option<(String, Unschedulable)>;

fn attempt(
    requests: &[Request],
    order: &[usize],
    fleet: &mut Fleet,
) -> (Vec<Option<String>>, Missed) {
    let mut hosts = vec![None; requests.len()];
    let mut missed = None;
    for at in order {
        let machine = &requests[*at].machine;
        match schedule(&requests[*at], fleet) {
            Ok(host) => {
                fleet.bind(machine, &[&host], Counts::All);
                hosts[*at] = Some(host);
            }
            Err(why) => missed = missed.or(Some((machine.uid.clone(), why))),
        }
    }
    let placed = requests
        .iter()
        .zip(&hosts)
        .filter(|(_, host)| host.is_some());
    placed.for_each(|(request, _)| drop(fleet.release(&request.machine.uid)));
    (hosts, missed)
}
