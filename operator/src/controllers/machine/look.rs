//! One look at a machine on its host, and one step there.

use std::sync::Arc;

use drover_core::desired::Consent;
use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::Site;
use drover_core::host_devices::Given;
use drover_core::observed::domain::ObservedDomain;
use drover_core::plan::history::History;
use drover_core::plan::machine::{Plan, Situation, Step, plan};
use drover_core::selector;
use drover_core::xml::{DomainType, HostFlavor};
use drover_crds::{Host, VirtualMachine};
use kube::ResourceExt;

use super::needs::Volumes;
use crate::controllers::placement::namespace_labels;
use crate::controllers::sites;
use crate::ctx::Ctx;
use crate::hosts::{HostError, HostHandle, MachineOnHost};

/// A machine on its host.
pub(super) struct Subject<'a> {
    ctx: &'a Ctx,
    host: &'a HostHandle,
    desired: &'a DesiredMachine,
    site: Site,
    epoch: i64,
    adoption: bool,
    misplaced: Option<String>,
    /// The machine that it makes room for.
    pub(super) making_room: Option<String>,
    deleting: bool,
}

/// What a look found.
pub(super) struct Look {
    pub(super) domain: Option<Arc<ObservedDomain>>,
    pub(super) plan: Plan,
    /// The placement that the domain belongs to.
    pub(super) epoch: i64,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        ctx: &'a Ctx,
        host: &'a HostHandle,
        desired: &'a DesiredMachine,
        volumes: &Volumes,
        epoch: i64,
    ) -> Self {
        let object = ctx.cache.hosts.get("", &host.name);
        let labels = namespace_labels(ctx, &desired.namespace);
        let lets = |host: &Host| Consent::to_adopt(host.spec.adoption.as_ref()).allows(&labels);
        let flavor = flavor(host, desired);
        Self {
            adoption: object.as_deref().is_some_and(lets),
            misplaced: object.as_deref().and_then(|host| misplaced(host, desired)),
            site: Site {
                domain_type: flavor.domain_type,
                architecture: flavor.architecture,
                disks: volumes.disks.clone(),
                kernel: volumes.kernel.clone(),
                initrd: volumes.initrd.clone(),
                seed: volumes.seed.clone(),
                host_devices: volumes.devices.as_ref().map(texts),
            },
            ctx,
            host,
            desired,
            epoch,
            making_room: None,
            deleting: false,
        }
    }

    /// A machine whose object is being deleted: nobody asks where its disks are.
    pub(super) fn deleted(
        ctx: &'a Ctx,
        host: &'a HostHandle,
        desired: &'a DesiredMachine,
        epoch: i64,
    ) -> Self {
        Self {
            deleting: true,
            ..Self::new(ctx, host, desired, &Volumes::default(), epoch)
        }
    }

    /// Looks at the domain and plans.
    pub(super) async fn look(&self) -> Result<Look, HostError> {
        let domain = self.host.domain(self.desired.uuid).await?;
        let (plan, epoch) = self
            .plan(domain.as_deref(), |it| (plan(it), it.epoch))
            .await?;
        self.ctx
            .memory
            .update_history(self.desired.uuid, |history| history.settle(&plan.changes));
        Ok(Look {
            domain,
            plan,
            epoch,
        })
    }

    /// Looks at the domain, and lets somebody think about it.
    pub(super) async fn with_situation<T>(
        &self,
        think: impl FnOnce(&Situation<'_>) -> T,
    ) -> Result<T, HostError> {
        let domain = self.host.domain(self.desired.uuid).await?;
        self.plan(domain.as_deref(), think).await
    }

    async fn plan<T>(
        &self,
        domain: Option<&ObservedDomain>,
        think: impl FnOnce(&Situation<'_>) -> T,
    ) -> Result<T, HostError> {
        let (ctx, desired) = (self.ctx, self.desired);
        self.remember(domain);
        // An old binding, restored from a backup, does not outdo what is there.
        let mark = domain.and_then(|domain| domain.mark());
        let ours = mark.filter(|mark| mark.same_object(&desired.mark(0)));
        let history = ctx.memory.history(desired.uuid);
        Ok(think(&Situation {
            desired,
            site: &self.site,
            observed: domain,
            name_taken: domain.is_none() && self.name_taken().await?,
            manager: &ctx.manager,
            take_over: ctx.take_over,
            adoption: self.adoption,
            misplaced: self.misplaced.as_deref(),
            making_room: self.making_room.as_deref(),
            epoch: ours.map_or(self.epoch, |mark| mark.epoch.max(self.epoch)),
            deleting: self.deleting,
            history: &history,
            now: ctx.now(),
        }))
    }

    // Who had the name when it was last looked at may be gone.
    async fn name_taken(&self) -> Result<bool, HostError> {
        let name = &self.desired.domain_name;
        let other = self.host.domain_named(name);
        match other.filter(|uuid| *uuid != self.desired.uuid) {
            Some(other) => {
                let domain = self.host.domain(other).await?;
                Ok(domain.is_some_and(|domain| domain.name == *name))
            }
            None => Ok(false),
        }
    }

    fn remember(&self, domain: Option<&ObservedDomain>) {
        let uuid = self.desired.uuid;
        let told = self
            .host
            .read(|inventory| inventory.stops.get(&uuid).copied());
        let now = self.ctx.now();
        self.ctx.memory.update_history(uuid, |history| {
            history.stop = told;
            // While it is deleted, how it was asked to shut down is kept until it has.
            if !self.deleting || domain.is_none_or(|domain| domain.state.is_active()) {
                history.look(domain, now);
            }
            let off = self.desired.strategy == drover_crds::virtual_machine::RunStrategy::Halted;
            let active = domain.is_some_and(|domain| domain.state.is_active());
            let makes_room = self.making_room.is_some();
            let stopping =
                off || makes_room || self.deleting || domain.is_some_and(is_being_stopped);
            if active && !stopping {
                history.shutdown_asked = None;
                history.shutdown_asked_again = None;
            }
        });
    }

    /// Takes one step.
    pub(super) async fn take(
        &self,
        domain: Option<&ObservedDomain>,
        step: &Step,
    ) -> Result<(), HostError> {
        let name = domain.map_or(&self.desired.domain_name, |domain| &domain.name);
        tracing::info!(
            host = self.host.name,
            domain = name,
            step = %words(step),
            "step"
        );
        let machine = MachineOnHost {
            host: self.host,
            desired: self.desired,
            site: &self.site,
            name,
        };
        let done = machine.step(step).await;
        let now = self.ctx.now();
        let uuid = self.desired.uuid;
        self.ctx
            .memory
            .update_history(uuid, |history| note(history, step, &done, now));
        done
    }
}

// A step in the log: a mark says more than anybody wants to read there.
fn words(step: &Step) -> String {
    match step {
        Step::Change(change) => format!("Change {}", change.key()),
        Step::Record { side, .. } => format!("Record {side:?}"),
        other => other.name().to_owned(),
    }
}

fn texts(given: &Given) -> Vec<(String, String)> {
    let given = given.iter();
    given
        .map(|(name, address)| (name.clone(), address.to_string()))
        .collect()
}

fn is_being_stopped(domain: &ObservedDomain) -> bool {
    domain
        .mark()
        .is_some_and(|mark| mark.recorded.pending.is_some())
}

fn note(history: &mut History, step: &Step, done: &Result<(), HostError>, now: u64) {
    match (step, done) {
        (Step::Start { .. }, Ok(())) => history.start(now, true),
        // What the host cannot do says nothing of the machine.
        (Step::Start { .. }, Err(error)) if error.is_unsupported() => {}
        (Step::Start { .. }, Err(error)) if !error.is_unreachable() => history.start(now, false),
        (Step::Shutdown(_), _) => history.shutdown(now),
        (Step::Reset { value }, Ok(())) => history.reset = Some(value.clone()),
        (Step::Change(change), Ok(())) => history.ask(change, now),
        (Step::Change(change), Err(error)) => {
            // What libvirt says no to, it would say no to again.
            if let Some(refusal) = error.rpc().and_then(drover_rpc::Error::libvirt) {
                let words = refusal.message.as_ref().map(ToString::to_string);
                history.refuse(change, words.unwrap_or_default());
            }
        }
        _ => {}
    }
}

fn flavor(host: &HostHandle, desired: &DesiredMachine) -> HostFlavor {
    let found = host.read(|inventory| {
        let facts = inventory.facts.as_ref()?;
        facts.capabilities.flavor(desired.architecture.as_deref())
    });
    found.unwrap_or_else(|| HostFlavor {
        domain_type: DomainType::Qemu,
        architecture: desired.architecture.clone().unwrap_or_default(),
    })
}

// Why a machine may not be where it is, if it may not.
fn misplaced(host: &Host, desired: &DesiredMachine) -> Option<String> {
    let name = host.name_any();
    let elsewhere = desired
        .placement
        .host
        .as_ref()
        .is_some_and(|wanted| *wanted != name);
    let labels = sites::labels(host);
    let selected = selector::matches_optional(desired.placement.host_selector.as_ref(), &labels);
    (elsewhere || !selected).then_some(name)
}

/// What a status tells of crashes before this operator began.
pub(super) fn restore(ctx: &Ctx, machine: &VirtualMachine, desired: &DesiredMachine) {
    ctx.memory.restore_history(desired.uuid, || {
        let status = machine.status.as_ref();
        let Some(failures) = status.and_then(|status| status.start_failures.as_ref()) else {
            return History::default();
        };
        let at = failures.retry_after.as_ref();
        let at = at.and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let at = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
        History::restored(u32::try_from(failures.count).unwrap_or(0), at)
    });
}
