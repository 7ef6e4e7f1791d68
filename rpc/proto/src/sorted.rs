//! A map whose keys mostly grow, in one piece of memory: what is taken out leaves its place to what
//! comes next, so that a steady flow of entries allocates nothing.

use std::collections::VecDeque;

// Room for so many entries is kept when there are none.
const KEPT: usize = 16;

/// Entries in the order of their keys.
#[derive(Debug)]
pub(crate) struct Sorted<K, V>(VecDeque<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K: Ord, V> Sorted<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts an entry in its place, over one with the same key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.0.back().is_none_or(|(last, _)| *last < key) {
            self.0.push_back((key, value));
            return;
        }
        match self.find(&key) {
            Ok(index) => self.0[index].1 = value,
            Err(index) => self.0.insert(index, (key, value)),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let index = self.find(key).ok()?;
        self.0.get(index).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let index = self.find(key).ok()?;
        self.0.get_mut(index).map(|(_, value)| value)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let removed = match self.find(key).ok()? {
            0 => self.0.pop_front(),
            index => self.0.remove(index),
        };
        if self.0.is_empty() && self.0.capacity() > KEPT {
            self.0.shrink_to(KEPT);
        }
        removed.map(|(_, value)| value)
    }

    /// The smallest key.
    pub(crate) fn first(&self) -> Option<&K> {
        self.0.front().map(|(key, _)| key)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.0.retain(|(key, _)| keep(key));
    }

    /// All entries in order; none are left.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (K, V)> + use<K, V> {
        std::mem::take(&mut self.0).into_iter()
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        // Most often it is the oldest that is looked for.
        if self.0.front().is_some_and(|(first, _)| first == key) {
            return Ok(0);
        }
        self.0.binary_search_by(|(other, _)| other.cmp(key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Sorted;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((any::<bool>(), 0..40_u32, any::<u8>()), 0..200)) {
            let mut sorted = Sorted::default();
            let mut map = BTreeMap::new();
            for (insert, key, value) in steps {
                if insert {
                    sorted.insert(key, value);
                    map.insert(key, value);
                } else {
                    prop_assert_eq!(sorted.remove(&key), map.remove(&key));
                }
                prop_assert_eq!(sorted.get(&key), map.get(&key));
                prop_assert_eq!(sorted.get_mut(&key), map.get_mut(&key));
                prop_assert_eq!(sorted.first(), map.keys().next());
                prop_assert_eq!(sorted.len(), map.len());
                prop_assert_eq!(sorted.contains(&key), map.contains_key(&key));
            }
            sorted.retain(|key| key % 2 == 0);
            map.retain(|key, _| key % 2 == 0);
            prop_assert_eq!(sorted.len(), map.len());
            prop_assert!(sorted.take().eq(map));
        }
    }
}
