//! Record marking of RFC 5531, section 11: messages on a byte stream, cut into fragments.

use alloc::vec::Vec;

const LAST: u32 = 1 << 31;

/// Writes one record as fragments of at most 2^31 - 1 bytes.
pub fn write(record: &[u8], out: &mut Vec<u8>) {
    let mut rest = record;
    loop {
        let (fragment, after) = rest.split_at(rest.len().min((LAST - 1) as usize));
        let last = if after.is_empty() { LAST } else { 0 };
        // A fragment is shorter than 2^31, so its length fits.
        out.extend_from_slice(&(fragment.len() as u32 | last).to_be_bytes());
        out.extend_from_slice(fragment);
        rest = after;
        if last != 0 {
            return;
        }
    }
}

/// A record over the reader's bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record of more than {0} bytes")]
pub struct TooLong(pub usize);

/// Puts records together from bytes as they come.
#[derive(Debug)]
pub struct Reader {
    bound: usize,
    header: Vec<u8>,
    left: usize,
    last: bool,
    record: Vec<u8>,
}

impl Reader {
    /// A reader of records of at most `bound` bytes.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self {
            bound,
            header: Vec::with_capacity(4),
            left: 0,
            last: false,
            record: Vec::new(),
        }
    }

    /// Takes from `input` what belongs to the next record, and the record once it is whole.
    ///
    /// # Errors
    /// [`TooLong`], as soon as a header says so.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        while self.begin(input)? {
            let (taken, rest) = input.split_at(self.left.min(input.len()));
            self.record.extend_from_slice(taken);
            self.left -= taken.len();
            *input = rest;
            if self.left > 0 {
                return Ok(None);
            }
            self.header.clear();
            if self.last {
                return Ok(Some(core::mem::take(&mut self.record)));
            }
        }
        Ok(None)
    }

    // Reads a fragment's header, if it is not there yet; whether it is whole.
    fn begin(&mut self, input: &mut &[u8]) -> Result<bool, TooLong> {
        if self.header.len() == 4 {
            return Ok(true);
        }
        let (taken, rest) = input.split_at((4 - self.header.len()).min(input.len()));
        self.header.extend_from_slice(taken);
        *input = rest;
        let Some(header) = self.header.first_chunk::<4>() else {
            return Ok(false);
        };
        let header = u32::from_be_bytes(*header);
        self.last = header & LAST != 0;
        self.left = (header & !LAST) as usize;
        if self.record.len().saturating_add(self.left) > self.bound {
            return Err(TooLong(self.bound));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Reader, TooLong, write};

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        write(b"one", &mut bytes);
        assert_eq!(bytes, [0x80, 0, 0, 3, b'o', b'n', b'e']);
        let mut input = &bytes[..];
        assert_eq!(Reader::new(3).read(&mut input), Ok(Some(b"one".to_vec())));
        assert!(input.is_empty());
    }

    #[test]
    fn limits() {
        let mut input = &[0x80, 0, 0, 4][..];
        assert_eq!(Reader::new(3).read(&mut input), Err(TooLong(3)));
        // Fragments count together.
        let mut input = &[0, 0, 0, 2, 1, 2, 0x80, 0, 0, 2][..];
        assert_eq!(Reader::new(3).read(&mut input), Err(TooLong(3)));
    }

    proptest! {
        #[test]
        fn records_survive_any_cut(
            fragments in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..20), any::<bool>()), 1..20),
            piece in 1_usize..9,
        ) {
            let (mut bytes, mut expected, mut record) = (Vec::new(), Vec::new(), Vec::new());
            for (data, last) in &fragments {
                let header = data.len() as u32 | if *last { super::LAST } else { 0 };
                bytes.extend_from_slice(&header.to_be_bytes());
                bytes.extend_from_slice(data);
                record.extend_from_slice(data);
                if *last {
                    expected.push(std::mem::take(&mut record));
                }
            }
            let mut reader = Reader::new(1_000);
            let mut records = Vec::new();
            for mut piece in bytes.chunks(piece) {
                while !piece.is_empty() {
                    records.extend(reader.read(&mut piece)?);
                }
            }
            prop_assert_eq!(records, expected);
        }
    }
}
