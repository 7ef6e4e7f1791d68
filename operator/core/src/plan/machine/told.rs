//! What a person is told of a machine, from what becomes of its differences.

use drover_crds::condition::Reason;
use drover_crds::virtual_machine::Approval;

use super::update::Fated;
use super::{Fate, Plan, Situation};
use crate::fields::Class;
use crate::observed::domain::{DomainState, ObservedDomain};
use crate::plan::Verdict;

// How a machine is that runs, with these differences.
pub(super) fn told(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    changes: Vec<Fated>,
) -> Plan {
    let desired = situation.desired;
    let mut plan = Plan::waiting(Reason::Running, "it runs as declared");
    plan.changes = changes;
    let any = |wanted: Fate| plan.changes.iter().any(|(_, fate)| *fate == wanted);
    let stalled = stalled(situation, &plan.changes);
    plan.verdict = match (domain.state, domain.reason) {
        (DomainState::Paused, "User") if desired.paused => stalled
            .unwrap_or_else(|| Verdict::new(Reason::Paused, "its CPUs stand still, as declared")),
        (DomainState::Paused, reason) if !desired.paused => {
            Verdict::new(Reason::RetryLater, format!("paused by libvirt: {reason}"))
        }
        (DomainState::Running | DomainState::Blocked | DomainState::Paused, _) => {
            if let Some(verdict) = stalled {
                verdict
            } else if plan.changes.iter().any(is_being_made) {
                Verdict::new(Reason::Updating, words(&plan.changes, Fate::Made))
            } else if any(Fate::Waits) || any(Fate::Written) {
                Verdict::new(Reason::RestartRequired, restart_words(&plan.changes))
            } else {
                plan.verdict.clone()
            }
        }
        (state, reason) => {
            let message = format!("its guest is {}: {reason}", state.as_str());
            Verdict::new(Reason::Running, message)
        }
    };
    plan
}

fn is_being_made((change, fate): &Fated) -> bool {
    *fate == Fate::Made && change.class != Class::NextBoot
}

/// What somebody has to do something about, whether the machine is on or off.
pub(super) fn stalled(situation: &Situation<'_>, changes: &[Fated]) -> Option<Verdict> {
    let any = |wanted: Fate| changes.iter().any(|(_, fate)| *fate == wanted);
    if any(Fate::Waits) && situation.desired.approval == Approval::Manual {
        let waiting = words(changes, Fate::Waits);
        return Some(Verdict::new(
            Reason::PlanNeedsApproval,
            format!("to be approved by drover.dev/approve with its hash in status.plan: {waiting}"),
        ));
    }
    any(Fate::Refused).then(|| Verdict::new(Reason::ChangeRefused, words(changes, Fate::Refused)))
}

fn words(changes: &[Fated], wanted: Fate) -> String {
    let chosen = changes.iter().filter(|(_, fate)| *fate == wanted);
    let lines: Vec<_> = chosen
        .map(|(change, _)| match wanted {
            Fate::Refused => {
                format!("{change} ({}: {})", change.class.as_str(), change.reason)
            }
            _ => change.to_string(),
        })
        .collect();
    lines.join(", ")
}

fn restart_words(changes: &[Fated]) -> String {
    let written = words(changes, Fate::Written);
    let waits = words(changes, Fate::Waits);
    match (written.is_empty(), waits.is_empty()) {
        (false, true) => format!("takes effect at the next start: {written}"),
        (true, false) => format!("not allowed unasked by spec.update: {waits}"),
        _ => format!(
            "takes effect at the next start: {written}; not allowed unasked by spec.update: {waits}"
        ),
    }
}
