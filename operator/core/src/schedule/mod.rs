//! On which host a machine goes, or why on none.
//!
//! [`schedule`] answers from a [`Fleet`], which is told of every host and every machine as they change, and
//! keeps what a decision needs:
//!
//! - **Shapes.** What a machine wants of hosts whatever becomes of them ([`Rules`]) is the same for many
//!   machines. For each that was asked the fleet keeps the set of hosts that have it, in tiers by what
//!   they score for it (preferred labels, taints, images). A host that changes is put anew into each.
//! - **Terms.** For each affinity, anti-affinity and spread that was asked, or that a machine keeps others
//!   away by, the fleet keeps how many machines are in each domain that has any. A decision takes the
//!   domains that these forbid out of the set of hosts, whole sets at a time. Of a term with machines in
//!   many domains the hosts of these are kept together.
//! - **The grid.** Hosts with the same room are one entry. Those of hosts of about the same size are a class,
//!   apart for hosts that others are kept away from (taints) or drawn to (images), since these are emptier
//!   or fuller. Entries of the same free CPUs are a row of it, in the order of their free memory: the best
//!   is at one place of it. Each class keeps its rows in the order of what their hosts score as they are; what
//!   the machine takes raises that by so much at most. Those that are not below the best host so far by that
//!   are visited by their bound, the best first, until it is. Where too many hosts that are not asked
//!   for are in the way, those that are asked for are looked at one by one. What else a host scores is the
//!   same for all hosts of a tier or of a domain, so that each of these is searched on its own, the most
//!   promising first, until what it could add is not enough. Where there are many domains it is a bound as
//!   well, and the host's own when the host is looked at; hosts near machines that it would rather be apart
//!   from are searched after the others, by a bound of their own.
//!
//! The answer is exact: the one that looking at every host would give, which the tests compare with a
//! scheduler that does. Equals are told apart by a hash ring: the host is the first after the machine's
//! place on it, which in a sorted list of equals is found at once.
//!
//! Where it differs from kube-scheduler: scores are not normalised over the hosts that fit (no host's
//! score depends on another's); preferred (anti-)affinity grows with the number of machines, each further
//! one less so; spread counts every machine of a domain that has a host which the machine selects; and
//! other machines' preferences do not count, only their required anti-affinity.

mod candidate;
mod decide;
mod event;
mod explain;
mod filter;
mod fleet;
mod group;
mod labels;
mod limits;
mod overhead;
mod preempt;
mod reasons;
mod refusal;
mod request;
mod score;
#[cfg(test)]
mod tests;
mod waiting;

pub use self::candidate::{Candidate, Foreign, Guest, HugepageRoom};
pub use self::decide::schedule;
pub use self::event::{Aspect, Event, Free, HostId, Labels, could_help};
pub use self::explain::{Explained, explain};
pub use self::fleet::hash::ring;
pub use self::fleet::{Counts, Fleet};
pub use self::group::{GroupRefused, schedule_group};
pub use self::labels::{Effect, Operator, Requirement, Selector, Taint, Toleration};
pub use self::overhead::{Overhead, overhead};
pub use self::preempt::{Preemption, preempt};
pub use self::reasons::{Nearest, Reason, Rejected, Unschedulable};
pub use self::request::{
    CpuWanted, GuestWanted, Hugepages, Machine, Preferred, Request, Rules, Spread, Term, Usage,
};
pub use self::score::{ONE, Weights};
pub use self::waiting::{Waiting, Waits};
