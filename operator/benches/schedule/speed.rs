//! How many decisions a second, each followed by binding or freeing, and how long the slow ones take.
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
    let mut spent = Duration::ZERO;
    for _ in 0..batches {
        let batch = templates.batch(BATCH);
        busy.tell();
        let start = Instant::now();
        for (number, request) in &batch {
            busy.step(*number, request);
        }
        spent += start.elapsed();
    }
    let rate = rounds as f64 / spent.as_secs_f64();
    let refused = busy.refused;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..batches {
        let batch = templates.batch(BATCH);
        busy.tell();
        times.extend(batch.iter().map(|(number, request)| {
            let start = Instant::now();
            busy.step(*number, request);
            start.elapsed().as_secs_f64() * 1e6
        }));
    }
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times[times.len() * part / 1_000 - 1];
    println!(
        "{what}: {rate:.0}/s (wanted: at least {wanted:.0}), p50 {:.1} us, p99 {:.1} us, p99.9 {:.1} us, \
         {refused} of {rounds} refused, {machines} machines on {HOSTS} hosts",
        at(500),
        at(990),
        at(999),
    );
}
