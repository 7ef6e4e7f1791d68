//! Bytes to values.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::encode::padding;
use crate::{Error, Limits, Mode, Problem};

/// A value that can be read from its XDR form.
pub trait Decode: Sized {
    /// The fewest bytes that a value of this type takes: what a count is held against.
    const MIN_SIZE: usize;

    /// Reads one value.
    ///
    /// # Errors
    /// When the bytes end early, or a bound of the declaration or of [`Limits`] is passed.
    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error>;
}

/// Bytes being read.
#[derive(Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    limits: Limits,
    depth: usize,
    allocated: usize,
}

impl<'a> Decoder<'a> {
    /// A lenient decoder with the bounds of [`Limits::default`].
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::with_limits(bytes, Limits::default())
    }

    /// A decoder with bounds of one's own.
    #[must_use]
    pub fn with_limits(bytes: &'a [u8], limits: Limits) -> Self {
        Self {
            bytes,
            limits,
            depth: 0,
            allocated: 0,
        }
    }

    /// The bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether bytes that are wrong but harmless are refused.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.limits.mode == Mode::Strict
    }

    /// Ends the decoding.
    ///
    /// # Errors
    /// [`Problem::Trailing`] when bytes are left and decoding is strict.
    pub fn finish(self) -> Result<(), Error> {
        match self.limits.mode {
            Mode::Strict if !self.bytes.is_empty() => {
                Err(Problem::Trailing(self.bytes.len()).into())
            }
            _ => Ok(()),
        }
    }

    /// Reads one word of four bytes.
    ///
    /// # Errors
    /// [`Problem::Short`].
    pub fn word(&mut self) -> Result<u32, Error> {
        match self.bytes.split_first_chunk::<4>() {
            Some((word, rest)) => {
                self.bytes = rest;
                Ok(u32::from_be_bytes(*word))
            }
            None => Err(Problem::Short {
                needed: 4,
                left: self.bytes.len(),
            }
            .into()),
        }
    }

    /// Takes `length` bytes as they are, without padding.
    ///
    /// # Errors
    /// [`Problem::Short`].
    pub fn raw(&mut self, length: usize) -> Result<&'a [u8], Error> {
        if length > self.bytes.len() {
            return Err(Problem::Short {
                needed: length,
                left: self.bytes.len(),
            }
            .into());
        }
        let (taken, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        Ok(taken)
    }

    /// Reads a boolean. Lenient decoding takes any word but zero for true, as C does.
    ///
    /// # Errors
    /// [`Problem::Short`], or [`Problem::Boolean`] in strict decoding.
    pub fn boolean(&mut self) -> Result<bool, Error> {
        match self.word()? {
            0 => Ok(false),
            1 => Ok(true),
            other if self.is_strict() => Err(Problem::Boolean(other).into()),
            _ => Ok(true),
        }
    }

    /// Reads opaque data of a length that both sides know, without copying it.
    ///
    /// # Errors
    /// [`Problem::Short`], or [`Problem::Padding`] in strict decoding.
    pub fn opaque_fixed(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let data = self.raw(length)?;
        let pad = self.raw(padding(length))?;
        if self.is_strict() && pad.iter().any(|byte| *byte != 0) {
            return Err(Problem::Padding.into());
        }
        Ok(data)
    }

    /// Reads opaque data of at most `bound` bytes, without copying it.
    ///
    /// # Errors
    /// [`Problem::TooLong`], [`Problem::Short`], or [`Problem::Padding`] in strict decoding.
    pub fn opaque(&mut self, bound: usize) -> Result<&'a [u8], Error> {
        let length = self.length(bound, 1)?;
        self.opaque_fixed(length)
    }

    /// Reads opaque data of at most `bound` bytes into memory of its own.
    ///
    /// # Errors
    /// As [`Decoder::opaque`], or [`Problem::TooMuch`].
    pub fn opaque_owned(&mut self, bound: usize) -> Result<Vec<u8>, Error> {
        let data = self.opaque(bound)?;
        self.allocate(data.len())?;
        Ok(data.to_vec())
    }

    /// Reads opaque data of a length known when compiling.
    ///
    /// # Errors
    /// As [`Decoder::opaque_fixed`].
    pub fn opaque_array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.opaque_fixed(N)?);
        Ok(array)
    }

    /// Reads an array of a length known when compiling, each element with `read`.
    ///
    /// # Errors
    /// What `read` says.
    pub fn array_with<T, const N: usize>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<[T; N], Error> {
        let mut items = Vec::new();
        for _ in 0..N {
            items.push(read(self)?);
        }
        let wrong = |items: Vec<T>| Problem::WrongLength {
            length: items.len(),
            expected: N,
        };
        items.try_into().map_err(|items| wrong(items).into())
    }

    /// Reads a list of at most `bound` elements of at least `min_size` bytes, each with `read`.
    ///
    /// # Errors
    /// When the count is over a bound or over what is left, or what `read` says.
    pub fn list_with<T>(
        &mut self,
        bound: usize,
        min_size: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.length(bound, min_size)?;
        self.allocate(count.saturating_mul(size_of::<T>().max(1)))?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// Reads optional data with `read`.
    ///
    /// # Errors
    /// What `read` says.
    pub fn optional_with<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self.boolean()? {
            true => self.nested(read).map(Some),
            false => Ok(None),
        }
    }

    /// Reads what has a box of its own, as optional data that leads back to its own type has.
    ///
    /// # Errors
    /// [`Problem::TooMuch`], or what `read` says.
    pub fn boxed_with<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<Box<T>, Error> {
        self.allocate(size_of::<T>())?;
        read(self).map(Box::new)
    }

    /// Reads a list in which each element has the next as optional data, each element with `read`.
    ///
    /// It is not nested here, so its length is bounded by [`Limits::length`] and not by
    /// [`Limits::depth`].
    ///
    /// # Errors
    /// [`Problem::TooLong`], [`Problem::TooMuch`], or what `read` says.
    pub fn chain_with<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let bound = self.limits.length;
        let mut items = Vec::new();
        while self.boolean()? {
            if items.len() == bound {
                let length = bound.saturating_add(1);
                return Err(Problem::TooLong { length, bound }.into());
            }
            self.allocate(size_of::<T>().max(1))?;
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// Reads a list of at most `bound` elements.
    ///
    /// # Errors
    /// When the count is over a bound or over what is left, or what an element's decoding says.
    pub fn list<T: Decode>(&mut self, bound: usize) -> Result<Vec<T>, Error> {
        let count = self.length(bound, T::MIN_SIZE)?;
        self.array(count)
    }

    /// Reads `count` elements whose number both sides know.
    ///
    /// # Errors
    /// When they cannot fit in what is left, or what an element's decoding says.
    pub fn array<T: Decode>(&mut self, count: usize) -> Result<Vec<T>, Error> {
        let needed = count.saturating_mul(T::MIN_SIZE);
        if needed > self.bytes.len() {
            return Err(Problem::Short {
                needed,
                left: self.bytes.len(),
            }
            .into());
        }
        // An element without a size on the wire still takes memory here.
        self.allocate(count.saturating_mul(size_of::<T>().max(1)))?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(T::decode(self)?);
        }
        Ok(items)
    }

    /// Reads what nests: a struct in a struct, an arm of a union, optional data.
    ///
    /// # Errors
    /// [`Problem::TooDeep`], or what `read` says.
    pub fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.depth >= self.limits.depth {
            return Err(Problem::TooDeep(self.limits.depth).into());
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// Notes that memory is about to be taken.
    ///
    /// # Errors
    /// [`Problem::TooMuch`] when it would be more than [`Limits::allocation`] in all.
    pub fn allocate(&mut self, bytes: usize) -> Result<(), Error> {
        self.allocated = self.allocated.saturating_add(bytes);
        if self.allocated > self.limits.allocation {
            return Err(Problem::TooMuch(self.limits.allocation).into());
        }
        Ok(())
    }

    // A count, held against the bounds and against the bytes that its elements need at least.
    fn length(&mut self, bound: usize, min_size: usize) -> Result<usize, Error> {
        let length = self.word()? as usize;
        let bound = bound.min(self.limits.length);
        if length > bound {
            return Err(Problem::TooLong { length, bound }.into());
        }
        let needed = length.saturating_mul(min_size);
        if needed > self.bytes.len() {
            return Err(Problem::Short {
                needed,
                left: self.bytes.len(),
            }
            .into());
        }
        Ok(length)
    }
}

/// Reads one value from all of `bytes`, leniently, with the bounds of [`Limits::default`].
///
/// # Errors
/// What [`Decode::decode`] says.
pub fn from_bytes<T: Decode>(bytes: &[u8]) -> Result<T, Error> {
    from_bytes_within(bytes, Limits::default())
}

/// Reads one value from all of `bytes`, as strictly and within the bounds that `limits` say.
///
/// # Errors
/// What [`Decode::decode`] says, and [`Problem::Trailing`] in strict decoding.
pub fn from_bytes_within<T: Decode>(bytes: &[u8], limits: Limits) -> Result<T, Error> {
    let mut input = Decoder::with_limits(bytes, limits);
    let value = T::decode(&mut input)?;
    input.finish()?;
    Ok(value)
}
