//! A compiler for XDR and RPC language files (`.x`): the grammar of RFC 4506, section 6.3, and RFC
//! 5531, section 12, with what rpcgen and libvirt add to it. It writes Rust on top of `drover-xdr`.
//!
//! The way of a file: [`lex`] -> [`parse`] -> [`model`] (names and bounds resolved) -> [`emit`].
//! [`libvirt`] knows which files of a libvirt source tree become which modules.

#![forbid(unsafe_code)]

pub mod ast;
pub mod compile;
mod condition;
pub mod emit;
pub mod error;
pub mod fetch;
pub mod headers;
pub mod layouts;
pub mod lex;
pub mod libvirt;
pub mod model;
pub mod names;
pub mod parse;
mod prelude;
pub mod source;
pub mod symbols;

pub use compile::{Compiler, Error};
