//! What has to be so before a machine is made or started on its host.

use std::time::Duration;

use drover_core::desired::machine::DesiredMachine;
use drover_core::observed::domain::ObservedDomain;
use drover_core::plan::Verdict;
use drover_core::plan::machine::Step;
use drover_crds::VirtualMachine;

use super::{Outcome, Settled, devices, needs, seed};
use crate::controllers::placement::{self, Course, Placed};
use crate::controllers::report;
use crate::controllers::storage::PROGRESS;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::HostHandle;
use crate::reconcile::{Again, Key};

/// What is looked at before a step for which the machine must be nowhere else, and must have all that it
/// is made of and its place.
pub(super) struct InTheWay<'a> {
    pub(super) machine: &'a VirtualMachine,
    pub(super) desired: &'a DesiredMachine,
    pub(super) host: &'a str,
    pub(super) needs: &'a Needs,
    pub(super) epoch: i64,
}

pub(super) enum Way {
    Free,
    Blocked(Verdict),
    Leave(Settled),
}

impl InTheWay<'_> {
    pub(super) async fn of(
        &self,
        ctx: &Ctx,
        key: &Key,
        step: &Step,
        domain: Option<&ObservedDomain>,
    ) -> Result<Way, Error> {
        let (machine, desired, host) = (self.machine, self.desired, self.host);
        if !needs_all(step) {
            return Ok(Way::Free);
        }
        let here = domain.map(|it| it.state.is_active());
        let missing = match placement::course(ctx, desired, host, self.epoch, here).await {
            Course::Rebind(chosen) => return Ok(Way::Leave(Settled::Rebind(chosen))),
            Course::Blocked(verdict) => Some(verdict),
            Course::Go => self.needs.missing(domain),
        };
        if let Some(verdict) = missing {
            return Ok(Way::Blocked(verdict));
        }
        if !matches!(step, Step::Start { .. }) || !machine.has_freed_place() {
            return Ok(Way::Free);
        }
        let again = match placement::retake(ctx, key, machine, desired, host).await? {
            Placed::Waiting(verdict) => return Ok(Way::Blocked(verdict)),
            Placed::Bound => Again::After(Duration::ZERO),
            Placed::Raced => Again::Failed,
        };
        Ok(Way::Leave(Settled::Anew(again)))
    }
}

/// What a machine is made of, and what keeps it from having that.
pub(super) struct Needs {
    pub(super) volumes: needs::Volumes,
    networks: Option<Verdict>,
    // Why there are no devices for it.
    devices: Option<Verdict>,
    given: seed::Given,
}

impl Needs {
    pub(super) async fn gather(
        ctx: &Ctx,
        machine: &VirtualMachine,
        desired: &DesiredMachine,
        host: &HostHandle,
    ) -> Result<Self, Error> {
        let mut volumes = needs::volumes(ctx, machine, desired, &host.name).await?;
        needs::see(ctx, host, &mut volumes).await?;
        let seeds = seed::Work::new(ctx, host, desired);
        let given = seeds.make(&volumes).await?;
        volumes.seed.clone_from(&given.seed);
        let devices = match devices::given(ctx, host, desired).await? {
            Ok(given) => {
                volumes.devices = Some(given);
                None
            }
            Err(verdict) => Some(verdict),
        };
        Ok(Self {
            networks: needs::networks(ctx, machine, desired, host).await,
            volumes,
            devices,
            given,
        })
    }

    // A guest that was given something once may start with it again.
    fn missing(&self, domain: Option<&ObservedDomain>) -> Option<Verdict> {
        let given = || self.given.blocked.clone();
        let had = domain.is_some_and(seed::has_any);
        let others = self
            .volumes
            .blocked
            .clone()
            .or_else(|| self.networks.clone())
            .or_else(|| self.devices.clone());
        others.or_else(|| given().filter(|_| !had))
    }

    // What the status says of it. What nobody uses any more is removed.
    pub(super) async fn settled(
        self,
        ctx: &Ctx,
        desired: &DesiredMachine,
        host: &HostHandle,
        outcome: &mut Outcome,
    ) {
        let work = seed::Work::new(ctx, host, desired);
        let domain = outcome.domain.as_deref();
        if let Err(error) = work.sweep(self.given.seed.as_ref(), domain).await {
            tracing::warn!(host = host.name, %error, "what a guest was given is still there");
            outcome.again = report::sooner(outcome.again, Again::Failed);
        }
        if desired.first_boot.is_some() {
            outcome.first_boot = Some(self.given.blocked);
        }
        outcome.again = report::sooner(outcome.again, self.given.again);
        if self.devices.is_some() {
            // Nobody tells of what others give back.
            outcome.again = report::sooner(outcome.again, Again::Failed);
        }
        if self.volumes.copied {
            outcome.again = report::sooner(outcome.again, Again::After(PROGRESS));
        }
        outcome.lacks(self.volumes.blocked, self.networks);
    }
}

// Steps for which the machine must be nowhere else and must have all that it is made of.
fn needs_all(step: &Step) -> bool {
    matches!(
        step,
        Step::Create { .. } | Step::Define { .. } | Step::Start { .. } | Step::Change(_)
    )
}
