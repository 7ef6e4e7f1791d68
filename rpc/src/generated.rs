//! One method for each procedure, written by `cargo xdrgen`.

#![allow(
    clippy::all,
    clippy::too_many_lines,
    clippy::too_many_arguments,
    unused_imports
)]

#[rustfmt::skip]
mod lxc;
#[rustfmt::skip]
mod qemu;
#[rustfmt::skip]
mod remote;
