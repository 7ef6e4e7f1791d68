//! Which step of a managed migration comes next. Pure: it is told how each step ended.
//!
//! Source and destination do not talk about who runs the guest: the client tells both. In good
//! order: `Begin` (source), `State` (source), `Prepare` (destination), `Perform` (source), `Finish`
//! (destination: the guest runs there), `Confirm` (source: the guest is no more there).
//!
//! What fails is undone from where it stands. Two things decide how: whether it is certain that the
//! step had no effect, and whether the source has a job that only `Confirm` ends. One case is never
//! undone: when it is not known whether the destination has begun to run the guest. The source stays
//! paused then, for the guest must not run twice.

use drover_rpc_proto::{code, remote};

use super::{MigrationError, MigrationStep};
use crate::enums::DomainState;
use crate::error::Error;
use crate::fields;
use crate::flags::DomainMigrateFlags;
use crate::typed::TypedParams;

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask the source for the guest's definition; its job begins.
    Begin,
    /// Ask the source whether the guest is paused.
    State,
    /// Have the destination listen.
    Prepare,
    /// Have the source send.
    Perform,
    /// End what the source may still be doing.
    Abort,
    /// Have the destination run the guest, or give it up.
    Finish { cancelled: bool },
    /// See whether the guest runs at the destination.
    Look,
    /// Have the source forget the guest, or go on with it.
    Confirm { cancelled: bool },
    /// Nothing is left to do.
    End,
}

/// A managed migration under way.
#[derive(Debug)]
pub(super) struct Choreography {
    step: Step,
    /// What all calls take.
    pub(super) params: TypedParams,
    flags: DomainMigrateFlags,
    protected: bool,
    cancelled: bool,
    /// What the last call left for the next one.
    pub(super) cookie: Vec<u8>,
    /// The source has begun to send, so that it may know of its failure by itself.
    confirm: bool,
    failure: Option<(MigrationStep, Error)>,
    at_destination: Option<Error>,
    unconfirmed: Option<Error>,
    unknown: bool,
    arrived: Option<remote::Domain>,
}

impl Choreography {
    /// `protected` says whether the source can keep others from changing the guest meanwhile; its
    /// job then begins with `Begin` and ends with `Confirm`.
    pub(super) fn new(
        name: &str,
        flags: DomainMigrateFlags,
        mut params: TypedParams,
        protected: bool,
    ) -> Self {
        if params.get(fields::MIGRATE_PARAM_DEST_NAME).is_none() {
            params = params.with_str(fields::MIGRATE_PARAM_DEST_NAME, name);
        }
        Self {
            step: Step::Begin,
            params,
            flags: flags - DomainMigrateFlags::CHANGE_PROTECTION,
            protected,
            cancelled: false,
            cookie: Vec::new(),
            confirm: true,
            failure: None,
            at_destination: None,
            unconfirmed: None,
            unknown: false,
            arrived: None,
        }
    }

    pub(super) fn step(&self) -> Step {
        self.step
    }

    /// The flags of calls at the source.
    pub(super) fn source_flags(&self) -> u32 {
        let protection = DomainMigrateFlags::CHANGE_PROTECTION;
        let protection = if self.protected {
            protection
        } else {
            DomainMigrateFlags::empty()
        };
        (self.flags | protection).bits()
    }

    /// The flags of calls at the destination, which knows nothing of these.
    pub(super) fn destination_flags(&self) -> u32 {
        let sources = DomainMigrateFlags::ABORT_ON_ERROR | DomainMigrateFlags::AUTO_CONVERGE;
        (self.flags - sources).bits()
    }

    /// Somebody wants it to end. Once the destination was told to run the guest, it is too late.
    pub(super) fn cancel(&mut self) {
        self.cancelled = true;
    }

    pub(super) fn began(&mut self, answer: Result<(String, Vec<u8>), Error>) {
        match answer {
            Ok((xml, cookie)) => {
                self.cookie = cookie;
                self.params.remove(fields::MIGRATE_PARAM_DEST_XML);
                let name = fields::MIGRATE_PARAM_DEST_XML;
                self.params = std::mem::take(&mut self.params).with_str(name, &xml);
                self.step = Step::State;
            }
            Err(error) => {
                let unknown = error.outcome_unknown();
                self.fail(MigrationStep::Begin, error);
                // The job may have begun all the same.
                self.step = self.end_of_job(unknown);
            }
        }
    }

    pub(super) fn state(&mut self, answer: Result<DomainState, Error>) {
        let resumed = self.flags.contains(DomainMigrateFlags::POSTCOPY_RESUME);
        if answer == Ok(DomainState::PAUSED) && !resumed {
            // Or it would run at the destination.
            self.flags |= DomainMigrateFlags::PAUSED;
        }
        self.step = if self.cancelled {
            self.end_of_job(true)
        } else {
            Step::Prepare
        };
    }

    pub(super) fn prepared(&mut self, answer: Result<(Option<String>, Vec<u8>), Error>) {
        match answer {
            Ok((uri, cookie)) => {
                self.cookie = cookie;
                self.step = self.after_prepare(uri);
            }
            Err(error) => {
                let unknown = error.outcome_unknown();
                self.cookie.clear();
                self.fail(MigrationStep::Prepare, error);
                self.step = if unknown {
                    Step::Finish { cancelled: true }
                } else {
                    self.end_of_job(true)
                };
            }
        }
    }

    fn after_prepare(&mut self, uri: Option<String>) -> Step {
        if let Some(uri) = uri {
            self.params.remove(fields::MIGRATE_PARAM_URI);
            let params = std::mem::take(&mut self.params);
            self.params = params.with_str(fields::MIGRATE_PARAM_URI, &uri);
        } else if self.params.str(fields::MIGRATE_PARAM_URI).is_none() {
            let what = "the destination did not say to where the guest is to be sent";
            self.fail(MigrationStep::Prepare, Error::Unsupported(what.to_owned()));
            return Step::Finish { cancelled: true };
        }
        if self.cancelled {
            return Step::Finish { cancelled: true };
        }
        if self.flags.contains(DomainMigrateFlags::OFFLINE) {
            self.cookie.clear();
            return Step::Finish { cancelled: false };
        }
        Step::Perform
    }

    pub(super) fn performed(&mut self, answer: Result<Vec<u8>, Error>) {
        match answer {
            Ok(cookie) => {
                self.cookie = cookie;
                let cancelled = self.cancelled;
                self.step = Step::Finish { cancelled };
            }
            Err(error) => {
                let unknown = error.outcome_unknown();
                self.cookie.clear();
                self.fail(MigrationStep::Perform, error);
                // A source that says that it failed goes on with the guest by itself.
                self.confirm = unknown;
                self.step = if unknown {
                    Step::Abort
                } else {
                    Step::Finish { cancelled: true }
                };
            }
        }
    }

    pub(super) fn aborted(&mut self) {
        self.step = Step::Finish { cancelled: true };
    }

    pub(super) fn finished(&mut self, answer: Result<(remote::Domain, Vec<u8>), Error>) {
        let Step::Finish { cancelled } = self.step else {
            return;
        };
        match answer {
            Ok((domain, cookie)) => {
                self.cookie = cookie;
                self.arrive(domain);
            }
            Err(error) if cancelled => {
                self.cookie.clear();
                // This one says that it was given up, as was asked.
                if error.code() != Some(code::MIGRATE_FINISH_OK) {
                    self.at_destination = Some(error);
                }
                self.step = self.confirm_if_needed(true);
            }
            Err(error) => {
                self.cookie.clear();
                let unknown = error.outcome_unknown();
                self.fail(MigrationStep::Finish, error);
                self.step = if unknown {
                    Step::Look
                } else {
                    self.confirm_if_needed(true)
                };
            }
        }
    }

    /// `found` is the guest at the destination, if it runs there.
    pub(super) fn looked(&mut self, found: Option<remote::Domain>) {
        if let Some(domain) = found {
            self.arrive(domain);
        } else {
            self.unknown = true;
            self.step = Step::End;
        }
    }

    pub(super) fn confirmed(&mut self, answer: Result<(), Error>) {
        self.unconfirmed = answer.err();
        self.step = Step::End;
    }

    /// How it ended.
    pub(super) fn outcome(self) -> Result<(remote::Domain, Option<Error>), MigrationError> {
        if let Some(domain) = self.arrived {
            return Ok((domain, self.unconfirmed));
        }
        let cancelled = self.cancelled;
        match self.failure {
            Some((step, error)) if self.unknown => Err(MigrationError::Unknown { step, error }),
            // An abort shows as a failure of the step that it ended.
            Some((step, error)) if !cancelled => Err(MigrationError::Failed {
                step,
                error,
                destination: self.at_destination.map(Box::new),
                unconfirmed: self.unconfirmed.map(Box::new),
            }),
            _ => Err(MigrationError::Cancelled {
                unconfirmed: self.unconfirmed.map(Box::new),
            }),
        }
    }

    fn arrive(&mut self, domain: remote::Domain) {
        self.arrived = Some(domain);
        self.step = self.confirm_if_needed(false);
    }

    fn fail(&mut self, step: MigrationStep, error: Error) {
        self.failure.get_or_insert((step, error));
    }

    fn end_of_job(&mut self, begun: bool) -> Step {
        if begun && self.protected {
            self.cookie.clear();
            Step::Confirm { cancelled: true }
        } else {
            Step::End
        }
    }

    fn confirm_if_needed(&self, cancelled: bool) -> Step {
        if self.confirm {
            Step::Confirm { cancelled }
        } else {
            Step::End
        }
    }
}
