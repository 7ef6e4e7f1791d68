//! A large fleet, and what is asked of it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use drover_core::schedule::{
    Candidate, Counts, Effect, Fleet, Guest, Machine, Operator, Preferred, Request, Requirement,
    Rules, Selector, Spread, Taint, Term, Toleration, Usage, Weights, schedule,
};

use crate::dice::Dice;

const GIB: u64 = 1 << 30;

// So many machines are known to go before they do.
const GOING: usize = 256;

fn text(of: &str) -> String {
    of.to_owned()
}

fn is(key: &str, value: String) -> Selector {
    let values = vec![value];
    Selector(vec![Requirement {
        key: text(key),
        operator: Operator::In,
        values,
    }])
}

/// A host of this number: four generations, ten zones of twenty racks.
pub(crate) fn host(number: usize) -> Candidate {
    let name = format!("kvm-{number:05}");
    let (cpus, memory) = [(64, 256), (96, 384), (128, 1024), (32, 128)][number % 4];
    let labels = [
        ("kubernetes.io/hostname", name.clone()),
        (
            "topology.kubernetes.io/zone",
            format!("zone-{}", number % 10),
        ),
        (
            "topology.kubernetes.io/rack",
            format!("rack-{}", number % 200),
        ),
        ("generation", format!("{}", number % 4)),
        (
            "disk",
            text(if number.is_multiple_of(3) {
                "ssd"
            } else {
                "nvme"
            }),
        ),
    ];
    let guest = Guest {
        architecture: text("x86_64"),
        domain_types: vec![text("kvm"), text("qemu")],
        machine_types: vec![text("q35"), text("pc")],
        efi: true,
        secure_boot: true,
        tpm: true,
    };
    let mut networks = vec![text("lan"), text("storage")];
    if !(number / 10).is_multiple_of(10) {
        networks.push(text("dmz"));
    }
    Candidate {
        labels: labels
            .into_iter()
            .map(|(key, value)| (text(key), value))
            .collect(),
        taints: taints(number),
        reachable: number % 100 != 7,
        schedulable: number % 100 != 8,
        guests: [guest].into(),
        cpus,
        memory: memory * GIB,
        pools: BTreeMap::from([(text("fast"), 8_192 * GIB), (text("slow"), 65_536 * GIB)]),
        networks,
        images: if number.is_multiple_of(5) {
            vec![text("debian-13")]
        } else {
            Vec::new()
        },
        name,
        ..Candidate::default()
    }
}

fn taints(number: usize) -> Vec<Taint> {
    let taint = |key: &str, effect| Taint {
        key: text(key),
        value: text("true"),
        effect,
    };
    let gpu = number.is_multiple_of(20);
    let old = number % 10 == 3;
    let gpu = gpu.then(|| taint("gpu", Effect::NoSchedule));
    let old = old.then(|| taint("old", Effect::PreferNoSchedule));
    gpu.into_iter().chain(old).collect()
}

/// What is asked for again and again, each time by another machine.
pub(crate) struct Templates {
    all: Vec<Request>,
    next: u64,
}

fn uid(number: u64, into: &mut String) {
    into.clear();
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (high, low) = (mixed >> 32, mixed & 0xffff_ffff);
    write!(into, "{high:08x}-0000-4000-8000-{number:04x}{low:08x}").unwrap();
    into.truncate(36);
}

impl Templates {
    /// For CPUs, memory, a pool and a network alone, or for `all` that there is.
    pub(crate) fn new(dice: &mut Dice, all: bool) -> Self {
        let make = |dice: &mut Dice| {
            let mut request = simple(dice);
            if all {
                choosy(dice, &mut request.rules);
                sociable(dice, &mut request);
            }
            request
        };
        Self {
            all: (0..2_048).map(|_| make(dice)).collect(),
            next: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The next machines, so many, with their numbers.
    pub(crate) fn batch(&mut self, many: usize) -> Vec<(u64, Request)> {
        let next = |_| {
            let (number, request) = self.next();
            (number, request.clone())
        };
        (0..many).map(next).collect()
    }

    /// The next machine, and its number.
    pub(crate) fn next(&mut self) -> (u64, &mut Request) {
        self.next += 1;
        let at = self.next as usize % self.all.len();
        let request = &mut self.all[at];
        uid(self.next, &mut request.machine.uid);
        (self.next, request)
    }
}

fn simple(dice: &mut Dice) -> Request {
    let vcpus = dice.pick(&[1, 1, 1, 2, 2, 2, 4, 4, 8, 16]);
    let app = format!("app-{}", dice.below(200));
    let usage = Usage {
        vcpus,
        memory: vcpus * dice.pick(&[2, 3, 4, 5, 6, 8]) * GIB,
        pools: vec![(text("fast"), dice.pick(&[20, 40, 100]) * GIB)],
        ..Usage::default()
    };
    Request {
        machine: Machine {
            namespace: format!("team-{}", dice.below(20)),
            labels: BTreeMap::from([(text("app"), app)]),
            usage,
            ..Machine::default()
        },
        rules: Rules {
            pools: vec![text("fast")],
            networks: vec![text(dice.pick(&["lan", "dmz", "storage"]))],
            ..Rules::default()
        },
        ..Request::default()
    }
}

// What it wants of hosts.
fn choosy(dice: &mut Dice, rules: &mut Rules) {
    if dice.once_in(4) {
        let key = Some(text("gpu"));
        rules.tolerations.push(Toleration {
            key,
            ..Toleration::default()
        });
    }
    if dice.once_in(4) {
        rules.host_selector = Some(is("disk", text("nvme")));
    }
    if dice.once_in(2) {
        let weight = dice.pick(&[10, 50]);
        let term = is("generation", text("2"));
        rules.preferred_hosts.push(Preferred { weight, term });
    }
    if dice.once_in(2) {
        rules.images.push(text("debian-13"));
    }
    rules.guest.efi = true;
    rules.guest.machine_type = Some(text("q35"));
}

// What it wants of other machines.
fn sociable(dice: &mut Dice, request: &mut Request) {
    let app = request.machine.labels["app"].clone();
    let other = format!("app-{}", dice.below(200));
    let term = |key: &str, app: &String| Term {
        topology_key: text(key),
        selector: is("app", app.clone()),
        namespaces: Vec::new(),
    };
    let zone = "topology.kubernetes.io/zone";
    if dice.once_in(10) {
        request.affinity.push(term(zone, &app));
    } else {
        request.spread.push(Spread {
            topology_key: text(zone),
            selector: is("app", app.clone()),
            max_skew: 2,
            min_domains: 0,
            required: dice.once_in(2),
        });
    }
    if dice.once_in(3) {
        let apart = term("kubernetes.io/hostname", &app);
        request.machine.anti_affinity.push(apart);
    }
    if dice.once_in(4) {
        let (weight, term) = (50, term("topology.kubernetes.io/rack", &app));
        request
            .preferred_anti_affinity
            .push(Preferred { weight, term });
    }
    if dice.once_in(4) {
        let (weight, term) = (20, term(zone, &other));
        request.preferred_affinity.push(Preferred { weight, term });
    }
}

/// A fleet that is kept at a load.
pub(crate) struct Busy {
    pub(crate) fleet: Fleet,
    bound: VecDeque<(u64, u64, u64)>,
    taken: (u64, u64),
    most: (u64, u64),
    // The UIDs of the first that are bound.
    going: VecDeque<String>,
    pub(crate) refused: u64,
}

impl Busy {
    /// So many hosts, of whose CPUs and memory so many per cent are to be taken at most.
    pub(crate) fn new(hosts: usize, weights: Weights, percent: u64) -> Self {
        let mut fleet = Fleet::new(weights);
        let (mut vcpus, mut memory) = (0, 0);
        for number in 0..hosts {
            let host = host(number);
            vcpus += host.cpus;
            memory += host.memory / 100;
            fleet.upsert_host(&host);
        }
        let most = (vcpus * percent / 100, memory * percent);
        Self {
            fleet,
            bound: VecDeque::new(),
            taken: (0, 0),
            most,
            going: VecDeque::new(),
            refused: 0,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.taken.0 > self.most.0 || self.taken.1 > self.most.1
    }

    /// Writes the UIDs of the next that go, which an operator is told.
    pub(crate) fn tell(&mut self) {
        while self.going.len() < GOING.min(self.bound.len()) {
            let mut text = String::new();
            uid(self.bound[self.going.len()].0, &mut text);
            self.going.push_back(text);
        }
    }

    /// One decision, and what follows it. How long the decision took.
    pub(crate) fn step(&mut self, number: u64, request: &Request) -> Duration {
        let start = Instant::now();
        let host = schedule(request, &mut self.fleet);
        let took = start.elapsed();
        match host {
            Ok(host) => self.bind(number, request, &host),
            Err(_) => self.refused += 1,
        }
        self.free();
        took
    }

    fn bind(&mut self, number: u64, request: &Request, host: &str) {
        self.fleet.bind(&request.machine, &[host], Counts::All);
        let Usage { vcpus, memory, .. } = request.machine.usage;
        self.taken.0 += vcpus;
        self.taken.1 += memory;
        self.bound.push_back((number, vcpus, memory));
    }

    // The oldest go when it is full.
    fn free(&mut self) {
        while self.is_full() {
            if self.going.is_empty() {
                self.tell();
            }
            let going = self.bound.pop_front().zip(self.going.pop_front());
            let Some(((_, vcpus, memory), uid)) = going else {
                return;
            };
            self.fleet.release(&uid);
            self.taken.0 -= vcpus;
            self.taken.1 -= memory;
        }
    }
}
