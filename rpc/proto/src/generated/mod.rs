//! libvirt's protocol, written by `cargo xdrgen`.

#![allow(clippy::pedantic, clippy::too_many_lines, clippy::too_many_arguments)]
#![allow(unused_imports, unused_variables, clippy::all)]

#[rustfmt::skip]
pub mod keepalive;
#[rustfmt::skip]
pub mod lxc;
#[rustfmt::skip]
pub mod net;
#[rustfmt::skip]
pub mod qemu;
#[rustfmt::skip]
pub mod remote;
