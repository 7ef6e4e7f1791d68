//! The end-to-end tests: a real API server, real libvirt hosts, and the operator as users have it.
//!
//! They share one lab, so they run one after the other. Each makes a namespace of its own, begins
//! from a lab that is whole ([`support::world`] mends what a failed test left), and leaves nothing.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api_answers;
mod bad_input;
mod boot;
mod clones;
mod cluster_lost;
mod command_line;
mod cuts;
mod debian_guest;
mod definitions;
mod explain;
mod faults;
mod firmware;
mod first_boot;
mod first_machine;
mod herd;
mod host_answers;
mod host_devices;
mod idle;
mod images;
mod import;
mod kills;
mod life;
mod lost_objects;
mod network_modes;
mod networks;
mod pools;
mod refusals;
mod repair;
mod scheduling;
mod secured;
mod shared;
mod stated;
mod support;
mod teardown;
mod uploads;
mod wipes;
mod without_cluster;
mod writes;
