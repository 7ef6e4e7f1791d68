//! Strings, which on the wire are bytes.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::{Decode, Decoder, Encode, Encoder, Error, Limits, Problem};

/// A string as XDR has it: bytes, most often UTF-8, never with a NUL when sent.
///
/// Bytes that are not UTF-8 are kept; [`fmt::Display`] shows them as replacement characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The string, if the bytes are UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// The string, with replacement characters for what is not UTF-8.
    #[must_use]
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        // Most often it is UTF-8 throughout, which is found out much faster in one go.
        match self.as_str() {
            Some(text) => Cow::Borrowed(text),
            None => String::from_utf8_lossy(&self.0),
        }
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes it, if it has at most `bound` bytes and no NUL.
    ///
    /// # Errors
    /// [`Problem::TooLong`] or [`Problem::Nul`].
    pub fn encode_bounded(&self, out: &mut Encoder, bound: usize) -> Result<(), Error> {
        if let Some(position) = self.0.iter().position(|byte| *byte == 0) {
            return Err(Problem::Nul(position).into());
        }
        out.opaque(&self.0, bound)
    }

    /// Reads one of at most `bound` bytes.
    ///
    /// # Errors
    /// As [`Decoder::opaque_owned`].
    pub fn decode_bounded(input: &mut Decoder<'_>, bound: usize) -> Result<Self, Error> {
        input.opaque_owned(bound).map(Self)
    }
}

impl Encode for Text {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        self.encode_bounded(out, Limits::default().length)
    }
}

impl Decode for Text {
    const MIN_SIZE: usize = 4;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        Self::decode_bounded(input, usize::MAX)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_string_lossy())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), f)
    }
}
