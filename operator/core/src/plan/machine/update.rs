//! Making a machine what is declared: what may be done is done, and the rest is told.

use drover_crds::condition::Reason;
use drover_crds::virtual_machine::{Approval, ChangeClass, Drift};

use super::{Plan, Side, Situation, Step, mark};
use crate::fields::{Class, Shape, short_hash};
use crate::identity::{Mark, Pending};
use crate::observed::domain::{Definition, DomainState, ObservedDomain};
use crate::plan::Verdict;
use crate::plan::changes::{Change, What, differences};

/// How long a guest may take to agree to a change.
const AGREES_WITHIN_MILLIS: u64 = 30_000;

/// What becomes of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is being made.
    Made,
    /// It is written, and takes effect at the next start.
    Written,
    /// `spec.update` does not allow it unasked.
    Waits,
    /// It is not done at all.
    Refused,
    /// Somebody else made the difference, and `spec.drift` only has it told.
    Reported,
}

impl Fate {
    fn is_made(self) -> bool {
        matches!(self, Self::Made | Self::Written)
    }
}

type Fated = (Change, Fate);

/// The differences of one definition, and what becomes of each.
struct Look {
    changes: Vec<Fated>,
    // The mark that the definition is to have when what may be done is done.
    mark: Mark,
    // Whether its mark is another one.
    stale: bool,
}

pub(super) fn plan(situation: &Situation<'_>, domain: &ObservedDomain, wanted: &Shape) -> Plan {
    let desired = situation.desired;
    let correct = desired.drift == Drift::Correct;
    match (domain.state, domain.reason) {
        (DomainState::Paused, "User") if !desired.paused && correct => {
            return Plan::doing(Step::Resume, Reason::Updating, "it was paused");
        }
        (DomainState::Running | DomainState::Blocked, _) if desired.paused => {
            return Plan::doing(Step::Suspend, Reason::Updating, "it is being paused");
        }
        _ => {}
    }
    let hash = hash(&union(situation, domain, wanted));
    let spec = wanted.hash();
    let begun = domain
        .mark()
        .and_then(|mark| mark.recorded.approved.as_ref())
        == Some(&spec);
    let (mut config, live) = both(situation, domain, wanted, begun);
    let waits = |look: &Look| look.changes.iter().any(|(_, fate)| *fate == Fate::Waits);
    if !begun && approved(situation, &hash) && (waits(&config) || waits(&live)) {
        // Noted, because what is left of the plan after its first step has another hash.
        let mut mark = mark::renewed(situation, domain.mark());
        mark.recorded.approved = Some(spec);
        let mut plan = told(situation, domain, merged(&live, &config));
        let side = if domain.persistent {
            Side::Config
        } else {
            Side::Live
        };
        let mark = Box::new(mark);
        plan.step = Some(Step::Record { side, mark });
        plan.verdict = Verdict::new(Reason::Updating, "its plan is approved");
        return plan;
    }
    let made = |look: &Look| look.changes.iter().any(|(_, fate)| *fate == Fate::Made);
    if begun && !made(&config) && !made(&live) {
        config.mark.recorded.approved = None;
        config.stale = true;
    }
    let mut plan = told(situation, domain, merged(&live, &config));
    plan.hash = (!plan.changes.is_empty()).then_some(hash);
    step(situation, domain, config, live, &mut plan);
    plan
}

fn both(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    wanted: &Shape,
    approved: bool,
) -> (Look, Look) {
    let config = look(
        situation,
        domain.inactive.as_ref(),
        wanted,
        Side::Config,
        approved,
    );
    let mut live = look(
        situation,
        domain.live.as_ref(),
        wanted,
        Side::Live,
        approved,
    );
    // What the next start takes already needs nobody's approval any more.
    for (change, fate) in &mut live.changes {
        let open = config
            .changes
            .iter()
            .any(|(known, _)| known.path == change.path);
        if *fate == Fate::Waits && change.class == Class::NextBoot && !open {
            *fate = Fate::Written;
        }
    }
    (config, live)
}

fn approved(situation: &Situation<'_>, hash: &str) -> bool {
    situation.desired.approved.as_deref() == Some(hash)
}

fn step(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    config: Look,
    live: Look,
    plan: &mut Plan,
) {
    let made = |look: &Look| -> Vec<String> {
        let made = look.changes.iter().filter(|(_, fate)| fate.is_made());
        made.map(|(change, _)| change.path.clone()).collect()
    };
    let paths = made(&config);
    if !domain.persistent || !paths.is_empty() {
        let mark = Box::new(config.mark);
        plan.step = Some(Step::Define { mark, paths });
        return;
    }
    if config.stale {
        let mark = Box::new(config.mark);
        plan.step = Some(Step::Record {
            side: Side::Config,
            mark,
        });
        return;
    }
    let history = situation.history;
    let mut changes = live.changes.iter().filter(|(change, fate)| {
        *fate == Fate::Made && change.class == Class::Live && !waits_for_guest(situation, change)
    });
    if let Some((change, _)) = changes.next() {
        plan.step = Some(Step::Change(change.clone()));
        return;
    }
    let still = |(key, _): &&(String, u64)| {
        let mut open = live.changes.iter();
        open.any(|(change, _)| change.key() == *key && change.class == Class::Live)
    };
    let asked = history.asked.iter().filter(still);
    let ends = asked.map(|(_, at)| (at + AGREES_WITHIN_MILLIS).saturating_sub(situation.now));
    if let Some(wait) = ends.min() {
        plan.wait_millis = Some(wait.max(1));
        return;
    }
    if live.stale {
        let mark = Box::new(live.mark);
        plan.step = Some(Step::Record {
            side: Side::Live,
            mark,
        });
        return;
    }
    let restart = |(change, fate): &Fated| change.class == Class::RestartNow && *fate == Fate::Made;
    if live.changes.iter().any(restart) {
        let mut mark = config.mark;
        mark.recorded.pending = Some(Pending::Restart);
        let mark = Box::new(mark);
        plan.step = Some(Step::Record {
            side: Side::Config,
            mark,
        });
    }
}

fn waits_for_guest(situation: &Situation<'_>, change: &Change) -> bool {
    let mut asked = situation.history.asked.iter();
    asked.any(|(key, _)| *key == change.key())
}

/// What is to be done to a machine that is off, and is to be started or not.
pub(super) fn resting(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    wanted: &Shape,
    start: bool,
) -> Plan {
    let hash = hash(&union(situation, domain, wanted));
    let approved = approved(situation, &hash);
    let config = look(
        situation,
        domain.inactive.as_ref(),
        wanted,
        Side::Config,
        approved,
    );
    let mut plan = Plan::waiting(Reason::Halted, "it is off, as declared");
    let made = config.changes.iter().filter(|(_, fate)| fate.is_made());
    let paths: Vec<_> = made.map(|(change, _)| change.path.clone()).collect();
    let reason = if start {
        Reason::Starting
    } else {
        Reason::Updating
    };
    if !paths.is_empty() {
        let mark = Box::new(config.mark);
        plan = Plan::doing(Step::Define { mark, paths }, reason, "it is being defined");
    } else if config.stale {
        let side = Side::Config;
        let mark = Box::new(config.mark);
        plan = Plan::doing(
            Step::Record { side, mark },
            reason,
            "its mark is being written",
        );
    }
    plan.changes = config.changes;
    plan.hash = (!plan.changes.is_empty()).then_some(hash);
    let manual = situation.desired.approval == Approval::Manual;
    let waits = plan.changes.iter().any(|(_, fate)| *fate == Fate::Waits);
    if plan.step.is_none() && manual && waits {
        plan.verdict = needs_approval(&plan);
    }
    plan
}

/// What differs of a machine that is only looked at.
pub(super) fn only_seen(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    wanted: &Shape,
) -> Vec<Fated> {
    let changes = union(situation, domain, wanted).into_iter();
    changes.map(|change| (change, Fate::Reported)).collect()
}

// Each difference once: of what runs, and of what the next start takes.
fn union(situation: &Situation<'_>, domain: &ObservedDomain, wanted: &Shape) -> Vec<Change> {
    let of = |definition: Option<&Definition>, live| {
        let found = definition.map(|found| differences(wanted, situation.site, found, live));
        found.unwrap_or_default()
    };
    let mut all = of(domain.live.as_ref(), true);
    for change in of(domain.inactive.as_ref(), false) {
        if !all.iter().any(|known| known.path == change.path) {
            all.push(change);
        }
    }
    for change in &mut all {
        fall_back(situation, change, domain.state.is_active());
    }
    all.extend(place(situation));
    all
}

fn hash(changes: &[Change]) -> String {
    let text: String = changes
        .iter()
        .map(|it| format!("{}|{}|{}|{}\n", it.path, it.from, it.to, it.class.as_str()))
        .collect();
    short_hash(&text)
}

fn place(situation: &Situation<'_>) -> Option<Change> {
    let misplaced = situation.misplaced?;
    Some(Change {
        path: "spec.placement".to_owned(),
        from: misplaced.to_owned(),
        to: "another host".to_owned(),
        class: Class::Migrate,
        reason: "machines cannot be moved yet: delete it and make it anew, or let it be here"
            .to_owned(),
        what: What::Place,
    })
}

// What could not be done while it runs is done at its next start; so is everything when it is off.
fn fall_back(situation: &Situation<'_>, change: &mut Change, active: bool) {
    if change.class.is_refused() {
        return;
    }
    if !active {
        change.class = Class::NextBoot;
        "it is off".clone_into(&mut change.reason);
        return;
    }
    let history = situation.history;
    if change.class != Class::Live || (history.refused.is_empty() && history.asked.is_empty()) {
        return;
    }
    let this = change.key();
    let refused = history.refused.iter().find(|(key, _)| *key == this);
    let late = history
        .asked
        .iter()
        .find(|(key, at)| *key == this && situation.now >= at + AGREES_WITHIN_MILLIS);
    if let Some((_, words)) = refused {
        change.class = Class::NextBoot;
        change.reason = format!("it could not be done while it runs: {words}");
    } else if late.is_some() {
        change.class = Class::NextBoot;
        let seconds = AGREES_WITHIN_MILLIS / 1_000;
        change.reason = format!("the guest did not let it happen within {seconds} s");
    }
}

// What becomes of each difference of a definition.
fn look(
    situation: &Situation<'_>,
    found: Option<&Definition>,
    wanted: &Shape,
    side: Side,
    approved: bool,
) -> Look {
    let known = found.and_then(|found| found.mark.as_ref());
    let spec = wanted.hash();
    let written = known.is_some_and(|mark| mark.spec == spec);
    let active = situation
        .observed
        .is_some_and(|domain| domain.state.is_active());
    let mut changes = Vec::new();
    if let Some(found) = found {
        for mut change in differences(wanted, situation.site, found, side == Side::Live) {
            fall_back(situation, &mut change, active);
            let held = known.is_some_and(|mark| mark.recorded.held.contains(&change.path));
            if let Some(fate) = fate(situation, &change, side, written && !held, approved) {
                changes.push((change, fate));
            }
        }
    }
    let mut mark = match side {
        Side::Config => mark::renewed(situation, known),
        Side::Live => live_mark(situation, known),
    };
    if !written {
        mark.spec = spec;
        let held = changes.iter().filter(|(change, fate)| match side {
            Side::Config => !fate.is_made(),
            Side::Live => *fate != Fate::Made || change.class != Class::Live,
        });
        mark.recorded.held = held.map(|(change, _)| change.path.clone()).collect();
    }
    if side == Side::Config {
        mark.recorded.declared = mark::declared(wanted);
    } else if let Some((path, memory)) = mark::asked_memory(wanted)
        && !changes.iter().any(|(change, _)| change.path == path)
    {
        mark.recorded.declared.retain(|(known, _)| *known != path);
        mark.recorded.declared.push((path, memory));
    }
    let stale = found.is_some() && known != Some(&mark);
    Look {
        changes,
        mark,
        stale,
    }
}

// What runs was declared as it was when it started; what has been done about the machine is the same
// in both.
fn live_mark(situation: &Situation<'_>, known: Option<&Mark>) -> Mark {
    let config = situation.observed.and_then(ObservedDomain::mark);
    let mut mark = mark::renewed(situation, config);
    if let Some(known) = known {
        mark.spec.clone_from(&known.spec);
        mark.recorded.held.clone_from(&known.recorded.held);
        mark.recorded.declared.clone_from(&known.recorded.declared);
    }
    mark
}

// None for what nobody is to hear of.
fn fate(
    situation: &Situation<'_>,
    change: &Change,
    side: Side,
    drifted: bool,
    approved: bool,
) -> Option<Fate> {
    let desired = situation.desired;
    if drifted {
        match desired.drift {
            Drift::Correct => {}
            Drift::Report => return Some(Fate::Reported),
            Drift::Ignore => return None,
        }
    }
    if change.class.is_refused() {
        return Some(Fate::Refused);
    }
    let class = match change.class {
        Class::Live => ChangeClass::Live,
        Class::RestartNow => ChangeClass::RestartNow,
        _ => ChangeClass::NextBoot,
    };
    let unasked = desired.approval == Approval::Auto && desired.allows(class);
    let allowed = approved || unasked;
    if !allowed {
        return Some(Fate::Waits);
    }
    Some(match (side, change.class) {
        (Side::Live, Class::NextBoot) => Fate::Written,
        _ => Fate::Made,
    })
}

fn merged(live: &Look, config: &Look) -> Vec<Fated> {
    let mut all = live.changes.clone();
    for (change, fate) in &config.changes {
        if !all.iter().any(|(known, _)| known.path == change.path) {
            all.push((change.clone(), *fate));
        }
    }
    all
}

// How a machine is that runs, with these differences.
fn told(situation: &Situation<'_>, domain: &ObservedDomain, changes: Vec<Fated>) -> Plan {
    let desired = situation.desired;
    let mut plan = Plan::waiting(Reason::Running, "it runs as declared");
    plan.changes = changes;
    plan.changes
        .extend(place(situation).map(|change| (change, Fate::Refused)));
    let any = |wanted: Fate| plan.changes.iter().any(|(_, fate)| *fate == wanted);
    plan.verdict = match (domain.state, domain.reason) {
        (DomainState::Paused, "User") if desired.paused => {
            Verdict::new(Reason::Paused, "its CPUs stand still, as declared")
        }
        (DomainState::Paused, reason) if !desired.paused => {
            Verdict::new(Reason::RetryLater, format!("paused by libvirt: {reason}"))
        }
        (DomainState::Running | DomainState::Blocked | DomainState::Paused, _) => {
            if any(Fate::Waits) && desired.approval == Approval::Manual {
                needs_approval(&plan)
            } else if any(Fate::Refused) {
                Verdict::new(Reason::ChangeRefused, words(&plan.changes, Fate::Refused))
            } else if plan.changes.iter().any(is_being_made) {
                Verdict::new(Reason::Updating, words(&plan.changes, Fate::Made))
            } else if any(Fate::Waits) || any(Fate::Written) {
                Verdict::new(Reason::RestartRequired, restart_words(&plan.changes))
            } else {
                plan.verdict.clone()
            }
        }
        (state, reason) => {
            let message = format!("its guest is {}: {reason}", state.as_str());
            Verdict::new(Reason::Running, message)
        }
    };
    plan
}

fn is_being_made((change, fate): &Fated) -> bool {
    *fate == Fate::Made && change.class != Class::NextBoot
}

fn needs_approval(plan: &Plan) -> Verdict {
    let waiting = words(&plan.changes, Fate::Waits);
    Verdict::new(
        Reason::PlanNeedsApproval,
        format!("to be approved by drover.dev/approve with its hash in status.plan: {waiting}"),
    )
}

fn line(change: &Change) -> String {
    format!("{}: {} -> {}", change.path, change.from, change.to)
}

fn words(changes: &[Fated], wanted: Fate) -> String {
    let chosen = changes.iter().filter(|(_, fate)| *fate == wanted);
    let lines: Vec<_> = chosen
        .map(|(change, _)| match wanted {
            Fate::Refused => format!(
                "{} ({}: {})",
                line(change),
                change.class.as_str(),
                change.reason
            ),
            _ => line(change),
        })
        .collect();
    lines.join(", ")
}

fn restart_words(changes: &[Fated]) -> String {
    let written = words(changes, Fate::Written);
    let waits = words(changes, Fate::Waits);
    match (written.is_empty(), waits.is_empty()) {
        (false, true) => format!("takes effect at the next start: {written}"),
        (true, false) => format!("not allowed unasked by spec.update: {waits}"),
        _ => format!(
            "takes effect at the next start: {written}; not allowed unasked by spec.update: {waits}"
        ),
    }
}
