//! What is to be done about the difference between what is declared and what is there.

pub mod changes;
pub mod clone;
pub mod foresee;
pub mod history;
pub mod machine;
pub mod network;
pub mod pool;
pub mod shared;
pub mod spec;
pub mod strategy;
pub mod volume;

use drover_crds::condition::Reason;

/// How an object is, in a word and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The reason of its `Ready`.
    pub reason: Reason,
    /// The sentence.
    pub message: String,
}

impl Verdict {
    /// A verdict with these words.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// Who uses something, for a message.
#[must_use]
pub fn used_by(what: &str, users: &[String]) -> Option<String> {
    match users {
        [] => None,
        [only] => Some(format!("used by {only}")),
        [first, ..] => Some(format!("used by {} {what}, such as {first}", users.len())),
    }
}

/// The plan for what is on a host: the next step, and how it is there until the step is done. After
/// each step everything is looked at anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<Step> {
    /// The next step; none when there is nothing to do, or something to wait for.
    pub step: Option<Step>,
    /// How it is.
    pub verdict: Verdict,
}

impl<Step> Plan<Step> {
    /// The same plan with only the name of its step.
    pub fn named<Name: Into<String>>(self, name: impl Fn(&Step) -> Name) -> Plan<String> {
        Plan {
            step: self.step.map(|step| name(&step).into()),
            verdict: self.verdict,
        }
    }

    pub(crate) fn doing(step: Step, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            step: Some(step),
            verdict: Verdict::new(reason, message),
        }
    }

    pub(crate) fn creating(step: Step, message: &str) -> Self {
        Self::doing(step, Reason::Creating, message)
    }

    pub(crate) fn fine() -> Self {
        Self::waiting(Reason::Realized, "")
    }

    pub(crate) fn waiting(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            step: None,
            verdict: Verdict::new(reason, message),
        }
    }
}
