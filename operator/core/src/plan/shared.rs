//! A Shared pool over its hosts: whether all of them see the same storage, and who writes.
//!
//! libvirt keeps two hosts from nothing: both make a volume of the same name, and the second empties
//! what the first has written. So one host makes and removes everything, for as long as it can. That
//! all see the same is known by what the marker in the pool says, which is another for each pool that
//! was ever marked.

use uuid::Uuid;

use super::Verdict;
use drover_crds::condition::Reason;

/// How one host sees the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight<'a> {
    /// The host.
    pub host: &'a str,
    /// Whether the pool is there as declared.
    pub realized: bool,
    /// What the marker says, if it has been read.
    pub marker: Option<&'a str>,
}

/// What holds for all hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreement {
    /// The host that writes.
    pub writer: Option<String>,
    /// What the marker says.
    pub marker: Option<String>,
}

/// What a marker says that is made now.
#[must_use]
pub fn marker(fleet: &str, pool: &str, nonce: Uuid) -> String {
    format!("{} {nonce}", owner(fleet, pool))
}

fn owner(fleet: &str, pool: &str) -> String {
    format!("drover/{fleet}/{pool}")
}

/// What holds now. Whoever writes goes on for as long as it sees the storage; what the marker says is
/// never given up: other storage is other storage.
#[must_use]
pub fn agree(before: &Agreement, sights: &[Sight<'_>]) -> Agreement {
    let of = |host: &Option<String>| {
        let mut sights = sights.iter();
        sights.find(|sight| host.as_deref() == Some(sight.host))
    };
    let read = of(&before.writer).and_then(|sight| sight.marker);
    let first = sights.iter().find_map(|sight| sight.marker);
    let marker = before.marker.clone();
    let marker = marker.or_else(|| read.or(first).map(str::to_owned));
    let sees = |sight: &&Sight<'_>| {
        let same = sight.marker.is_none() || sight.marker == marker.as_deref();
        sight.realized && same
    };
    let stays = of(&before.writer).filter(sees);
    let chosen = stays.or_else(|| sights.iter().find(sees));
    let writer = chosen.map(|sight| sight.host.to_owned());
    Agreement {
        writer: writer.or_else(|| before.writer.clone()),
        marker,
    }
}

/// Why a host may not use what it sees: `found` is what the marker says there.
#[must_use]
pub fn differs(fleet: &str, pool: &str, agreed: &Agreement, found: &str) -> Option<Verdict> {
    let ours = found
        .strip_prefix(&owner(fleet, pool))
        .is_some_and(|rest| rest.starts_with(' '));
    if !ours {
        let whose = if found.is_empty() { "nobody" } else { found };
        let message = format!("its marker says that it is of {whose}");
        return Some(Verdict::new(Reason::NameConflict, message));
    }
    let marker = agreed.marker.as_deref()?;
    (found != marker).then(|| {
        let others = agreed.writer.as_deref().unwrap_or("others");
        let message = format!(
            "other storage is there than on {others}: its marker says {found}, that of the pool says \
             {marker}"
        );
        Verdict::new(Reason::VolumeMissing, message)
    })
}

#[cfg(test)]
mod tests {
    use drover_crds::condition::Reason;
    use uuid::Uuid;

    use super::{Agreement, Sight, agree, differs, marker};

    fn sight<'a>(host: &'a str, realized: bool, marker: Option<&'a str>) -> Sight<'a> {
        Sight {
            host,
            realized,
            marker,
        }
    }

    fn agreed(writer: Option<&str>, marker: Option<&str>) -> Agreement {
        Agreement {
            writer: writer.map(str::to_owned),
            marker: marker.map(str::to_owned),
        }
    }

    #[test]
    fn one_writes_until_it_does_not_see_the_storage_any_more() {
        let same = Some("m");
        let both = [sight("a", true, same), sight("b", true, same)];
        let table: [(&str, Agreement, &[Sight<'_>], Agreement); 7] = [
            (
                "the first",
                agreed(None, None),
                &both,
                agreed(Some("a"), same),
            ),
            (
                "who does",
                agreed(Some("b"), same),
                &both,
                agreed(Some("b"), same),
            ),
            (
                "it is away",
                agreed(Some("a"), same),
                &[sight("a", false, None), sight("b", true, same)],
                agreed(Some("b"), same),
            ),
            (
                "it has other storage",
                agreed(Some("a"), same),
                &[sight("a", true, Some("n")), sight("b", true, same)],
                agreed(Some("b"), same),
            ),
            (
                "nobody sees it",
                agreed(Some("a"), same),
                &[sight("a", false, None), sight("b", true, Some("n"))],
                agreed(Some("a"), same),
            ),
            (
                "etcd was lost, and the first is not mounted",
                agreed(None, None),
                &[sight("a", false, None), sight("b", true, same)],
                agreed(Some("b"), same),
            ),
            (
                "types without markers",
                agreed(None, None),
                &[sight("a", true, None), sight("b", true, None)],
                agreed(Some("a"), None),
            ),
        ];
        for (what, before, sights, expected) in table {
            assert_eq!(agree(&before, sights), expected, "{what}");
        }
    }

    #[test]
    fn other_storage_is_refused() {
        let [one, other] = [1, 2].map(|nonce| marker("f", "nfs", Uuid::from_u128(nonce)));
        let agreement = agreed(Some("a"), Some(&one));
        let found = |text: &str| differs("f", "nfs", &agreement, text).map(|it| it.reason);
        assert_eq!(found(&one), None);
        assert_eq!(found(&other), Some(Reason::VolumeMissing));
        for foreign in [
            marker("g", "nfs", Uuid::nil()),
            marker("f", "nfs2", Uuid::nil()),
            String::new(),
        ] {
            assert_eq!(found(&foreign), Some(Reason::NameConflict), "{foreign}");
        }
    }
}
