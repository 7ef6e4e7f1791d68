//! On which host a machine goes, or why on none.

mod candidate;
mod decide;
mod event;
mod explain;
mod filter;
mod fleet;
mod group;
mod labels;
mod limits;
mod preempt;
mod queue;
mod reasons;
mod request;
mod score;
#[cfg(test)]
mod tests;

pub use self::candidate::{Candidate, Foreign, Guest, HugepageRoom};
pub use self::decide::schedule;
pub use self::event::{Aspect, Event, Free, HostId, Labels, could_help};
pub use self::explain::{Explained, explain};
pub use self::fleet::hash::ring;
pub use self::fleet::{Counts, Fleet};
pub use self::group::{GroupRefused, schedule_group};
pub use self::labels::{Effect, Operator, Requirement, Selector, Taint, Toleration};
pub use self::preempt::{Preemption, preempt};
pub use self::queue::Turn;
pub use self::reasons::{Nearest, Reason, Rejected, Unschedulable};
pub use self::request::{
    CpuWanted, GuestWanted, Hugepages, Machine, Preferred, Request, Rules, Spread, Term, Usage,
};
pub use self::score::{ONE, Weights};
