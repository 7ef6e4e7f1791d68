//! How many decisions a second, and how long the slow ones take. Each changes the fleet: its machine is bound,
//! and another goes. What that takes is said beside.
//!
//! The requests, and the UIDs of the machines that go, are made a batch at a time before the clock runs: an
//! operator has them at hand. Read from a list of thousands they were most of what missed the cache.

use std::time::{Duration, Instant};

use drover_core::schedule::Weights;

use crate::dice::Dice;
use crate::fleet::{Busy, Templates};

const HOSTS: usize = 10_000;
// Of the CPUs and the memory that are taken.
const PERCENT: u64 = 70;
// Requests that are made before the clock runs.
const BATCH: usize = 64;

// What is read at random: more than processors keep.
const READ: usize = 64 << 20;
const READS: u32 = 4_000_000;

/// How long memory takes to answer. A decision waits for it several times, and on a machine that others share
/// it is what differs most from one hour to the next.
pub(crate) fn memory() {
    const LINE: usize = 64 / size_of::<u32>();
    let mut order: Vec<u32> = (0..(READ / 64) as u32).collect();
    let mut dice = Dice::new(7);
    for at in (1..order.len()).rev() {
        order.swap(at, dice.below(at + 1));
    }
    // Each line says which is next.
    let mut lines = vec![0_u32; READ / size_of::<u32>()];
    for (at, line) in order.iter().enumerate() {
        lines[*line as usize * LINE] = order[(at + 1) % order.len()];
    }
    let start = Instant::now();
    let last = (0..READS).fold(0, |line: u32, _| lines[line as usize * LINE]);
    let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(READS);
    let at = std::hint::black_box(last);
    println!(
        "a read at random of {} MiB takes {each:.0} ns (the last is line {at})",
        READ >> 20
    );
}

/// One mix of requests, by these weights.
pub(crate) fn run(what: &str, all: bool, weights: Weights, wanted: f64) {
    let mut templates = Templates::new(&mut Dice::new(7), all);
    let mut busy = Busy::new(HOSTS, weights, PERCENT);
    let mut filled = 0;
    while !busy.is_full() && filled < 400_000 {
        let (number, request) = templates.next();
        busy.step(number, request);
        filled += 1;
    }
    let machines = busy.fleet.machines();
    busy.refused = 0;
    let batches = if all { 1_000 } else { 10_000 };
    let rounds = batches * BATCH;
    let (mut decisions, mut steps) = (Times::new(rounds), Times::new(rounds));
    for _ in 0..batches {
        let batch = templates.batch(BATCH);
        busy.tell();
        for (number, request) in &batch {
            let start = Instant::now();
            decisions.0.push(busy.step(*number, request));
            steps.0.push(start.elapsed());
        }
    }
    println!(
        "{what}: {}, wanted: at least {wanted:.0}/s",
        decisions.words()
    );
    println!(
        "    with binding it, and freeing what goes: {}",
        steps.words()
    );
    let refused = busy.refused;
    println!("    {refused} of {rounds} refused, {machines} machines on {HOSTS} hosts");
}

struct Times(Vec<Duration>);

impl Times {
    fn new(many: usize) -> Self {
        Self(Vec::with_capacity(many))
    }

    fn words(&mut self) -> String {
        self.0.sort_unstable();
        let at = |part: usize| self.0[self.0.len() * part / 1_000 - 1].as_secs_f64() * 1e6;
        let rate = self.0.len() as f64 / self.0.iter().sum::<Duration>().as_secs_f64();
        let (p50, p99, last) = (at(500), at(990), at(999));
        format!("{rate:.0}/s, P50 {p50:.1} us, P99 {p99:.1} us, P99.9 {last:.1} us")
    }
}
