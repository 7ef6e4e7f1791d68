//! Images that a person sends: where the original is kept, and which requests to send count.

use std::cmp::Reverse;

mod session;

pub use session::{Begin, Refusal, Session};

/// How long leave to send is good for beginning or going on, in seconds.
pub const VALID: i64 = 15 * 60;

/// The StoragePool that keeps the original, of those that could.
///
/// # Errors
/// Why none can be told.
pub fn pool(declared: Option<&str>, all: &[String]) -> Result<String, String> {
    const FIELD: &str = "spec.source.upload.pool";
    match (declared, all) {
        (Some(declared), _) => Ok(declared.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(format!("{FIELD}: there is no StoragePool of files")),
        (None, all) => {
            let all = all.join(", ");
            Err(format!("{FIELD}: needed, as there is more than one: {all}"))
        }
    }
}

/// A host that could keep the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub host: String,
    /// Whether something waits for the image in this pool there.
    pub wanted: bool,
    /// How many bytes are free in the pool.
    pub available: u64,
}

/// The host that keeps the original: where it is waited for, and else where there is the most room.
#[must_use]
pub fn host(candidates: &[Candidate]) -> Option<&Candidate> {
    let with_room = candidates.iter().filter(|it| it.available > 0);
    with_room.max_by_key(|it| (it.wanted, it.available, Reverse(&it.host)))
}

/// Whether a request of this time, in seconds since 1970, still counts. Clocks may differ.
#[must_use]
pub fn is_fresh(requested: i64, now: i64) -> bool {
    (now - requested).abs() < VALID
}

#[cfg(test)]
mod tests {
    use super::{Candidate, VALID, host, is_fresh, pool};

    #[test]
    fn the_only_pool_need_not_be_named() {
        let pools = |names: &[&str]| names.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        assert_eq!(pool(Some("b"), &pools(&["a"])), Ok("b".to_owned()));
        assert_eq!(pool(None, &pools(&["a"])), Ok("a".to_owned()));
        let several = pool(None, &pools(&["a", "b"])).unwrap_err();
        assert!(several.ends_with("more than one: a, b"), "{several}");
        let none = pool(None, &[]).unwrap_err();
        assert!(none.contains("no StoragePool"), "{none}");
    }

    #[test]
    fn the_original_is_where_it_is_waited_for_or_there_is_room() {
        let candidate = |name: &str, wanted: bool, available: u64| Candidate {
            host: name.to_owned(),
            wanted,
            available,
        };
        let chosen = |all: &[Candidate]| host(all).map(|it| it.host.clone());
        let (small, large) = (candidate("a", false, 1), candidate("b", false, 9));
        assert_eq!(
            chosen(&[small.clone(), large.clone()]),
            Some("b".to_owned())
        );
        let wanted = candidate("c", true, 2);
        assert_eq!(chosen(&[large.clone(), wanted]), Some("c".to_owned()));
        let same = candidate("a", false, 9);
        assert_eq!(chosen(&[large, same]), Some("a".to_owned()));
        assert_eq!(chosen(&[candidate("a", true, 0)]), None, "it is full");
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn an_old_request_is_none() {
        let now = 1_800_000_000;
        assert!(is_fresh(now, now) && is_fresh(now + 60, now));
        assert!(is_fresh(now - VALID + 1, now));
        assert!(!is_fresh(now - VALID, now) && !is_fresh(now + VALID, now));
    }
}
