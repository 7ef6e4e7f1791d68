//! A herd: many simulated libvirt hosts in one process, each at a unix socket of its own.
//!
//! A host is a small libvirt in memory ([`host`]): it answers the procedures that the operator uses as
//! libvirt 11.3 does, and all others as libvirt does those that a driver lacks. `e2e/tests/e2e/herd`
//! holds its answers against those of a real libvirtd. What it lacks: guests, libvirt's schemas, byte
//! streams and file descriptors.
//!
//! How the herd behaves beside what is asked of it, late answers and lost connections, is drawn from a
//! seed ([`Weather`]), or told while it runs ([`Control`]).

#![forbid(unsafe_code)]

mod calls;
mod connection;
mod control;
mod counts;
mod definition;
mod driver;
mod error;
mod herd;
pub mod host;
mod options;
mod random;
mod weather;

pub use control::{Control, Order};
pub use counts::Counts;
pub use driver::Driver;
pub use error::Error;
pub use herd::Herd;
pub use options::Options;
pub use weather::{Sky, Weather};
