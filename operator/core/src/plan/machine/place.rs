//! Whether a machine that is bound keeps its place on its host.

use drover_crds::condition::Reason;

use super::Plan;
use crate::desired::machine::{DesiredMachine, WhenHalted};
use crate::observed::domain::ObservedDomain;

/// Whether it has its place, after a look that found this and planned this. `had` says whether it had it
/// before. One that runs has it, however it came to run; one that is off gives it up only when it is to
/// be off and there is nothing left to do, and has it again only when somebody gives it back.
#[must_use]
pub fn keeps_place(
    desired: &DesiredMachine,
    domain: &ObservedDomain,
    plan: &Plan,
    had: bool,
) -> bool {
    if domain.state.is_active() {
        return true;
    }
    let rests = plan.step.is_none() && plan.verdict.reason == Reason::Halted;
    let frees = rests && desired.placement.when_halted == WhenHalted::FreePlace;
    had && !frees
}
