//! How many decisions a second, each followed by binding or freeing, and how long the slow ones take.

use std::time::Instant;

use drover_core::schedule::Weights;

use crate::dice::Dice;
use crate::fleet::{Busy, Templates};

const HOSTS: usize = 10_000;
// Of the CPUs and the memory that are taken.
const PERCENT: u64 = 70;

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
    let rounds: u32 = if all { 60_000 } else { 600_000 };
    let start = Instant::now();
    for _ in 0..rounds {
        let (number, request) = templates.next();
        busy.step(number, request);
    }
    let rate = f64::from(rounds) / start.elapsed().as_secs_f64();
    let refused = busy.refused;
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let (number, request) = templates.next();
            let start = Instant::now();
            busy.step(number, request);
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
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
