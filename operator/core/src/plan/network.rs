//! A network on one host.

use drover_crds::condition::Reason;

use super::Verdict;
use crate::desired::network::{DesiredNetwork, Mode};
use crate::observed::network::{NetworkFacts, ObservedNetwork};

/// One thing to be done on the host. After it everything is looked at anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Write the definition.
    Define,
    /// Start it.
    Start,
    /// Stop it.
    Destroy,
    /// Take the definition away.
    Undefine,
}

/// What is to be done on a host, and how the network is there meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The next step.
    pub step: Option<Step>,
    /// How it is.
    pub verdict: Verdict,
}

/// The plan for a network on a host. `in_use` says whether a running domain is in it.
#[must_use]
pub fn plan(desired: &DesiredNetwork, observed: Option<&ObservedNetwork>, in_use: bool) -> Plan {
    let Some(network) = observed else {
        if desired.managed {
            return doing(Step::Define, "it is being defined");
        }
        let message = format!("there is no network {} on the host", desired.name);
        return waiting(Reason::NotRealized, message);
    };
    if !desired.managed {
        let message = "the network is not active";
        return if network.active {
            fine()
        } else {
            waiting(Reason::NotRealized, message)
        };
    }
    if network.uuid != desired.uuid {
        let message = format!(
            "a network {} that is not Drover's is on the host",
            desired.name
        );
        return waiting(Reason::NameConflict, message);
    }
    if differs(desired, &network.definition) {
        return match (network.active, in_use) {
            (false, _) => doing(Step::Define, "it is being defined"),
            (true, false) => doing(Step::Destroy, "it is being changed"),
            (true, true) => waiting(
                Reason::NotRealized,
                "a change waits until no running machine is in the network",
            ),
        };
    }
    if !network.active {
        return doing(Step::Start, "it is being started");
    }
    fine()
}

/// The plan for a network whose object is being deleted.
#[must_use]
pub fn plan_deletion(
    desired: &DesiredNetwork,
    observed: Option<&ObservedNetwork>,
    in_use: bool,
) -> Plan {
    let ours = observed
        .filter(|network| desired.managed && desired.delete && network.uuid == desired.uuid);
    let Some(network) = ours else {
        return waiting(Reason::Deleting, "nothing is to be done");
    };
    match (network.active, in_use) {
        (true, true) => waiting(Reason::InUse, "a running domain is in the network"),
        (true, false) => doing(Step::Destroy, "it is being removed"),
        (false, _) => doing(Step::Undefine, "it is being removed"),
    }
}

// A bridge that libvirt chose is no difference.
fn differs(desired: &DesiredNetwork, found: &NetworkFacts) -> bool {
    let forward = match desired.mode {
        Mode::Nat => Some("nat"),
        Mode::Bridge => Some("bridge"),
        Mode::Isolated => None,
    };
    let subnets = desired.subnets.iter().filter_map(|subnet| {
        let address = subnet.gateway()?;
        let ranges = subnet
            .ranges
            .iter()
            .map(|(a, b)| (a.to_string(), b.to_string()));
        Some((
            format!("{address}/{}", subnet.cidr.prefix_len()),
            ranges.collect::<Vec<_>>(),
        ))
    });
    found.forward.as_deref() != forward
        || desired
            .bridge
            .as_ref()
            .is_some_and(|bridge| found.bridge.as_ref() != Some(bridge))
        || subnets.collect::<Vec<_>>() != found.addresses
}

fn fine() -> Plan {
    waiting(Reason::Realized, "")
}

fn doing(step: Step, message: &str) -> Plan {
    Plan {
        step: Some(step),
        verdict: Verdict::new(Reason::Creating, message),
    }
}

fn waiting(reason: Reason, message: impl Into<String>) -> Plan {
    Plan {
        step: None,
        verdict: Verdict::new(reason, message),
    }
}
