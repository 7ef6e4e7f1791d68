//! What a replica knows of the Lease, and what follows.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use tokio::time::Instant;

/// The Lease as it was last seen, and since when it has been so by our own clock.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    spec: LeaseSpec,
    version: Option<String>,
    since: Instant,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Another replica leads.
    Wait,
    /// It is ours: renew it.
    Renew {
        /// Since when, for people to read.
        acquired: Option<MicroTime>,
    },
    /// Nobody leads: take it.
    Take,
}

impl Observed {
    pub(super) fn update(before: Option<Self>, lease: &Lease, now: Instant) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        // Only the spec counts: somebody may label the object again and again.
        let since = match before {
            Some(before) if before.spec == spec => before.since,
            _ => now,
        };
        Self {
            spec,
            version: lease.metadata.resource_version.clone(),
            since,
        }
    }

    pub(super) fn holder(&self) -> &str {
        self.spec.holder_identity.as_deref().unwrap_or_default()
    }

    pub(super) fn version(&self) -> (Option<String>, i32) {
        (
            self.version.clone(),
            self.spec.lease_transitions.unwrap_or_default(),
        )
    }

    pub(super) fn step(&self, identity: &str, now: Instant) -> Step {
        if self.holder() == identity {
            return Step::Renew {
                acquired: self.spec.acquire_time.clone(),
            };
        }
        let seconds = self.spec.lease_duration_seconds.unwrap_or_default();
        let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let expired = now.saturating_duration_since(self.since) >= duration;
        if self.holder().is_empty() || expired {
            Step::Take
        } else {
            Step::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, renewed: i64) -> Lease {
        Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: Some(15),
                renew_time: jiff::Timestamp::from_second(renewed).ok().map(MicroTime),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        }
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn anothers_lease_counts_from_when_it_was_seen_to_change() {
        let start = Instant::now();
        // Its clock is years behind: that says nothing.
        let seen = Observed::update(None, &lease("other", 7), start);
        assert_eq!(seen.step("me", after(start, 14)), Step::Wait);
        assert_eq!(seen.step("me", after(start, 15)), Step::Take);
        let again = Observed::update(Some(seen.clone()), &lease("other", 7), after(start, 10));
        assert_eq!(again.step("me", after(start, 15)), Step::Take);
        let renewed = Observed::update(Some(seen), &lease("other", 8), after(start, 10));
        assert_eq!(renewed.step("me", after(start, 24)), Step::Wait);
        assert_eq!(renewed.step("me", after(start, 25)), Step::Take);
    }

    #[test]
    fn a_lease_given_back_is_taken_at_once() {
        let start = Instant::now();
        let seen = Observed::update(None, &lease("", 7), start);
        assert_eq!(seen.step("me", start), Step::Take);
    }

    #[test]
    fn ones_own_is_renewed() {
        let start = Instant::now();
        let seen = Observed::update(None, &lease("me", 7), start);
        let renew = Step::Renew { acquired: None };
        assert_eq!(seen.step("me", after(start, 100)), renew);
        assert_eq!(seen.step("other", start), Step::Wait);
    }
}
