//! A compiler for XDR and RPC language files (`.x`): the grammar of RFC 4506, section 6.3, and RFC
//! 5531, section 12, with what rpcgen and libvirt add to it. It writes Rust on top of `drover-xdr`.
//!
//! ```
//! use drover_xdrgen::Compiler;
//! use std::path::Path;
//!
//! let source = "
//!     /* Two numbers. */
//!     struct pair { int a; int b; };
//!     program CALC { version CALC_V1 { int ADD(pair) = 1; } = 1; } = 0x20000001;";
//! let rust = Compiler::new().docs(true).text(Path::new("calc.x"), source.into())?;
//! assert!(rust.contains("/// Two numbers.\n#[derive(Debug, Clone, PartialEq)]\npub struct Pair {"));
//! assert!(rust.contains("impl drover_xdr::onc::Procedure for Add {"));
//!
//! let error = Compiler::new().text(Path::new("bad.x"), "struct s { pair a; };".into());
//! let place = "bad.x:1:12: pair is no type\n  struct s { pair a; };\n             ^";
//! assert_eq!(error.unwrap_err().to_string(), place);
//! # Ok::<(), drover_xdrgen::Error>(())
//! ```
//!
//! # Three ways to use it
//!
//! On the command line; the Rust goes to the standard output, or to `--out FILE`:
//!
//! ```text
//! xdrgen calc.x [--docs] [-D NAME[=NUMBER]] [--import MODULE=FILE] [--out calc.rs]
//! ```
//!
//! In a `build.rs`, with `drover-xdrgen` among the build dependencies and `drover-xdr` among the
//! dependencies:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! drover_xdrgen::Compiler::new().build("calc.x".as_ref())?;
//! # Ok(())
//! # }
//! ```
//!
//! and in the program `mod calc { include!(concat!(env!("OUT_DIR"), "/calc.rs")); }`. Then, with the
//! feature `std` of `drover-xdr`:
//!
//! ```text
//! use calc::calc::calc_v1::Add;
//!
//! let mut client = TcpClient::connect(address, Options::default())?;
//! let sum: i32 = client.call::<Add>(&Pair { a: 1, b: 2 })?;
//!
//! let service = Service::default().on::<Add>(|_, pair| Ok(pair.a + pair.b));
//! let server = Server::tcp(listener, Arc::new(service), ServerOptions::default())?;
//! ```
//!
//! And without a file, as `cargo xdrgen` in this project: it generates, or with `--check` compares,
//! what is made of a libvirt source tree.
//!
//! # What a file becomes
//!
//! | in the file | in Rust |
//! |---|---|
//! | `const` | a constant: `u32`, `i64` if it is negative or larger, `&str` for text |
//! | `enum` | a struct around an `i32` with a constant for each value; other values are kept |
//! | `struct` | a struct |
//! | `union` | an enum; an arm that several values select, and the default, keep the value |
//! | `typedef` | an alias |
//! | `T *x` | `Option<T>`, boxed where the type leads back to itself |
//! | a struct that only ever is an optional element with the next one as its last field | the elements of a `Vec`, without that field |
//! | `program` | a module, with a module for each version and a type for each procedure |
//!
//! Names are written as Rust writes them, without what all values of an enum, or all procedures of a
//! version, begin with: `SHAPE_DOT` of `shape_kind` is `ShapeKind::DOT`. The documentation of each
//! item has the name in the file and the bound.
//!
//! # Guarantees
//!
//! - What comes out compiles without warnings, and is documented throughout. A test holds this for
//!   all files of Debian's packages of protocols and of libvirt's source.
//! - A name that cannot be told from another in Rust, a type that holds itself, a case that selects two
//!   arms, a number given twice: all are refused, with file, line, column and the line itself. One run
//!   tells everything that it can tell, not the first fault alone.
//! - The same file gives the same text, whenever and wherever it is compiled.
//!
//! # What is accepted besides the RFCs' grammar
//!
//! - `char`, `short`, `long`, `unsigned` alone, `struct x` for `x`, a comma behind the last value of an
//!   enum, values without numbers, bodies within declarations, names for a procedure's arguments;
//! - constants by the names of others, of enum values, programs, versions and procedures, in any
//!   order; decimal, octal and hexadecimal; characters in quotes, text in quotes;
//! - the names that C's headers give to types: `u_int`, `uint32_t`, `bool_t`, `netobj`, ...;
//! - lines that begin with `%`, which are for C and are skipped; a number that they define is known;
//! - `#include "file"`, `#if`, `#ifdef`, `#ifndef`, `#elif`, `#else`, `#endif`, `#define`, `#undef`.
//!   None of `RPC_HDR`, `RPC_XDR`, `RPC_SVC` and `RPC_CLNT` is defined.
//!
//! # Limits
//!
//! - Macros with arguments are refused, macros that are no numbers are only good for `#ifdef`.
//! - Conditions have no parentheses and no arithmetic.
//! - A constant has at most 64 bits, one of them for the sign.
//! - Where a module is `no_std`, its `Vec` and `Box` have to be imported before it is included.
//!
//! # The way of a file
//!
//! [`source`] -> [`lex`] -> [`parse`] -> [`model`] (names and bounds resolved) -> [`emit`].
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
