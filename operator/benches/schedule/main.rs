//! The scheduler: whether it is right, how fast it is, what it takes and how well it packs.
//! `cargo bench -p drover --bench schedule [-- exact | speed | memory | packing]`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../core/tests/plans/dice.rs"]
mod dice;
mod exact;
mod fleet;
#[path = "../../core/tests/schedule/make.rs"]
mod make;
mod memory;
#[path = "../../core/tests/schedule/oracle.rs"]
mod oracle;
mod packing;
mod speed;
#[path = "../../core/tests/schedule/world.rs"]
mod world;

use drover_core::schedule::Weights;

const POLICIES: [(&str, Weights); 4] = [
    ("default weights", Weights::DEFAULT),
    ("bin pack", Weights::BIN_PACK),
    ("spread", Weights::SPREAD),
    ("balanced", Weights::BALANCED),
];

fn main() {
    let names = std::env::args().skip(1).filter(|it| !it.starts_with('-'));
    let names: Vec<String> = names.collect();
    let asked = |name: &str| names.is_empty() || names.iter().any(|it| it == name);
    if asked("speed") {
        speed::memory();
        for (name, weights) in POLICIES {
            let simple = format!("CPUs, memory, a pool and a network; {name}");
            speed::run(&simple, false, weights, 500_000.0);
            speed::run(&format!("everything; {name}"), true, weights, 50_000.0);
        }
    }
    if asked("memory") {
        memory::run();
    }
    if asked("packing") {
        packing::run();
    }
    if asked("exact") {
        exact::run(20_000, 10_000, 5_000);
        exact::run(10_000_000, 100, 2_000);
    }
}
