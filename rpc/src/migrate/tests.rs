//! Every step of a managed migration fails once.

#![allow(clippy::unwrap_used, clippy::panic)]

use drover_rpc_proto::remote::Domain;
use drover_rpc_proto::{CloseReason, LibvirtError};

use super::choreography::{Choreography, Step};
use super::{MigrationError, MigrationOptions, MigrationStep};
use crate::enums::DomainState;
use crate::error::Error;
use crate::fields;
use crate::flags::DomainMigrateFlags;

/// How a step ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    /// libvirt says no.
    Refused,
    /// The call went out and no answer came.
    Lost,
    /// The call never went out.
    Gone,
}
use End::{Gone, Lost, Refused, Well};

impl End {
    fn result<T>(self, value: T) -> Result<T, Error> {
        let reason = CloseReason::Eof;
        match self {
            Well => Ok(value),
            Refused => Err(Error::Libvirt(Box::new(LibvirtError {
                code: 9,
                ..LibvirtError::default()
            }))),
            Lost => Err(Error::Timeout { sent: true }),
            Gone => Err(Error::Closed {
                reason,
                sent: false,
            }),
        }
    }
}

/// What happens in one run.
#[derive(Clone, Copy)]
struct Run {
    flags: DomainMigrateFlags,
    protected: bool,
    state: DomainState,
    begin: End,
    prepare: End,
    uri: Option<&'static str>,
    perform: End,
    finish: End,
    found: bool,
    confirm: End,
    cancel_at: Option<Step>,
}

const GOOD: Run = Run {
    flags: DomainMigrateFlags::LIVE,
    protected: true,
    state: DomainState::RUNNING,
    begin: Well,
    prepare: Well,
    uri: Some("tcp://there:49152"),
    perform: Well,
    finish: Well,
    found: false,
    confirm: Well,
    cancel_at: None,
};

type Outcome = Result<(Domain, Option<Error>), MigrationError>;

fn guest() -> Domain {
    Domain {
        name: "guest".into(),
        uuid: [1; 16],
        id: 7,
    }
}

impl Run {
    fn go(self) -> (String, Outcome) {
        let params = MigrationOptions::new(self.flags).params;
        let mut it = Choreography::new("guest", self.flags, params, self.protected);
        let mut trace = Vec::new();
        loop {
            let step = it.step();
            if self.cancel_at == Some(step) {
                it.cancel();
            }
            trace.push(short(step));
            match step {
                Step::Begin => it.began(self.begin.result(("<domain/>".to_owned(), vec![1]))),
                Step::State => it.state(Ok(self.state)),
                Step::Prepare => {
                    assert_eq!(it.cookie, [1]);
                    let uri = self.uri.map(str::to_owned);
                    it.prepared(self.prepare.result((uri, vec![2])));
                }
                Step::Perform => {
                    assert_eq!(it.cookie, [2]);
                    assert_eq!(
                        it.params.str(fields::MIGRATE_PARAM_URI).as_deref(),
                        self.uri
                    );
                    it.performed(self.perform.result(vec![3]));
                }
                Step::Abort => it.aborted(),
                Step::Finish { cancelled } => {
                    // Asked to give up, a destination has no guest to show.
                    let end = if cancelled { Refused } else { self.finish };
                    it.finished(end.result((guest(), vec![4])));
                }
                Step::Look => it.looked(self.found.then(guest)),
                Step::Confirm { .. } => it.confirmed(self.confirm.result(())),
                Step::End => return (trace.join(" "), it.outcome()),
            }
        }
    }
}

fn short(step: Step) -> &'static str {
    match step {
        Step::Begin => "begin",
        Step::State => "state",
        Step::Prepare => "prepare",
        Step::Perform => "perform",
        Step::Abort => "abort",
        Step::Finish { cancelled: false } => "finish",
        Step::Finish { cancelled: true } => "give-up",
        Step::Look => "look",
        Step::Confirm { cancelled: false } => "confirm",
        Step::Confirm { cancelled: true } => "go-on",
        Step::End => "end",
    }
}

fn says(outcome: &Outcome) -> String {
    match outcome {
        Ok((_, None)) => "moved".to_owned(),
        Ok((_, Some(_))) => "moved, unconfirmed".to_owned(),
        Err(MigrationError::Failed {
            step, unconfirmed, ..
        }) => {
            let paused = if unconfirmed.is_some() {
                ", paused"
            } else {
                ""
            };
            format!("failed {step:?}{paused}")
        }
        Err(MigrationError::Cancelled { unconfirmed }) => {
            let paused = if unconfirmed.is_some() {
                ", paused"
            } else {
                ""
            };
            format!("cancelled{paused}")
        }
        Err(MigrationError::Unknown { step, .. }) => format!("unknown {step:?}"),
    }
}

fn check(rows: &[(&str, Run, &str, &str)]) {
    for (name, run, trace, outcome) in rows {
        let (seen, ended) = run.go();
        assert_eq!(seen, format!("{trace} end"), "{name}");
        assert_eq!(says(&ended), *outcome, "{name}");
    }
}

const FULL: &str = "begin state prepare perform finish confirm";

const UNPROTECTED: Run = Run {
    protected: false,
    ..GOOD
};

/// What fails, the steps that follow, and what is said of it.
const ROWS: &[(&str, Run, &str, &str)] = &[
    ("all is well", GOOD, FULL, "moved"),
    ("without protection", UNPROTECTED, FULL, "moved"),
    (
        "begin refused",
        Run {
            begin: Refused,
            ..GOOD
        },
        "begin",
        "failed Begin",
    ),
    (
        "begin lost",
        Run {
            begin: Lost,
            ..GOOD
        },
        "begin go-on",
        "failed Begin",
    ),
    (
        "begin lost, no job",
        Run {
            begin: Lost,
            ..UNPROTECTED
        },
        "begin",
        "failed Begin",
    ),
    (
        "begin never sent",
        Run {
            begin: Gone,
            ..GOOD
        },
        "begin",
        "failed Begin",
    ),
    (
        "prepare refused",
        Run {
            prepare: Refused,
            ..GOOD
        },
        "begin state prepare go-on",
        "failed Prepare",
    ),
    (
        "prepare refused, no job",
        Run {
            prepare: Refused,
            ..UNPROTECTED
        },
        "begin state prepare",
        "failed Prepare",
    ),
    (
        "prepare lost",
        Run {
            prepare: Lost,
            ..GOOD
        },
        "begin state prepare give-up go-on",
        "failed Prepare",
    ),
    (
        "prepare never sent",
        Run {
            prepare: Gone,
            ..GOOD
        },
        "begin state prepare go-on",
        "failed Prepare",
    ),
    (
        "no address",
        Run { uri: None, ..GOOD },
        "begin state prepare give-up go-on",
        "failed Prepare",
    ),
    (
        "perform refused",
        Run {
            perform: Refused,
            ..GOOD
        },
        "begin state prepare perform give-up",
        "failed Perform",
    ),
    (
        "perform lost",
        Run {
            perform: Lost,
            ..GOOD
        },
        "begin state prepare perform abort give-up go-on",
        "failed Perform",
    ),
    (
        "perform never sent",
        Run {
            perform: Gone,
            ..GOOD
        },
        "begin state prepare perform give-up",
        "failed Perform",
    ),
    (
        "finish refused",
        Run {
            finish: Refused,
            ..GOOD
        },
        "begin state prepare perform finish go-on",
        "failed Finish",
    ),
    (
        "finish never sent",
        Run {
            finish: Gone,
            ..GOOD
        },
        "begin state prepare perform finish go-on",
        "failed Finish",
    ),
    (
        "confirm refused",
        Run {
            confirm: Refused,
            ..GOOD
        },
        FULL,
        "moved, unconfirmed",
    ),
    (
        "confirm lost",
        Run {
            confirm: Lost,
            ..GOOD
        },
        FULL,
        "moved, unconfirmed",
    ),
    (
        "nothing can be undone",
        Run {
            finish: Refused,
            confirm: Gone,
            ..GOOD
        },
        "begin state prepare perform finish go-on",
        "failed Finish, paused",
    ),
];

#[test]
fn every_step_fails_once() {
    check(ROWS);
}

#[test]
fn a_guest_that_may_run_there_is_not_resumed_here() {
    check(&[
        (
            "it runs there",
            Run {
                finish: Lost,
                found: true,
                ..GOOD
            },
            "begin state prepare perform finish look confirm",
            "moved",
        ),
        (
            "nobody knows",
            Run {
                finish: Lost,
                ..GOOD
            },
            "begin state prepare perform finish look",
            "unknown Finish",
        ),
    ]);
}

#[test]
fn cancelling_undoes_what_was_done() {
    let at = |cancel_at| Run {
        cancel_at: Some(cancel_at),
        ..GOOD
    };
    let finish = Step::Finish { cancelled: false };
    check(&[
        ("at once", at(Step::Begin), "begin state go-on", "cancelled"),
        (
            "prepared",
            at(Step::Prepare),
            "begin state prepare give-up go-on",
            "cancelled",
        ),
        (
            "sent all the same",
            at(Step::Perform),
            "begin state prepare perform give-up go-on",
            "cancelled",
        ),
        (
            "sending aborted",
            Run {
                perform: Refused,
                ..at(Step::Perform)
            },
            "begin state prepare perform give-up",
            "cancelled",
        ),
        ("too late", at(finish), FULL, "moved"),
    ]);
}

#[test]
fn an_offline_guest_is_not_sent() {
    let offline = Run {
        flags: DomainMigrateFlags::OFFLINE,
        state: DomainState::SHUTOFF,
        ..GOOD
    };
    check(&[(
        "offline",
        offline,
        "begin state prepare finish confirm",
        "moved",
    )]);
}

#[test]
fn each_host_gets_its_flags() {
    let flags = DomainMigrateFlags::LIVE | DomainMigrateFlags::AUTO_CONVERGE;
    let params = MigrationOptions::new(flags).params;
    let mut it = Choreography::new("guest", flags, params, true);
    let protection = DomainMigrateFlags::CHANGE_PROTECTION;
    assert_eq!(it.source_flags(), (flags | protection).bits());
    assert_eq!(it.destination_flags(), DomainMigrateFlags::LIVE.bits());
    it.began(Ok(("<domain/>".to_owned(), Vec::new())));
    it.state(Ok(DomainState::PAUSED));
    let paused = DomainMigrateFlags::LIVE | DomainMigrateFlags::PAUSED;
    assert_eq!(it.destination_flags(), paused.bits());
    assert_eq!(
        it.params.str(fields::MIGRATE_PARAM_DEST_NAME).as_deref(),
        Some("guest")
    );
    assert_eq!(
        it.params.str(fields::MIGRATE_PARAM_DEST_XML).as_deref(),
        Some("<domain/>")
    );
}

#[test]
fn an_error_says_where_the_guest_is() {
    let error = |end: End| end.result(()).unwrap_err();
    let failed = MigrationError::Failed {
        step: MigrationStep::Perform,
        error: error(Refused),
        destination: Some(Box::new(error(Lost))),
        unconfirmed: None,
    };
    assert_eq!(
        failed.to_string(),
        "the migration failed when the source sent the guest: libvirt error 9, \
         the destination says: no answer in time"
    );
}
