//! What is held as it is while it is copied: nobody starts what would write into a volume, and nobody
//! lets go on what stands still for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// A thing that is held.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Held {
    /// A volume of a pool: nobody is to write into it.
    Volume(String, String),
    /// A domain whose CPUs stand still: they are to go on when the holder says so.
    Domain(Uuid),
    /// A domain's disk that is being copied: QEMU makes one copy of it at a time.
    Disk(Uuid, String),
}

type Counts = HashMap<Held, usize>;

/// All that is held on a host. It is remembered only here: with the operator goes what it did, and
/// what is begun again holds it again.
#[derive(Debug, Clone, Default)]
pub struct Holds(Arc<Mutex<Counts>>);

/// Holds a thing until it is dropped.
#[derive(Debug)]
pub struct Hold {
    holds: Holds,
    what: Held,
}

impl Holds {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a thing. Several may hold the same.
    #[must_use]
    pub fn hold(&self, what: Held) -> Hold {
        *self.lock().entry(what.clone()).or_default() += 1;
        Hold {
            holds: self.clone(),
            what,
        }
    }

    /// Holds a thing that nobody else holds.
    #[must_use]
    pub fn hold_alone(&self, what: Held) -> Option<Hold> {
        let mut counts = self.lock();
        if counts.contains_key(&what) {
            return None;
        }
        counts.insert(what.clone(), 1);
        Some(Hold {
            holds: self.clone(),
            what,
        })
    }

    /// Whether a thing is held.
    #[must_use]
    pub fn has(&self, what: &Held) -> bool {
        self.lock().contains_key(what)
    }

    /// Whether a volume of a pool is held.
    #[must_use]
    pub fn has_volume(&self, pool: &str, volume: &str) -> bool {
        self.has(&Held::Volume(pool.to_owned(), volume.to_owned()))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut counts = self.holds.lock();
        if let Some(count) = counts.get_mut(&self.what) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.what);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, Holds};

    #[test]
    fn a_thing_is_held_until_the_last_lets_go() {
        let holds = Holds::default();
        let volume = Held::Volume("fast".to_owned(), "shop_db".to_owned());
        let first = holds.hold(volume.clone());
        assert!(holds.hold_alone(volume.clone()).is_none());
        let second = holds.hold(volume.clone());
        drop(first);
        assert!(holds.has_volume("fast", "shop_db") && !holds.has_volume("fast", "shop_web"));
        drop(second);
        assert!(!holds.has_volume("fast", "shop_db"));
        assert!(holds.hold_alone(volume).is_some());
    }
}
