//! Removals of volumes whose replies never came. They may still be done, and would take away whatever
//! has the same name by then: until that is past nothing is made by that name.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// How long a daemon that answers again may take for what it was asked before.
const LATE: Duration = Duration::from_secs(10);

/// The removals of one host that may still come.
#[derive(Debug, Default)]
pub struct Removals {
    lost: HashMap<(String, String), Instant>,
    // Since when the daemon answers on the connection of now.
    answers: Option<Instant>,
}

impl Removals {
    /// Notes that nobody knows whether a volume of a pool is removed; its connection is of no more use.
    pub fn lose(&mut self, pool: &str, volume: &str, now: Instant) {
        let answers = self.answers;
        self.lost.retain(|_, lost| now < end(*lost, answers));
        self.lost.insert((pool.to_owned(), volume.to_owned()), now);
    }

    /// Notes that the daemon answers on another connection.
    pub fn answers(&mut self, now: Instant) {
        self.answers = Some(now);
    }

    /// Whether a volume that is made now may be removed by what was asked before.
    #[must_use]
    pub fn may_come(&self, pool: &str, volume: &str, now: Instant) -> bool {
        let lost = self.lost.get(&(pool.to_owned(), volume.to_owned()));
        lost.is_some_and(|lost| now < end(*lost, self.answers))
    }
}

// When a removal has been done, or never will be.
fn end(lost: Instant, answers: Option<Instant>) -> Instant {
    answers.map_or(lost, |answers| answers.max(lost)) + LATE
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{LATE, Removals};

    #[test]
    fn nothing_is_made_in_the_place_of_what_may_still_be_removed() {
        let (mut removals, start) = (Removals::default(), Instant::now());
        removals.answers(start);
        assert!(!removals.may_come("pool", "disk", start));
        removals.lose("pool", "disk", start);
        assert!(removals.may_come("pool", "disk", start + LATE / 2));
        assert!(!removals.may_come("pool", "other", start));
        // However long it takes until the daemon answers again.
        let again = start + 9 * LATE;
        removals.answers(again);
        assert!(removals.may_come("pool", "disk", again + LATE / 2));
        assert!(!removals.may_come("pool", "disk", again + LATE));
    }
}
