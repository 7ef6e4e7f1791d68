//! What is to be done about the difference between what is declared and what is there.

pub mod machine;
pub mod machine_diff;
pub mod network;
pub mod pool;
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
