//! How far something is, on the standard error output: a bar on a terminal, and lines elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::PoisonError;

use drover_crds::quantity;

const WIDTH: usize = 40;
/// How often there is a line, in per cent.
const STEP: u64 = 10;

/// How far something is.
pub(super) struct Progress {
    verb: &'static str,
    all: u64,
    terminal: bool,
    told: Mutex<Option<u64>>,
}

impl Progress {
    pub(super) fn new(verb: &'static str, all: u64) -> Self {
        Self {
            verb,
            all,
            terminal: std::io::stderr().is_terminal(),
            told: Mutex::default(),
        }
    }

    /// So many bytes of it are done.
    pub(super) fn at(&self, done: u64) {
        let percent = percent(done, self.all);
        let mark = match self.terminal {
            true => percent,
            false => percent - percent % STEP,
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.replace(mark) == Some(mark) {
            return;
        }
        let mut out = std::io::stderr().lock();
        // Nobody may be there to see it.
        let _shown = match self.terminal {
            true => {
                write!(out, "\r{}", bar(self.verb, percent, self.all)).and_then(|()| out.flush())
            }
            false => writeln!(
                out,
                "{} {mark}% of {}",
                self.verb,
                quantity::bytes(self.all)
            ),
        };
    }

    /// What comes next is on a line of its own.
    pub(super) fn end(&self) {
        let told = self
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if self.terminal && told.is_some() {
            eprintln!();
        }
    }
}

fn percent(done: u64, all: u64) -> u64 {
    let percent = u128::from(done) * 100 / u128::from(all.max(1));
    u64::try_from(percent).unwrap_or(100).min(100)
}

fn bar(verb: &str, percent: u64, all: u64) -> String {
    let full = usize::try_from(percent).unwrap_or(0) * WIDTH / 100;
    let (done, left) = ("#".repeat(full), ".".repeat(WIDTH - full));
    format!(
        "{verb:<4} [{done}{left}] {percent:>3}% of {}",
        quantity::bytes(all)
    )
}

#[cfg(test)]
mod tests {
    use super::{bar, percent};

    #[test]
    fn a_bar_is_as_full_as_it_should() {
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(percent(1, 3), 33);
        assert_eq!(percent(0, 0), 0);
        let half = bar("sent", 50, 64 << 20);
        assert_eq!(
            half,
            format!("sent [{}{}]  50% of 64Mi", "#".repeat(20), ".".repeat(20))
        );
    }
}
