//! The real core, asked once for each question: plans, what comes of steps, and schedules. Both
//! machines are alike but for their names, which no answer here depends on, so that one stands for
//! both.

use std::sync::Arc;

use drover_core::desired::machine::{DesiredMachine, RunStrategy};
use drover_core::fields::Site;
use drover_core::identity::Mark;
use drover_core::observed::domain::{DomainState, ObservedDomain};
use drover_core::plan::foresee::{after, stopped};
use drover_core::plan::history::History;
use drover_core::plan::machine::{Situation, Step, plan};
use drover_core::schedule::{Candidate, Fleet, Foreign, Machine, Request, Rules, Usage, schedule};
use drover_core::xml::{DomainType, ResolvedDisk};
use drover_crds::condition::Reason;

use crate::hash::Map;
use crate::state::{Call, HOSTS, NAMES, NO_DOMAIN, NO_STEP, Want};

const MACHINE: &str = "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {name: web, namespace: shop}
spec:
  memory: {guest: 256Mi}
  machine: {type: q35}
  terminationGracePeriodSeconds: 0
  disks: [{name: root, volume: {name: web-root}}]
  interfaces: [{name: eth0, network: lan}]
";

/// A question about a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ask {
    pub(crate) want: Want,
    pub(crate) epoch: u8,
    pub(crate) deleting: bool,
    pub(crate) domain: u16,
}

/// What is to be known of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) step: u16,
    pub(crate) reason: Reason,
}

/// What is to be known of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Info {
    pub(crate) ours: bool,
    pub(crate) foreign: bool,
    pub(crate) active: bool,
    pub(crate) epoch: u8,
    /// Which life of the object its mark is of.
    pub(crate) second_life: bool,
}

/// What a step does to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kind {
    /// It makes the machine.
    pub(crate) makes: bool,
    /// It writes a definition, or starts it.
    pub(crate) defines: bool,
    /// It starts it.
    pub(crate) starts: bool,
    /// It ends its run.
    pub(crate) ends: bool,
    /// It takes its definition away.
    pub(crate) removes: bool,
}

/// A question to the scheduler: which hosts answer, which are full, and whether only one will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Room {
    pub(crate) reachable: [bool; HOSTS],
    pub(crate) full: [bool; HOSTS],
    pub(crate) only: Option<u8>,
}

type Sent = (u16, u16, u16, Want, bool, u8);

pub(crate) struct Facts {
    desired: Vec<DesiredMachine>,
    site: Site,
    history: History,
    domains: Vec<Option<ObservedDomain>>,
    infos: Vec<Info>,
    steps: Vec<Option<Step>>,
    kinds: Vec<Kind>,
    plans: Map<Ask, Planned>,
    effects: Map<Sent, u16>,
    stops: Map<(u16, &'static str), u16>,
    rooms: Map<Room, Option<u8>>,
    /// A domain of others that was changed.
    pub(crate) touched: u16,
    /// A domain with a machine's UUID and no mark, which runs.
    pub(crate) unmarked: u16,
    /// A domain with a machine's UUID and the mark of another namespace, which is off.
    pub(crate) other_owner: u16,
}

impl Facts {
    pub(crate) fn new() -> Self {
        let mut facts = Self {
            desired: (0..Want::ALL).map(|bits| desired(Want(bits))).collect(),
            site: site(),
            history: History::default(),
            domains: vec![None],
            infos: vec![Info::default()],
            steps: vec![None],
            kinds: vec![Kind::default()],
            plans: Map::default(),
            effects: Map::default(),
            stops: Map::default(),
            rooms: Map::default(),
            touched: u16::MAX,
            unmarked: 0,
            other_owner: 0,
        };
        facts.strangers();
        facts
    }

    fn strangers(&mut self) {
        let ask = Ask {
            want: Want(0),
            epoch: 1,
            deleting: false,
            domain: NO_DOMAIN,
        };
        let create = self.plan(ask).step;
        let call = Call {
            step: create,
            epoch: 1,
            ..Call::default()
        };
        let made = self.effect(&call, NO_DOMAIN);
        let made = self.domains[usize::from(made)].clone().unwrap();
        let with = |mark: Option<Mark>| {
            let mut domain = made.clone();
            Arc::make_mut(domain.inactive.as_mut().unwrap()).mark = mark;
            domain
        };
        let bank = Mark {
            namespace: "bank".to_owned(),
            ..made.mark().unwrap().clone()
        };
        let mut runs = with(None);
        runs.live.clone_from(&runs.inactive);
        (runs.state, runs.reason) = (DomainState::Running, "Booted");
        let mut gone = with(None);
        "touched".clone_into(&mut gone.name);
        self.unmarked = self.intern(Some(runs));
        self.other_owner = self.intern(Some(with(Some(bank))));
        self.touched = self.intern(Some(gone));
    }

    fn situation<'a>(&'a self, ask: &Ask) -> Situation<'a> {
        Situation {
            desired: &self.desired[usize::from(ask.want.0)],
            site: &self.site,
            observed: self.domains[usize::from(ask.domain)].as_ref(),
            name_taken: false,
            manager: "c-1",
            take_over: false,
            adoption: false,
            misplaced: None,
            making_room: None,
            epoch: ask.epoch.into(),
            deleting: ask.deleting,
            history: &self.history,
            now: 1_000_000,
        }
    }

    /// The plan for a machine.
    pub(crate) fn plan(&mut self, ask: Ask) -> Planned {
        if let Some(known) = self.plans.get(&ask) {
            return *known;
        }
        let made = plan(&self.situation(&ask));
        let planned = Planned {
            step: made.step.map_or(NO_STEP, |step| self.intern_step(step)),
            reason: made.verdict.reason,
        };
        self.plans.insert(ask, planned);
        planned
    }

    /// A domain after a call has reached libvirt.
    pub(crate) fn effect(&mut self, call: &Call, domain: u16) -> u16 {
        let sent = (
            call.step,
            call.base,
            domain,
            call.want,
            call.deleting,
            call.epoch,
        );
        if let Some(known) = self.effects.get(&sent) {
            return *known;
        }
        let made = self.carry_out(call, domain);
        self.effects.insert(sent, made);
        made
    }

    fn carry_out(&mut self, call: &Call, domain: u16) -> u16 {
        if self.info(domain).foreign || domain == self.touched {
            return self.touched;
        }
        let step = self.steps[usize::from(call.step)].clone().unwrap();
        let found = self.domains[usize::from(domain)].clone();
        let ask = Ask {
            want: call.want,
            epoch: call.epoch,
            deleting: call.deleting,
            domain,
        };
        let active = self.info(domain).active;
        let done = match (&step, found) {
            // The definition that is sent is made from the one that was seen.
            (Step::Create { .. } | Step::Define { .. }, found) => {
                let base = self.domains[usize::from(call.base)].clone();
                let sent = after(base, &step, &self.situation(&ask)).unwrap();
                Some(defined(found, sent))
            }
            (_, None) => None,
            (Step::Start { .. }, found) if active => found,
            (Step::Destroy | Step::Shutdown(_) | Step::Suspend | Step::Resume, found)
                if !active =>
            {
                found
            }
            (step, found) => after(found, step, &self.situation(&ask)),
        };
        self.intern(done)
    }

    /// A domain that has stopped, for this reason of libvirt's.
    pub(crate) fn stopped(&mut self, domain: u16, reason: &'static str) -> u16 {
        let info = self.info(domain);
        if !info.ours || !info.active {
            return domain;
        }
        if let Some(known) = self.stops.get(&(domain, reason)) {
            return *known;
        }
        let found = self.domains[usize::from(domain)].clone();
        let made = self.intern(found.and_then(|found| stopped(found, reason)));
        self.stops.insert((domain, reason), made);
        made
    }

    /// The host that the scheduler chooses.
    pub(crate) fn room(&mut self, room: Room) -> Option<u8> {
        if let Some(known) = self.rooms.get(&room) {
            return *known;
        }
        let candidates: Vec<_> = (0..HOSTS).map(|host| candidate(&room, host)).collect();
        let request = Request {
            machine: Machine {
                usage: Usage {
                    vcpus: 1,
                    memory: self.desired[0].memory.kib << 10,
                    ..Usage::default()
                },
                ..Machine::default()
            },
            rules: Rules {
                host: room.only.map(|host| NAMES[usize::from(host)].to_owned()),
                networks: vec!["lan".to_owned()],
                ..Rules::default()
            },
            ..Request::default()
        };
        let chosen = schedule(&request, &mut Fleet::of(&candidates)).ok();
        let chosen = chosen.map(|name| NAMES.iter().position(|it| *it == name).unwrap());
        let chosen = chosen.map(|host| u8::try_from(host).unwrap());
        self.rooms.insert(room, chosen);
        chosen
    }

    pub(crate) fn info(&self, domain: u16) -> Info {
        self.infos[usize::from(domain)]
    }

    pub(crate) fn kind(&self, step: u16) -> Kind {
        self.kinds[usize::from(step)]
    }

    /// A step like this one that is no plan's: planted bugs take it.
    pub(crate) fn destroy(&mut self) -> u16 {
        self.intern_step(Step::Destroy)
    }

    pub(crate) fn step_words(&self, step: u16) -> String {
        let text = self.steps[usize::from(step)]
            .as_ref()
            .map_or("nothing".to_owned(), |step| match step {
                Step::Record { side, .. } => format!("Record {side:?}"),
                Step::Change(change) => format!("Change {}", change.path),
                other => format!("{other:?}"),
            });
        let end = text.find(['{', '(']).unwrap_or(text.len());
        text[..end].trim().to_owned()
    }

    pub(crate) fn domain_words(&self, domain: u16) -> String {
        let info = self.info(domain);
        match (domain, info.foreign) {
            (NO_DOMAIN, _) => "-".to_owned(),
            _ if domain == self.touched => "TOUCHED".to_owned(),
            (_, true) => "foreign".to_owned(),
            _ => {
                let state = if info.active { "ON" } else { "off" };
                let life = if info.second_life { "'" } else { "" };
                format!("{state}@{}{life}", info.epoch)
            }
        }
    }

    fn intern(&mut self, domain: Option<ObservedDomain>) -> u16 {
        if let Some(known) = self.domains.iter().position(|known| *known == domain) {
            return u16::try_from(known).unwrap();
        }
        let found = domain.as_ref().unwrap();
        let mark = found.mark();
        let ours = mark.is_some_and(|mark| mark.same_object(&self.desired[0].mark(0)));
        self.infos.push(Info {
            ours,
            foreign: !ours && found.name != "touched",
            active: found.state.is_active(),
            epoch: mark.map_or(0, |mark| u8::try_from(mark.epoch).unwrap()),
            second_life: mark.is_some_and(|mark| mark.uid == uid(Want(Want::LIFE))),
        });
        self.domains.push(domain);
        small(self.domains.len())
    }

    fn intern_step(&mut self, step: Step) -> u16 {
        let step = Some(step);
        if let Some(known) = self.steps.iter().position(|known| *known == step) {
            return u16::try_from(known).unwrap();
        }
        let makes = matches!(step, Some(Step::Create { .. }));
        let starts = matches!(step, Some(Step::Start { .. }));
        self.kinds.push(Kind {
            makes,
            starts,
            defines: makes || starts || matches!(step, Some(Step::Define { .. })),
            ends: matches!(step, Some(Step::Destroy | Step::Shutdown(_))),
            removes: matches!(step, Some(Step::Undefine | Step::RemoveMark)),
        });
        self.steps.push(step);
        small(self.steps.len())
    }
}

// A key has room for so many.
fn small(count: usize) -> u16 {
    assert!(count <= 1 << 12, "too many to tell apart");
    u16::try_from(count - 1).unwrap()
}

// What libvirt has after it was given a definition.
fn defined(found: Option<ObservedDomain>, sent: ObservedDomain) -> ObservedDomain {
    match found {
        Some(found) => ObservedDomain {
            inactive: sent.inactive,
            persistent: true,
            ..found
        },
        None => ObservedDomain {
            state: DomainState::Shutoff,
            reason: "Unknown",
            live: None,
            persistent: true,
            ..sent
        },
    }
}

fn uid(want: Want) -> &'static str {
    if want.has(Want::LIFE) { "u-2" } else { "u-1" }
}

fn desired(want: Want) -> DesiredMachine {
    let object = serde_saphyr::from_str(MACHINE).unwrap();
    let mut desired = DesiredMachine::parse(&object, "lab", None).unwrap();
    uid(want).clone_into(&mut desired.uid);
    desired.interfaces[0].up = !want.has(Want::UNPLUGGED);
    if want.has(Want::HALTED) {
        desired.strategy = RunStrategy::Halted;
    }
    desired
}

fn site() -> Site {
    Site {
        domain_type: DomainType::Qemu,
        architecture: "x86_64".to_owned(),
        disks: vec![ResolvedDisk {
            name: "root".to_owned(),
            pool: "fast".to_owned(),
            volume: "shop_web-root".to_owned(),
            format: "qcow2".to_owned(),
            shareable: false,
            backing: Some(Vec::new()),
            path: None,
        }],
        kernel: None,
        initrd: None,
        host_devices: None,
        seed: None,
    }
}

// A host has room for one machine.
fn candidate(room: &Room, host: usize) -> Candidate {
    let memory = 256 << 20;
    Candidate {
        name: NAMES[host].to_owned(),
        reachable: room.reachable[host],
        schedulable: true,
        cpus: 8,
        memory,
        foreign: Foreign {
            memory: if room.full[host] { memory } else { 0 },
            ..Foreign::default()
        },
        networks: vec!["lan".to_owned()],
        ..Candidate::default()
    }
}
