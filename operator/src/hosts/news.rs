//! Of which hosts something was heard: of thousands only those are looked at.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The names of hosts of which something was heard since somebody asked.
#[derive(Debug, Default)]
pub struct News(Mutex<HashSet<String>>);

impl News {
    /// Something was heard of a host: what it was can be seen already.
    pub fn note(&self, host: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !heard.contains(host) {
            heard.insert(host.to_owned());
        }
    }

    /// Of whom something was heard since this was asked before. There is one who asks.
    #[must_use]
    pub fn take(&self) -> HashSet<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::News;

    #[test]
    fn each_is_told_once() {
        let news = News::default();
        for host in ["a", "b", "a"] {
            news.note(host);
        }
        assert_eq!(news.take(), ["a", "b"].map(str::to_owned).into());
        assert!(news.take().is_empty());
        news.note("b");
        assert_eq!(news.take(), ["b".to_owned()].into());
    }
}
