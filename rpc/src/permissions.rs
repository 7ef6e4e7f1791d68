//! What a URI may ask for only if the caller agrees.

use crate::uri::UriError;

/// What a URI may ask for only if the caller agrees: URIs come from files and from other people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Running programs: the transport `ext` and the parameters `command` and `netcat`.
    pub programs: bool,
    /// Servers that prove nothing: the parameters `no_verify` and `known_hosts_verify=ignore`.
    pub unverified: bool,
}

impl Permissions {
    pub(crate) fn program(self, what: &'static str) -> Result<(), UriError> {
        let effect = "run a program";
        permit(self.programs, what, effect)
    }

    pub(crate) fn anybody(self, what: &'static str) -> Result<(), UriError> {
        let effect = "let anybody be the server";
        permit(self.unverified, what, effect)
    }
}

fn permit(permitted: bool, what: &'static str, effect: &'static str) -> Result<(), UriError> {
    match permitted {
        true => Ok(()),
        false => Err(UriError::NotPermitted { what, effect }),
    }
}
