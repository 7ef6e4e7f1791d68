//! Hashes: one that stays the same for good, and one for tables.

use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

/// For tables whose keys are numbers, or few: the same in every run, and no order is ever read from it.
pub(crate) type Mixed = BuildHasherDefault<Mixer>;

/// For tables whose keys users write.
pub(crate) type Named = BuildHasherDefault<DefaultHasher>;

/// Multiplies and folds what it is given.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        mix(self.0)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let word = rest.iter().rev();
            self.write_u64(word.fold(0, |word, byte| (word << 8) | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

// SplitMix64's end.
fn mix(value: u64) -> u64 {
    let z = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The place of a name on the ring: FNV-1a, mixed. It decides between equals, so that it never changes.
#[must_use]
pub fn ring(name: &str) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use super::{Mixer, ring};

    #[test]
    fn the_ring_stays_as_it_is() {
        assert_eq!(ring("kvm-01"), 0x3447_c4a6_db76_5908);
    }

    #[test]
    fn bytes_are_taken_eight_at_a_time() {
        let hash = |parts: &[u64]| {
            let mut mixer = Mixer::default();
            parts.iter().for_each(|it| mixer.write_u64(*it));
            mixer.finish()
        };
        let mut mixer = Mixer::default();
        mixer.write(&[1, 0, 0, 0, 0, 0, 0, 2, 3, 4]);
        assert_eq!(mixer.finish(), hash(&[(2 << 56) | 1, (4 << 8) | 3]));
    }
}
