//! How fast hosts are dialled, and for how long: thousands that come back at once are not all asked in the
//! same moment.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

// Between two of them.
const PAUSE: Duration = Duration::from_millis(3);
/// How many hosts at most are waited for at a time, of those that were silent the last time and of the
/// others. When a network is whole again they all answer in one moment, and more are dialled meanwhile.
/// They are apart, so that a host that comes back does not wait for those that do not.
const SILENT: usize = 100;
const OTHERS: usize = 60;
/// How long an answer may take, and how long one of a host may that was silent the last time, or for whose
/// place many others wait. So many more of them are tried; each is given the full time now and then, lest
/// its way is a slow one.
const FULL: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(2_500);
const FULL_EVERY: u32 = 4;

/// A place for each dial, one after the other.
#[derive(Debug)]
pub struct Pace {
    next: Mutex<Option<Instant>>,
    silent: Semaphore,
    others: Semaphore,
}

/// That a host may be dialled. While it is there it counts as one that is waited for.
#[derive(Debug)]
pub struct Turn<'a> {
    /// How long its answer may take.
    pub patience: Duration,
    _place: Option<SemaphorePermit<'a>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            next: Mutex::default(),
            silent: Semaphore::new(SILENT),
            others: Semaphore::new(OTHERS),
        }
    }
}

impl Pace {
    /// Waits until a host may be dialled that has been silent so many times in a row.
    pub async fn turn(&self, silences: u32) -> Turn<'_> {
        let places = match silences {
            0 => &self.others,
            _ => &self.silent,
        };
        // They are never closed.
        let place = places.acquire().await.ok();
        let crowded = silences == 0 && places.available_permits() < OTHERS / 2;
        tokio::time::sleep_until(self.moment()).await;
        Turn {
            patience: match silences % FULL_EVERY {
                0 if !crowded => FULL,
                _ => SHORT,
            },
            _place: place,
        }
    }

    fn moment(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let moment = next.map_or(now, |next| next.max(now));
        *next = Some(moment + PAUSE);
        moment
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_at_once_go_one_after_the_other() {
        let (pace, start) = (Pace::default(), Instant::now());
        let times = join_all((0..1_000).map(|_| async {
            pace.turn(0).await;
            start.elapsed()
        }));
        let times = times.await;
        assert_eq!(times.first(), Some(&Duration::ZERO));
        assert!(times.last() >= Some(&(PAUSE * 999)));
        // Nobody who comes later waits for those that have gone.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let later = Instant::now();
        pace.turn(0).await;
        assert_eq!(later.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn few_of_the_silent_are_waited_for_at_a_time() {
        let pace = Pace::default();
        let waited_for = join_all((0..SILENT).map(|_| pace.turn(1))).await;
        let mut next = Box::pin(pace.turn(1));
        assert!((&mut next).now_or_never().is_none());
        // One that has not been silent waits for none of them.
        tokio::time::sleep(PAUSE).await;
        assert!(pace.turn(0).now_or_never().is_some());
        assert!((&mut next).now_or_never().is_none());
        drop(waited_for);
        next.await;
    }

    #[tokio::test(start_paused = true)]
    async fn few_of_the_others_are_too_and_not_long_when_they_are_many() {
        let pace = Pace::default();
        let waited_for = join_all((0..OTHERS).map(|_| pace.turn(0))).await;
        let of_short = waited_for.iter().filter(|it| it.patience == SHORT);
        assert_eq!(of_short.count(), OTHERS / 2);
        let mut next = Box::pin(pace.turn(0));
        assert!((&mut next).now_or_never().is_none());
        drop(waited_for);
        assert_eq!(next.await.patience, FULL);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_slow_and_not_silent_is_given_its_time() {
        let pace = Pace::default();
        for silences in 0..3 * FULL_EVERY {
            let patience = pace.turn(silences).await.patience;
            let is_full = silences.is_multiple_of(FULL_EVERY);
            assert_eq!(patience, if is_full { FULL } else { SHORT });
        }
    }
}
