//! One method for each procedure, and what C headers define; written by `cargo xdrgen`.

#![allow(
    clippy::all,
    clippy::too_many_lines,
    clippy::too_many_arguments,
    unused_imports
)]

#[rustfmt::skip]
pub mod enums;
#[rustfmt::skip]
pub mod fields;
#[rustfmt::skip]
pub mod flags;
#[rustfmt::skip]
mod lxc;
#[rustfmt::skip]
mod qemu;
#[rustfmt::skip]
mod remote;
