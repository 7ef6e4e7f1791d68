//! Which host keys are known, as OpenSSH's `known_hosts` says it.

use ring::hmac;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, KnownHosts, Marker};
use russh::keys::{Algorithm, PublicKey};

/// What is known of a key that a host has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is the host's.
    Known,
    /// Nothing is known of a key of that kind for the host.
    Unknown,
    /// Another key of that kind is known for the host, or this one was taken back.
    Changed,
}

/// What the text of a `known_hosts` file says of a key. A line that cannot be read says nothing.
pub(super) fn judge(text: &str, host: &str, port: u16, key: &PublicKey) -> Judgement {
    let same = |entry: &Entry| entry.public_key().key_data() == key.key_data();
    let about = |entry: &Entry| entry.public_key().algorithm() == key.algorithm();
    let mut judgement = Judgement::Unknown;
    for entry in entries(text, host, port) {
        match entry.marker() {
            Some(Marker::Revoked) if same(&entry) => return Judgement::Changed,
            Some(_) => {}
            None if same(&entry) => judgement = Judgement::Known,
            None if about(&entry) && judgement == Judgement::Unknown => {
                judgement = Judgement::Changed;
            }
            None => {}
        }
    }
    judgement
}

/// The kinds of keys that are known for a host, so that it is asked for one of these.
pub(super) fn algorithms(text: &str, host: &str, port: u16) -> Vec<Algorithm> {
    entries(text, host, port)
        .filter(|entry| entry.marker().is_none())
        .map(|entry| entry.public_key().algorithm())
        .collect()
}

fn entries(text: &str, host: &str, port: u16) -> impl Iterator<Item = Entry> {
    let name = match port {
        22 => host.to_owned(),
        port => format!("[{host}]:{port}"),
    };
    let name = name.to_ascii_lowercase();
    KnownHosts::new(text)
        .flatten()
        .filter(move |entry| speaks_of(entry.host_patterns(), &name))
}

fn speaks_of(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => {
            let denied = |pattern: &String| {
                let pattern = pattern.strip_prefix('!');
                pattern.is_some_and(|pattern| matches(pattern, name))
            };
            patterns.iter().any(|pattern| matches(pattern, name)) && !patterns.iter().any(denied)
        }
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, name.as_bytes(), hash).is_ok()
        }
    }
}

// Of the shell's patterns `*` and `?` count. Each star is tried at the shortest first; only the last
// one has to be widened, so that no pattern takes long.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase().into_bytes(), name.as_bytes());
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    (at, seen) = (after + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqt";
    const B: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn said(text: &str, host: &str, port: u16) -> Judgement {
        judge(text, host, port, &A.parse().unwrap())
    }

    #[test]
    fn one_line_each() {
        for (line, expected) in [
            (format!("kvm-01 {A}"), Judgement::Known),
            (format!("kvm-01 {B}"), Judgement::Changed),
            (format!("kvm-02 {A}"), Judgement::Unknown),
            (format!("kvm-02,kvm-0? {A} a comment"), Judgement::Known),
            (format!("*,!kvm-01 {A}"), Judgement::Unknown),
            (format!("@revoked * {A}"), Judgement::Changed),
            (format!("@cert-authority * {A}"), Judgement::Unknown),
            (format!("kvm-01 {B}\nkvm-01 {A}"), Judgement::Known),
            (format!("rubbish\n\n# words\nKVM-01 {A}"), Judgement::Known),
            (String::new(), Judgement::Unknown),
        ] {
            assert_eq!(said(&line, "kvm-01", 22), expected, "{line}");
        }
    }

    #[test]
    fn another_port_is_another_host() {
        let line = format!("[kvm-01]:2222 {A}");
        assert_eq!(said(&line, "kvm-01", 2222), Judgement::Known);
        assert_eq!(said(&line, "kvm-01", 22), Judgement::Unknown);
    }

    #[test]
    fn names_may_be_hashed() {
        // As `ssh-keygen -H` writes "kvm-01".
        let salt = [7; 20];
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
        let hash = hmac::sign(&key, b"kvm-01");
        use base64::Engine as _;
        let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let line = format!("|1|{}|{} {A}", base64(&salt), base64(hash.as_ref()));
        assert_eq!(said(&line, "kvm-01", 22), Judgement::Known);
        assert_eq!(said(&line, "kvm-02", 22), Judgement::Unknown);
    }

    #[test]
    fn patterns_end() {
        assert!(matches("*", "") && matches("a*b*c", "aXbbXc") && matches("a**", "a"));
        assert!(!matches("a*b", "ac") && !matches("", "a") && !matches("?", ""));
        let name = "a".repeat(10_000);
        assert!(!matches(&format!("{}b", "*a".repeat(100)), &name));
    }
}
