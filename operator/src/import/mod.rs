//! Content from the web into a volume.

pub mod address;
mod connect;
pub mod fetch;
pub mod job;
