//! A running guest's addresses: no event tells of them, so they are looked for a few times after a
//! start, and again at half the time that a lease has left.

/// Who says that a guest has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The guest itself, by its agent.
    Agent,
    /// The DHCP server that gave it.
    Lease,
    /// The host, which has heard from it.
    Arp,
}

/// An address that somebody has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The MAC address of the interface, in lower case.
    pub mac: String,
    /// The address.
    pub ip: String,
    /// Who says so.
    pub source: Source,
    /// How long it is still given for, in seconds.
    pub left: Option<u64>,
}

/// The addresses of an interface, by the best that is known of it.
#[must_use]
pub fn of(mac: &str, seen: &[Seen]) -> Vec<String> {
    let said = |seen: &&Seen| seen.mac == mac && is_worth_saying(&seen.ip);
    let Some(best) = seen.iter().filter(said).map(|seen| seen.source).min() else {
        return Vec::new();
    };
    let mut ips: Vec<String> = seen
        .iter()
        .filter(said)
        .filter(|seen| seen.source == best)
        .map(|seen| seen.ip.clone())
        .collect();
    // IPv4 first: it is what lists show.
    ips.sort_by_key(|ip| (ip.contains(':'), ip.clone()));
    ips.dedup();
    ips
}

// An address that every interface has leads nowhere.
fn is_worth_saying(ip: &str) -> bool {
    let ip = ip.to_lowercase();
    let local = ["127.", "169.254.", "fe8", "fe9", "fea", "feb"];
    ip != "::1" && !local.iter().any(|start| ip.starts_with(start))
}

/// After how many seconds to look again for what is missing, when it has been looked for so many
/// times: 1, 2, 4, 8, 16 and then every 30, five minutes in all.
#[must_use]
pub fn wait(looks: u32) -> Option<u64> {
    const MOST_LOOKS: u32 = 14;
    let doubled = 1_u64 << looks.saturating_sub(1).min(5);
    (looks <= MOST_LOOKS).then(|| doubled.min(30))
}

/// After how many seconds to look again at what is there: half of what the first lease to end has
/// left.
#[must_use]
pub fn renewal(macs: &[&str], seen: &[Seen]) -> Option<u64> {
    const SHORTEST: u64 = 15;
    let ours = seen.iter().filter(|seen| macs.contains(&seen.mac.as_str()));
    let left = ours.filter_map(|seen| seen.left).min()?;
    Some((left / 2).max(SHORTEST))
}

#[cfg(test)]
mod tests {
    use super::{Seen, Source, of, renewal, wait};

    fn seen(mac: &str, ip: &str, source: Source, left: Option<u64>) -> Seen {
        let (mac, ip) = (mac.to_owned(), ip.to_owned());
        Seen {
            mac,
            ip,
            source,
            left,
        }
    }

    #[test]
    fn the_guest_knows_best() {
        let lease = seen("a", "10.0.0.7", Source::Lease, Some(100));
        let arp = seen("a", "10.0.0.8", Source::Arp, None);
        let other = seen("b", "10.0.0.9", Source::Agent, None);
        let agent = |ip| seen("a", ip, Source::Agent, None);
        assert_eq!(of("a", &[]), [""; 0]);
        assert_eq!(of("a", std::slice::from_ref(&arp)), ["10.0.0.8"]);
        assert_eq!(
            of("a", &[arp.clone(), lease.clone(), other.clone()]),
            ["10.0.0.7"]
        );
        let all = [
            arp,
            lease,
            other,
            agent("fe80::1"),
            agent("fd00::7"),
            agent("10.0.0.6"),
        ];
        assert_eq!(of("a", &all), ["10.0.0.6", "fd00::7"]);
    }

    #[test]
    fn it_is_looked_at_ever_more_rarely() {
        let waits: Vec<_> = (1..=15).map(wait).collect();
        let expected = [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30, 30, 30].map(Some);
        assert_eq!(waits[..14], expected);
        assert_eq!(waits[14], None);
    }

    #[test]
    fn a_lease_is_looked_at_at_half_its_time() {
        let leases = [
            seen("a", "10.0.0.7", Source::Lease, Some(3_600)),
            seen("b", "10.0.0.8", Source::Lease, Some(100)),
            seen("c", "10.0.0.9", Source::Lease, Some(2)),
            seen("d", "10.0.0.9", Source::Arp, None),
        ];
        assert_eq!(renewal(&["a"], &leases), Some(1_800));
        assert_eq!(renewal(&["a", "b"], &leases), Some(50));
        assert_eq!(renewal(&["c"], &leases), Some(15));
        assert_eq!(renewal(&["d"], &leases), None);
    }
}
