//! From text to a URI.

use std::net::Ipv6Addr;
use std::str::FromStr;

use super::{Transport, Uri, UriError, escape, parameters};

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let malformed = |reason: String| UriError::Malformed {
            uri: text.to_owned(),
            reason,
        };
        let parts = Parts::of(text).map_err(malformed)?;
        let authority = Authority::of(parts.authority).map_err(malformed)?;
        let (driver, word) = match parts.scheme.split_once('+') {
            Some((driver, word)) => (driver, Some(word)),
            None => (parts.scheme, None),
        };
        let uri = Self {
            driver: driver.to_ascii_lowercase(),
            transport: transport(word, authority.host.as_deref())?,
            user: authority.user,
            host: authority.host,
            port: authority.port,
            path: escape::undo(parts.path).map_err(malformed)?,
            parameters: parts
                .query
                .map_or(Ok(Vec::new()), parameters::read)
                .map_err(malformed)?,
            fragment: parts
                .fragment
                .map(escape::undo)
                .transpose()
                .map_err(malformed)?,
        };
        uri.check_parameters()?;
        Ok(uri)
    }
}

fn transport(word: Option<&str>, host: Option<&str>) -> Result<Transport, UriError> {
    let Some(word) = word else {
        return Ok(match host {
            Some(_) => Transport::Tls,
            None => Transport::Unix,
        });
    };
    let transport = Transport::parse(word).ok_or_else(|| UriError::Transport(word.to_owned()))?;
    match (transport, host) {
        (Transport::Unix, Some(host)) => Err(UriError::HostOfUnix(host.to_owned())),
        _ => Ok(transport),
    }
}

/// The text between what separates; nothing is undone yet.
struct Parts<'a> {
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once(':')
            .ok_or("it has no driver, such as qemu, before a colon")?;
        if !is_scheme(scheme) {
            return Err(format!("{scheme:?} is no driver"));
        }
        let (rest, fragment) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        if !path.is_empty() && !path.starts_with('/') {
            return Err(format!("the path {path:?} does not begin with a slash"));
        }
        let plain = [
            path,
            query.unwrap_or_default(),
            fragment.unwrap_or_default(),
        ];
        plain.into_iter().try_for_each(check)?;
        Ok(Self {
            scheme,
            authority,
            path,
            query,
            fragment,
        })
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_scheme(text: &str) -> bool {
    let (driver, word) = cut(text, '+');
    let is_word = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    driver.starts_with(|first: char| first.is_ascii_alphabetic())
        && is_word(driver)
        && word.is_none_or(is_word)
}

fn check(text: &str) -> Result<(), String> {
    let odd = |letter: &char| !letter.is_ascii() || !escape::may_stand(*letter as u8);
    match text.chars().find(odd) {
        None => Ok(()),
        Some(odd) => Err(format!("{odd:?} has to be escaped with a %")),
    }
}

#[derive(Default)]
struct Authority {
    user: Option<String>,
    host: Option<String>,
    port: Option<u16>,
}

impl Authority {
    fn of(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let (user, rest) = match text.split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        check(user.unwrap_or_default())?;
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or("a [ is not closed")?;
                (address_of(address)?, port)
            }
            None => {
                let (host, port) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
                check(host)?;
                if host.contains('@') {
                    return Err(format!("{rest:?} has an @ in it"));
                }
                (escape::undo(host)?, port)
            }
        };
        if host.is_empty() {
            return Err("it has a user or a port, and no host".to_owned());
        }
        Ok(Self {
            user: user
                .filter(|user| !user.is_empty())
                .map(escape::undo)
                .transpose()?,
            host: Some(host),
            port: port_of(port)?,
        })
    }
}

/// An IPv6 address, with a zone after `%25`, or after `%` as people write it.
fn address_of(text: &str) -> Result<String, String> {
    let (address, zone) = cut(text, '%');
    if address.parse::<Ipv6Addr>().is_err() {
        return Err(format!("{address:?} is no IPv6 address"));
    }
    let Some(zone) = zone else {
        return Ok(address.to_owned());
    };
    let escaped = zone.strip_prefix("25").filter(|zone| !zone.is_empty());
    let zone = escaped.map_or(Ok(zone.to_owned()), escape::undo)?;
    let named = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    match zone.is_empty() {
        true => Err(format!("{address:?} has an empty zone")),
        false if !zone.chars().all(named) => Err(format!("{zone:?} is no zone")),
        false => Ok(format!("{address}%{zone}")),
    }
}

/// What is after the host. Port 0 is none.
fn port_of(text: &str) -> Result<Option<u16>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix(':').unwrap_or_default();
    let bad = || format!("{text:?} after the host is no port: a colon and 1 to 65535 are allowed");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let port: u16 = digits.parse().map_err(|_| bad())?;
    Ok(Some(port).filter(|port| *port != 0))
}
