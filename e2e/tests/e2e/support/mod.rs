//! What all tests use.

pub(crate) mod api_proxy;
pub(crate) mod audit;
pub(crate) mod files;
pub(crate) mod objects;
pub(crate) mod rpc_proxy;
pub(crate) mod trigger;
pub(crate) mod world;

pub(crate) use objects::{Guest, message, ready, reason, state};
pub(crate) use trigger::{Act, Moment};
pub(crate) use world::World;
