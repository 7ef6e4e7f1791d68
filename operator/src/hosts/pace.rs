//! How fast hosts are dialled: thousands that come back at once are not all asked in the same moment.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

// Between two of them.
const PAUSE: Duration = Duration::from_millis(3);

/// A place for each dial, one after the other.
#[derive(Debug, Default)]
pub struct Pace {
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Waits for its place.
    pub async fn turn(&self) {
        let place = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let place = next.map_or(now, |next| next.max(now));
            *next = Some(place + PAUSE);
            place
        };
        tokio::time::sleep_until(place).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;
    use tokio::time::Instant;

    use super::{PAUSE, Pace};

    #[tokio::test(start_paused = true)]
    async fn many_at_once_go_one_after_the_other() {
        let (pace, start) = (Pace::default(), Instant::now());
        let times = join_all((0..1_000).map(|_| async {
            pace.turn().await;
            start.elapsed()
        }));
        let times = times.await;
        assert_eq!(times.first(), Some(&Duration::ZERO));
        assert!(times.last() >= Some(&(PAUSE * 999)));
        // Nobody who comes later waits for those that have gone.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let later = Instant::now();
        pace.turn().await;
        assert_eq!(later.elapsed(), Duration::ZERO);
    }
}
