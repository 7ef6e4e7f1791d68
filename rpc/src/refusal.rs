//! Why two who can reach each other do not talk.

/// One side does not accept the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// We do not accept the server's certificate.
    #[error("the certificate of {server} {fault}")]
    ServerCertificate {
        /// Who showed it.
        server: String,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// TLS could not be agreed on.
    #[error("TLS with {server} failed: {reason}")]
    Tls {
        /// With whom.
        server: String,
        /// What rustls says.
        reason: String,
    },
    /// The server has seen our certificate, or that there is none, and has hung up. It does not say
    /// why: its log does.
    #[error("{server} does not accept {}; its libvirtd's log says why", if *shown { "our certificate or address" } else { "a client without a certificate" })]
    ClientCertificate {
        /// Who hung up.
        server: String,
        /// Whether a certificate was shown.
        shown: bool,
    },
    /// Nothing is known of the server's SSH host key.
    #[error("the SSH host key of {server} ({fingerprint}) is not known")]
    HostKeyUnknown {
        /// Who showed it.
        server: String,
        /// The key's fingerprint, such as `SHA256:...`.
        fingerprint: String,
    },
    /// Another SSH host key is known for the server.
    #[error("the SSH host key of {server} ({fingerprint}) is not the one that is known")]
    HostKeyChanged {
        /// Who showed it.
        server: String,
        /// The fingerprint of the key that was shown.
        fingerprint: String,
    },
    /// The server shows an SSH certificate, and those are not judged here.
    #[error(
        "{server} has SSH host keys with certificates alone; a key that is in known_hosts is needed"
    )]
    HostKeyCertificate {
        /// Who showed it.
        server: String,
    },
    /// The server does not let this user in by SSH.
    #[error("{server} does not let {user} in by SSH: tried {tried}")]
    Ssh {
        /// Who said no.
        server: String,
        /// Who was refused.
        user: String,
        /// What was tried.
        tried: String,
    },
    /// The server does not accept the user or the password.
    #[error("the server does not accept the password of {user:?} ({mechanism})")]
    Sasl {
        /// Who was refused.
        user: String,
        /// How it was tried.
        mechanism: String,
    },
    /// The server could not prove that it knows the password too.
    #[error("the server did not prove that it knows the password ({0})")]
    SaslServer(String),
    /// No way to authenticate suits both.
    #[error("the server offers {offered:?}; {allowed} can be used here")]
    NoMechanism {
        /// What the server offers.
        offered: Vec<String>,
        /// What this client can do on such a connection.
        allowed: String,
    },
    /// Something is needed and not given.
    #[error("{what} is needed and not given")]
    Missing {
        /// What, with the names under which it was looked for.
        what: String,
    },
    /// Something is given and cannot be used.
    #[error("{what} cannot be used: {reason}")]
    Unusable {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
}

impl Refusal {
    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self::Missing { what: what.into() }
    }

    pub(crate) fn unusable(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Unusable {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// Its time is over.
    #[error("has expired")]
    Expired,
    /// Its time has not come.
    #[error("is not valid yet")]
    NotYetValid,
    /// It is for another name.
    #[error("is not for {0:?}")]
    WrongName(String),
    /// Its authority has taken it back.
    #[error("is revoked")]
    Revoked,
    /// No authority that we know has signed it.
    #[error("is signed by no authority that is known here")]
    UnknownAuthority,
    /// It is not for servers.
    #[error("is not for servers, by its extended key usage")]
    WrongPurpose,
    /// The list of what the authority has taken back is out of date.
    #[error("cannot be judged: the time of the revocation list is over")]
    ListExpired,
    /// Anything else.
    #[error("is not acceptable: {0}")]
    Other(String),
}
