//! Plans applied to a host that exists only here: whatever there is at first, and wherever the
//! operator is stopped, the end is the one that was declared, and nothing of others is touched.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adoption;
mod changes;
mod clone;
mod definitions;
mod dice;
mod first_boot;
mod given;
mod import;
mod in_place;
mod machine;
mod network;
mod network_changes;
mod page;
mod place;
mod pool;
mod pool_types;
mod preemption;
mod reservations;
mod snapshots;
mod strategies;
mod survival;
mod updates;
mod volume;
mod world;
