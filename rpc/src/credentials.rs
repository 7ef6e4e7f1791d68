//! What proves to a server who we are, and to us who the server is.

use std::fmt;
use std::path::PathBuf;

use crate::prompt::Prompt;

/// Bytes that are not printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl<B: Into<Vec<u8>>> From<B> for Secret {
    fn from(bytes: B) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

/// Everything that a connection may need to prove. What is not given here is looked for where
/// libvirt's own client looks, unless [`Credentials::only_given`] says not to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// For TLS.
    pub tls: TlsCredentials,
    /// For SSH.
    pub ssh: SshCredentials,
    /// For SASL.
    pub sasl: SaslCredentials,
    /// Who is asked for what is needed and neither given nor found.
    pub prompt: Option<Prompt>,
    /// Neither files, agents nor environment variables of this machine are looked at, unless they
    /// are given here.
    pub only_given: bool,
}

/// Certificates, as PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsCredentials {
    /// The authorities that may sign the server's certificate. Never those of the web.
    pub ca: Option<Vec<u8>>,
    /// What these authorities have taken back.
    pub crl: Option<Vec<u8>>,
    /// Our own certificate, and those between it and the server's authority.
    pub certificate: Option<Vec<u8>>,
    /// Our certificate's key.
    pub key: Option<Secret>,
    /// The name that the server's certificate must have, if it is not the URI's host.
    pub server_name: Option<String>,
}

/// Keys and known hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshCredentials {
    /// Our private key, as OpenSSH or PEM writes it.
    pub private_key: Option<Secret>,
    /// What opens the private key.
    pub passphrase: Option<Secret>,
    /// The text of a `known_hosts` file.
    pub known_hosts: Option<String>,
    /// Who we are there, if the URI does not say it.
    pub username: Option<String>,
    /// Our password there, which is tried last.
    pub password: Option<Secret>,
    /// The socket of an agent, instead of the one that `SSH_AUTH_SOCK` names.
    pub agent: Option<PathBuf>,
}

/// A user and a password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaslCredentials {
    /// The user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}
