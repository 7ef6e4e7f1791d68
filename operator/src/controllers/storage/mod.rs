//! What volumes and copies of images share: both are data in a pool of a host, with records beside it.

pub(super) mod clone;
mod place;
mod shared;
mod users;
mod wipe;
mod work;

pub(super) use place::{closed_to, pool_on};
pub(super) use shared::{carriers, host_of, is_shared, writer, writer_for};
pub(super) use users::users;
pub(super) use work::{Base, Outcome, PROGRESS, Work};
