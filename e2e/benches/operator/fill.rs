//! How fast an empty fleet fills: many machines on a herd of hosts, all applied at once, beside what
//! the same API server takes of the same writes when nobody has to think about them.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use drover_e2e::Lab;
use futures::StreamExt;
use kube::ResourceExt;
use kube::api::PostParams;

use crate::audit;
use crate::figures::{Target, load};
use crate::fleet::{Fleet, LIMIT, machine};
use crate::herd::Hosts;
use crate::lines::{Line, follow};
use crate::raw::{Samples, write_only};
use crate::restart::settle;
use crate::subject::Subject;
use crate::usage::Usage;

const MACHINES_OF_A_HOST: usize = 10;
/// How many requests the client has under way.
pub(crate) const AT_ONCE: usize = 32;

/// Measures it.
pub(crate) async fn run(lab: &Lab, count: Option<usize>) -> Vec<Target> {
    let count = count.unwrap_or(10_000);
    let herd = Hosts::start(lab, count.div_ceil(MACHINES_OF_A_HOST));
    let subject = Subject::start(lab);
    let fleet = Fleet::of_herd(lab, &herd.hosts()).await;
    settle(&subject).await;
    let (idle, _) = subject.memory();
    herd.take();
    let (before, since) = (Usage::now(lab, herd.pid()), audit::now(lab));
    let filled = fill(&fleet, count).await;
    let after = Usage::now(lab, herd.pid());
    let (memory, peak) = subject.memory();
    println!(
        "{count} machines on {} hosts of a herd, {}",
        herd.hosts().len(),
        load()
    );
    filled.print();
    after.print_since(&before, "while they came");
    let calls: u64 = herd.look().calls.values().sum();
    println!(
        "\n{:.1} calls to libvirt for each",
        calls as f64 / count as f64
    );
    let writes = mix(lab, since, &fleet.namespace, "applied");
    subject.stop();
    let (fill_rate, took) = (rate(&writes, filled.took), filled.took.as_secs_f64());
    let (raw_rate, raw_took) = only_written(lab, &fleet, &filled, &writes).await;
    drop(herd);
    fleet.abandon().await;
    let part = fill_rate / raw_rate * 100.0;
    vec![
        Target::new("fill: first apply to last Ready", took, "s", 240.0),
        Target::shown("fill: writes a second", fill_rate, ""),
        Target::shown("the same only written", raw_took, "s"),
        Target::shown("only written: writes a second", raw_rate, ""),
        Target::least("fill: part of that rate", part, "%", 60.0),
        Target::shown("operator's memory (RSS) before", idle, "MiB"),
        Target::new("operator's memory (RSS) then", memory, "MiB", 160.0),
        Target::shown("operator's memory, peak", peak, "MiB"),
    ]
}

// The rate of the same writes when nobody acts on them, and how long they took.
async fn only_written(
    lab: &Lab,
    fleet: &Fleet,
    filled: &Filled,
    writes: &BTreeMap<String, usize>,
) -> (f64, f64) {
    let of = |kind: &str| writes.get(kind).copied().unwrap_or_default();
    let (count, events) = (filled.count, of("events create"));
    let (before, since) = (Usage::now(lab, 0), audit::now(lab));
    let only = write_only(fleet, &filled.samples, count, events).await;
    Usage::now(lab, 0).print_since(&before, "while they were only written");
    let raw = mix(lab, since, &only.namespace, "only written");
    (rate(&raw, only.took), only.took.as_secs_f64())
}

fn rate(writes: &BTreeMap<String, usize>, took: Duration) -> f64 {
    writes.values().sum::<usize>() as f64 / took.as_secs_f64()
}

/// A fleet that has been filled.
pub(crate) struct Filled {
    pub(crate) took: Duration,
    count: usize,
    // When each tenth of the machines was applied, bound and Ready.
    tenths: Vec<[f64; 3]>,
    pub(crate) samples: Samples,
}

impl Filled {
    fn print(&self) {
        println!("\n| machines | applied | bound | Ready |\n|---|---|---|---|");
        for (at, [applied, bound, ready]) in self.tenths.iter().enumerate() {
            let part = (at + 1) * 10;
            println!("| {part} % | {applied:.1} s | {bound:.1} s | {ready:.1} s |");
        }
    }
}

/// Makes machines as fast as the API server takes them, and waits until all are Ready.
pub(crate) async fn fill(fleet: &Fleet, count: usize) -> Filled {
    let start = Instant::now();
    let api = fleet.machines();
    let making = tokio::spawn(async move {
        let made = futures::stream::iter(0..count).map(|number| {
            let api = api.clone();
            async move {
                let made = api.create(&PostParams::default(), &machine(number)).await;
                made.expect("a machine").name_any();
                start.elapsed()
            }
        });
        made.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await
    });
    let mut seen = Seen::default();
    let path = fleet.path("virtualmachines");
    let client = fleet.client();
    let all = follow(&client, &path, |line| seen.look(line, start) == count);
    let all = tokio::time::timeout(2 * LIMIT, all).await;
    assert!(all.is_ok(), "{} of {count} are Ready", seen.ready.len());
    let took = start.elapsed();
    let made = making.await.expect("all are made");
    let tenth = |times: &[Duration], at: usize| {
        let at = (times.len() * at / 10).saturating_sub(1);
        times.get(at).map_or(f64::NAN, Duration::as_secs_f64)
    };
    let tenths =
        (1..=10).map(|at| [&made, &seen.bound_at, &seen.ready_at].map(|times| tenth(times, at)));
    Filled {
        took,
        count,
        tenths: tenths.collect(),
        samples: seen.samples,
    }
}

#[derive(Default)]
struct Seen {
    bound: HashSet<String>,
    ready: HashSet<String>,
    bound_at: Vec<Duration>,
    ready_at: Vec<Duration>,
    samples: Samples,
}

impl Seen {
    // How many are Ready.
    fn look(&mut self, line: &Line, start: Instant) -> usize {
        let name = line.name();
        if line.has("Scheduled", "True") && self.bound.insert(name.to_owned()) {
            self.bound_at.push(start.elapsed());
            self.samples.bound.get_or_insert_with(|| line.0.clone());
        }
        if line.has("Ready", "True") && self.ready.insert(name.to_owned()) {
            self.ready_at.push(start.elapsed());
            self.samples.ready.get_or_insert_with(|| line.0.clone());
        }
        self.ready.len()
    }
}

/// How often what was written in a namespace since then.
pub(crate) fn mix(
    lab: &Lab,
    since: audit::Since,
    namespace: &str,
    what: &str,
) -> BTreeMap<String, usize> {
    let within = format!("/namespaces/{namespace}/");
    let mut of: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    for write in audit::by_anyone(lab, since) {
        // Others make something of their own in each namespace.
        let counts = write.resource.starts_with("virtualmachine") || write.resource == "events";
        if counts && write.uri.contains(&within) {
            let part = match write.uri.contains("/status") {
                true => " status",
                false => "",
            };
            let kind = format!("{} {}{part}", write.resource, write.verb);
            of.entry(kind).or_default().push(write.took);
        }
    }
    println!("\n| {what} | writes | in the API server, mean |\n|---|---|---|");
    let counted = of.into_iter().map(|(kind, took)| {
        let mean = took.iter().sum::<Duration>().as_secs_f64() * 1_000.0 / took.len() as f64;
        println!("| {kind} | {} | {mean:.1} ms |", took.len());
        (kind, took.len())
    });
    counted.collect()
}
