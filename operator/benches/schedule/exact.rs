//! Whether every answer is the oracle's, in fleets that change all the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use drover_core::schedule::Weights;

use crate::world::World;

const WEIGHTS: [Weights; 4] = [
    Weights::DEFAULT,
    Weights::BIN_PACK,
    Weights::SPREAD,
    Weights::BALANCED,
];

/// So many decisions in fleets of up to so many hosts, each fleet for so many; on all processors.
pub(crate) fn run(decisions: u64, hosts: usize, each: u64) {
    let fleets = decisions.div_ceil(each);
    let [seeds, made, wrong] = [const { AtomicU64::new(0) }; 3];
    let start = Instant::now();
    let work = || {
        loop {
            let seed = seeds.fetch_add(1, Ordering::Relaxed) + 1;
            if seed > fleets {
                return;
            }
            let (ours, difference) = fleet(seed, hosts, each);
            let before = made.fetch_add(ours, Ordering::Relaxed);
            if (before + ours) * 10 / decisions > before * 10 / decisions {
                println!("{} of {decisions}", before + ours);
            }
            if let Some(difference) = difference {
                wrong.fetch_add(1, Ordering::Relaxed);
                println!("seed {seed}, decision {ours}: {difference}");
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let seconds = start.elapsed().as_secs_f64();
    let (made, wrong) = (made.into_inner(), wrong.into_inner());
    println!(
        "{made} decisions at up to {hosts} hosts in {fleets} fleets: {wrong} mismatches (wanted: 0), \
         in {seconds:.0} s"
    );
    assert_eq!(wrong, 0, "it is not exact");
}

// How many were made, and the first that is not the oracle's.
fn fleet(seed: u64, hosts: usize, decisions: u64) -> (u64, Option<String>) {
    let most = if hosts > 100 {
        hosts
    } else {
        1 + seed as usize * 37 % hosts
    };
    let weights = WEIGHTS[seed as usize % WEIGHTS.len()];
    let mut world = World::new(seed, most, !seed.is_multiple_of(4), weights);
    while world.decisions < decisions {
        if let Err(difference) = world.step() {
            return (world.decisions, Some(difference));
        }
    }
    (world.decisions, None)
}
