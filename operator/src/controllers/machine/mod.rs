//! Machines.

mod addresses;
mod deletion;
mod needs;

use std::sync::Arc;
use std::time::Duration;

use drover_core::desired::machine::DesiredMachine;
use drover_core::observed::domain::ObservedDomain;
use drover_core::plan::Verdict;
use drover_core::plan::machine::{LASTING_MILLIS, Plan, Situation, Step, plan};
use drover_core::xml::{ResolvedDisk, domain_xml};
use drover_crds::condition::{Entry, Reason, Status};
use drover_crds::virtual_machine::{PlanStatus, PlanStep, StartFailures};
use drover_crds::{VirtualMachine, VirtualMachineStatus};
use drover_rpc::code;

use super::placement::{self, Placed};
use super::report::{self, Report};
use super::sites::MOST_STEPS;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::{HostError, HostHandle};
use crate::reconcile::{Again, Key};

/// Looks at one VirtualMachine.
///
/// # Errors
/// When the API server says no.
pub async fn reconcile(ctx: &Ctx, key: &Key) -> Result<Again, Error> {
    let Some(machine) = ctx.cache.machines.get(&key.namespace, &key.name) else {
        ctx.hint_waiting();
        return Ok(Again::WhenHinted);
    };
    let desired = match DesiredMachine::parse(&machine, &ctx.fleet) {
        Ok(desired) => desired,
        Err(invalid) => {
            let verdict = Verdict::new(Reason::InvalidSpec, invalid.to_string());
            return tell(ctx, key, &machine, Outcome::of(verdict)).await;
        }
    };
    if machine.metadata.deletion_timestamp.is_some() {
        return deletion::delete(ctx, key, &machine, &desired).await;
    }
    let mut machine = report::ensure_finalizer(ctx, &ctx.cache.machines, machine).await?;
    if bound(&machine).is_none() {
        match placement::place(ctx, key, &machine, &desired).await? {
            Placed::Bound(written) => machine = Arc::from(written),
            Placed::Waiting(verdict) => {
                let mut outcome = Outcome::of(verdict);
                outcome.scheduled = false;
                return tell(ctx, key, &machine, outcome).await;
            }
            Placed::Raced => return Ok(Again::Failed),
        }
        for disk in &desired.disks {
            ctx.hints.hint(Key::volume(&key.namespace, &disk.volume));
        }
    }
    let Some((host, epoch)) = bound(&machine) else {
        return Ok(Again::Failed);
    };
    let outcome = settle(ctx, key, &machine, &desired, &host, epoch).await?;
    tell(ctx, key, &machine, outcome).await
}

fn bound(machine: &VirtualMachine) -> Option<(String, i64)> {
    let status = machine.status.as_ref()?;
    Some((status.host.clone()?, status.epoch.unwrap_or(1)))
}

/// What a look at a machine found.
struct Outcome {
    verdict: Verdict,
    scheduled: bool,
    volumes: Option<Verdict>,
    networks: Option<Verdict>,
    domain: Option<Arc<ObservedDomain>>,
    plan: Option<Plan>,
    interfaces: Vec<drover_crds::virtual_machine::InterfaceStatus>,
    epoch: Option<i64>,
    failures: u32,
    again: Again,
}

impl Outcome {
    fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            scheduled: true,
            volumes: None,
            networks: None,
            domain: None,
            plan: None,
            interfaces: Vec::new(),
            epoch: None,
            failures: 0,
            again: Again::WhenHinted,
        }
    }

    fn failed(error: &HostError, step: Option<Step>) -> Self {
        Self {
            again: Again::Failed,
            ..Self::of(refusal(error, step))
        }
    }

    // Takes a plan's words over, and says its step.
    fn follow(&mut self, plan: Plan) -> Option<Step> {
        self.verdict = plan.verdict.clone();
        self.again = plan.wait_millis.map_or(Again::WhenHinted, |wait| {
            Again::After(Duration::from_millis(wait))
        });
        let step = plan.step;
        self.plan = Some(plan);
        step
    }
}

// Takes the plan's steps on the host until there is nothing more to do but wait.
async fn settle(
    ctx: &Ctx,
    key: &Key,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    host: &str,
    epoch: i64,
) -> Result<Outcome, Error> {
    let handle = match reachable(ctx, host) {
        Ok(handle) => handle,
        Err(verdict) => return Ok(Outcome::of(verdict)),
    };
    let volumes = needs::volumes(ctx, machine, desired, host).await?;
    let networks = needs::networks(ctx, desired, host);
    let mut outcome = Outcome::of(Verdict::new(Reason::Starting, "it is being started"));
    outcome.again = Again::After(Duration::from_millis(200));
    for _ in 0..MOST_STEPS {
        let (step, epoch) =
            match next_step(ctx, &handle, desired, &volumes.disks, epoch, &mut outcome).await {
                Ok((Some(step), epoch)) => (step, epoch),
                Ok((None, _)) => break,
                Err(error) => return Ok(Outcome::failed(&error, None)),
            };
        let blocked = elsewhere(ctx, desired, host)
            .or_else(|| volumes.blocked.clone())
            .or_else(|| networks.clone());
        if let (Step::Define | Step::Start, Some(blocked)) = (step, blocked) {
            outcome.verdict = blocked;
            break;
        }
        let done = take(ctx, &handle, desired, &volumes.disks, epoch, step).await;
        if let Err(error) = done
            && !error.rpc().is_some_and(drover_rpc::Error::outcome_unknown)
        {
            outcome.verdict = refusal(&error, Some(step));
            outcome.again = Again::Failed;
            break;
        }
    }
    outcome.volumes = volumes.blocked;
    outcome.networks = networks;
    outcome.failures = ctx.memory.history(desired.uuid).failures;
    let (interfaces, wait) = addresses::look(ctx, key, machine, desired, &handle, &outcome).await;
    outcome.interfaces = interfaces;
    outcome.again = report::sooner(outcome.again, wait);
    Ok(outcome)
}

// Looks at the domain and plans: the step, and the placement that it belongs to.
async fn next_step(
    ctx: &Ctx,
    host: &HostHandle,
    desired: &DesiredMachine,
    disks: &[ResolvedDisk],
    epoch: i64,
    outcome: &mut Outcome,
) -> Result<(Option<Step>, i64), HostError> {
    let observed = host.domain(desired.uuid).await?;
    remember(ctx, desired, observed.as_deref());
    // An old binding, restored from a backup, does not outdo what is there.
    let mark = observed.as_ref().and_then(|domain| domain.mark());
    let epoch = mark.map_or(epoch, |mark| mark.epoch.max(epoch));
    outcome.epoch = Some(epoch);
    let situation = Look {
        desired,
        disks,
        observed: observed.as_deref(),
        epoch,
        deleting: false,
    };
    let plan = look(ctx, host, situation).await?;
    outcome.domain = observed;
    Ok((outcome.follow(plan), epoch))
}

// A machine that another host has is neither defined nor started here.
fn elsewhere(ctx: &Ctx, desired: &DesiredMachine, here: &str) -> Option<Verdict> {
    match placement::find(ctx, desired) {
        Err(verdict) => Some(verdict),
        Ok(Some((other, epoch))) if other.name != here => {
            let message = format!(
                "it is bound to {here}, and {} has its domain, of placement {epoch}",
                other.name
            );
            Some(Verdict::new(Reason::UUIDConflict, message))
        }
        Ok(_) => None,
    }
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

#[derive(Clone, Copy)]
struct Look<'a> {
    desired: &'a DesiredMachine,
    disks: &'a [ResolvedDisk],
    observed: Option<&'a ObservedDomain>,
    epoch: i64,
    deleting: bool,
}

async fn look(ctx: &Ctx, host: &HostHandle, look: Look<'_>) -> Result<Plan, HostError> {
    let Look { desired, .. } = look;
    // Who had the name when it was last looked at may be gone.
    let other = host
        .domain_named(&desired.domain_name)
        .filter(|uuid| *uuid != desired.uuid);
    let name_taken = match other {
        Some(other) if look.observed.is_none() => host
            .domain(other)
            .await?
            .is_some_and(|domain| domain.name == desired.domain_name),
        _ => false,
    };
    Ok(plan(&Situation {
        desired,
        disks: look.disks,
        observed: look.observed,
        name_taken,
        epoch: look.epoch,
        deleting: look.deleting,
        history: ctx.memory.history(desired.uuid),
        now: ctx.now(),
    }))
}

// Counts starts that failed or did not last.
fn remember(ctx: &Ctx, desired: &DesiredMachine, observed: Option<&ObservedDomain>) {
    let now = ctx.now();
    let active = observed.is_some_and(|domain| domain.state.is_active());
    // Somebody's wish is no failure.
    let wished = observed.is_some_and(|domain| matches!(domain.reason, "Destroyed" | "Migrated"));
    ctx.memory.update_history(desired.uuid, |history| {
        if active {
            if history
                .started
                .is_some_and(|started| now >= started + LASTING_MILLIS)
            {
                history.failures = 0;
            }
            if desired.run {
                history.shutdown_asked = None;
                history.shutdown_asked_again = None;
            }
            return;
        }
        let asked = history.shutdown_asked.take().is_some();
        history.shutdown_asked_again = None;
        if let Some(started) = history.started.take() {
            if now < started + LASTING_MILLIS && !wished && !asked {
                history.failures += 1;
                history.failed = Some(now);
            } else {
                history.failures = 0;
            }
        }
    });
}

async fn take(
    ctx: &Ctx,
    handle: &HostHandle,
    desired: &DesiredMachine,
    disks: &[ResolvedDisk],
    epoch: i64,
    step: Step,
) -> Result<(), HostError> {
    let flavor = handle.read(|inventory| {
        let capabilities = inventory
            .facts
            .as_ref()
            .map(|facts| facts.capabilities.clone());
        capabilities.and_then(|found| found.flavor(desired.architecture.as_deref()))
    });
    let xml = match (&flavor, step) {
        (Some(flavor), Step::Define) => domain_xml(desired, disks, flavor, epoch),
        _ => String::new(),
    };
    tracing::info!(
        host = handle.name,
        domain = desired.domain_name,
        ?step,
        "step"
    );
    let done = handle
        .step_machine(step, &desired.domain_name, desired.uuid, &xml)
        .await;
    let now = ctx.now();
    ctx.memory
        .update_history(desired.uuid, |history| match (step, &done) {
            (Step::Start, Ok(())) => history.started = Some(now),
            (Step::Start, Err(error)) if !error.is_unreachable() => {
                history.failures += 1;
                history.failed = Some(now);
            }
            (Step::Shutdown, _) => {
                history.shutdown_asked.get_or_insert(now);
                history.shutdown_asked_again = Some(now);
            }
            _ => {}
        });
    done
}

// What a refusal says of the machine.
fn refusal(error: &HostError, step: Option<Step>) -> Verdict {
    const OF_THE_DEFINITION: [i32; 4] = [
        code::XML_ERROR,
        code::CONFIG_UNSUPPORTED,
        code::INVALID_ARG,
        code::OPERATION_UNSUPPORTED,
    ];
    let code = error.rpc().and_then(drover_rpc::Error::code);
    let reason = if error.is_unreachable() {
        Reason::HostUnreachable
    } else if step == Some(Step::Define) && code.is_some_and(|c| OF_THE_DEFINITION.contains(&c)) {
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
    let mut status = VirtualMachineStatus {
        plan: outcome.plan.as_ref().and_then(plan_status),
        ..before.clone()
    };
    status.epoch = outcome.epoch.or(status.epoch);
    if let Some(domain) = &outcome.domain {
        status.state = Some(domain.state.as_str().to_owned());
        status.state_reason = Some(domain.reason.to_owned());
        status.interfaces.clone_from(&outcome.interfaces);
    }
    status.start_failures = (outcome.failures > 0).then(|| StartFailures {
        count: i64::from(outcome.failures),
        retry_after: None,
    });
    let others = entries(&outcome);
    let again = outcome.again;
    let report = Report {
        key,
        object: machine,
        before: &before,
        status,
        verdict: outcome.verdict,
        others,
    };
    let written = report::report(ctx, &ctx.cache.machines, report).await?;
    Ok(report::sooner(again, written))
}

fn entries(outcome: &Outcome) -> Vec<Entry> {
    if !outcome.scheduled {
        let reason = outcome.verdict.reason.as_str();
        return vec![Entry::new(
            "Scheduled",
            Status::False,
            reason,
            &outcome.verdict.message,
        )];
    }
    let mut entries = vec![Entry::new("Scheduled", Status::True, "Placed", "")];
    if outcome.domain.is_none() && outcome.plan.is_none() {
        return entries;
    }
    for (name, fine, blocked) in [
        ("VolumesReady", "Available", &outcome.volumes),
        ("NetworksReady", "Realized", &outcome.networks),
    ] {
        entries.push(match blocked {
            None => Entry::new(name, Status::True, fine, ""),
            Some(verdict) => Entry::new(
                name,
                Status::False,
                verdict.reason.as_str(),
                &verdict.message,
            ),
        });
    }
    let domain = outcome.domain.as_ref();
    let running = domain.is_some_and(|domain| domain.state.is_active());
    let word = domain.map_or("Undefined", |domain| domain.state.as_str());
    let status = if running { Status::True } else { Status::False };
    entries.push(Entry::new("Running", status, word, ""));
    entries
}

fn plan_status(plan: &Plan) -> Option<PlanStatus> {
    use std::hash::{DefaultHasher, Hash, Hasher};

    if plan.differences.is_empty() {
        return None;
    }
    let steps: Vec<_> = plan
        .differences
        .iter()
        .map(|difference| PlanStep {
            path: difference.path.clone(),
            from: difference.from.clone(),
            to: difference.to.clone(),
            class: difference.class.as_str().to_owned(),
            reason: "it takes effect at the next start".to_owned(),
        })
        .collect();
    let mut hasher = DefaultHasher::new();
    for step in &steps {
        (&step.path, &step.from, &step.to, &step.class).hash(&mut hasher);
    }
    Some(PlanStatus {
        hash: format!("{:016x}", hasher.finish()),
        steps,
    })
}
