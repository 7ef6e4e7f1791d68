//! Values to bytes.

use alloc::vec::Vec;

use crate::{Error, Problem};

/// A value that has an XDR form.
pub trait Encode {
    /// Appends the value to `out`.
    ///
    /// # Errors
    /// When the value is over a bound of its declaration, or holds a NUL where a string must not.
    fn encode(&self, out: &mut Encoder) -> Result<(), Error>;
}

/// Bytes being written.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// An encoder that appends to `bytes`.
    #[must_use]
    pub fn after(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// What has been written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes have been written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes one word of four bytes.
    pub fn word(&mut self, word: u32) {
        self.bytes.extend_from_slice(&word.to_be_bytes());
    }

    /// Writes bytes as they are, without padding: what is no XDR, such as stream data.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes a length, which must be within `bound`.
    ///
    /// # Errors
    /// [`Problem::TooLong`] when it is not.
    pub fn length(&mut self, length: usize, bound: usize) -> Result<(), Error> {
        if length > bound {
            return Err(Problem::TooLong { length, bound }.into());
        }
        self.word(u32::try_from(length).map_err(|_| Problem::Overflow(length))?);
        Ok(())
    }

    /// Writes opaque data of a length that both sides know, with its padding.
    pub fn opaque_fixed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes
            .extend_from_slice(&[0; 3][..padding(bytes.len())]);
    }

    /// Writes opaque data of at most `bound` bytes, its length first.
    ///
    /// # Errors
    /// [`Problem::TooLong`] when it is longer.
    pub fn opaque(&mut self, bytes: &[u8], bound: usize) -> Result<(), Error> {
        self.length(bytes.len(), bound)?;
        self.opaque_fixed(bytes);
        Ok(())
    }

    /// Writes a list of at most `bound` elements, its count first.
    ///
    /// # Errors
    /// [`Problem::TooLong`] when there are more, or what an element's encoding says.
    pub fn list<T: Encode>(&mut self, items: &[T], bound: usize) -> Result<(), Error> {
        self.length(items.len(), bound)?;
        self.array(items)
    }

    /// Writes a list of at most `bound` elements with `write`, its count first.
    ///
    /// # Errors
    /// [`Problem::TooLong`] when there are more, or what `write` says.
    pub fn list_with<T>(
        &mut self,
        items: &[T],
        bound: usize,
        mut write: impl FnMut(&T, &mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.length(items.len(), bound)?;
        items.iter().try_for_each(|item| write(item, self))
    }

    /// Writes optional data with `write`.
    ///
    /// # Errors
    /// What `write` says.
    pub fn optional_with<T>(
        &mut self,
        item: Option<&T>,
        write: impl FnOnce(&T, &mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.word(u32::from(item.is_some()));
        item.map_or(Ok(()), |item| write(item, self))
    }

    /// Writes a list in which each element has the next as optional data, each with `write`.
    ///
    /// # Errors
    /// What `write` says.
    pub fn chain_with<T>(
        &mut self,
        items: &[T],
        mut write: impl FnMut(&T, &mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for item in items {
            self.word(1);
            write(item, self)?;
        }
        self.word(0);
        Ok(())
    }

    /// Writes the elements of an array whose length both sides know.
    ///
    /// # Errors
    /// What an element's encoding says.
    pub fn array<T: Encode>(&mut self, items: &[T]) -> Result<(), Error> {
        items.iter().try_for_each(|item| item.encode(self))
    }
}

/// How many zero bytes follow `length` bytes of opaque data.
pub(crate) fn padding(length: usize) -> usize {
    length.wrapping_neg() & 3
}

/// The XDR form of one value.
///
/// # Errors
/// What [`Encode::encode`] says.
pub fn to_bytes<T: Encode + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Encoder::default();
    value.encode(&mut out)?;
    Ok(out.into_bytes())
}
