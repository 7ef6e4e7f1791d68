//! Machines that are placed together or not at all. The turn of any of them places all that wait.

use std::sync::Arc;

use drover_core::desired::machine::{DesiredGroup, DesiredMachine};
use drover_core::placement::Purpose;
use drover_core::plan::Verdict;
use drover_core::schedule::{GroupRefused, Request};
use drover_crds::VirtualMachine;
use drover_crds::condition::Reason;
use uuid::Uuid;

use super::{Chosen, Found, Placed, bind, found, request, said, settle_on};
use crate::controllers::sightings::{Seen, sightings};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::reconcile::Key;

/// What the hosts have of a machine of a group.
pub(super) struct Other(Uuid, Seen);

/// A machine that is to be placed anew.
pub(super) struct Waiting<'a> {
    pub(super) machine: &'a VirtualMachine,
    pub(super) desired: &'a DesiredMachine,
    pub(super) request: Request,
    pub(super) epoch: i64,
}

// A machine of a group.
struct Member {
    machine: Arc<VirtualMachine>,
    desired: DesiredMachine,
}

impl Member {
    fn key(&self) -> Key {
        Key::machine(&self.desired.namespace, &self.desired.name)
    }

    fn is_bound(&self) -> bool {
        self.machine.host().is_some()
    }
}

// All machines of a group that can be read and are not being deleted, in the order in which they are
// tried: the important first.
fn members(ctx: &Ctx, namespace: &str, group: &DesiredGroup) -> Vec<Member> {
    let all = ctx.cache.machines.all().into_iter();
    let named = all.filter(|machine| {
        let here = machine.metadata.namespace.as_deref() == Some(namespace);
        here && machine.metadata.deletion_timestamp.is_none()
            && said(ctx, machine)
                .and_then(|placement| placement.group)
                .is_some_and(|it| it.name == group.name)
    });
    let mut members: Vec<Member> = named
        .filter_map(|machine| {
            let desired = ctx.desired(&machine).ok()?;
            Some(Member { machine, desired })
        })
        .collect();
    members.sort_by(|a, b| {
        let key = |it: &Member| (-i64::from(it.desired.placement.priority), it.key());
        key(a).cmp(&key(b))
    });
    members
}

/// What the hosts have of the others of a machine's group that are not bound.
pub(super) async fn others(ctx: &Ctx, desired: &DesiredMachine) -> Vec<Other> {
    let Some(group) = &desired.placement.group else {
        return Vec::new();
    };
    let mut others = Vec::new();
    for member in members(ctx, &desired.namespace, group) {
        if member.desired.uuid != desired.uuid && !member.is_bound() {
            let seen = sightings(ctx, &member.desired, None, Purpose::Placing).await;
            ctx.memory.cpus.ask(ctx, &member.desired).await;
            others.push(Other(member.desired.uuid, seen));
        }
    }
    others
}

/// Places a machine, and the others of its group that wait as it does.
pub(super) async fn place(
    ctx: &Ctx,
    key: &Key,
    own: Waiting<'_>,
    others: &[Other],
) -> Result<Placed, Error> {
    let desired = own.desired;
    let Some(group) = &desired.placement.group else {
        return Ok(Placed::Raced);
    };
    let all = members(ctx, &desired.namespace, group);
    let mut needed = Needed::of(group, &all);
    let mut waiting = Vec::new();
    for member in all.iter().filter(|it| !it.is_bound()) {
        if member.desired.uuid == desired.uuid {
            waiting.push(Waiting {
                request: own.request.clone(),
                ..own
            });
            continue;
        }
        let mut seen = others.iter();
        let seen = seen.find(|it| it.0 == member.desired.uuid);
        match seen.map(|seen| found(ctx, &member.desired, &seen.1)) {
            Some(Ok(Found::New(epoch, request))) => waiting.push(Waiting {
                machine: &member.machine,
                desired: &member.desired,
                request: *request,
                epoch,
            }),
            // It is placed where it is.
            Some(Ok(_)) => needed.placed += 1,
            _ => {}
        }
    }
    if needed.left() > 0 {
        let requests: Vec<Request> = waiting.iter().map(|it| it.request.clone()).collect();
        match ctx
            .memory
            .fleet
            .choose_group(ctx, key, &requests, needed.left())
        {
            Err(refused) => {
                let words = needed.words(&refused, &names(waiting.iter().map(|it| it.desired)));
                if ctx
                    .memory
                    .fleet
                    .is_news(&desired.namespace, &group.name, &words)
                {
                    hint_others(ctx, desired);
                }
                return Ok(Placed::Waiting(Verdict::new(Reason::Unschedulable, words)));
            }
            Ok(hosts) => return bind_all(ctx, key, desired, waiting, hosts).await,
        }
    }
    alone(ctx, key, &own).await
}

// Each is written by itself: one that somebody else writes at the same time is placed at its next look.
async fn bind_all(
    ctx: &Ctx,
    key: &Key,
    desired: &DesiredMachine,
    waiting: Vec<Waiting<'_>>,
    hosts: Vec<Option<String>>,
) -> Result<Placed, Error> {
    let mut own = Placed::Raced;
    let mut left = None;
    for (member, host) in waiting.into_iter().zip(hosts) {
        let this = member.desired.uuid == desired.uuid;
        let Some(host) = host else {
            left = this.then_some(member).or(left);
            continue;
        };
        let theirs = Key::of_machine(member.machine);
        let chosen = Chosen::new(&host, member.epoch);
        let placed = bind(ctx, &theirs, member.machine, member.desired, chosen).await?;
        if this {
            own = placed;
        }
    }
    match left {
        // There are enough without it.
        Some(member) => alone(ctx, key, &member).await,
        None => Ok(own),
    }
}

async fn alone(ctx: &Ctx, key: &Key, own: &Waiting<'_>) -> Result<Placed, Error> {
    let found = Found::New(own.epoch, Box::new(own.request.clone()));
    match settle_on(ctx, own.desired, found) {
        Ok(chosen) => bind(ctx, key, own.machine, own.desired, chosen).await,
        Err(verdict) => Ok(Placed::Waiting(verdict)),
    }
}

/// Asks for a look at the others of a machine's group that wait: one more is placed.
pub(super) fn hint_others(ctx: &Ctx, desired: &DesiredMachine) {
    let Some(group) = &desired.placement.group else {
        return;
    };
    let others = members(ctx, &desired.namespace, group).into_iter();
    let others = others.filter(|it| it.desired.uuid != desired.uuid && !it.is_bound());
    others.for_each(|it| ctx.hints.hint(it.key()));
}

// By their UUIDs.
fn names<'a>(machines: impl Iterator<Item = &'a DesiredMachine>) -> Vec<(String, String)> {
    let name = |it: &DesiredMachine| format!("{}/{}", it.namespace, it.name);
    machines.map(|it| (it.uuid.to_string(), name(it))).collect()
}

/// How many of a group have to be placed, and how many are.
#[derive(Debug)]
struct Needed {
    name: String,
    min_member: usize,
    placed: usize,
}

impl Needed {
    // Where they differ, the greatest counts.
    fn of(group: &DesiredGroup, members: &[Member]) -> Self {
        let said = members
            .iter()
            .filter_map(|it| it.desired.placement.group.as_ref());
        Self {
            name: group.name.clone(),
            min_member: said
                .map(|it| it.min_member)
                .max()
                .unwrap_or(group.min_member),
            placed: members.iter().filter(|it| it.is_bound()).count(),
        }
    }

    fn left(&self) -> usize {
        self.min_member.saturating_sub(self.placed)
    }

    // `names` are those of the machines, by their UUIDs.
    fn words(&self, refused: &GroupRefused, names: &[(String, String)]) -> String {
        let Self {
            name, min_member, ..
        } = self;
        match refused {
            GroupRefused::TooFew { there, .. } => {
                let there = there + self.placed;
                format!("group {name:?}: {there} of {min_member} machines are there")
            }
            GroupRefused::NoRoom {
                placed, uid, why, ..
            } => {
                let placed = placed + self.placed;
                let known = names.iter().find(|(uuid, _)| uuid == uid);
                let one = known.map_or(uid, |(_, name)| name);
                format!(
                    "group {name:?}: {placed} of {min_member} machines fit together; for {one}: {why}"
                )
            }
        }
    }
}

/// Where a machine would go with those of its group that are not bound, if they were to be placed now and
/// these hosts were gone. None for a machine that would be placed by itself.
pub fn foretell(
    ctx: &Ctx,
    desired: &DesiredMachine,
    without: &[&str],
) -> Option<Result<String, String>> {
    let group = desired.placement.group.as_ref()?;
    let all = members(ctx, &desired.namespace, group);
    let needed = Needed::of(group, &all);
    let waiting: Vec<&Member> = all.iter().filter(|it| !it.is_bound()).collect();
    let own = waiting
        .iter()
        .position(|it| it.desired.uuid == desired.uuid)?;
    if needed.left() == 0 {
        return None;
    }
    let requests = waiting.iter().map(|it| request::request(ctx, &it.desired));
    let requests: Vec<Request> = requests.collect();
    let index = &ctx.memory.fleet;
    let hosts = index.explain_group(ctx, &requests, needed.left(), without);
    Some(match hosts {
        Ok(mut hosts) => {
            let alone = || "the others of its group leave it no room".to_owned();
            hosts.swap_remove(own).ok_or_else(alone)
        }
        Err(refused) => {
            let names = names(waiting.iter().map(|it| &it.desired));
            Err(needed.words(&refused, &names))
        }
    })
}

#[cfg(test)]
mod tests {
    use drover_core::schedule::{Fleet, GroupRefused, Request, schedule};

    use super::Needed;

    #[test]
    fn what_a_group_waits_for_counts_those_that_are_placed() {
        let needed = Needed {
            name: "db".to_owned(),
            min_member: 3,
            placed: 1,
        };
        assert_eq!(needed.left(), 2);
        let few = GroupRefused::TooFew {
            there: 1,
            min_member: 2,
        };
        assert_eq!(
            needed.words(&few, &[]),
            "group \"db\": 2 of 3 machines are there"
        );
        let none = schedule(&Request::default(), &mut Fleet::of(&[]));
        let room = GroupRefused::NoRoom {
            placed: 1,
            min_member: 2,
            uid: "u-2".to_owned(),
            why: none.unwrap_err(),
        };
        let names = [("u-2".to_owned(), "shop/db-2".to_owned())];
        assert_eq!(
            needed.words(&room, &names),
            "group \"db\": 2 of 3 machines fit together; for shop/db-2: 0 of 0 hosts fit: there is no \
             Host"
        );
    }
}
