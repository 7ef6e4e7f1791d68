//! The real core, asked once for each question: what happens between two states of a fleet, where a
//! machine goes, alone or with others, and who would have to go for it.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::rc::Rc;

use drover_core::desired::machine::DesiredMachine;
use drover_core::placement::may_make_room;
use drover_core::schedule::{
    Candidate, Counts, Event, Fleet, GroupRefused, Machine, Operator, Request, Requirement,
    Selector, Term, Waits, Weights, preempt, schedule, schedule_group,
};

use crate::hash::Map;
use crate::scenario::{ALL, SIZES, Spec};
use crate::state::{Counted, HOSTS, Host, MACHINES, NOWHERE, View};

pub(crate) const NAMES: [&str; HOSTS] = ["h0", "h1"];
const UIDS: [&str; MACHINES] = ["m0", "m1", "m2", "m3"];

/// Why a machine waits, by its number.
#[derive(Debug, Clone)]
pub(crate) struct Why {
    pub(crate) number: u16,
    waits: Rc<Waits>,
}

impl Borrow<Waits> for Why {
    fn borrow(&self) -> &Waits {
        &self.waits
    }
}

/// A question about a place for one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ask {
    pub(crate) machine: u8,
    /// The host where it is bound, and has given its place up.
    pub(crate) only: Option<u8>,
    /// Whether it may stop others.
    pub(crate) stops: bool,
}

impl Ask {
    pub(crate) fn anew(machine: usize) -> Self {
        Self {
            machine: u8::try_from(machine).unwrap(),
            only: None,
            stops: false,
        }
    }
}

/// A host, and the machines that have to go from there.
pub(crate) type Stops = Option<(u8, [bool; MACHINES])>;
/// What comes of asking for a place: a host, or why there is none.
pub(crate) type Placed = Result<u8, u16>;
/// What comes of asking for a group: hosts, or why they wait, if they are told of what happens.
pub(crate) type Together = Result<[Option<u8>; MACHINES], Option<u16>>;

#[derive(Default)]
pub(crate) struct Facts {
    desired: RefCell<Map<(u8, usize, bool), Rc<DesiredMachine>>>,
    waits: Vec<Rc<Waits>>,
    events: Map<(View, View), Rc<[Event]>>,
    places: Map<(View, Ask), Placed>,
    stops: Map<(View, Ask), Stops>,
    groups: Map<(View, [bool; MACHINES], usize), Together>,
    /// Whether what a machine says of preemption is not asked.
    pub(crate) ignores_never: bool,
    /// Whether it is no news that a machine may be stopped again.
    pub(crate) renews_quietly: bool,
    /// Whether those that may stop others wait as if they might not.
    pub(crate) forgets_stops: bool,
}

impl Facts {
    pub(crate) fn why(&self, number: u16) -> Why {
        Why {
            number,
            waits: Rc::clone(&self.waits[usize::from(number) - 1]),
        }
    }

    fn number(&mut self, waits: Waits) -> u16 {
        let known = self.waits.iter().position(|it| **it == waits);
        let at = known.unwrap_or(self.waits.len());
        if known.is_none() {
            self.waits.push(Rc::new(waits));
        }
        u16::try_from(at + 1).unwrap()
    }

    /// A machine as its object says it.
    pub(crate) fn desired(&self, scenario: u8, machine: usize, halted: bool) -> Rc<DesiredMachine> {
        let question = (scenario, machine, halted);
        if let Some(known) = self.desired.borrow().get(&question) {
            return Rc::clone(known);
        }
        let desired = Rc::new(parse(spec(scenario, machine), halted));
        let known = Rc::clone(&desired);
        self.desired.borrow_mut().insert(question, known);
        desired
    }

    pub(crate) fn could_help(&self, number: u16, event: &Event) -> bool {
        self.waits[usize::from(number) - 1].could_be_helped(event)
    }

    /// What happens when a fleet is brought in step, in the order in which the operator does it.
    pub(crate) fn events(&mut self, from: View, to: View) -> Rc<[Event]> {
        if from == to {
            return Rc::new([]);
        }
        if let Some(known) = self.events.get(&(from, to)) {
            return Rc::clone(known);
        }
        let mut fleet = self.fleet(from);
        let mut events = Vec::new();
        for (machine, uid) in UIDS.into_iter().enumerate() {
            let (before, after) = (from.machines[machine], to.machines[machine]);
            let counts = |it: Counted| (it.host, it.freed, it.small && it.host != NOWHERE);
            if counts(before) == counts(after) {
                if before.makes_room != after.makes_room && !self.renews_quietly {
                    let may = self.counted(to, machine).preemption;
                    events.extend(fleet.let_stop(uid, may));
                }
                continue;
            }
            events.extend(fleet.release(uid));
            if after.host != NOWHERE {
                events.extend(self.bind(&mut fleet, to, machine));
                events.push(Event::bound(&self.counted(to, machine)));
            }
        }
        for (at, host) in to.hosts.into_iter().enumerate() {
            match host.there {
                true => events.extend(fleet.upsert_host(&candidate(at, host))),
                false => events.extend(fleet.remove_host(NAMES[at])),
            }
        }
        let events: Rc<[Event]> = events.into();
        self.events.insert((from, to), Rc::clone(&events));
        events
    }

    /// Where one machine goes.
    pub(crate) fn place(&mut self, view: View, ask: Ask) -> Placed {
        if let Some(known) = self.places.get(&(view, ask)) {
            return *known;
        }
        let (mut request, mut fleet) = self.asked(view, ask);
        request.machine.preemption &= !self.forgets_stops;
        let placed = match schedule(&request, &mut fleet) {
            Ok(host) => Ok(number_of(&host)),
            Err(why) => Err(self.number(Waits::Alone(why))),
        };
        self.places.insert((view, ask), placed);
        placed
    }

    /// Who would have to go for it.
    pub(crate) fn stops(&mut self, view: View, ask: Ask) -> Stops {
        if let Some(known) = self.stops.get(&(view, ask)) {
            return *known;
        }
        let (request, mut fleet) = self.asked(view, ask);
        let stops = preempt(&request, &mut fleet).map(|wanted| {
            let goes = |uid: &str| wanted.victims.iter().any(|it| it == uid);
            (number_of(&wanted.host), UIDS.map(goes))
        });
        self.stops.insert((view, ask), stops);
        stops
    }

    /// Where the machines of a group go, at least so many of them.
    pub(crate) fn together(
        &mut self,
        view: View,
        members: [bool; MACHINES],
        needed: usize,
    ) -> Together {
        let question = (view, members, needed);
        if let Some(known) = self.groups.get(&question) {
            return *known;
        }
        let order = in_order(view.scenario);
        let order: Vec<usize> = order.into_iter().filter(|at| members[*at]).collect();
        let requests = order.iter().map(|at| request(&view, *at));
        let requests: Vec<Request> = requests.collect();
        let together = match schedule_group(&requests, needed, &mut self.fleet(view)) {
            Ok(hosts) => {
                let mut all = [None; MACHINES];
                for (at, host) in order.into_iter().zip(hosts) {
                    all[at] = host.map(|host| number_of(&host));
                }
                Ok(all)
            }
            Err(GroupRefused::TooFew { .. }) => Err(None),
            Err(GroupRefused::NoRoom { .. }) => Err(Some(self.number(Waits::together(&requests)))),
        };
        self.groups.insert(question, together);
        together
    }

    fn asked(&self, mut view: View, ask: Ask) -> (Request, Fleet) {
        let machine = usize::from(ask.machine);
        // It is not in its own way.
        view.machines[machine] = Counted {
            small: view.machines[machine].small,
            ..Counted::default()
        };
        let mut request = request(&view, machine);
        request.machine.preemption = ask.stops;
        let mut fleet = self.fleet(view);
        if let Some(only) = ask.only {
            // Of one that is somewhere already only that is asked, cordoned or not.
            let at = usize::from(only);
            let open = Host {
                cordoned: false,
                ..view.hosts[at]
            };
            if open.there {
                fleet.upsert_host(&candidate(at, open));
            }
            request.rules.host = Some(NAMES[at].to_owned());
            request.affinity.clear();
            request.machine.anti_affinity.clear();
        }
        (request, fleet)
    }

    // The hosts have the same numbers in every fleet, also when they are not there.
    fn fleet(&self, view: View) -> Fleet {
        let mut fleet = Fleet::new(Weights::SPREAD);
        for (at, host) in view.hosts.into_iter().enumerate() {
            fleet.upsert_host(&candidate(at, host));
        }
        for machine in 0..ALL[usize::from(view.scenario)].machines.len() {
            self.bind(&mut fleet, view, machine);
        }
        for (at, host) in view.hosts.into_iter().enumerate().rev() {
            if !host.there {
                fleet.remove_host(NAMES[at]);
            }
        }
        fleet
    }

    fn bind(&self, fleet: &mut Fleet, view: View, machine: usize) -> Option<Event> {
        let counted = view.machines[machine];
        if counted.host == NOWHERE {
            return None;
        }
        let counts = match counted.freed {
            true => Counts::Labels,
            false => Counts::All,
        };
        let host = NAMES[usize::from(counted.host)];
        fleet.bind(&self.counted(view, machine), &[host], counts)
    }

    // One that makes room for another is not told to do it twice.
    fn counted(&self, view: View, machine: usize) -> Machine {
        let may = may_make_room(&self.desired(view.scenario, machine, false)) || self.ignores_never;
        Machine {
            preemption: may && !view.machines[machine].makes_room,
            ..request(&view, machine).machine
        }
    }
}

fn request(view: &View, machine: usize) -> Request {
    let spec = spec(view.scenario, machine);
    let mut request = Request::default();
    request.machine.uid = UIDS[machine].to_owned();
    request.machine.priority = spec.priority;
    let small = view.machines[machine].small;
    request.machine.usage.vcpus = (spec.size - u8::from(small)).into();
    let mut label = |key: &str| {
        let labels = &mut request.machine.labels;
        labels.insert(key.to_owned(), "yes".to_owned());
    };
    if machine == 0 {
        label("first");
    }
    if spec.apart {
        label("apart");
        request.machine.anti_affinity = vec![term("apart")];
    }
    if spec.near {
        request.affinity = vec![term("first")];
    }
    request
}

fn parse(spec: Spec, halted: bool) -> DesiredMachine {
    let strategy = if halted { "Halted" } else { "Always" };
    let preemption = if spec.preemption { "Allowed" } else { "Never" };
    let group = if spec.group {
        ", group: {name: all, minMember: 2}"
    } else {
        ""
    };
    let priority = spec.priority;
    let object = format!(
        "{{apiVersion: drover.dev/v1alpha1, kind: VirtualMachine, metadata: {{name: m, namespace: n}}, \
         spec: {{memory: {{guest: 1Gi}}, runStrategy: {strategy}, placement: {{priority: {priority}, \
         preemption: {preemption}{group}}}}}}}"
    );
    let object = serde_saphyr::from_str(&object).unwrap();
    DesiredMachine::parse(&object, "lab", None).unwrap()
}

fn spec(scenario: u8, machine: usize) -> Spec {
    ALL[usize::from(scenario)].machines[machine]
}

/// The machines in the order in which those of a group are tried: the important first.
fn in_order(scenario: u8) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ALL[usize::from(scenario)].machines.len()).collect();
    order.sort_by_key(|at| -spec(scenario, *at).priority);
    order
}

fn number_of(host: &str) -> u8 {
    u8::from(host == NAMES[1])
}

fn candidate(at: usize, host: Host) -> Candidate {
    Candidate {
        name: NAMES[at].to_owned(),
        labels: [("host".to_owned(), NAMES[at].to_owned())].into(),
        reachable: true,
        schedulable: !host.cordoned,
        cpus: SIZES[at][usize::from(host.large)].into(),
        memory: 8,
        ..Candidate::default()
    }
}

// Machines with this label on one host.
fn term(label: &str) -> Term {
    Term {
        topology_key: "host".to_owned(),
        selector: Selector(vec![Requirement {
            key: label.to_owned(),
            operator: Operator::Exists,
            values: Vec::new(),
        }]),
        namespaces: Vec::new(),
    }
}
