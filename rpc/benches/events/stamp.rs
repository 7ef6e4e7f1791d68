//! What an event carries in the place of a namespace: its number, and when it was asked for.

use nix::time::{ClockId, clock_gettime};

const PREFIX: &str = "urn:drover:bench";

/// By the clock that all processes share, in nanoseconds.
pub(crate) fn now() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}

pub(crate) fn write(number: usize, nanos: i64) -> String {
    format!("{PREFIX}:{number}:{nanos}")
}

/// The number and the time; nothing if it is not ours.
pub(crate) fn read(text: &str) -> Option<(usize, i64)> {
    let (number, nanos) = text
        .strip_prefix(PREFIX)?
        .strip_prefix(':')?
        .split_once(':')?;
    Some((number.parse().ok()?, nanos.parse().ok()?))
}
