//! A machine that is bound to a host which answers: what is to be done there.

use drover_crds::condition::Reason;

use super::Verdict;
use super::machine_diff::{Difference, differences};
use crate::desired::machine::{DesiredMachine, MachineDeletionPolicy};
use crate::observed::domain::{DomainState, ObservedDomain};
use crate::xml::ResolvedDisk;

/// One thing to be done on the host. After it everything is looked at anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Write the definition.
    Define,
    /// Take libvirt's autostart away.
    ClearAutostart,
    /// Start it.
    Start,
    /// Let it go on.
    Resume,
    /// Ask the guest to shut down.
    Shutdown,
    /// Power it off.
    Destroy,
    /// Take the definition away.
    Undefine,
    /// Take Drover's mark away, and leave the rest.
    RemoveMark,
}

/// What is to be done, how the machine is meanwhile, and when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The next step; none when there is nothing to do, or something to wait for.
    pub step: Option<Step>,
    /// How the machine is, until the step is done.
    pub verdict: Verdict,
    /// What is not as declared.
    pub differences: Vec<Difference>,
    /// When to look again without an event, in milliseconds.
    pub wait_millis: Option<u64>,
}

/// What the operator remembers of a machine between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// When the guest was asked to shut down.
    pub shutdown_asked: Option<u64>,
    /// When it was last asked again.
    pub shutdown_asked_again: Option<u64>,
    /// When it was last started.
    pub started: Option<u64>,
    /// How many starts failed, or did not last, one after the other.
    pub failures: u32,
    /// When the last of them was seen to have failed.
    pub failed: Option<u64>,
}

/// A run of this long was no failed start.
pub const LASTING_MILLIS: u64 = 60_000;
// The guest may miss the first request, while it boots.
const ASK_AGAIN_MILLIS: u64 = 5_000;

/// Everything that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The machine as it is to be.
    pub desired: &'a DesiredMachine,
    /// Where its disks are.
    pub disks: &'a [ResolvedDisk],
    /// The domain of its UUID, if the host has it.
    pub observed: Option<&'a ObservedDomain>,
    /// Another domain that has its name.
    pub name_taken: bool,
    /// The placement.
    pub epoch: i64,
    /// Whether its object is being deleted.
    pub deleting: bool,
    /// What is remembered.
    pub history: History,
    /// What time it is, in milliseconds since any fixed point.
    pub now: u64,
}

/// The plan for a machine.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Plan {
    let desired = situation.desired;
    let Some(domain) = situation.observed else {
        return plan_absent(situation);
    };
    let owned = domain
        .mark()
        .is_some_and(|mark| mark.same_object(&desired.mark(0)));
    if !owned {
        if situation.deleting {
            return waiting(Reason::Deleting, "nothing of it is on the host");
        }
        let message = format!(
            "domain {} on the host has this machine's UUID {} and not its mark",
            domain.name, domain.uuid
        );
        return waiting(Reason::UUIDConflict, message);
    }
    if situation.deleting {
        return plan_deletion(situation, domain);
    }
    if domain.autostart {
        return doing(
            Step::ClearAutostart,
            Reason::Starting,
            "libvirt would start it with the host",
        );
    }
    match (desired.run, domain.state.is_active()) {
        (true, true) => plan_running(situation, domain),
        (true, false) => plan_start(situation, domain),
        (false, true) => plan_stop(situation, domain, Reason::Stopping),
        (false, false) => plan_off(situation, domain),
    }
}

fn plan_absent(situation: &Situation<'_>) -> Plan {
    if situation.deleting {
        return waiting(Reason::Deleting, "nothing of it is on the host");
    }
    if situation.name_taken {
        let message = format!(
            "a domain {} that is not this machine's is on the host",
            situation.desired.domain_name
        );
        return waiting(Reason::NameConflict, message);
    }
    doing(Step::Define, Reason::Starting, "it is being defined")
}

fn plan_deletion(situation: &Situation<'_>, domain: &ObservedDomain) -> Plan {
    if situation.desired.deletion_policy == MachineDeletionPolicy::Orphan {
        return doing(Step::RemoveMark, Reason::Deleting, "its domain stays");
    }
    if domain.state.is_active() {
        return plan_stop(situation, domain, Reason::Deleting);
    }
    doing(
        Step::Undefine,
        Reason::Deleting,
        "its domain is being removed",
    )
}

fn plan_running(situation: &Situation<'_>, domain: &ObservedDomain) -> Plan {
    if domain.state == DomainState::Paused && domain.reason == "User" {
        return doing(Step::Resume, Reason::Starting, "it was paused");
    }
    let differences = all_differences(situation, domain);
    let verdict = match domain.state {
        DomainState::Paused => Verdict::new(
            Reason::RetryLater,
            format!("paused by libvirt: {}", domain.reason),
        ),
        _ if differences.is_empty() => Verdict::new(Reason::Running, "it runs as declared"),
        _ => Verdict::new(Reason::RestartRequired, restart_message(&differences)),
    };
    // What stays behind when it stops has to be this machine's, of this placement.
    let mark = situation.desired.mark(situation.epoch);
    let stale = !domain.persistent || domain.mark().is_some_and(|found| *found != mark);
    // When the run has lasted, the failures before it are over.
    let lasting = situation
        .history
        .started
        .filter(|_| situation.history.failures > 0);
    let wait_millis = lasting
        .map(|started| (started + LASTING_MILLIS).saturating_sub(situation.now) + 1)
        .filter(|wait| *wait > 1);
    Plan {
        step: stale.then_some(Step::Define),
        verdict,
        differences,
        wait_millis,
    }
}

fn restart_message(differences: &[Difference]) -> String {
    let each: Vec<_> = differences
        .iter()
        .map(|difference| {
            format!(
                "{}: {} -> {}",
                difference.path, difference.from, difference.to
            )
        })
        .collect();
    format!("takes effect at the next start: {}", each.join(", "))
}

// Of what runs and of what the next start would take; each field once.
fn all_differences(situation: &Situation<'_>, domain: &ObservedDomain) -> Vec<Difference> {
    let mut all: Vec<Difference> = Vec::new();
    for definition in domain.definitions() {
        for difference in differences(situation.desired, situation.disks, definition) {
            if !all.iter().any(|known| known.path == difference.path) {
                all.push(difference);
            }
        }
    }
    all
}

fn plan_start(situation: &Situation<'_>, domain: &ObservedDomain) -> Plan {
    if needs_definition(situation, domain) {
        return doing(Step::Define, Reason::Starting, "it is being defined");
    }
    let history = situation.history;
    let until = history
        .failed
        .map_or(0, |failed| failed + back_off_millis(history.failures));
    if history.failures > 0 && situation.now < until {
        let wait = until - situation.now;
        let message = format!(
            "{} starts failed or did not last; the next is in {} s",
            history.failures,
            wait.div_ceil(1_000)
        );
        let verdict = Verdict::new(Reason::CrashLoopBackOff, message);
        return Plan {
            step: None,
            verdict,
            differences: Vec::new(),
            wait_millis: Some(wait),
        };
    }
    doing(Step::Start, Reason::Starting, "it is being started")
}

fn plan_off(situation: &Situation<'_>, domain: &ObservedDomain) -> Plan {
    if needs_definition(situation, domain) {
        return doing(Step::Define, Reason::Stopping, "it is being defined");
    }
    waiting(Reason::Halted, "it is off, as declared")
}

fn needs_definition(situation: &Situation<'_>, domain: &ObservedDomain) -> bool {
    let old = domain
        .mark()
        .is_none_or(|mark| *mark != situation.desired.mark(situation.epoch));
    let different = domain
        .inactive
        .as_ref()
        .is_none_or(|found| !differences(situation.desired, situation.disks, found).is_empty());
    old || different
}

fn plan_stop(situation: &Situation<'_>, domain: &ObservedDomain, reason: Reason) -> Plan {
    let grace = situation.desired.grace_millis;
    let asked = situation.history.shutdown_asked;
    // A guest that stands still does not hear.
    let deaf = matches!(domain.state, DomainState::Paused | DomainState::PmSuspended);
    if grace == 0 || deaf {
        return doing(Step::Destroy, reason, "it is being powered off");
    }
    let Some(asked) = asked else {
        return doing(Step::Shutdown, reason, "it is asked to shut down");
    };
    let since = situation.now.saturating_sub(asked);
    if since >= grace {
        return doing(
            Step::Destroy,
            reason,
            "its time to shut down is over: it is powered off",
        );
    }
    let message = format!(
        "it is shutting down; powered off after {} s",
        grace.div_ceil(1_000)
    );
    let last = situation.history.shutdown_asked_again.unwrap_or(asked);
    let silent = situation.now.saturating_sub(last);
    if silent >= ASK_AGAIN_MILLIS {
        return doing(Step::Shutdown, reason, message);
    }
    let wait = (grace - since).min(ASK_AGAIN_MILLIS - silent);
    let verdict = Verdict::new(reason, message);
    Plan {
        step: None,
        verdict,
        differences: Vec::new(),
        wait_millis: Some(wait),
    }
}

/// How long after so many failures the next start waits: 10 s, doubled each time up to 5 minutes.
#[must_use]
pub fn back_off_millis(failures: u32) -> u64 {
    let doubled = 10_000_u64.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(300_000)
}

fn doing(step: Step, reason: Reason, message: impl Into<String>) -> Plan {
    let verdict = Verdict::new(reason, message);
    Plan {
        step: Some(step),
        verdict,
        differences: Vec::new(),
        wait_millis: None,
    }
}

fn waiting(reason: Reason, message: impl Into<String>) -> Plan {
    let verdict = Verdict::new(reason, message);
    Plan {
        step: None,
        verdict,
        differences: Vec::new(),
        wait_millis: None,
    }
}
