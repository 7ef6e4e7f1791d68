//! Shutting a machine down: its agent is asked, then its power button is pressed, and at the end of
//! its time it is powered off.

use drover_crds::condition::Reason;

use super::{Plan, Request, Situation, Step};
use crate::observed::domain::{DomainState, ObservedDomain};
use crate::plan::Verdict;

// The guest may miss the first request, while it boots.
const ASK_AGAIN_MILLIS: u64 = 5_000;
// An agent that has not done it by then is gone, or stuck.
const AGENT_MILLIS: u64 = 10_000;

pub(super) fn plan(situation: &Situation<'_>, domain: &ObservedDomain, reason: Reason) -> Plan {
    let grace = situation.desired.grace_millis;
    // A guest that stands still does not hear.
    let deaf = matches!(domain.state, DomainState::Paused | DomainState::PmSuspended);
    if grace == 0 || deaf {
        return Plan::doing(Step::Destroy, reason, "it is being powered off");
    }
    let agent = domain.live.as_ref().is_some_and(|live| live.agent);
    let Some(asked) = situation.history.shutdown_asked else {
        return match agent {
            true => Plan::doing(
                Step::Shutdown(Request::Agent),
                reason,
                "its agent is asked to shut it down",
            ),
            false => Plan::doing(Step::Shutdown(Request::Button), reason, button(grace)),
        };
    };
    let since = situation.now.saturating_sub(asked);
    if since >= grace {
        return Plan::doing(
            Step::Destroy,
            reason,
            "its time to shut down is over: it is powered off",
        );
    }
    let patience = if agent {
        AGENT_MILLIS
    } else {
        ASK_AGAIN_MILLIS
    };
    let last = situation.history.shutdown_asked_again.unwrap_or(asked);
    // After the agent the button is pressed, and then again and again.
    let patience = if last > asked {
        ASK_AGAIN_MILLIS
    } else {
        patience
    };
    let silent = situation.now.saturating_sub(last);
    if silent >= patience {
        return Plan::doing(Step::Shutdown(Request::Button), reason, button(grace));
    }
    let message = match agent && last == asked {
        true => "its agent is asked to shut it down".to_owned(),
        false => button(grace),
    };
    let mut plan = Plan::new(None, Verdict::new(reason, message));
    plan.wait_millis = Some((grace - since).min(patience - silent));
    plan
}

fn button(grace: u64) -> String {
    format!(
        "its power button is pressed; powered off after {} s",
        grace.div_ceil(1_000)
    )
}
