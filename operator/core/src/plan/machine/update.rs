//! Making a machine what is declared: what may be done is done, and the rest is told.

use drover_crds::condition::Reason;
use drover_crds::virtual_machine::{Approval, ChangeClass, Drift};

use super::told::{stalled, told};
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

pub(super) type Fated = (Change, Fate);

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
    let found = Found::gather(situation, domain, wanted);
    let hash = found.hash();
    let begun = domain
        .mark()
        .and_then(|mark| mark.recorded.approved.as_ref())
        == Some(&found.spec);
    let (mut config, live) = both(situation, domain, wanted, &found, begun);
    let waits = |look: &Look| look.changes.iter().any(|(_, fate)| *fate == Fate::Waits);
    if !begun && approved(situation, &hash) && (waits(&config) || waits(&live)) {
        // Noted, because what is left of the plan after its first step has another hash.
        let mut mark = mark::renewed(situation, domain.mark());
        let (config, live) = both(situation, domain, wanted, &found, true);
        mark.recorded.approved = Some(found.spec);
        let mut plan = told(situation, domain, merged(&live, &config, found.place));
        plan.step = Some(Step::record(Side::first(domain), mark));
        plan.verdict = Verdict::new(Reason::Updating, "its plan is approved");
        return plan;
    }
    let made = |look: &Look| look.changes.iter().any(|(_, fate)| *fate == Fate::Made);
    if begun && !made(&config) && !made(&live) {
        config.mark.recorded.approved = None;
        config.stale = true;
    }
    let mut plan = told(situation, domain, merged(&live, &config, found.place));
    plan.hash = (!plan.changes.is_empty()).then_some(hash);
    step(situation, domain, config, live, &mut plan);
    plan
}

fn both(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    wanted: &Shape,
    found: &Found,
    approved: bool,
) -> (Look, Look) {
    let look = |side, definition, changes| {
        look(
            situation,
            definition,
            wanted,
            (side, changes, &found.spec),
            approved,
        )
    };
    let config = look(Side::Config, domain.inactive.as_deref(), &found.config);
    let mut live = look(Side::Live, domain.live.as_deref(), &found.live);
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
    let paths = config.made();
    if !domain.persistent || !paths.is_empty() {
        let mark = Box::new(config.mark);
        plan.step = Some(Step::Define { mark, paths });
        return;
    }
    if config.stale {
        plan.step = Some(Step::record(Side::Config, config.mark));
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
        plan.step = Some(Step::record(Side::Live, live.mark));
        return;
    }
    let restart = |(change, fate): &Fated| change.class == Class::RestartNow && *fate == Fate::Made;
    if live.changes.iter().any(restart) {
        let mut mark = config.mark;
        mark.recorded.pending = Some(Pending::Restart);
        plan.step = Some(Step::record(Side::Config, mark));
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
    let found = Found::gather(situation, domain, wanted);
    let hash = found.hash();
    let look = look(
        situation,
        domain.inactive.as_deref(),
        wanted,
        (Side::Config, &found.config, &found.spec),
        approved(situation, &hash),
    );
    let mut plan = Plan::waiting(Reason::Halted, "it is off, as declared");
    let paths = look.made();
    let reason = if start {
        Reason::Starting
    } else {
        Reason::Updating
    };
    if !paths.is_empty() {
        let mark = Box::new(look.mark);
        plan = Plan::doing(Step::Define { mark, paths }, reason, "it is being defined");
    } else if look.stale {
        let step = Step::record(Side::Config, look.mark);
        plan = Plan::doing(step, reason, "its mark is being written");
    }
    plan.changes = look.changes;
    plan.hash = (!plan.changes.is_empty()).then_some(hash);
    if plan.step.is_none()
        && let Some(verdict) = stalled(situation, &plan.changes)
    {
        plan.verdict = verdict;
    }
    plan
}

/// What differs of a machine that is only looked at.
pub(super) fn only_seen(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    wanted: &Shape,
) -> Vec<Fated> {
    let found = Found::gather(situation, domain, wanted);
    let changes = found.union().cloned();
    changes.map(|change| (change, Fate::Reported)).collect()
}

/// What differs of what runs, of what the next start takes, and of where it is.
struct Found {
    live: Vec<Change>,
    config: Vec<Change>,
    place: Option<Change>,
    // Stands for what is declared.
    spec: String,
}

impl Found {
    fn gather(situation: &Situation<'_>, domain: &ObservedDomain, wanted: &Shape) -> Self {
        let of = |definition: Option<&Definition>, live| {
            let found = definition.map(|found| differences(wanted, situation.site, found, live));
            let mut changes = found.unwrap_or_default();
            for change in &mut changes {
                fall_back(situation, change, domain.state.is_active());
            }
            changes
        };
        Self {
            live: of(domain.live.as_deref(), true),
            config: of(domain.inactive.as_deref(), false),
            place: place(situation),
            spec: wanted.hash(),
        }
    }

    // Each difference once.
    fn union(&self) -> impl Iterator<Item = &Change> {
        let new = |change: &&Change| !self.live.iter().any(|known| known.path == change.path);
        let config = self.config.iter().filter(new);
        self.live.iter().chain(config).chain(&self.place)
    }

    // Stands for all of them.
    fn hash(&self) -> String {
        let lines = self
            .union()
            .map(|it| format!("{}|{}|{}|{}\n", it.path, it.from, it.to, it.class.as_str()));
        short_hash(&lines.collect::<String>())
    }
}

impl Look {
    // The paths of what may be written.
    fn made(&self) -> Vec<String> {
        let made = self.changes.iter().filter(|(_, fate)| fate.is_made());
        made.map(|(change, _)| change.path.clone()).collect()
    }
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

// What becomes of each difference of a definition, on this side, of what `spec` stands for.
fn look(
    situation: &Situation<'_>,
    found: Option<&Definition>,
    wanted: &Shape,
    (side, differences, spec): (Side, &[Change], &String),
    approved: bool,
) -> Look {
    let known = found.and_then(|found| found.mark.as_ref());
    let written = known.is_some_and(|mark| mark.spec == *spec);
    let mut changes = Vec::new();
    for change in differences {
        let held = known.is_some_and(|mark| mark.recorded.held.contains(&change.path));
        if let Some(fate) = fate(situation, change, side, written && !held, approved) {
            changes.push((change.clone(), fate));
        }
    }
    let mut mark = match side {
        Side::Config => mark::renewed(situation, known),
        Side::Live => live_mark(situation, known),
    };
    if !written {
        mark.spec.clone_from(spec);
        let held = changes.iter().filter(|(change, fate)| match side {
            Side::Config => !fate.is_made(),
            Side::Live => *fate != Fate::Made || change.class != Class::Live,
        });
        mark.recorded.held = held.map(|(change, _)| change.path.clone()).collect();
    }
    if side == Side::Config {
        mark.recorded.adopted = mark::adopted_devices(situation, wanted);
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

fn merged(live: &Look, config: &Look, place: Option<Change>) -> Vec<Fated> {
    let mut all = live.changes.clone();
    for (change, fate) in &config.changes {
        if !all.iter().any(|(known, _)| known.path == change.path) {
            all.push((change.clone(), *fate));
        }
    }
    all.extend(place.map(|change| (change, Fate::Refused)));
    all
}
