//! Whether a machine is to be on or off, and what leads there.

use drover_crds::condition::Reason;
use drover_crds::virtual_machine::RunStrategy;

use super::{Plan, Side, Situation, Step, mark, stop, update};
use crate::fields::Shape;
use crate::identity::{Mark, Pending, Stop};
use crate::observed::domain::ObservedDomain;
use crate::plan::Verdict;
use crate::plan::strategy::{Next, after};

pub(super) fn plan(situation: &Situation<'_>, domain: &ObservedDomain, wanted: &Shape) -> Plan {
    let active = domain.state.is_active();
    let found = domain.mark();
    let mark = mark::renewed(situation, found);
    let (asked, pending) = asked(situation, &mark, active);
    if let Some(mark) = asked {
        return record(domain, mark, "what its annotations ask for is written down");
    }
    if let Some(plan) = finished(situation, domain, &mark, pending) {
        return plan;
    }
    let off = situation.desired.strategy == RunStrategy::Halted
        || matches!(pending, Some(Pending::Stop | Pending::Restart));
    match (active, off) {
        (true, _) if situation.making_room.is_some() => {
            making_room(situation, domain, &mark, pending)
        }
        (true, true) => stop::plan(situation, domain, Reason::Stopping),
        (true, false) => running(situation, domain, wanted),
        (false, _) => resting(situation, domain, wanted, &mark),
    }
}

// What the annotations ask for that has not been acted on, as the mark that says that it is now.
fn asked(situation: &Situation<'_>, mark: &Mark, active: bool) -> (Option<Mark>, Option<Pending>) {
    let (asked, acted) = (&situation.desired.asked, &mark.recorded.acted);
    let new = |asked: &Option<String>, acted: &Option<String>| asked.is_some() && asked != acted;
    let restart = new(&asked.restarted, &acted.restarted);
    let reset = new(&asked.reset, &acted.reset);
    let start = new(&asked.started, &acted.started);
    let stop = new(&asked.stopped, &acted.stopped);
    if !(restart || reset || start || stop) {
        return (None, mark.recorded.pending);
    }
    let mut mark = mark.clone();
    let strategy = situation.desired.strategy;
    let by_hand = matches!(strategy, RunStrategy::Manual | RunStrategy::RerunOnFailure);
    let recorded = &mut mark.recorded;
    // The later one counts; what is not for this strategy is only noted.
    let later_start = asked.started >= asked.stopped;
    if by_hand && start && (!stop || later_start) {
        recorded.pending = (!active).then_some(Pending::Start);
    } else if by_hand && stop {
        recorded.pending = active.then_some(Pending::Stop);
    } else if restart && strategy != RunStrategy::Halted {
        let again = by_hand.then_some(Pending::Start);
        recorded.pending = if active {
            Some(Pending::Restart)
        } else {
            again
        };
    }
    if recorded.pending == Some(Pending::Start) {
        recorded.ended = None;
    }
    // A reset that is asked of a machine that is off has nothing to do; of one that is on it is done
    // after it has been noted.
    recorded.acted = asked.clone();
    (Some(mark), None)
}

// Notes what has come to its end, so that it is not done again.
fn finished(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    mark: &Mark,
    pending: Option<Pending>,
) -> Option<Plan> {
    let active = domain.state.is_active();
    let mut next = mark.clone();
    match (pending, active) {
        (Some(Pending::Start), true) => next.recorded.pending = None,
        (Some(Pending::Stop), false) => {
            next.recorded.pending = None;
            next.recorded.ended = Some(Stop::Outside);
        }
        (Some(Pending::Restart), false) => next.recorded.pending = Some(Pending::Start),
        _ => {}
    }
    let strategy = situation.desired.strategy;
    let reruns = strategy == RunStrategy::RerunOnFailure;
    if reruns && !active && next.recorded.pending.is_none() && next.recorded.ended.is_none() {
        let stop = how(situation, domain);
        if after(strategy, stop) == Next::Stay {
            next.recorded.ended = Some(stop);
        }
    }
    if strategy == RunStrategy::Once && active && !next.recorded.ran {
        next.recorded.ran = true;
    }
    (next != *mark).then(|| record(domain, next, "what has come to its end is written down"))
}

// It stops for another machine, as one that is to be started again.
fn making_room(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    mark: &Mark,
    pending: Option<Pending>,
) -> Plan {
    let strategy = situation.desired.strategy;
    // Its stop would be the end of it otherwise.
    let by_hand = matches!(strategy, RunStrategy::Manual | RunStrategy::RerunOnFailure);
    if by_hand && pending.is_none() {
        let mut next = mark.clone();
        next.recorded.pending = Some(Pending::Restart);
        let words = "that it is to start again is written down";
        return record(domain, next, words);
    }
    let declared = strategy == RunStrategy::Halted || pending == Some(Pending::Stop);
    let reason = match declared {
        true => Reason::Stopping,
        false => Reason::Preempted,
    };
    let mut plan = stop::plan(situation, domain, reason);
    let other = situation.making_room.unwrap_or_default();
    let words = std::mem::take(&mut plan.verdict.message);
    plan.verdict.message = format!("it makes room for {other}: {words}");
    plan
}

fn how(situation: &Situation<'_>, domain: &ObservedDomain) -> Stop {
    // An event knows more of a stop that the state calls a shutdown.
    match (domain.stop(), situation.history.stop) {
        (Stop::GuestShutdown, Some(told)) => told,
        (state, _) => state,
    }
}

fn record(domain: &ObservedDomain, mark: Mark, words: &str) -> Plan {
    let reason = match domain.state.is_active() {
        true => Reason::Updating,
        false => Reason::Starting,
    };
    Plan::doing(Step::record(Side::first(domain), mark), reason, words)
}

fn running(situation: &Situation<'_>, domain: &ObservedDomain, wanted: &Shape) -> Plan {
    let asked = &situation.desired.asked.reset;
    let known = domain.live.as_ref().and_then(|live| live.mark.as_ref());
    let noted = known.map(|mark| &mark.recorded.acted.reset);
    // The running definition notes a reset only after it: until then it is still to be done.
    if let (Some(value), Some(noted)) = (asked, noted)
        && Some(value) != noted.as_ref()
        && situation.history.reset.as_ref() != Some(value)
    {
        let value = value.clone();
        return Plan::doing(Step::Reset { value }, Reason::Updating, "it is reset");
    }
    update::plan(situation, domain, wanted)
}

fn resting(
    situation: &Situation<'_>,
    domain: &ObservedDomain,
    wanted: &Shape,
    mark: &Mark,
) -> Plan {
    let strategy = situation.desired.strategy;
    let recorded = &mark.recorded;
    let pending = recorded.pending == Some(Pending::Start);
    let start = match strategy {
        RunStrategy::Halted => false,
        RunStrategy::Always => true,
        RunStrategy::RerunOnFailure => pending || recorded.ended.is_none(),
        RunStrategy::Manual => pending,
        RunStrategy::Once => !recorded.ran || (pending && not_yet(domain)),
    };
    let now = start && situation.making_room.is_none();
    let mut plan = update::resting(situation, domain, wanted, now);
    if plan.step.is_some() {
        return plan;
    }
    if let Some(other) = situation.making_room.filter(|_| start) {
        if plan.verdict.reason == Reason::Halted {
            let words = format!("it is off until {other} is placed");
            plan.verdict = Verdict::new(Reason::Preempted, words);
        }
        return plan;
    }
    if !start {
        if plan.verdict.reason == Reason::Halted {
            plan.verdict = Verdict::new(Reason::Halted, off_words(strategy, recorded.ended));
        }
        return plan;
    }
    if strategy == RunStrategy::Once && !recorded.ran {
        // Noted before it is done: it never runs twice.
        let mut next = mark.clone();
        next.recorded.ran = true;
        next.recorded.pending = Some(Pending::Start);
        return record(domain, next, "that it runs once is written down");
    }
    if plan.verdict.reason == Reason::PlanNeedsApproval {
        return plan;
    }
    starting(situation, plan)
}

// Whether a start that was written down has not happened: a run since then would have left another
// word than that nothing is known.
fn not_yet(domain: &ObservedDomain) -> bool {
    domain.stop() == Stop::HostLost
}

fn off_words(strategy: RunStrategy, ended: Option<Stop>) -> &'static str {
    match (strategy, ended) {
        (RunStrategy::Once, _) => "it has run once",
        (_, Some(Stop::GuestShutdown)) => "it was shut down from inside",
        (_, Some(_)) => "it was stopped",
        (RunStrategy::Manual, _) => "it is off until drover.dev/startedAt says otherwise",
        _ => "it is off, as declared",
    }
}

fn starting(situation: &Situation<'_>, mut plan: Plan) -> Plan {
    let history = situation.history;
    let until = history.retry_at();
    if situation.now < until {
        let wait = until - situation.now;
        let message = format!(
            "{} starts failed or did not last; the next is in {} s",
            history.crashes,
            wait.div_ceil(1_000)
        );
        plan.verdict = Verdict::new(Reason::CrashLoopBackOff, message);
        plan.wait_millis = Some(wait);
        return plan;
    }
    let paused = situation.desired.paused;
    plan.verdict = Verdict::new(Reason::Starting, "it is being started");
    plan.step = Some(Step::Start { paused });
    plan
}
