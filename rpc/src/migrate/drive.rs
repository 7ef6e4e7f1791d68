//! Does the steps of a managed migration.

use std::time::Duration;

use drover_rpc_proto::remote;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::choreography::{Choreography, Step};
use super::{Migrated, MigrationError, MigrationOptions, MigrationStep};
use crate::client::Client;
use crate::enums::DomainState;
use crate::error::Error;
use crate::features::Feature;
use crate::flags::{DomainAbortJobFlags, DomainMigrateFlags};
use crate::objects::handle::string;
use crate::objects::{Domain, JobInfo};

/// How often a source that is to give up is told so: the first time may have been too early.
const ABORT_AGAIN: Duration = Duration::from_millis(200);

/// A managed migration under way.
///
/// It goes on by itself. Dropped, it is cancelled: what has been done is undone, as long as the
/// runtime runs.
#[derive(Debug)]
pub struct Migration {
    domain: Domain,
    cancel: watch::Sender<bool>,
    task: JoinHandle<Result<Migrated, MigrationError>>,
}

impl Migration {
    /// How far the source is.
    ///
    /// libvirt's `virDomainGetJobInfo`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came. Before the source has begun, and after the end,
    /// there is no job.
    pub async fn progress(&self) -> Result<JobInfo, Error> {
        self.domain.job_info().await
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Has it given up. [`Self::wait`] says how that ended: it may be too late.
    pub fn cancel(&self) {
        self.cancel.send_replace(true);
    }

    /// Waits for its end. A wait that is dropped cancels it.
    ///
    /// # Errors
    /// [`MigrationError`], which says where the guest is.
    pub async fn wait(mut self) -> Result<Migrated, MigrationError> {
        match (&mut self.task).await {
            Ok(outcome) => outcome,
            // Only a runtime that ends stops the task.
            Err(stopped) => Err(MigrationError::Unknown {
                step: MigrationStep::Perform,
                error: Error::Unsupported(stopped.to_string()),
            }),
        }
    }
}

impl Drop for Migration {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Looks at what was asked for, and begins.
pub(super) async fn begin(
    domain: &Domain,
    destination: &Client,
    options: MigrationOptions,
) -> Result<Migration, Error> {
    check_flags(options.flags)?;
    let source = domain.client();
    for (client, which) in [(source, "source"), (destination, "destination")] {
        need(client, which, Feature::MIGRATION_PARAMS).await?;
        if options.flags.contains(DomainMigrateFlags::OFFLINE) {
            need(client, which, Feature::MIGRATION_OFFLINE).await?;
        }
    }
    let protected = source.supports(Feature::MIGRATE_CHANGE_PROTECTION).await?;
    if options
        .flags
        .contains(DomainMigrateFlags::CHANGE_PROTECTION)
    {
        need(source, "source", Feature::MIGRATE_CHANGE_PROTECTION).await?;
    }
    let (cancel, cancelled) = watch::channel(false);
    let driver = Driver {
        domain: domain.clone(),
        destination: destination.clone(),
        performing: source.with_deadline(options.deadline),
        cancelled,
        choreography: Choreography::new(&domain.name(), options.flags, options.params, protected),
    };
    Ok(Migration {
        domain: domain.clone(),
        cancel,
        task: tokio::spawn(driver.run()),
    })
}

pub(super) async fn need(client: &Client, which: &str, feature: Feature) -> Result<(), Error> {
    if client.supports(feature).await? {
        return Ok(());
    }
    Err(Error::Unsupported(format!("the {which} has no {feature}")))
}

fn check_flags(flags: DomainMigrateFlags) -> Result<(), Error> {
    use DomainMigrateFlags as F;
    let refused = if flags.intersects(F::PEER2PEER | F::TUNNELLED) {
        "PEER2PEER and TUNNELLED are for migrate_to_uri"
    } else if flags.contains(F::NON_SHARED_DISK | F::NON_SHARED_INC) {
        "NON_SHARED_DISK and NON_SHARED_INC exclude each other"
    } else if flags.contains(F::NON_SHARED_SYNCHRONOUS_WRITES)
        && !flags.intersects(F::NON_SHARED_DISK | F::NON_SHARED_INC)
    {
        "NON_SHARED_SYNCHRONOUS_WRITES needs NON_SHARED_DISK or NON_SHARED_INC"
    } else {
        return Ok(());
    };
    Err(Error::Unsupported(refused.to_owned()))
}

struct Driver {
    domain: Domain,
    destination: Client,
    performing: Client,
    cancelled: watch::Receiver<bool>,
    choreography: Choreography,
}

impl Driver {
    async fn run(mut self) -> Result<Migrated, MigrationError> {
        loop {
            if *self.cancelled.borrow() {
                self.choreography.cancel();
            }
            match self.choreography.step() {
                Step::Begin => self.begin().await,
                Step::State => {
                    let state = self.domain.status().await.map(|status| status.state);
                    self.choreography.state(state);
                }
                Step::Prepare => self.prepare().await,
                Step::Perform => self.perform().await,
                Step::Abort => {
                    // What comes next holds, whether there was something to abort or not.
                    self.abort().await.ok();
                    self.choreography.aborted();
                }
                Step::Finish { cancelled } => self.finish(cancelled).await,
                Step::Look => {
                    let found = self.look().await;
                    self.choreography.looked(found);
                }
                Step::Confirm { cancelled } => self.confirm(cancelled).await,
                Step::End => break,
            }
        }
        let (domain, unconfirmed) = self.choreography.outcome()?;
        Ok(Migrated {
            domain: Domain::from_wire(&self.destination, domain),
            unconfirmed,
        })
    }

    async fn begin(&mut self) {
        let (params, _) = self.given();
        let flags = self.choreography.source_flags();
        let call =
            self.domain
                .client()
                .domain_migrate_begin3_params(self.domain.key(), params, flags);
        let answer = call
            .await
            .map(|reply| (string(&reply.xml), reply.cookie_out));
        self.choreography.began(answer);
    }

    async fn prepare(&mut self) {
        let (params, cookie) = self.given();
        let flags = self.choreography.destination_flags();
        let call = self
            .destination
            .domain_migrate_prepare3_params(params, cookie, flags);
        let answer = call
            .await
            .map(|reply| (reply.uri_out.as_ref().map(string), reply.cookie_out));
        self.choreography.prepared(answer);
    }

    async fn perform(&mut self) {
        let (params, cookie) = self.given();
        let flags = self.choreography.source_flags();
        let client = self.performing.clone();
        let call =
            client.domain_migrate_perform3_params(self.domain.key(), None, params, cookie, flags);
        tokio::pin!(call);
        let mut cancelled = self.cancelled.clone();
        let answer = loop {
            tokio::select! {
                answer = &mut call => break answer,
                () = until_cancelled(&mut cancelled) => self.choreography.cancel(),
            }
            // It may not have begun to send, and then there is nothing to abort yet.
            self.abort().await.ok();
            if let Ok(answer) = tokio::time::timeout(ABORT_AGAIN, &mut call).await {
                break answer;
            }
        };
        self.choreography.performed(answer);
    }

    async fn abort(&self) -> Result<(), Error> {
        self.domain.abort_job(DomainAbortJobFlags::empty()).await
    }

    async fn finish(&mut self, cancelled: bool) {
        let (params, cookie) = self.given();
        let flags = self.choreography.destination_flags();
        let call =
            self.destination
                .domain_migrate_finish3_params(params, cookie, flags, cancelled.into());
        let answer = call.await.map(|reply| (reply.dom, reply.cookie_out));
        self.choreography.finished(answer);
    }

    // Only one that runs is there for certain: one that comes in is paused until it is told to run,
    // and does not differ from one that was paused before.
    async fn look(&self) -> Option<remote::Domain> {
        let found = self
            .destination
            .domain_by_uuid(self.domain.uuid())
            .await
            .ok()?;
        let status = found.status().await.ok()?;
        (status.state == DomainState::RUNNING).then(|| found.key())
    }

    async fn confirm(&mut self, cancelled: bool) {
        let (params, cookie) = self.given();
        let flags = self.choreography.source_flags();
        let call = self.domain.client().domain_migrate_confirm3_params(
            self.domain.key(),
            params,
            cookie,
            flags,
            cancelled.into(),
        );
        let answer = call.await;
        self.choreography.confirmed(answer);
    }

    fn given(&mut self) -> (Vec<remote::TypedParam>, Vec<u8>) {
        let cookie = std::mem::take(&mut self.choreography.cookie);
        (self.choreography.params.clone().into_wire(), cookie)
    }
}

async fn until_cancelled(cancelled: &mut watch::Receiver<bool>) {
    if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
        // Nobody is there to cancel it.
        std::future::pending::<()>().await;
    }
}
