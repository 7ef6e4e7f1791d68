//! Machines that make room for more important ones: who may stop whom, and for how long.

use drover_crds::virtual_machine::RunStrategy;

use crate::desired::machine::DesiredMachine;

/// What is to become of a machine that was told to make room for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is off until the other one is placed.
    Stands,
    /// The other one is placed. If it is off, its place has gone to that one.
    Met,
    /// The other one is gone, or needs no room any more, or may not have this one's. It goes on where it
    /// is: its place was never lost.
    Void,
}

/// Whether a machine may stop others so that it finds room: it says so, and is to run. One of a group
/// does not.
#[must_use]
pub fn may_take_room(desired: &DesiredMachine) -> bool {
    let asked = &desired.asked;
    let runs = match desired.strategy {
        RunStrategy::Always | RunStrategy::RerunOnFailure | RunStrategy::Once => true,
        RunStrategy::Manual => asked.started.is_some() && asked.started >= asked.stopped,
        RunStrategy::Halted => false,
    };
    let placement = &desired.placement;
    placement.preemption && placement.group.is_none() && runs
}

/// Whether a machine may be stopped so that others find room: it says so, and can be started again. One
/// that runs once cannot, nor one that is only looked at.
#[must_use]
pub fn may_make_room(desired: &DesiredMachine) -> bool {
    let again = desired.strategy != RunStrategy::Once && !desired.observe;
    desired.placement.preemption && again
}

/// The machine that another one was told to make room for.
#[derive(Debug, Clone, Copy)]
pub enum Other<'a> {
    /// It is no longer there, or is going, or has found room on another host.
    Gone,
    /// It is bound to the same host.
    Placed,
    /// It waits.
    Waits(&'a DesiredMachine),
}

/// What becomes of a machine that was told to make room for another one.
#[must_use]
pub fn claim(machine: &DesiredMachine, other: Other<'_>) -> Claim {
    match other {
        Other::Placed => Claim::Met,
        Other::Waits(other)
            if other.placement.priority > machine.placement.priority
                && may_take_room(other)
                && may_make_room(machine) =>
        {
            Claim::Stands
        }
        Other::Waits(_) | Other::Gone => Claim::Void,
    }
}

#[cfg(test)]
mod tests {
    use drover_crds::virtual_machine::RunStrategy;

    use super::{Claim, Other, claim};
    use crate::desired::machine::{DesiredGroup, DesiredMachine};

    fn machine(priority: i32) -> DesiredMachine {
        let text = format!(
            "{{metadata: {{name: a, namespace: shop}}, spec: {{memory: {{guest: 1Gi}}, placement: \
             {{priority: {priority}, preemption: Allowed}}}}}}"
        );
        let mut object: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        object["apiVersion"] = "drover.dev/v1alpha1".into();
        object["kind"] = "VirtualMachine".into();
        let object = serde_json::from_value(object).unwrap();
        DesiredMachine::parse(&object, "lab", None).unwrap()
    }

    #[test]
    fn nobody_is_stopped_for_one_that_is_gone_or_for_ever() {
        let low = machine(1);
        assert_eq!(claim(&low, Other::Gone), Claim::Void);
        assert_eq!(claim(&low, Other::Placed), Claim::Met);
        assert_eq!(claim(&low, Other::Waits(&machine(2))), Claim::Stands);
    }

    #[test]
    fn both_have_to_allow_it_and_the_priority_has_to_be_higher() {
        let never = |mut it: DesiredMachine| {
            it.placement.preemption = false;
            it
        };
        let (low, high) = (machine(1), machine(2));
        for (machine, other) in [
            (never(low.clone()), high.clone()),
            (low.clone(), never(high.clone())),
            (low.clone(), low.clone()),
            (high.clone(), low.clone()),
        ] {
            assert_eq!(claim(&machine, Other::Waits(&other)), Claim::Void);
        }
    }

    #[test]
    fn only_one_that_is_to_run_takes_room_and_only_one_that_can_run_again_makes_it() {
        let run = |priority: i32, strategy: RunStrategy| DesiredMachine {
            strategy,
            ..machine(priority)
        };
        let (low, high) = (machine(1), machine(2));
        let claim =
            |machine: &DesiredMachine, other: &DesiredMachine| claim(machine, Other::Waits(other));
        for (strategy, takes, makes) in [
            (RunStrategy::Always, Claim::Stands, Claim::Stands),
            (RunStrategy::RerunOnFailure, Claim::Stands, Claim::Stands),
            (RunStrategy::Once, Claim::Stands, Claim::Void),
            (RunStrategy::Manual, Claim::Void, Claim::Stands),
            (RunStrategy::Halted, Claim::Void, Claim::Stands),
        ] {
            assert_eq!(claim(&low, &run(2, strategy)), takes, "{strategy:?}");
            assert_eq!(claim(&run(1, strategy), &high), makes, "{strategy:?}");
        }
        let mut started = run(2, RunStrategy::Manual);
        started.asked.started = Some("2026-01-02T00:00:00Z".to_owned());
        assert_eq!(claim(&low, &started), Claim::Stands);
        started.asked.stopped = Some("2026-01-03T00:00:00Z".to_owned());
        assert_eq!(claim(&low, &started), Claim::Void);
        let mut grouped = high.clone();
        grouped.placement.group = Some(DesiredGroup::default());
        assert_eq!(claim(&low, &grouped), Claim::Void);
        let mut seen = low.clone();
        seen.observe = true;
        assert_eq!(claim(&seen, &high), Claim::Void);
    }
}
