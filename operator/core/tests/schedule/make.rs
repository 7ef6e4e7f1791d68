//! Hosts and requests, as they fall.

use std::collections::BTreeMap;
use std::sync::Arc;

use drover_core::desired::Consent;
use drover_core::schedule::{
    Candidate, CpuWanted, Effect, Foreign, Guest, GuestWanted, HugepageRoom, Hugepages, Machine,
    Operator, Preferred, Request, Requirement, Rules, Selector, Spread, Taint, Term, Toleration,
    Usage,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::dice::Dice;

pub(crate) const GIB: u64 = 1 << 30;

pub(crate) fn text(of: &str) -> String {
    of.to_owned()
}

pub(crate) fn map(all: &[(&str, String)]) -> BTreeMap<String, String> {
    let all = all.iter();
    all.map(|(key, value)| (text(key), value.clone())).collect()
}

fn one(key: &str, operator: Operator, values: &[&str]) -> Selector {
    let values = values.iter().map(|it| text(it)).collect();
    Selector(vec![Requirement {
        key: text(key),
        operator,
        values,
    }])
}

fn labels(dice: &mut Dice, number: usize, name: &str) -> BTreeMap<String, String> {
    let generation = format!("{}", number % 4);
    let mut labels = map(&[("hostname", text(name)), ("generation", generation)]);
    if !dice.once_in(8) {
        labels.insert(text("zone"), format!("z{}", number % 3));
        labels.insert(text("rack"), format!("r{}", number % 7));
    }
    labels
}

fn taints(dice: &mut Dice) -> Vec<Taint> {
    let both = [
        ("gpu", Effect::NoSchedule),
        ("old", Effect::PreferNoSchedule),
    ];
    let taints = both.map(|(key, effect)| {
        let taint = Taint {
            key: text(key),
            value: text("true"),
            effect,
        };
        dice.once_in(8).then_some(taint)
    });
    taints.into_iter().flatten().collect()
}

fn pools(dice: &mut Dice) -> BTreeMap<String, u64> {
    let pools = ["fast", "slow", "nfs"].map(|pool| {
        let amount = dice.pick(&[20, 200, 2_000]) * GIB;
        (!dice.once_in(6)).then(|| (text(pool), amount))
    });
    pools.into_iter().flatten().collect()
}

/// A host of this number.
pub(crate) fn host(dice: &mut Dice, number: usize) -> Candidate {
    let name = format!("kvm-{number}");
    let size = dice.pick(&[1, 2, 4]);
    let page = |cell: u32| HugepageRoom {
        page: 2 << 20,
        cell,
        amount: 16 * GIB,
    };
    let foreign = Foreign {
        cpus: dice.pick(&[0, 0, 2]),
        memory: dice.pick(&[0, GIB]),
        machines: 1,
    };
    Candidate {
        labels: labels(dice, number, &name),
        taints: taints(dice),
        reachable: !dice.once_in(20),
        schedulable: !dice.once_in(20),
        consent: consent(dice),
        guests: guests(dice),
        cpu_class: dice.pick(&[1, 2, 3]),
        cpus: 16 * size,
        memory: 64 * size * GIB + dice.pick(&[0, 0, 4_096]),
        foreign,
        hugepages: if dice.once_in(3) {
            vec![page(0), page(1)]
        } else {
            Vec::new()
        },
        pools: pools(dice),
        networks: if dice.once_in(6) {
            Vec::new()
        } else {
            vec![text("lan")]
        },
        devices: if dice.once_in(3) {
            [(text("gpu"), 2)].into()
        } else {
            BTreeMap::new()
        },
        images: if dice.once_in(2) {
            vec![text("debian")]
        } else {
            Vec::new()
        },
        max_machines: if dice.once_in(5) { Some(6) } else { None },
        name,
    }
}

fn consent(dice: &mut Dice) -> Consent {
    let team = |team: &str| LabelSelector {
        match_labels: Some(map(&[("team", text(team))])),
        ..LabelSelector::default()
    };
    match dice.below(12) {
        0 => Consent::Selected(team("shop")),
        1 => Consent::Selected(team("bank")),
        _ => Consent::All,
    }
}

fn guests(dice: &mut Dice) -> Arc<[Guest]> {
    let guest = |architecture: &str, dice: &mut Dice| Guest {
        architecture: text(architecture),
        domain_types: vec![text(dice.pick(&["kvm", "qemu"]))],
        machine_types: match dice.once_in(4) {
            true => Vec::new(),
            false => vec![text(dice.pick(&["q35", "q35", "pc"]))],
        },
        efi: dice.once_in(2),
        secure_boot: dice.once_in(2),
        tpm: dice.once_in(2),
    };
    let other = dice.pick(&["i686", "aarch64"]);
    [guest("x86_64", dice), guest(other, dice)].into()
}

/// A request for CPUs, memory, a pool and a network.
pub(crate) fn simple(dice: &mut Dice, number: u64) -> Request {
    let app = dice.pick(&["web", "db", "job"]);
    let vcpus = dice.pick(&[1, 1, 1, 2, 2, 4, 8]);
    let lan = !dice.once_in(3);
    let pool = dice.maybe(&["fast", "slow", "nfs"]);
    let amount = dice.pick(&[0, 1, 10]) * GIB;
    let pools = pool.map(|pool| (text(pool), amount));
    let usage = Usage {
        vcpus,
        memory: vcpus * dice.pick(&[2, 3, 4, 8]) * GIB,
        pools: pools.into_iter().collect(),
        ..Usage::default()
    };
    Request {
        machine: Machine {
            uid: format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            namespace: text(dice.pick(&["shop", "bank"])),
            labels: map(&[("app", text(app))]),
            usage,
            priority: dice.pick(&[0, 0, 1, 5]),
            preemption: dice.once_in(2),
            ..Machine::default()
        },
        rules: Rules {
            pools: pool.map(text).into_iter().collect(),
            networks: lan.then(|| text("lan")).into_iter().collect(),
            ..Rules::default()
        },
        ..Request::default()
    }
}

/// Asks for one thing more, in a fleet of so many hosts.
pub(crate) fn more(dice: &mut Dice, hosts: usize, request: &mut Request) {
    let rules = &mut request.rules;
    let machine = &mut request.machine;
    let name = format!("kvm-{}", dice.below(hosts));
    let any = Toleration {
        value: Some(text("true")),
        ..Toleration::default()
    };
    match dice.below(20) {
        0 if dice.once_in(4) => rules.host = Some(name),
        1 => rules.host_selector = Some(selector(dice)),
        2 => rules.host_affinity = vec![selector(dice), selector(dice)],
        3 => rules.preferred_hosts = vec![preferred(dice, selector), preferred(dice, selector)],
        4 => rules.tolerations.push(any),
        5 => rules.guest = wanted(dice),
        6 => {
            rules.cpu = Some(CpuWanted {
                model: text("Skylake"),
                classes: vec![1, 3],
            })
        }
        7 if dice.once_in(4) => rules.data_on = vec![name],
        8 => rules.images = vec![text("debian"), text("fedora")],
        9 => machine.usage.devices = vec![(text("gpu"), 1)],
        10 => machine.usage.hugepages = Some(pages(dice)),
        11 | 12 => machine.anti_affinity.push(term(dice)),
        13 => request.affinity.push(term(dice)),
        14 => request.preferred_affinity.push(preferred(dice, term)),
        15 => request.preferred_anti_affinity.push(preferred(dice, term)),
        _ => request.spread.push(spread(dice)),
    }
}

fn wanted(dice: &mut Dice) -> GuestWanted {
    GuestWanted {
        architecture: dice.maybe(&["x86_64", "aarch64"]).map(text),
        domain_type: dice.maybe(&["kvm", "qemu"]).map(text),
        machine_type: dice.maybe(&["q35", "virt"]).map(text),
        efi: dice.once_in(3),
        secure_boot: dice.once_in(4),
        tpm: dice.once_in(4),
    }
}

fn pages(dice: &mut Dice) -> Hugepages {
    let amount = dice.pick(&[2, 6]) * GIB;
    Hugepages {
        page: 2 << 20,
        amount,
        cell: dice.maybe(&[0, 1, 2]),
    }
}

fn selector(dice: &mut Dice) -> Selector {
    match dice.below(6) {
        0 => one("zone", Operator::In, &["z0", "z1"]),
        1 => one("zone", Operator::NotIn, &["z2"]),
        2 => one("rack", Operator::Exists, &[]),
        3 => one("rack", Operator::DoesNotExist, &[]),
        4 => one("generation", Operator::Gt, &["1"]),
        _ => one("generation", Operator::Lt, &["2"]),
    }
}

fn preferred<T>(dice: &mut Dice, of: impl Fn(&mut Dice) -> T) -> Preferred<T> {
    Preferred {
        weight: dice.pick(&[1, 50, 100]),
        term: of(dice),
    }
}

fn key(dice: &mut Dice) -> String {
    text(dice.pick(&["zone", "rack", "hostname"]))
}

fn app(dice: &mut Dice) -> Selector {
    one("app", Operator::In, &[dice.pick(&["web", "db", "job"])])
}

fn term(dice: &mut Dice) -> Term {
    let spaces = dice.maybe(&["shop", "bank"]);
    Term {
        topology_key: key(dice),
        selector: app(dice),
        namespaces: spaces.map(text).into_iter().collect(),
    }
}

fn spread(dice: &mut Dice) -> Spread {
    Spread {
        topology_key: key(dice),
        selector: app(dice),
        max_skew: dice.pick(&[1, 2]),
        min_domains: dice.pick(&[0, 0, 4]),
        required: dice.once_in(2),
    }
}
