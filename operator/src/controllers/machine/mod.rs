//! Machines.

mod addresses;
mod deletion;
mod devices;
pub(crate) mod foresight;
pub(crate) mod guest;
mod look;
mod needs;
mod places;
pub(crate) mod seed;
mod status;
mod way;
mod writers;

pub(crate) use needs::templates;

use std::sync::Arc;
use std::time::Duration;

use drover_core::desired::machine::DesiredMachine;
use drover_core::observed::domain::ObservedDomain;
use drover_core::placement::Claim;
use drover_core::plan::Verdict;
use drover_core::plan::machine::{Plan, Step, keeps_place};
use drover_crds::VirtualMachine;
use drover_crds::condition::{self, Reason, Status};
use drover_crds::virtual_machine::GuestStatus;
use drover_rpc::code;

use self::look::Subject;
use self::way::{InTheWay, Needs, Way};
use super::placement::{self, Chosen, Placed};
use super::report::{self, Report};
use super::reservations;
use crate::controllers::storage::PROGRESS;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::holds::Held;
use crate::hosts::{HostError, HostHandle};
use crate::reconcile::{Again, Key};

// How many steps one look takes at most: a machine may have many devices to change.
const MOST_STEPS: usize = 48;

/// Looks at one VirtualMachine.
///
/// # Errors
/// When the API server says no.
pub async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    let Some(machine) = ctx.cache.machines.get(&key.namespace, &key.name) else {
        ctx.memory.fleet.gone(key);
        placement::hint_victims(ctx, key);
        ctx.hint_waiting();
        writers::hint_waiting(ctx);
        hint_hosts_of(ctx, key);
        reservations::hint_networks(ctx, key, None);
        return Ok(Again::WhenHinted);
    };
    reservations::hint_networks(ctx, key, Some(&machine));
    let desired = match ctx.desired(&machine) {
        Ok(desired) => desired,
        Err(invalid) => {
            placement::hint_victims(ctx, key);
            let verdict = Verdict::new(Reason::InvalidSpec, invalid.to_string());
            return tell(ctx, key, &machine, Outcome::of(verdict)).await;
        }
    };
    if machine.metadata.deletion_timestamp.is_some() {
        placement::hint_victims(ctx, key);
        return deletion::delete(ctx, key, &machine, &desired).await;
    }
    let machine = report::ensure_finalizer(ctx, &ctx.cache.machines, machine).await?;
    if bound(&machine).is_none() {
        match placement::place(ctx, key, &machine, &desired).await? {
            Placed::Bound => {
                // The rest is done in the lane of its host.
                ctx.hints.hint(key.clone());
                return Ok(Again::WhenHinted);
            }
            Placed::Waiting(verdict) => {
                let mut outcome = Outcome::of(verdict);
                outcome.scheduled = false;
                return tell(ctx, key, &machine, outcome).await;
            }
            Placed::Raced => return Ok(Again::Failed),
        }
    }
    on_its_host(ctx, key, &machine, &desired).await
}

async fn on_its_host(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
) -> Result<Again, Error> {
    let Some((host, epoch)) = bound(machine) else {
        return Ok(Again::Failed);
    };
    let other = match placement::standing(ctx, machine, desired) {
        None => None,
        Some((Claim::Stands, other)) => Some(other),
        Some(_) => return placement::end(ctx, key, machine, desired).await,
    };
    let name = other
        .as_ref()
        .map(|it| format!("{}/{}", it.namespace, it.name));
    match settle(ctx, key, machine, desired, (&host, epoch), name).await? {
        Settled::As(outcome) => {
            let is_off = outcome.is_off();
            let again = tell(ctx, key, machine, *outcome).await?;
            other
                .filter(|_| is_off)
                .into_iter()
                .for_each(|other| ctx.hints.hint(other));
            Ok(again)
        }
        Settled::Anew(again) => Ok(again),
        Settled::Rebind(chosen) => {
            let _turn = ctx.placing.turn(desired.placement.priority).await;
            // Somebody may have taken the room before it was one's turn.
            let elsewhere = chosen.host != host;
            if elsewhere && !placement::is_still(ctx, desired, &chosen).await {
                return Ok(Again::After(Duration::ZERO));
            }
            // Whatever comes of it is looked at anew.
            placement::bind(ctx, key, machine, desired, chosen).await?;
            Ok(Again::After(Duration::ZERO))
        }
    }
}

// Hosts tell of domains whose object is gone.
fn hint_hosts_of(ctx: &Ctx, key: &Key) {
    let domain = drover_core::identity::domain_name(&key.namespace, &key.name);
    for host in ctx.hosts.all() {
        if host.domain_named(&domain).is_some() {
            ctx.hints.hint(Key::host(&host.name));
        }
    }
}

/// The Volumes that are made with a machine.
pub(crate) fn owned_volumes(ctx: &Ctx, machine: &VirtualMachine) -> Vec<drover_crds::Volume> {
    let Ok(desired) = ctx.desired(machine) else {
        return Vec::new();
    };
    needs::templates(machine, &desired)
}

fn hint_volumes(ctx: &Ctx, desired: &DesiredMachine) {
    for volume in desired.volumes() {
        ctx.hints.hint(Key::volume(&desired.namespace, volume));
    }
}

fn bound(machine: &VirtualMachine) -> Option<(String, i64)> {
    let status = machine.status.as_ref()?;
    Some((status.host.clone()?, status.epoch.unwrap_or(1)))
}

/// What a look at a machine found.
struct Outcome {
    verdict: Verdict,
    scheduled: bool,
    // Whether it has its place on its host; as before, if nobody knows.
    keeps_place: Option<bool>,
    // The machine that it makes room for.
    making_room: Option<String>,
    volumes: Option<Verdict>,
    networks: Option<Verdict>,
    // Why its guest cannot be given what is declared, if it is to be given something.
    first_boot: Option<Option<Verdict>>,
    domain: Option<Arc<ObservedDomain>>,
    plan: Option<Plan>,
    interfaces: Vec<drover_crds::virtual_machine::InterfaceStatus>,
    guest: Option<GuestStatus>,
    epoch: Option<i64>,
    again: Again,
}

impl Outcome {
    fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            scheduled: true,
            keeps_place: None,
            making_room: None,
            volumes: None,
            networks: None,
            first_boot: None,
            domain: None,
            plan: None,
            interfaces: Vec::new(),
            guest: None,
            epoch: None,
            again: Again::WhenHinted,
        }
    }

    // Until its host has been looked at.
    fn begun(making_room: Option<String>) -> Self {
        let verdict = Verdict::new(Reason::Starting, "it is being started");
        Self {
            making_room,
            again: Again::After(Duration::from_millis(200)),
            ..Self::of(verdict)
        }
    }

    fn failed(error: &HostError, step: Option<&Step>) -> Self {
        let verdict = refusal(error, step);
        Self {
            again: report::unsettled(verdict.reason),
            ..Self::of(verdict)
        }
    }

    // What may not be is told of a machine that runs, too.
    fn lacks(&mut self, volumes: Option<Verdict>, networks: Option<Verdict>) {
        let refused = networks
            .as_ref()
            .filter(|it| it.reason == Reason::InvalidSpec);
        let refused = refused.filter(|_| self.verdict.reason.ready() == Status::True);
        if let Some(refused) = refused {
            self.verdict = refused.clone();
        }
        (self.volumes, self.networks) = (volumes, networks);
    }

    // Whether it is known to be off, or not to be there at all.
    fn is_off(&self) -> bool {
        let domain = self.domain.as_ref();
        self.plan.is_some() && domain.is_none_or(|domain| !domain.state.is_active())
    }

    fn know_place(&mut self, desired: &DesiredMachine, had: bool) {
        let (domain, plan) = (self.domain.as_ref(), self.plan.as_ref());
        let both = domain.zip(plan);
        self.keeps_place = both.map(|(domain, plan)| keeps_place(desired, domain, plan, had));
    }

    // Takes a plan's words over, and says its step.
    fn follow(&mut self, plan: Plan) -> Option<Step> {
        self.verdict = plan.verdict.clone();
        self.again = plan.wait_millis.map_or(Again::WhenHinted, |wait| {
            Again::After(Duration::from_millis(wait))
        });
        let step = plan.step.clone();
        self.plan = Some(plan);
        step
    }
}

/// What came of a look at a machine.
enum Settled {
    As(Box<Outcome>),
    /// Its status has been written, or has to be read anew.
    Anew(Again),
    /// It belongs elsewhere, or has to outdo what is elsewhere.
    Rebind(Chosen),
}

// Takes the plan's steps on the host until there is nothing more to do but wait.
async fn settle(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    (host, epoch): (&str, i64),
    making_room: Option<String>,
) -> Result<Settled, Error> {
    let handle = match reachable(ctx, host) {
        Ok(handle) => handle,
        Err(verdict) => return Ok(Settled::As(Box::new(Outcome::of(verdict)))),
    };
    look::restore(ctx, machine, desired);
    let needs = Needs::gather(ctx, machine, desired, &handle).await?;
    let mut subject = Subject::new(ctx, &handle, desired, &needs.volumes, epoch);
    subject.making_room.clone_from(&making_room);
    let mut outcome = Outcome::begun(making_room);
    for _ in 0..MOST_STEPS {
        let found = match subject.look().await {
            Ok(found) => found,
            Err(error) => return Ok(Settled::As(Box::new(Outcome::failed(&error, None)))),
        };
        outcome.domain = found.domain;
        outcome.epoch = Some(found.epoch);
        let step = outcome.follow(found.plan);
        outcome.know_place(desired, !machine.has_freed_place());
        let Some(step) = step else {
            break;
        };
        if step == Step::Resume && handle.holds.has(&Held::Domain(desired.uuid)) {
            // Whoever copies its disk lets it go on.
            outcome.again = Again::After(PROGRESS);
            break;
        }
        let look = InTheWay {
            machine,
            desired,
            host,
            needs: &needs,
            epoch: outcome.epoch.unwrap_or(epoch),
        };
        match look.of(ctx, key, &step, outcome.domain.as_deref()).await? {
            Way::Free => {}
            Way::Blocked(verdict) => {
                outcome.verdict = verdict;
                break;
            }
            Way::Leave(settled) => return Ok(settled),
        }
        let done = subject.take(outcome.domain.as_deref(), &step).await;
        if let Err(error) = done
            && !error.rpc().is_some_and(drover_rpc::Error::outcome_unknown)
            && !falls_back(&step, &error)
        {
            outcome.verdict = refusal(&error, Some(&step));
            ctx.memory.seeds.doubt(desired.uuid);
            // A guest that cannot be asked to shut down has its time all the same.
            outcome.again = match step {
                Step::Shutdown(_) => Again::Failed,
                _ => report::unsettled(outcome.verdict.reason),
            };
            break;
        }
    }
    needs.settled(ctx, desired, &handle, &mut outcome).await;
    ask_guest(ctx, key, machine, desired, &handle, &mut outcome).await;
    Ok(Settled::As(Box::new(outcome)))
}

// Its addresses, and what it says of itself.
async fn ask_guest(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    handle: &Arc<HostHandle>,
    outcome: &mut Outcome,
) {
    let (interfaces, wait) = addresses::look(ctx, key, machine, desired, handle, outcome).await;
    outcome.interfaces = interfaces;
    outcome.guest = guest::look(ctx, key, handle, outcome.domain.as_deref());
    outcome.again = report::sooner(outcome.again, wait);
}

// A change that libvirt does not make while the machine runs is made at its next start.
fn falls_back(step: &Step, error: &HostError) -> bool {
    matches!(step, Step::Change(_)) && error.rpc().is_some_and(|rpc| rpc.libvirt().is_some())
}

fn reachable(ctx: &Ctx, host: &str) -> Result<Arc<HostHandle>, Verdict> {
    let unreachable = |message: String| Verdict::new(Reason::HostUnreachable, message);
    let Some(handle) = ctx.hosts.get(host) else {
        return Err(unreachable(format!("Host {host} is not there")));
    };
    match handle.client() {
        Ok(_) => Ok(handle),
        Err(error) => Err(unreachable(error.to_string())),
    }
}

// What a refusal says of the machine.
fn refusal(error: &HostError, step: Option<&Step>) -> Verdict {
    const OF_THE_DEFINITION: [i32; 4] = [
        code::XML_ERROR,
        code::CONFIG_UNSUPPORTED,
        code::INVALID_ARG,
        code::OPERATION_UNSUPPORTED,
    ];
    let code = error.rpc().and_then(drover_rpc::Error::code);
    let defines = matches!(step, Some(Step::Create { .. } | Step::Define { .. }));
    let reason = if error.is_unreachable() {
        Reason::HostUnreachable
    } else if error.is_unsupported() {
        Reason::NotSupported
    } else if defines && code.is_some_and(|c| OF_THE_DEFINITION.contains(&c)) {
        Reason::DefinitionRejected
    } else {
        Reason::RetryLater
    };
    Verdict::new(reason, error.to_string())
}

async fn tell(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    outcome: Outcome,
) -> Result<Again, Error> {
    let before = machine.status.clone().unwrap_or_default();
    let uuid = before.uuid.as_ref().and_then(|uuid| uuid.parse().ok());
    let history = uuid
        .map(|uuid| ctx.memory.history(uuid))
        .unwrap_or_default();
    let status = status::describe(&outcome, &history, &before);
    let freed = condition::find(&before.conditions, "Scheduled");
    let freed = freed.filter(|_| machine.has_freed_place());
    let others = status::entries(&outcome, freed);
    let again = outcome.again;
    let stopped = writers::has_let_go(machine, status.state.as_deref());
    let report = Report {
        key,
        object: machine,
        before: &before,
        status,
        verdict: outcome.verdict,
        others,
    };
    let (known, now) = (&before.preempted_by, &report.status.preempted_by);
    let soon = placement::has_turned(known.as_ref(), now.as_ref());
    let written = match placement::is_shared(ctx, machine) {
        true => report::exactly(ctx, &ctx.cache.machines, report, soon).await?,
        false => report::report(ctx, &ctx.cache.machines, report).await?,
    };
    // What it takes, whether it still has its place, or who may stop it, may be another thing now.
    let there = ctx.cache.machines.get(&key.namespace, &key.name);
    let bound = there.filter(|it| it.host().is_some());
    let changed = bound.is_some_and(|it| ctx.memory.fleet.is_outdated(ctx, &it));
    if changed {
        ctx.memory.fleet.wake(ctx);
    }
    if stopped {
        writers::hint_of(ctx, machine);
    }
    Ok(report::sooner(again, written))
}
