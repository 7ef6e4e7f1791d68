//! What all tests use.

pub(crate) mod api_proxy;
pub(crate) mod audit;
pub(crate) mod between;
pub(crate) mod files;
pub(crate) mod images;
pub(crate) mod objects;
pub(crate) mod rpc_proxy;
pub(crate) mod trigger;
pub(crate) mod whole_life;
pub(crate) mod world;

pub(crate) use between::Between;
pub(crate) use objects::{Guest, message, ready, reason, state};
pub(crate) use trigger::{Act, Moment};
pub(crate) use world::World;
