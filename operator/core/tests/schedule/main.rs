//! The scheduler beside one that looks at everything each time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../plans/dice.rs"]
mod dice;
mod group;
mod make;
mod oracle;
mod preempt;
mod wake;
mod world;

use drover_core::schedule::{Weights, explain, schedule};
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

fn world(seed: u64, hosts: usize, steps: usize) -> World {
    let mut world = World::new(seed, hosts, true, Weights::default());
    (0..steps).for_each(|_| world.step().unwrap());
    world
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

    #[test]
    fn what_is_explained_is_what_is_chosen(seed in any::<u64>(), hosts in 1_usize..30) {
        let mut world = world(seed, hosts, 100);
        for _ in 0..20 {
            let request = world.request();
            let explained = explain(&request, &mut world.fleet);
            prop_assert_eq!(explained.len(), world.fleet.hosts());
            let fits = explained.iter().filter(|it| it.fits());
            let most = fits.map(|it| it.score()).max();
            let Ok(host) = schedule(&request, &mut world.fleet) else {
                prop_assert_eq!(most, None);
                continue;
            };
            let chosen = explained.iter().find(|it| it.host == host).unwrap();
            prop_assert_eq!(chosen.fits().then(|| chosen.score()), most);
            let mut without = world.fleet.without(&[&host]);
            prop_assert_ne!(schedule(&request, &mut without), Ok(host));
        }
    }
}
