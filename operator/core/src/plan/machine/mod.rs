//! A machine that is bound to a host which answers: what is to be done there.

mod mark;
mod place;
mod power;
mod stop;
mod told;
mod update;

use drover_crds::condition::Reason;

use super::Verdict;
use super::changes::Change;
use super::history::History;
use crate::desired::machine::{DesiredMachine, MachineDeletionPolicy};
use crate::fields::{Shape, Site};
use crate::identity::Mark;
use crate::observed::domain::ObservedDomain;

pub use mark::manager_kind;
pub use place::keeps_place;
pub use update::Fate;

/// One thing to be done on the host. After it everything is looked at anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write the definition of a machine that is not there.
    Create {
        /// Its mark.
        mark: Box<Mark>,
    },
    /// Change the definition that its next start takes.
    Define {
        /// Its mark.
        mark: Box<Mark>,
        /// The paths that may be changed.
        paths: Vec<String>,
    },
    /// Write down what has been done about it.
    Record {
        /// Where.
        side: Side,
        /// The mark.
        mark: Box<Mark>,
    },
    /// Change it while it runs.
    Change(Change),
    /// Take libvirt's autostart away.
    ClearAutostart,
    /// Start it.
    Start {
        /// With its CPUs standing still.
        paused: bool,
    },
    /// Let it go on.
    Resume,
    /// Make its CPUs stand still.
    Suspend,
    /// Reset it, as by its button.
    Reset {
        /// The value of the annotation that asks for it.
        value: String,
    },
    /// Ask the guest to shut down.
    Shutdown(Request),
    /// Power it off.
    Destroy,
    /// Take the definition away.
    Undefine,
    /// Take Drover's mark away, and leave the rest.
    RemoveMark,
}

/// Which definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that runs.
    Live,
    /// The one that the next start takes.
    Config,
}

impl Side {
    // What the next start takes is written first: it is what counts when the machine is off.
    fn first(domain: &ObservedDomain) -> Self {
        if domain.persistent {
            Self::Config
        } else {
            Self::Live
        }
    }
}

impl Step {
    fn record(side: Side, mark: Mark) -> Self {
        let mark = Box::new(mark);
        Self::Record { side, mark }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "Create",
            Self::Define { .. } => "Define",
            Self::Record { .. } => "Record",
            Self::Change(_) => "Change",
            Self::ClearAutostart => "ClearAutostart",
            Self::Start { .. } => "Start",
            Self::Resume => "Resume",
            Self::Suspend => "Suspend",
            Self::Reset { .. } => "Reset",
            Self::Shutdown(_) => "Shutdown",
            Self::Destroy => "Destroy",
            Self::Undefine => "Undefine",
            Self::RemoveMark => "RemoveMark",
        }
    }
}

/// How a guest is asked to shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// By its agent.
    Agent,
    /// By the power button.
    Button,
}

/// What is to be done, how the machine is meanwhile, and when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The next step; none when there is nothing to do, or something to wait for.
    pub step: Option<Step>,
    /// How the machine is, until the step is done.
    pub verdict: Verdict,
    /// What is not as declared, and what becomes of it.
    pub changes: Vec<(Change, Fate)>,
    /// Stands for these changes.
    pub hash: Option<String>,
    /// When to look again without an event, in milliseconds.
    pub wait_millis: Option<u64>,
}

/// Everything that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The machine as it is to be.
    pub desired: &'a DesiredMachine,
    /// Where it is, and where its disks are.
    pub site: &'a Site,
    /// The domain of its UUID, if the host has it.
    pub observed: Option<&'a ObservedDomain>,
    /// Another domain that has its name.
    pub name_taken: bool,
    /// Who asks: a cluster's UID, or `cli`.
    pub manager: &'a str,
    /// Whether a machine of the other kind of manager may be taken over.
    pub take_over: bool,
    /// Whether the Host lets the machine's namespace take over what carries no mark.
    pub adoption: bool,
    /// Why the machine may not be where it is, if it may not.
    pub misplaced: Option<&'a str>,
    /// The machine that it makes room for, if it does: until then it is off.
    pub making_room: Option<&'a str>,
    /// The placement.
    pub epoch: i64,
    /// Whether its object is being deleted.
    pub deleting: bool,
    /// What is remembered.
    pub history: &'a History,
    /// What time it is, in milliseconds since 1970.
    pub now: u64,
}

/// The plan for a machine.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Plan {
    let desired = situation.desired;
    let Some(domain) = situation.observed else {
        return absent(situation);
    };
    if desired.observe {
        return observed(situation, domain);
    }
    match mark::ownership(situation, domain) {
        Ok(mark::Owner::This) => {}
        Ok(mark::Owner::Nobody) if situation.deleting => {
            return Plan::waiting(Reason::Deleting, "nothing of it is on the host");
        }
        Ok(mark::Owner::Nobody) => {
            // It is marked before anything else: from now on nobody else may take it.
            let step = Step::record(Side::first(domain), mark::adopted(situation));
            return Plan::doing(step, Reason::Starting, "it is being taken over");
        }
        Err(_) if situation.deleting => {
            return Plan::waiting(Reason::Deleting, "nothing of it is on the host");
        }
        Err(verdict) => return Plan::new(None, verdict),
    }
    if situation.deleting {
        return deletion(situation, domain);
    }
    if domain.autostart {
        return Plan::doing(
            Step::ClearAutostart,
            Reason::Starting,
            "libvirt would start it with the host",
        );
    }
    let wanted = Shape::of(desired, situation.site);
    power::plan(situation, domain, &wanted)
}

fn absent(situation: &Situation<'_>) -> Plan {
    let desired = situation.desired;
    if situation.deleting {
        return Plan::waiting(Reason::Deleting, "nothing of it is on the host");
    }
    if desired.observe {
        return Plan::waiting(Reason::Observed, "it is not on the host");
    }
    if desired.existing {
        let message = format!(
            "spec.uuid: no domain has the UUID {}; a machine that is to be made has none",
            desired.uuid
        );
        return Plan::waiting(Reason::AdoptionRefused, message);
    }
    if situation.name_taken {
        let message = format!(
            "a domain {} that is not this machine's is on the host",
            desired.domain_name
        );
        return Plan::waiting(Reason::NameConflict, message);
    }
    let wanted = Shape::of(desired, situation.site);
    let mark = Box::new(mark::fresh(situation, &wanted));
    Plan::doing(
        Step::Create { mark },
        Reason::Starting,
        "it is being defined",
    )
}

// It is only looked at.
fn observed(situation: &Situation<'_>, domain: &ObservedDomain) -> Plan {
    if situation.deleting {
        return Plan::waiting(Reason::Deleting, "it was only looked at");
    }
    let message = format!("it is {} and is only looked at", domain.state.as_str());
    let mut plan = Plan::waiting(Reason::Observed, message);
    let wanted = Shape::of(situation.desired, situation.site);
    plan.changes = update::only_seen(situation, domain, &wanted);
    plan
}

fn deletion(situation: &Situation<'_>, domain: &ObservedDomain) -> Plan {
    if situation.desired.deletion_policy == MachineDeletionPolicy::Orphan {
        return Plan::doing(Step::RemoveMark, Reason::Deleting, "its domain stays");
    }
    if domain.state.is_active() {
        return stop::plan(situation, domain, Reason::Deleting);
    }
    Plan::doing(
        Step::Undefine,
        Reason::Deleting,
        "its domain is being removed",
    )
}

impl Plan {
    fn new(step: Option<Step>, verdict: Verdict) -> Self {
        Self {
            step,
            verdict,
            changes: Vec::new(),
            hash: None,
            wait_millis: None,
        }
    }

    fn doing(step: Step, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Some(step), Verdict::new(reason, message))
    }

    fn waiting(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(None, Verdict::new(reason, message))
    }
}
