//! Asking a silent server whether it is still there.

use std::time::Duration;

use crate::Time;

/// When to ask, and when to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// After how long a silence a question is sent.
    pub interval: Duration,
    /// How many questions may stay unanswered. The server is taken for dead one interval after the
    /// last of them.
    pub count: u32,
}

impl Default for Keepalive {
    /// What libvirt's server does.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            count: 5,
        }
    }
}

/// What a timer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wait,
    Ask,
    Dead,
}

/// The timer. Anything that comes in is a sign of life, not only an answer.
#[derive(Debug)]
pub(crate) struct Timer {
    settings: Keepalive,
    next: Time,
    unanswered: u32,
}

impl Timer {
    pub(crate) fn new(settings: Keepalive, now: Time) -> Self {
        Self {
            settings,
            next: now.saturating_add(settings.interval),
            unanswered: 0,
        }
    }

    pub(crate) fn next(&self) -> Time {
        self.next
    }

    pub(crate) fn received(&mut self, now: Time) {
        self.unanswered = 0;
        self.next = now.saturating_add(self.settings.interval);
    }

    pub(crate) fn check(&mut self, now: Time) -> Verdict {
        if now < self.next {
            return Verdict::Wait;
        }
        if self.unanswered >= self.settings.count {
            return Verdict::Dead;
        }
        self.unanswered += 1;
        self.next = now.saturating_add(self.settings.interval);
        Verdict::Ask
    }
}
