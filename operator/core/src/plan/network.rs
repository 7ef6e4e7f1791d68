//! A network on one host.

use drover_crds::condition::Reason;

use super::Plan;
use crate::desired::network::DesiredNetwork;
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

/// The plan for a network on a host. `in_use` says whether a running domain is in it.
#[must_use]
pub fn plan(
    desired: &DesiredNetwork,
    observed: Option<&ObservedNetwork>,
    in_use: bool,
) -> Plan<Step> {
    let Some(network) = observed else {
        if desired.managed {
            return Plan::creating(Step::Define, "it is being defined");
        }
        let message = format!("there is no network {} on the host", desired.name);
        return Plan::waiting(Reason::NotRealized, message);
    };
    if !desired.managed {
        let message = "the network is not active";
        return if network.active {
            Plan::fine()
        } else {
            Plan::waiting(Reason::NotRealized, message)
        };
    }
    if network.uuid != desired.uuid {
        let message = format!(
            "a network {} that is not Drover's is on the host",
            desired.name
        );
        return Plan::waiting(Reason::NameConflict, message);
    }
    if differs(desired, &network.definition) {
        return match (network.active, in_use) {
            (false, _) => Plan::creating(Step::Define, "it is being defined"),
            (true, false) => Plan::creating(Step::Destroy, "it is being changed"),
            (true, true) => Plan::waiting(
                Reason::NotRealized,
                "a change waits until no running machine is in the network",
            ),
        };
    }
    if !network.active {
        return Plan::creating(Step::Start, "it is being started");
    }
    Plan::fine()
}

/// The plan for a network whose object is being deleted.
#[must_use]
pub fn plan_deletion(
    desired: &DesiredNetwork,
    observed: Option<&ObservedNetwork>,
    in_use: bool,
) -> Plan<Step> {
    let ours = observed
        .filter(|network| desired.managed && desired.delete && network.uuid == desired.uuid);
    let Some(network) = ours else {
        return Plan::waiting(Reason::Deleting, "nothing is to be done");
    };
    match (network.active, in_use) {
        (true, true) => Plan::waiting(Reason::InUse, "a running domain is in the network"),
        (true, false) => Plan::creating(Step::Destroy, "it is being removed"),
        (false, _) => Plan::creating(Step::Undefine, "it is being removed"),
    }
}

// A bridge that libvirt chose is no difference.
fn differs(desired: &DesiredNetwork, found: &NetworkFacts) -> bool {
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
    found.forward.as_deref() != desired.mode.forward()
        || desired
            .bridge
            .as_ref()
            .is_some_and(|bridge| found.bridge.as_ref() != Some(bridge))
        || subnets.collect::<Vec<_>>() != found.addresses
}
