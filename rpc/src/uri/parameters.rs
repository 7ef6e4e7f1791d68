//! What is after the question mark.

use super::{Transport, Uri, UriError, escape};

// What is for the client, and is not sent to the server.
const OURS: [&str; 17] = [
    "name",
    "command",
    "socket",
    "auth",
    "authfile",
    "sshauth",
    "netcat",
    "keyfile",
    "pkipath",
    "known_hosts",
    "known_hosts_verify",
    "tls_priority",
    "mode",
    "proxy",
    "no_sanity",
    "no_verify",
    "no_tty",
];

// Those that have few values.
const CHOICES: [(&str, &[&str], &str); 3] = [
    (
        "mode",
        &["auto", "direct", "legacy"],
        "auto, direct and legacy are allowed",
    ),
    (
        "proxy",
        &["auto", "native", "netcat"],
        "auto, native and netcat are allowed",
    ),
    (
        "known_hosts_verify",
        &["normal", "ignore"],
        "normal and ignore are allowed: no file is written here",
    ),
];

// Those that name a file or a folder of this machine.
const FILES: [&str; 4] = ["pkipath", "keyfile", "known_hosts", "authfile"];

const SWITCHES: [&str; 3] = ["no_verify", "no_sanity", "no_tty"];

pub(super) fn is_ours(name: &str) -> bool {
    OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

/// Reads parameters. A `;` separates where no `&` follows; one without a name says nothing.
pub(super) fn read(query: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut rest = query;
    while !rest.is_empty() {
        let end = rest.find('&').or_else(|| rest.find(';'));
        let (one, more) = rest.split_at(end.unwrap_or(rest.len()));
        rest = more.get(1..).unwrap_or_default();
        let (name, value) = one.split_once('=').unwrap_or((one, ""));
        if !name.is_empty() {
            found.push((escape::undo(name)?, escape::undo(value)?));
        }
    }
    Ok(found)
}

impl Uri {
    /// Refuses what would otherwise be taken for something else.
    pub(super) fn check_parameters(&self) -> Result<(), UriError> {
        for (name, values, allowed) in CHOICES {
            let value = self.parameter(name);
            if let Some(value) = value.filter(|value| !values.contains(value)) {
                return Err(refused(name, value, allowed));
            }
        }
        for name in SWITCHES {
            let value = self.parameter(name);
            if let Some(value) = value.filter(|value| value.trim().parse::<i32>().is_err()) {
                return Err(refused(
                    name,
                    value,
                    "a number is allowed, where 0 is off and all others are on",
                ));
            }
        }
        match self.parameter("tls_priority") {
            Some(value) if self.transport == Transport::Tls => Err(refused(
                "tls_priority",
                value,
                "it is for GnuTLS, and TLS is done here without it; leave it out",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses parameters that name files of this machine, where none is looked at.
    pub(crate) fn check_files(&self, only_given: bool) -> Result<(), UriError> {
        let mut named = FILES
            .iter()
            .filter_map(|name| Some((*name, self.parameter(name)?)));
        match named.next() {
            Some((name, value)) if only_given => Err(refused(
                name,
                value,
                "no file of this machine is looked at; leave it out",
            )),
            _ => Ok(()),
        }
    }

    /// The same with one more parameter.
    pub(crate) fn with_parameter(mut self, name: &str, value: &str) -> Result<Self, UriError> {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self.check_parameters()?;
        Ok(self)
    }

    /// Whether a switch is on.
    pub(crate) fn switch(&self, name: &str) -> bool {
        let value = self
            .parameter(name)
            .map(|value| value.trim().parse::<i32>());
        value.is_some_and(|value| value != Ok(0))
    }
}

pub(crate) fn refused(name: &'static str, value: &str, allowed: &'static str) -> UriError {
    UriError::Parameter {
        name,
        value: value.to_owned(),
        allowed,
    }
}
