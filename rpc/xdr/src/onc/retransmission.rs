//! How often a datagram is sent again.

use core::time::Duration;

/// Waits between sending a call and sending it again, each twice as long as the one before, until
/// `total` is used up. Always with the same transaction number, so that a server may know it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retransmission {
    /// The first wait.
    pub first: Duration,
    /// No wait is longer.
    pub most: Duration,
    /// All waits together.
    pub total: Duration,
}

impl Default for Retransmission {
    /// After 1 s, 2 s, 4 s, ... for 15 s in all: five datagrams at most.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            most: Duration::from_secs(8),
            total: Duration::from_secs(15),
        }
    }
}

impl Retransmission {
    /// The waits in order. The call is sent before each of them.
    pub fn waits(self) -> impl Iterator<Item = Duration> {
        let mut left = self.total;
        // A wait of nothing would send without end.
        let mut next = self.first.max(Duration::from_millis(1));
        core::iter::from_fn(move || {
            let wait = next.min(self.most.max(Duration::from_millis(1))).min(left);
            if wait.is_zero() {
                return None;
            }
            left -= wait;
            next = next.saturating_mul(2);
            Some(wait)
        })
    }
}
