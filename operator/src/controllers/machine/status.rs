//! What a look at a machine says in its status.

use drover_core::fields::{Class, short_hash};
use drover_core::observed::domain::{Definition, ObservedDomain};
use drover_core::plan::Verdict;
use drover_core::plan::history::History;
use drover_core::plan::machine::{Fate, Plan};
use drover_crds::condition::{Entry, Reason, Status};
use drover_crds::virtual_machine::{
    HostDeviceStatus, PLACE_FREED, PlanStatus, PlanStep, StartFailures, VirtualMachineStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::Outcome;
use crate::controllers::placement::FREED_WORDS;

pub(super) fn describe(
    outcome: &Outcome,
    history: &History,
    before: &VirtualMachineStatus,
) -> VirtualMachineStatus {
    let mut status = VirtualMachineStatus {
        plan: outcome.plan.as_ref().and_then(|plan| {
            let other = outcome.making_room.as_deref();
            plan_status(plan, other)
        }),
        ..before.clone()
    };
    if let (Some(_), Some(by)) = (&outcome.plan, &mut status.preempted_by) {
        by.stopped = outcome.making_room.is_some() && outcome.is_off();
    }
    status.epoch = outcome.epoch.or(status.epoch);
    if let Some(domain) = &outcome.domain {
        status.state = Some(domain.state.as_str().to_owned());
        status.state_reason = Some(domain.reason.to_owned());
        status.domain_name = Some(domain.name.clone());
        status.interfaces.clone_from(&outcome.interfaces);
        status.guest.clone_from(&outcome.guest);
        status.host_devices = host_devices(domain);
    }
    status.start_failures = (history.crashes > 0).then(|| StartFailures {
        count: i64::from(history.crashes),
        retry_after: (history.crashes > 1)
            .then(|| rfc3339(history.retry_at()))
            .flatten(),
    });
    status
}

// What it has now: what runs, or what its next start takes.
fn host_devices(domain: &ObservedDomain) -> Vec<HostDeviceStatus> {
    let given = domain.definitions().next().map(Definition::given);
    let given = given.into_iter().flatten();
    let given = given.map(|(name, address)| HostDeviceStatus {
        name,
        device: address.to_string(),
    });
    given.collect()
}

fn rfc3339(millis: u64) -> Option<String> {
    let seconds = i64::try_from(millis.div_ceil(1_000)).ok()?;
    let at = jiff::Timestamp::from_second(seconds).ok()?;
    Some(at.to_string())
}

/// `freed`: how it was said that it has given its place up, if it had before.
pub(super) fn entries(outcome: &Outcome, freed: Option<&Condition>) -> Vec<Entry> {
    if !outcome.scheduled {
        let reason = outcome.verdict.reason.as_str();
        return vec![Entry::new(
            "Scheduled",
            Status::False,
            reason,
            &outcome.verdict.message,
        )];
    }
    let mut entries = vec![match outcome.keeps_place.unwrap_or(freed.is_none()) {
        true => Entry::new("Scheduled", Status::True, "Placed", ""),
        false => {
            let words = freed.map_or(FREED_WORDS, |it| &it.message);
            Entry::new("Scheduled", Status::False, PLACE_FREED, words)
        }
    }];
    if outcome.domain.is_none() && outcome.plan.is_none() {
        return entries;
    }
    for (name, fine, blocked) in [
        ("VolumesReady", "Available", &outcome.volumes),
        ("NetworksReady", "Realized", &outcome.networks),
    ] {
        entries.push(needed(name, fine, blocked.as_ref()));
    }
    if let Some(blocked) = &outcome.first_boot {
        entries.push(needed("FirstBootReady", "Available", blocked.as_ref()));
    }
    let domain = outcome.domain.as_ref();
    let running = domain.is_some_and(|domain| domain.state.is_active());
    let word = domain.map_or("Undefined", |domain| domain.state.as_str());
    let status = if running { Status::True } else { Status::False };
    entries.push(Entry::new("Running", status, word, ""));
    entries.extend(
        outcome
            .plan
            .iter()
            .flat_map(|plan| of_the_plan(plan, outcome.verdict.reason)),
    );
    entries
}

fn needed(name: &'static str, fine: &'static str, blocked: Option<&Verdict>) -> Entry {
    match blocked {
        None => Entry::new(name, Status::True, fine, ""),
        Some(verdict) => {
            let reason = verdict.reason.as_str();
            Entry::new(name, Status::False, reason, &verdict.message)
        }
    }
}

// What is true of a machine beside what its reason says.
fn of_the_plan(plan: &Plan, reason: Reason) -> Vec<Entry> {
    let lines = |wanted: &[Fate]| {
        let chosen = plan
            .changes
            .iter()
            .filter(|(_, fate)| wanted.contains(fate));
        let lines: Vec<_> = chosen.map(|(change, _)| change.to_string()).collect();
        lines.join(", ")
    };
    let drifted = lines(&[Fate::Reported]);
    let later = lines(&[Fate::Written, Fate::Waits]);
    let mut entries = Vec::new();
    if !drifted.is_empty() && reason != Reason::Observed {
        entries.push(Entry::new(
            "DriftDetected",
            Status::True,
            "DriftDetected",
            drifted,
        ));
    }
    let told = reason.also().contains(&"RestartRequired");
    let stalled = reason == Reason::PlanNeedsApproval;
    if !later.is_empty() && !told && !stalled && reason != Reason::Halted {
        entries.push(Entry::new(
            "RestartRequired",
            Status::True,
            "RestartRequired",
            later,
        ));
    }
    entries
}

fn plan_status(plan: &Plan, making_room: Option<&str>) -> Option<PlanStatus> {
    let stops = making_room.filter(|_| plan.verdict.reason == Reason::Preempted);
    let stops = stops.map(|other| PlanStep {
        path: "spec.placement.preemption".to_owned(),
        from: "Running".to_owned(),
        to: "Shutoff".to_owned(),
        class: Class::Live.as_str().to_owned(),
        reason: format!("it makes room for {other}"),
    });
    let steps: Vec<_> = plan
        .changes
        .iter()
        .map(|(change, fate)| PlanStep {
            path: change.path.clone(),
            from: change.from.clone(),
            to: change.to.clone(),
            class: change.class.as_str().to_owned(),
            reason: match fate {
                Fate::Reported => "changed by somebody else".to_owned(),
                _ => change.reason.clone(),
            },
        })
        .chain(stops.clone())
        .collect();
    let alone = || stops.map(|step| short_hash(&step.reason));
    let hash = plan.hash.clone().or_else(alone)?;
    (!steps.is_empty()).then_some(PlanStatus { hash, steps })
}
