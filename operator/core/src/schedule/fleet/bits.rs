//! Sets of hosts, by the numbers of their slots.

/// A set of small numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

fn place(slot: u32) -> (usize, u64) {
    ((slot >> 6) as usize, 1 << (slot & 63))
}

impl Bits {
    /// No number.
    pub(crate) const EMPTY: Self = Self { words: Vec::new() };

    /// One number.
    pub(crate) fn of(slot: u32) -> Self {
        let mut bits = Self::default();
        bits.insert(slot);
        bits
    }

    pub(crate) fn contains(&self, slot: u32) -> bool {
        let (word, bit) = place(slot);
        self.words.get(word).is_some_and(|it| it & bit != 0)
    }

    pub(crate) fn insert(&mut self, slot: u32) {
        let (word, bit) = place(slot);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit;
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        let (word, bit) = place(slot);
        if let Some(it) = self.words.get_mut(word) {
            *it &= !bit;
        }
    }

    pub(crate) fn set(&mut self, slot: u32, is: bool) {
        if is {
            self.insert(slot);
        } else {
            self.remove(slot);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
    }

    pub(crate) fn copy(&mut self, other: &Self) {
        self.words.clear();
        self.words.extend_from_slice(&other.words);
    }

    /// Becomes what is in both of these.
    pub(crate) fn common(&mut self, one: &Self, other: &Self) {
        self.words.clear();
        let both = one.words.iter().zip(&other.words);
        self.words.extend(both.map(|(a, b)| a & b));
    }

    /// Keeps what is in the other as well.
    pub(crate) fn keep(&mut self, other: &Self) {
        self.words.truncate(other.words.len());
        for (word, mask) in self.words.iter_mut().zip(&other.words) {
            *word &= mask;
        }
    }

    /// Adds what is in the other.
    pub(crate) fn join(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, mask) in self.words.iter_mut().zip(&other.words) {
            *word |= mask;
        }
    }

    /// Takes out what is in the other.
    pub(crate) fn take_out(&mut self, other: &Self) {
        for (word, mask) in self.words.iter_mut().zip(&other.words) {
            *word &= !mask;
        }
    }

    /// Adds all numbers below this, and some above.
    pub(crate) fn fill(&mut self, below: usize) {
        self.words.clear();
        self.words.resize(below.div_ceil(64), u64::MAX);
    }

    /// Whether something is in both.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let both = self.words.iter().zip(&other.words);
        both.into_iter().any(|(a, b)| a & b != 0)
    }

    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|it| it.count_ones() as usize).sum()
    }

    /// Whether there are more than so many.
    pub(crate) fn more_than(&self, most: usize) -> bool {
        let mut seen = 0;
        self.words.iter().filter(|it| **it != 0).any(|it| {
            seen += it.count_ones() as usize;
            seen > most
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..).zip(&self.words).flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    (at << 6) | bit
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn sets() {
        let of = |all: &[u32]| {
            let mut bits = Bits::default();
            all.iter().for_each(|slot| bits.insert(*slot));
            bits
        };
        let list = |bits: &Bits| bits.iter().collect::<Vec<_>>();
        let mut bits = of(&[0, 63, 64, 200]);
        assert_eq!(list(&bits), [0, 63, 64, 200]);
        assert!(bits.contains(200) && !bits.contains(201) && !bits.contains(9_999));
        assert!(bits.more_than(3) && !bits.more_than(4));
        assert!(bits.meets(&of(&[200])) && !bits.meets(&of(&[201, 9_999])));
        let mut common = of(&[7]);
        common.common(&bits, &of(&[63, 65, 300]));
        assert_eq!(list(&common), [63]);
        let mut kept = bits.clone();
        kept.keep(&of(&[63, 65]));
        assert_eq!(list(&kept), [63]);
        bits.take_out(&of(&[0, 300]));
        bits.remove(64);
        bits.remove(5_000);
        assert_eq!((list(&bits), bits.count()), (vec![63, 200], 2));
    }
}
