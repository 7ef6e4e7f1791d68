//! Which addresses images may come from.
//!
//! A user writes the URL and the operator fetches it: without a check, whoever may make a volume
//! could read what only the operator's network can reach, such as a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that may be fetched from although they are not public.
#[derive(Debug, Clone, Default)]
pub struct Allowed(Vec<IpNet>);

impl Allowed {
    /// These networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Every network.
    #[must_use]
    pub fn everything() -> Self {
        let v4 = IpNet::V4(Ipv4Net::default());
        Self(vec![v4, IpNet::V6(Ipv6Net::default())])
    }

    /// Whether an address may be fetched from.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        // What is an IPv4 address in other clothes is judged as what it is.
        let address = embedded(address).map_or(address, IpAddr::V4);
        self.0.iter().any(|network| network.contains(&address)) || is_public(address)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This host, and networks of its own.
        (0 | 10 | 127, ..) | (172, 16..=31, _) | (192, 168, _) => true,
        // Link-local, where clouds keep their secrets, and behind a carrier's NAT.
        (169, 254, _) | (100, 64..=127, _) => true,
        // Protocol assignments, documentation, benchmarks.
        (192, 0, 0 | 2) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        // 6to4 relays, multicast, reserved, broadcast.
        (192, 88, 99) | (224.., ..) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is given out to the world; in it, Teredo and other protocol assignments
    // (2001::/23) and documentation are not.
    let given_out = first & 0xe000 == 0x2000;
    let special = (first == 0x2001 && (second < 0x200 || second == 0xdb8))
        || (first == 0x3fff && second < 0x1000);
    given_out && !special
}

// The IPv4 address in a mapped, compatible, translated (NAT64) or 6to4 address.
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let [a, b, c, d, e, f, g, h] = address.segments();
    let from = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(from(g, h)),
        // ::1 is itself.
        (0, 0, 0, 0, 0, 0) if g != 0 => Some(from(g, h)),
        (0x2002, ..) => Some(from(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn permits(allowed: &Allowed, address: &str) -> bool {
        allowed.permits(address.parse().unwrap())
    }

    #[test]
    fn public_addresses() {
        let none = Allowed::default();
        for address in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "169.253.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(permits(&none, address), "{address}");
        }
    }

    #[test]
    fn all_others() {
        let none = Allowed::default();
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.77.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(!permits(&none, address), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_by_name() {
        let allowed = Allowed::new(vec!["10.77.0.0/24".parse().unwrap()]);
        assert!(permits(&allowed, "10.77.0.1"));
        assert!(permits(&allowed, "::ffff:10.77.0.1"));
        assert!(!permits(&allowed, "10.77.1.1"));
        let all = Allowed::everything();
        assert!(permits(&all, "127.0.0.1") && permits(&all, "::1"));
    }
}
