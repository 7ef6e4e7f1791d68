//! Zeros in content, which need not be sent.

use bytes::Bytes;

/// Zeros are looked for in blocks of this size: a file system keeps no smaller holes.
const BLOCK: usize = 4 << 10;
/// Fewer zeros than these are sent: a hole costs a message of its own.
const LEAST: u64 = 64 << 10;
static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// A part of some content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Bytes.
    Data(Bytes),
    /// So many zeros.
    Hole(u64),
}

/// Takes content piece by piece, and gives it back with holes.
#[derive(Debug, Default)]
pub(super) struct Holes {
    // Where in the content the next piece begins.
    at: u64,
    // Zeros that have come and have not been given back.
    zeros: u64,
}

impl Holes {
    /// What is to be sent now.
    #[must_use]
    pub(super) fn take(&mut self, bytes: &Bytes) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut begin = 0;
        let mut here = 0;
        while here < bytes.len() {
            // Up to the next whole block of the content.
            let over = usize::try_from((self.at + here as u64) % BLOCK as u64).unwrap_or(0);
            let end = (here + BLOCK - over).min(bytes.len());
            let block = &bytes[here..end];
            if block == &ZEROS[..block.len()] {
                data(&mut parts, bytes.slice(begin..here));
                self.zeros += block.len() as u64;
                begin = end;
            } else {
                self.flush(&mut parts);
            }
            here = end;
        }
        data(&mut parts, bytes.slice(begin..));
        self.at += bytes.len() as u64;
        parts
    }

    /// What is left at the end.
    #[must_use]
    pub(super) fn end(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        self.flush(&mut parts);
        parts
    }

    fn flush(&mut self, parts: &mut Vec<Part>) {
        let zeros = std::mem::take(&mut self.zeros);
        if zeros >= LEAST {
            return parts.push(Part::Hole(zeros));
        }
        data(parts, zero_bytes(zeros));
    }
}

/// So many zeros, in pieces that are sent one after the other.
pub(super) fn zeros(mut length: u64) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let now = length.min(LEAST);
        length -= now;
        (now > 0).then(|| zero_bytes(now))
    })
}

// At most so many as are not worth a hole.
fn zero_bytes(length: u64) -> Bytes {
    static MANY: [u8; LEAST as usize] = [0; LEAST as usize];
    Bytes::from_static(&MANY[..usize::try_from(length).unwrap_or(0).min(MANY.len())])
}

fn data(parts: &mut Vec<Part>, bytes: Bytes) {
    if !bytes.is_empty() {
        parts.push(Part::Data(bytes));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{Holes, Part, zeros};

    fn all(pieces: &[Bytes]) -> Vec<Part> {
        let mut holes = Holes::default();
        let mut parts: Vec<_> = pieces.iter().flat_map(|piece| holes.take(piece)).collect();
        parts.extend(holes.end());
        parts
    }

    fn bytes_of(parts: &[Part]) -> Vec<u8> {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Part::Data(bytes) => all.extend_from_slice(bytes),
                Part::Hole(length) => all.resize(all.len() + usize::try_from(*length).unwrap(), 0),
            }
        }
        all
    }

    #[test]
    fn long_zeros_are_holes_and_short_ones_are_sent() {
        let piece = |value: u8, length: usize| Bytes::from(vec![value; length]);
        let long = all(&[
            piece(1, 4096),
            piece(0, 40_000),
            piece(0, 60_000),
            piece(2, 1),
        ]);
        assert!(matches!(long[1], Part::Hole(100_000)), "{long:?}");
        let short = all(&[piece(1, 4096), piece(0, 8192), piece(2, 4096)]);
        assert!(short.iter().all(|part| matches!(part, Part::Data(_))));
        assert_eq!(all(&[piece(0, 1 << 20)]), [Part::Hole(1 << 20)]);
        let length: usize = zeros(200_000).map(|bytes| bytes.len()).sum();
        assert_eq!(length, 200_000);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            runs in prop::collection::vec((0..3_u8, 0..100_000_usize), 0..8),
            cuts in prop::collection::vec(0..300_000_usize, 0..6),
        ) {
            let content: Vec<u8> = runs
                .iter()
                .flat_map(|(value, length)| vec![*value / 2; *length])
                .collect();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(content.len())).collect();
            cuts.extend([0, content.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts
                .windows(2)
                .map(|cut| Bytes::copy_from_slice(&content[cut[0]..cut[1]]))
                .collect();
            let parts = all(&pieces);
            prop_assert!(bytes_of(&parts) == content);
        }
    }
}
