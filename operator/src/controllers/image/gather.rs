//! Whom an image is fetched for: it is read from its source once, and written to all who wait for it
//! then. Who comes later has to wait for a copy to be whole, so that nobody begins before they are there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long nobody must have come: a few times what the API server takes for an object.
const QUIET: Duration = Duration::from_millis(60);
/// How long the first one waits at most.
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Waiting {
    count: usize,
    first: Instant,
    last: Instant,
}

/// Images that are about to be fetched, by UID.
#[derive(Debug, Default)]
pub struct Gathering(Mutex<HashMap<String, Waiting>>);

impl Gathering {
    /// How much longer to wait, when so many copies wait for the source; none if it is time.
    pub(super) fn wait(&self, uid: &str, count: usize) -> Option<Duration> {
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = all.entry(uid.to_owned()).or_insert(Waiting {
            count,
            first: now,
            last: now,
        });
        if waiting.count != count {
            (waiting.count, waiting.last) = (count, now);
        }
        let due = (waiting.last + QUIET).min(waiting.first + LONGEST);
        let left = due.saturating_duration_since(now);
        if left.is_zero() {
            all.remove(uid);
            return None;
        }
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Gathering;

    #[tokio::test(start_paused = true)]
    async fn it_is_time_when_nobody_comes_any_more_or_the_first_has_waited_long() {
        let gathering = Gathering::default();
        let millis = |count| {
            let wait = gathering.wait("a", count);
            wait.map(|wait| wait.as_millis())
        };
        assert_eq!(millis(1), Some(60));
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!(millis(1), Some(10));
        assert_eq!(millis(2), Some(60));
        tokio::time::advance(Duration::from_millis(60)).await;
        assert_eq!(millis(2), None);
        for count in 0..40 {
            if millis(count).is_none() {
                assert_eq!(count, 20, "a second");
                return;
            }
            tokio::time::advance(Duration::from_millis(50)).await;
        }
        panic!("it is never time");
    }
}
