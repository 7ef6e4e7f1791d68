//! The lab: a real control plane and real libvirt hosts on one machine, and the end-to-end tests.
//!
//! [`up`] brings all of it up, [`down`] takes it away; the tests use the same modules.

#![forbid(unsafe_code)]

pub mod bench;
pub mod cache;
pub mod checks;
pub mod command;
pub mod control_plane;
pub mod down;
pub mod error;
pub mod guest;
pub mod hosts;
pub mod image_server;
pub mod look;
pub mod objects;
pub mod operator;
pub mod others;
pub mod packages;
pub mod places;
pub mod process;
pub mod step;
pub mod up;
pub mod wait;

pub use error::Error;
pub use places::Lab;
