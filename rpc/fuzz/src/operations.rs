//! Any order of operations on a connection, against the account that the protocol's own tests keep.

#[path = "../../proto/tests/model/mod.rs"]
mod model;

use model::{Step, World};

/// One byte chooses the connection, four each a step.
pub fn run(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    let (steps, _) = rest.as_chunks::<4>();
    World::new(*choice).run(steps.iter().copied().map(Step::from));
}
