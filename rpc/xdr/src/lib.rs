//! XDR, the External Data Representation of [RFC 4506]: all of it, bounded, without panics.
//!
//! Sizes come from the wire and are never believed: a count is held against the bytes that are
//! there, and against [`Limits`], before any memory is taken. The crate needs memory, and nothing else
//! of an operating system.
//!
//! ```
//! use drover_xdr::{Decode, Encode, Text, from_bytes, to_bytes};
//!
//! let bytes = to_bytes(&Text::from("test"))?;
//! assert_eq!(bytes, [0, 0, 0, 4, b't', b'e', b's', b't']);
//! assert_eq!(from_bytes::<Text>(&bytes)?.to_string(), "test");
//! # Ok::<(), drover_xdr::Error>(())
//! ```
//!
//! [RFC 4506]: https://www.rfc-editor.org/rfc/rfc4506

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
