//! What can be wrong with bytes, or with a value that is to become bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What is wrong, without the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes end before the value does.
    #[error("{needed} bytes are needed and {left} are left")]
    Short {
        /// How many bytes the value needs at least.
        needed: usize,
        /// How many there are.
        left: usize,
    },
    /// A string, an array or opaque data is longer than its declaration allows.
    #[error("length {length} is over the bound of {bound}")]
    TooLong {
        /// The length, in elements or bytes.
        length: usize,
        /// The largest allowed.
        bound: usize,
    },
    /// A fixed array has another number of elements than declared.
    #[error("length {length} where exactly {expected} is declared")]
    WrongLength {
        /// The length, in elements or bytes.
        length: usize,
        /// The one declared.
        expected: usize,
    },
    /// The value nests deeper than [`crate::Limits::depth`].
    #[error("nested deeper than {0}")]
    TooDeep(usize),
    /// Decoding would take more memory than [`crate::Limits::allocation`].
    #[error("more than {0} bytes of memory in all")]
    TooMuch(usize),
    /// The padding after opaque data is not zero (strict decoding only).
    #[error("padding that is not zero")]
    Padding,
    /// A boolean is neither 0 nor 1 (strict decoding only).
    #[error("{0} is no boolean")]
    Boolean(u32),
    /// Bytes are left after the value (strict decoding only).
    #[error("{0} bytes after the end of the value")]
    Trailing(usize),
    /// A union without a default has no arm for this discriminant.
    #[error("{0} selects no arm of the union")]
    Discriminant(i64),
    /// A string contains a NUL byte, at which the other side would cut it.
    #[error("a NUL byte at position {0}")]
    Nul(usize),
    /// A length does not fit in 32 bits.
    #[error("length {0} does not fit in 32 bits")]
    Overflow(usize),
}

/// A [`Problem`] and the field in which it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    problem: Problem,
    // From the innermost field outwards.
    path: Vec<&'static str>,
}

impl Error {
    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The path of the field, such as `domain.name`; empty for the value itself.
    #[must_use]
    pub fn path(&self) -> String {
        let outermost_first: Vec<_> = self.path.iter().rev().copied().collect();
        outermost_first.join(".")
    }

    /// The same error, one field further out.
    #[must_use]
    pub fn within(mut self, field: &'static str) -> Self {
        self.path.push(field);
        self
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            path: Vec::new(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return self.problem.fmt(f);
        }
        write!(f, "{}: {}", self.path(), self.problem)
    }
}

impl core::error::Error for Error {}
