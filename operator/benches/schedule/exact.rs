//! Whether every answer is the oracle's, in fleets that change all the time.

use std::time::Instant;

use drover_core::schedule::Weights;

use crate::world::World;

const WEIGHTS: [Weights; 4] = [
    Weights::DEFAULT,
    Weights::BIN_PACK,
    Weights::SPREAD,
    Weights::BALANCED,
];

/// So many decisions in fleets of up to so many hosts, each fleet for so many.
pub(crate) fn run(decisions: u64, hosts: usize, each: u64) {
    let (mut made, mut wrong, mut seed) = (0, 0_u64, 0_u64);
    let start = Instant::now();
    while made < decisions {
        seed += 1;
        let most = if hosts > 100 {
            hosts
        } else {
            1 + seed as usize * 37 % hosts
        };
        let weights = WEIGHTS[seed as usize % WEIGHTS.len()];
        let mut world = World::new(seed, most, !seed.is_multiple_of(4), weights);
        while world.decisions < each.min(decisions - made) {
            if let Err(difference) = world.step() {
                wrong += 1;
                println!("seed {seed}, decision {}: {difference}", world.decisions);
                break;
            }
        }
        made += world.decisions;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{made} decisions at up to {hosts} hosts in {seed} fleets: {wrong} mismatches (wanted: 0), \
         in {seconds:.0} s"
    );
    assert_eq!(wrong, 0, "it is not exact");
}
