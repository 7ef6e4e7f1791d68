//! The deciding part of Drover: plans, schedules and libvirt XML, without I/O and without a clock.
//!
//! A spec becomes [`desired`], libvirt's words become [`observed`], and [`plan`] says what is to be
//! done about the difference, field by field of the tables in [`fields`]. [`definition`] writes it.
//! [`schedule`] chooses a host, and [`seed`] makes what a guest is given for its first start. Time comes in as a number.

#![forbid(unsafe_code)]

pub mod addresses;
pub mod completion;
pub mod definition;
pub mod desired;
pub mod fields;
pub mod host_devices;
pub mod identity;
pub mod image;
pub mod import;
pub mod observed;
pub mod placement;
pub mod plan;
pub mod reservations;
pub mod schedule;
pub mod seed;
pub mod selector;
pub mod upload;
pub mod xml;
