//! The scheduler beside one that looks at everything each time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../plans/dice.rs"]
mod dice;
mod make;
mod oracle;
mod world;

use drover_core::schedule::Weights;
use proptest::prelude::*;

use self::world::World;

fn weights() -> impl Strategy<Value = Weights> {
    prop_oneof![
        Just(Weights::default()),
        Just(Weights::BIN_PACK),
        Just(Weights::SPREAD),
        Just(Weights::BALANCED),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_answer_is_the_oracles(
        seed in any::<u64>(),
        hosts in 1_usize..100,
        all in any::<bool>(),
        weights in weights(),
    ) {
        let mut world = World::new(seed, hosts, all, weights);
        for step in 0..300 {
            world.step().map_err(|error| TestCaseError::fail(format!("step {step}: {error}")))?;
        }
    }
}
