//! The Kubernetes operator for fleets of plain libvirt hosts.
//!
//! A watch or a libvirt event hints an object; [`controllers`] look at it, ask [`hosts`] what there
//! is, let the core decide, do one step after the other, and write the status.

#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod controllers;
pub mod ctx;
pub mod error;
pub mod events;
pub mod hosts;
pub mod import;
pub mod lease;
pub mod metrics;
pub mod reconcile;
pub mod secrets;
pub mod serve;
pub mod settings;
pub mod upload;
