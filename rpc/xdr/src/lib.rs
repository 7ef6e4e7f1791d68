//! XDR, the External Data Representation of [RFC 4506], and plain ONC RPC of [RFC 5531]: all of both,
//! bounded, without panics and without `unsafe`.
//!
//! Types are most often what `drover-xdrgen` writes of an RPC language file (`.x`); this crate is what
//! that code stands on. Without them:
//!
//! ```
//! use drover_xdr::{Decode, Decoder, Encode, Encoder, Limits, Mode, Text};
//!
//! let mut out = Encoder::default();
//! Text::from("sillyprog").encode_bounded(&mut out, 255)?; // string name<255>;
//! out.opaque(b"(quit)", 65_535)?; // opaque data<65535>;
//! Some(501_u32).encode(&mut out)?; // unsigned int *owner;
//! let bytes = out.into_bytes();
//!
//! let limits = Limits { mode: Mode::Strict, ..Limits::default() };
//! let mut input = Decoder::with_limits(&bytes, limits);
//! let name = Text::decode_bounded(&mut input, 255)?;
//! let data = input.opaque(65_535)?; // borrowed
//! let owner = Option::<u32>::decode(&mut input)?;
//! input.finish()?;
//! assert_eq!((name.as_str(), data, owner), (Some("sillyprog"), &b"(quit)"[..], Some(501)));
//!
//! let error = Decoder::new(b"\0\0\x01\0too long").opaque(255).unwrap_err();
//! assert_eq!(error.to_string(), "length 256 is over the bound of 255");
//! # Ok::<(), drover_xdr::Error>(())
//! ```
//!
//! # Where is what
//!
//! | to | look at |
//! |---|---|
//! | read and write values, and have types of one's own do so | [`from_bytes`], [`to_bytes`], [`Decode`], [`Encode`] |
//! | say how much is taken on trust | [`Limits`], [`Mode`], [`from_bytes_within`] |
//! | read without copying | [`Decoder::opaque`], [`Decoder::opaque_fixed`] |
//! | strings | [`Text`] |
//! | numbers of 128 bits | [`Quadruple`] |
//! | cut a byte stream into messages | [`record_marking`] |
//! | call and answer procedures | [`onc`] |
//!
//! | XDR | Rust |
//! |---|---|
//! | `int`, `unsigned int`, `hyper`, `unsigned hyper`; C's `char` and `short` in four bytes | `i32`, `u32`, `i64`, `u64`; `i8`, `u8`, `i16`, `u16` |
//! | `float`, `double`, `quadruple` | `f32`, `f64`, [`Quadruple`] |
//! | `bool`, `void` | `bool`, `()` |
//! | `string x<n>` | [`Text`] |
//! | `opaque x[n]`, `opaque x<n>` | `[u8; n]`, `Vec<u8>` or `&[u8]` |
//! | `T x[n]`, `T x<n>`, `T *x` | `[T; n]`, `Vec<T>`, `Option<T>` |
//! | `struct`, `union`, `enum` | a struct, an enum, a struct with a number and names for it |
//!
//! # Guarantees
//!
//! - **No bytes make it panic, and none fill the memory.** A count is held against its declaration,
//!   against [`Limits::length`] and against the bytes that are left, before anything is reserved. What
//!   nests is bounded by [`Limits::depth`]; a list in which each element has the next as optional data
//!   does not nest here ([`Decoder::chain_with`]). All lists, strings and boxes of a value together
//!   are bounded by [`Limits::allocation`].
//! - **What is written can be read.** A value over a bound of its declaration, and a string with a NUL
//!   in it, is refused before it is sent.
//! - **What is read is kept.** Strings that are not UTF-8 and enum values without a name come through
//!   as they are.
//! - **Lenient or strict.** [`Mode::Lenient`] lets pass what other implementations send: padding that
//!   is not zero, booleans other than 0 and 1, bytes behind the value. [`Mode::Strict`] refuses these.
//! - **Errors name the field**, such as `domain.name`, and the bound ([`Error`], [`Problem`]).
//! - **Conversions round as IEEE 754 says.** A [`Quadruple`] becomes the nearest `f64`, ties to even.
//!
//! # Features and limits
//!
//! - Without features the crate needs an allocator and nothing else: it is `no_std`, and there is no
//!   I/O in it. The feature `std` adds blocking clients and a server over TCP and UDP to [`onc`].
//! - ONC RPC knows `AUTH_NONE` and `AUTH_SYS`. Other flavors go through as bytes; nothing is encrypted
//!   or signed.
//! - There is no arithmetic on [`Quadruple`]: it is converted to and from `f64`.
//! - A fixed array is a Rust array, so it is where its struct is, most often on the stack.
//!
//! [RFC 4506]: https://www.rfc-editor.org/rfc/rfc4506
//! [RFC 5531]: https://www.rfc-editor.org/rfc/rfc5531

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod decode;
mod encode;
mod error;
mod limits;
pub mod onc;
mod primitive;
pub mod quadruple;
pub mod record_marking;
#[cfg(test)]
mod tests;
mod text;

pub use decode::{Decode, Decoder, from_bytes, from_bytes_within};
pub use encode::{Encode, Encoder, to_bytes};
pub use error::{Error, Problem};
pub use limits::{Limits, Mode};
pub use quadruple::Quadruple;
pub use text::Text;
