//! Any order of calls, replies, events, stream frames, cancellations and timeouts, against a plain
//! account of what the connection must say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod model;

use proptest::prelude::*;

use model::{Step, World};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_connection_says_what_it_must(
        choice in any::<u8>(),
        steps in prop::collection::vec(any::<[u8; 4]>().prop_map(Step::from), 1..300),
    ) {
        World::new(choice).run(steps);
    }
}
