//! A fleet that changes all the time, and is asked all the time: each answer is compared with the oracle's.

use std::collections::BTreeMap;

use drover_core::schedule::{Counts, Event, Fleet, Reason, Request, Weights, schedule};

use crate::dice::Dice;
use crate::make::{GIB, host, map, more, simple, text};
use crate::oracle::{Bound, Plain};

/// The same fleet twice.
pub(crate) struct World {
    pub(crate) plain: Plain,
    pub(crate) fleet: Fleet,
    dice: Dice,
    hosts: usize,
    // What is asked: everything, or CPUs, memory, pools and networks alone.
    all: bool,
    made: u64,
    /// What the fleet has told of the last step.
    pub(crate) events: Vec<Event>,
    /// Decisions that were compared.
    pub(crate) decisions: u64,
}

impl World {
    pub(crate) fn new(seed: u64, hosts: usize, all: bool, weights: Weights) -> Self {
        let mut world = Self {
            plain: Plain {
                weights,
                ..Plain::default()
            },
            fleet: Fleet::new(weights),
            dice: Dice::new(seed),
            hosts,
            all,
            made: 0,
            events: Vec::new(),
            decisions: 0,
        };
        for host in 0..hosts {
            world.put_host(host);
        }
        world
    }

    fn put_host(&mut self, number: usize) {
        let host = host(&mut self.dice, number);
        self.events.extend(self.fleet.upsert_host(&host));
        self.plain.hosts.insert(host.name.clone(), host);
    }

    /// Does one thing, and says how an answer differs.
    pub(crate) fn step(&mut self) -> Result<(), String> {
        self.events.clear();
        match self.dice.below(40) {
            0 => {
                let number = self.dice.below(self.hosts);
                self.put_host(number);
            }
            1 if self.all => self.unusual(),
            2..12 => self.release(),
            _ => return self.decide(),
        }
        Ok(())
    }

    fn unusual(&mut self) {
        match self.dice.below(4) {
            0 => {
                let name = format!("kvm-{}", self.dice.below(self.hosts));
                self.events.extend(self.fleet.remove_host(&name));
                self.plain.hosts.remove(&name);
            }
            1 => {
                let room = self.dice.maybe(&[50 * GIB, 500 * GIB]);
                self.events.extend(self.fleet.set_shared_pool("nfs", room));
                self.plain.shared.remove("nfs");
                self.plain
                    .shared
                    .extend(room.map(|room| (text("nfs"), room)));
            }
            _ => self.move_one(),
        }
    }

    // It is on two hosts, or off.
    fn move_one(&mut self) {
        let Some(uid) = self.any() else { return };
        let mut bound = self.plain.machines[&uid].clone();
        if self.dice.once_in(2) {
            bound.counts = Counts::Labels;
        } else {
            bound.hosts.truncate(1);
            let other = format!("kvm-{}", self.dice.below(self.hosts));
            if bound.hosts[0] != other {
                bound.hosts.push(other);
            }
        }
        self.bind(bound);
    }

    fn bind(&mut self, bound: Bound) {
        let hosts: Vec<_> = bound.hosts.iter().map(String::as_str).collect();
        let freed = self.fleet.bind(&bound.machine, &hosts, bound.counts);
        self.events.extend(freed);
        self.events.push(Event::bound(&bound.machine));
        self.plain.machines.insert(bound.machine.uid.clone(), bound);
    }

    fn any(&mut self) -> Option<String> {
        let from = format!("{:016x}", self.dice.below(usize::MAX));
        let mut all = self.plain.machines.range(from..);
        let all = all.next().or_else(|| self.plain.machines.iter().next());
        all.map(|(uid, _)| uid.clone())
    }

    fn release(&mut self) {
        if let Some(uid) = self.any() {
            self.plain.machines.remove(&uid);
            self.events.extend(self.fleet.release(&uid));
        }
    }

    fn decide(&mut self) -> Result<(), String> {
        let request = self.request();
        self.decisions += 1;
        let ours = schedule(&request, &mut self.fleet);
        match (ours, self.plain.choose(&request)) {
            (Ok(a), Ok(b)) if a == b => {
                let machine = request.machine;
                self.bind(Bound {
                    machine,
                    hosts: vec![a],
                    counts: Counts::All,
                });
                Ok(())
            }
            (Err(a), Err(b)) => {
                let mut counts: BTreeMap<Reason, usize> = BTreeMap::new();
                b.into_values()
                    .for_each(|reason| *counts.entry(reason).or_default() += 1);
                let said = a.rejected().iter().map(|it| (it.reason.clone(), it.count));
                let said: BTreeMap<_, _> = said.collect();
                if said == counts && a.rejected().len() == counts.len() {
                    return Ok(());
                }
                Err(format!("{a}\nnot {counts:?}\nfor {request:?}"))
            }
            (a, b) => Err(format!("{a:?}\nnot {b:?}\nfor {request:?}")),
        }
    }

    /// What some machine asks for.
    pub(crate) fn request(&mut self) -> Request {
        self.made += 1;
        let mut request = simple(&mut self.dice, self.made);
        if self.all {
            request.namespace_labels = map(&[("team", request.machine.namespace.clone())]);
            for _ in 0..self.dice.below(3) {
                more(&mut self.dice, self.hosts, &mut request);
            }
        }
        request
    }
}
