//! Where a machine goes: to the host that has it already, or to the one that fits best. It is
//! written down before anything is done there.

mod cpus;
mod group;
mod index;
mod line;
mod offer;
mod others;
mod preemption;
mod request;
mod retake;
mod settled;
mod sites;

use drover_core::desired::machine::DesiredMachine;
use drover_core::desired::network::DesiredNetwork;
use drover_core::desired::pool::DesiredPool;
use drover_core::placement::{Decision, Purpose, decide};
use drover_core::plan::Verdict;
use drover_core::schedule::{Request, Rules};
use drover_crds::common::CONFIRMED_OFF;
use drover_crds::condition::{Entry, Reason, Status};
use drover_crds::virtual_machine::{PLACE_FREED, Placement, Preemption, WhenHalted};
use drover_crds::{VirtualMachine, VirtualMachineStatus};
use kube::ResourceExt;

pub use self::cpus::Cpus;
pub use self::group::foretell;
pub use self::index::Index;
pub use self::line::Line;
pub use self::offer::{devices, hugepages};
pub use self::preemption::{end, foretell_room, has_turned, hint_victims, standing};
pub use self::request::namespace_labels;
pub use self::retake::retake;
use super::report::{self, Report};
use super::sightings::{Seen, sightings};
use super::volume;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::reconcile::Key;

/// What `Scheduled` says of a machine that has given its place up.
pub const FREED_WORDS: &str = "it is off, and others may have its place";

/// What came of placing a machine.
pub enum Placed {
    /// It is bound, and that is written.
    Bound,
    /// It has to wait.
    Waiting(Verdict),
    /// Somebody else wrote meanwhile.
    Raced,
}

/// Places a machine that is not bound.
///
/// # Errors
/// When the API server says no.
pub async fn place(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Result<Placed, Error> {
    // Asked before the others have to wait: a host may be slow.
    let seen = sightings(ctx, desired, None, Purpose::Placing).await;
    ctx.memory.cpus.ask(ctx, desired).await;
    let others = group::others(ctx, desired).await;
    let turn = ctx.placing.turn(desired.placement.priority).await;
    match ctx.cache.machines.get(&key.namespace, &key.name) {
        Some(newest) if newest.resource_version() == machine.resource_version() => {}
        // By the turn of another one of its group.
        Some(newest) if newest.host().is_some() => return Ok(Placed::Bound),
        _ => return Ok(Placed::Raced),
    }
    let chosen = match found(ctx, desired, &seen) {
        Ok(Found::New(epoch, request)) if desired.placement.group.is_some() => {
            let own = group::Waiting {
                machine,
                desired,
                request: *request,
                epoch,
            };
            return group::place(ctx, key, own, &others).await;
        }
        Ok(Found::New(epoch, request)) if preemption::concerns(ctx, desired) => {
            return preemption::place(ctx, key, machine, desired, (epoch, *request)).await;
        }
        found => found.and_then(|found| settle_on(ctx, desired, found)),
    };
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(verdict) => return Ok(Placed::Waiting(verdict)),
    };
    // Where its volumes are the others see by what is written of it.
    if chosen.freed || desired.volumes().next().is_some() {
        return bind(ctx, key, machine, desired, chosen).await;
    }
    // The others do not have to wait until that it takes the place is written.
    ctx.memory.fleet.assume(ctx, machine, desired, &chosen.host);
    drop(turn);
    let placed = bind(ctx, key, machine, desired, chosen).await;
    if !matches!(placed, Ok(Placed::Bound)) {
        ctx.memory.fleet.doubt(ctx, machine);
    }
    placed
}

/// Whether other machines' turns may write the status of this one.
#[must_use]
pub fn is_shared(ctx: &Ctx, machine: &VirtualMachine) -> bool {
    machine.preempted_by().is_some()
        || said(ctx, machine).is_some_and(|placement| {
            placement.group.is_some()
                || placement.preemption == Preemption::Allowed
                || placement.when_halted == WhenHalted::FreePlace
        })
}

// What a machine, or its InstanceType, says of its place.
fn said(ctx: &Ctx, machine: &VirtualMachine) -> Option<Placement> {
    let own = machine.spec.placement.clone();
    own.or_else(|| {
        let named = machine.spec.instance_type.as_ref()?;
        let size = ctx.cache.instance_types.get("", &named.name)?;
        size.spec.placement.clone()
    })
}

/// Where a machine belongs.
pub struct Chosen {
    /// The host.
    pub host: String,
    /// The placement.
    pub epoch: i64,
    /// Whether it only lies there, off, and has given its place up.
    freed: bool,
}

/// Chooses where a machine belongs: where it is already, or where it fits best.
///
/// # Errors
/// A verdict, when it has no place yet.
pub async fn choose(ctx: &Ctx, desired: &DesiredMachine) -> Result<Chosen, Verdict> {
    ctx.memory.cpus.ask(ctx, desired).await;
    choose_from(
        ctx,
        desired,
        &sightings(ctx, desired, None, Purpose::Placing).await,
    )
}

/// Whether a machine would go to the same host again, now that it is its turn.
pub async fn is_still(ctx: &Ctx, desired: &DesiredMachine, chosen: &Chosen) -> bool {
    let again = choose(ctx, desired).await;
    again.is_ok_and(|again| again.host == chosen.host)
}

fn choose_from(ctx: &Ctx, desired: &DesiredMachine, seen: &Seen) -> Result<Chosen, Verdict> {
    settle_on(ctx, desired, found(ctx, desired, seen)?)
}

// Where a machine is, or that it is nowhere.
enum Found {
    // It runs there.
    Runs(Chosen),
    // It is off there.
    Off(Chosen, Box<Request>),
    // It is to be placed anew, with this epoch.
    New(i64, Box<Request>),
}

fn settle_on(ctx: &Ctx, desired: &DesiredMachine, found: Found) -> Result<Chosen, Verdict> {
    let (only, epoch, request) = match found {
        Found::Runs(chosen) => return Ok(chosen),
        Found::Off(chosen, _) if desired.rests_without_place() => {
            return Ok(Chosen {
                freed: true,
                ..chosen
            });
        }
        Found::Off(Chosen { host, epoch, .. }, request) => (Some(host), epoch, request),
        Found::New(epoch, request) => (None, epoch, request),
    };
    match ctx
        .memory
        .fleet
        .choose(ctx, desired, *request, only.as_deref())
    {
        Ok(host) => Ok(Chosen::new(&host, epoch)),
        Err(error) => Err(Verdict::new(Reason::Unschedulable, error.to_string())),
    }
}

// Where a machine that is not bound is, if it may be placed now.
fn found(ctx: &Ctx, desired: &DesiredMachine, seen: &Seen) -> Result<Found, Verdict> {
    let conflict = |message: String| Err(Verdict::new(Reason::UUIDConflict, message));
    let (only, epoch) = match decide(&seen.all()) {
        Decision::Wait(hosts) => return Err(waiting(&hosts)),
        Decision::RunsTwice(hosts) => {
            let hosts = hosts.join(" and on ");
            return conflict(format!("it runs on {hosts}: shut all but one down"));
        }
        Decision::Ambiguous(hosts) => {
            let hosts = hosts.join(" and on ");
            return conflict(format!(
                "it is off on {hosts}, and nobody can tell which one counts: undefine all but one"
            ));
        }
        Decision::Taken(host) => {
            let uuid = desired.uuid;
            return conflict(format!(
                "a domain on {host} has this machine's UUID {uuid} and not its mark"
            ));
        }
        Decision::Anew { .. } if desired.existing || desired.observe => {
            let message = format!(
                "no host has a domain with the UUID {}: it is not made, only taken over",
                desired.uuid
            );
            return Err(Verdict::new(Reason::AdoptionRefused, message));
        }
        Decision::Stay {
            host,
            epoch,
            active: true,
        } => return Ok(Found::Runs(Chosen::new(host, epoch))),
        Decision::Stay { host, epoch, .. } => (Some(host.to_owned()), epoch),
        Decision::Anew { epoch } => {
            volume::placed_origins(ctx, desired)?;
            (None, epoch)
        }
    };
    let request = request::request(ctx, desired);
    closed(ctx, desired, &request.rules)?;
    let request = Box::new(request);
    Ok(match only {
        Some(host) => Found::Off(Chosen::new(&host, epoch), request),
        None => Found::New(epoch, request),
    })
}

// Whether the pools and networks that it names are open to its namespace; one that is not there is on no
// host.
fn closed(ctx: &Ctx, desired: &DesiredMachine, rules: &Rules) -> Result<(), Verdict> {
    let labels = namespace_labels(ctx, &desired.namespace);
    let refused = |kind: &str, name: &str| {
        let namespace = &desired.namespace;
        let message = format!("{kind} {name} is not open to namespace {namespace}");
        Err(Verdict::new(Reason::Unschedulable, message))
    };
    for name in &rules.pools {
        let pool = ctx.cache.pools.get("", name);
        let consent = pool.map(|pool| DesiredPool::parse(&pool, &ctx.fleet).consent);
        if consent.is_some_and(|consent| !consent.allows(&labels)) {
            return refused("pool", name);
        }
    }
    for name in &rules.networks {
        let network = ctx.cache.networks.get("", name);
        let network = network.and_then(|it| DesiredNetwork::parse(&it, &ctx.fleet).ok());
        if network.is_some_and(|network| !network.consent.allows(&labels)) {
            return refused("network", name);
        }
    }
    Ok(())
}

impl Chosen {
    fn new(host: &str, epoch: i64) -> Self {
        Self {
            host: host.to_owned(),
            epoch,
            freed: false,
        }
    }
}

fn waiting(hosts: &[&str]) -> Verdict {
    let message = format!(
        "not heard yet: {}; each could hold this machine (if one is powered off for good, say so \
         with the annotation {CONFIRMED_OFF})",
        hosts.join(", ")
    );
    Verdict::new(Reason::WaitingForHosts, message)
}

/// What stands in the way of a machine that is bound.
pub enum Course {
    /// Nothing.
    Go,
    /// It has to wait, or a person has to help.
    Blocked(Verdict),
    /// It is bound anew.
    Rebind(Chosen),
}

/// Whether a machine may be made or started where it is bound. `here` says whether its host has it,
/// and whether it runs there.
pub async fn course(
    ctx: &Ctx,
    desired: &DesiredMachine,
    host: &str,
    epoch: i64,
    here: Option<bool>,
) -> Course {
    use drover_core::placement::{Course as Found, course};

    let seen = sightings(ctx, desired, Some(host), Purpose::Placing).await;
    let blocked = |message: String| Course::Blocked(Verdict::new(Reason::UUIDConflict, message));
    match course(host, epoch, here, &seen.all()) {
        Found::Go => Course::Go,
        Found::Raise { epoch } => Course::Rebind(Chosen::new(host, epoch)),
        Found::Replace { epoch } => match choose(ctx, desired).await {
            Ok(chosen) => Course::Rebind(Chosen {
                epoch: chosen.epoch.max(epoch),
                ..chosen
            }),
            Err(verdict) => Course::Blocked(verdict),
        },
        Found::Wait(hosts) => Course::Blocked(waiting(&hosts)),
        Found::RunsElsewhere(other) => blocked(format!(
            "it is bound to {host}, and {other} runs its domain"
        )),
        Found::Outdone { host: other, epoch } => blocked(format!(
            "it is bound to {host}, and {other} has its domain, of placement {epoch}: undefine the \
             one that does not count"
        )),
    }
}

/// Writes a placement down.
///
/// # Errors
/// When the API server says no.
pub async fn bind(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    Chosen { host, epoch, freed }: Chosen,
) -> Result<Placed, Error> {
    let before = machine.status.clone().unwrap_or_default();
    let epoch = before.epoch.max(Some(epoch));
    let message = format!("placed on {host}");
    let report = Report {
        key,
        object: machine,
        before: &before,
        status: VirtualMachineStatus {
            host: Some(host.clone()),
            epoch,
            uuid: Some(desired.uuid.to_string()),
            domain_name: Some(desired.domain_name.clone()),
            ..before.clone()
        },
        verdict: Verdict::new(Reason::Starting, message),
        others: vec![match freed {
            true => Entry::new("Scheduled", Status::False, PLACE_FREED, FREED_WORDS),
            false => Entry::new("Scheduled", Status::True, "Placed", ""),
        }],
    };
    let status = report::complete(&report);
    if !settled::write(ctx, machine, &status).await? {
        return Ok(Placed::Raced);
    }
    // One of a group may have been placed by the turn of another.
    ctx.memory.fleet.gone(key);
    ctx.memory.fleet.wake(ctx);
    for volume in desired.volumes() {
        ctx.hints.hint(Key::volume(&desired.namespace, volume));
    }
    group::hint_others(ctx, desired);
    hint_victims(ctx, key);
    // It may have told of the domain as one whose object is gone.
    ctx.hints.hint(Key::host(&host));
    tracing::info!(object = %key, host = status.host, epoch, "placed");
    Ok(Placed::Bound)
}
