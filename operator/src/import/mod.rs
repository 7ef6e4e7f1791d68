//! Content on its way into volumes: from the web, from one host to others, or from one volume of a
//! host to another.

pub mod address;
mod checksum;
pub mod clone;
pub(crate) mod connect;
mod content;
pub mod copy;
mod download;
pub mod fetch;
mod holes;
pub mod jobs;
mod mirrored;
pub mod received;
mod target;
pub mod transfer;
pub mod trust;
pub mod wipe;

use drover_core::plan::Verdict;
use drover_crds::condition::Reason;

use self::fetch::FetchError;

fn refused(message: impl Into<String>) -> Verdict {
    Verdict::new(Reason::SourceRefused, message)
}

fn retry(error: impl std::fmt::Display) -> Verdict {
    Verdict::new(Reason::RetryLater, error.to_string())
}

// What is said of an attempt that nobody wants any more.
fn given_up() -> Verdict {
    retry("it is not wanted any more")
}

fn unavailable(error: &FetchError) -> Verdict {
    // What is not there today may be there tomorrow.
    let reason = match error {
        FetchError::Status { .. } => Reason::SourceUnavailable,
        error if error.is_permanent() => Reason::SourceRefused,
        _ => Reason::SourceUnavailable,
    };
    Verdict::new(reason, error.to_string())
}
