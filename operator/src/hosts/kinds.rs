//! What hosts can do, kept once for all that can do the same.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use drover_core::schedule::Guest;

/// What hosts can do.
#[derive(Debug, Default)]
pub struct Kinds(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    guests: HashSet<Arc<[Guest]>>,
    cpus: HashMap<String, u32>,
}

impl Kinds {
    /// The guests that a host can run.
    pub(super) fn guests(&self, guests: Vec<Guest>) -> Arc<[Guest]> {
        let guests: Arc<[Guest]> = guests.into();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = known.guests.get(&guests) {
            return Arc::clone(kept);
        }
        known.guests.insert(Arc::clone(&guests));
        guests
    }

    /// The number of what is said of a CPU: from 1.
    pub(super) fn cpu(&self, words: &str) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.cpus.get(words) {
            return *number;
        }
        let number = u32::try_from(known.cpus.len() + 1).unwrap_or(u32::MAX);
        known.cpus.insert(words.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use drover_core::schedule::Guest;

    use super::Kinds;

    #[test]
    fn hosts_that_can_do_the_same_share_it() {
        let kinds = Kinds::default();
        let guest = |architecture: &str| Guest {
            architecture: architecture.to_owned(),
            ..Guest::default()
        };
        let [a, b, c] = ["x86_64", "x86_64", "aarch64"].map(|it| kinds.guests(vec![guest(it)]));
        assert!(Arc::ptr_eq(&a, &b) && !Arc::ptr_eq(&a, &c));
        assert_eq!(["a", "b", "a"].map(|it| kinds.cpu(it)), [1, 2, 1]);
    }
}
