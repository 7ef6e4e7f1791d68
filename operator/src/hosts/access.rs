//! How a Host is reached, and what its Secret says.

use drover_crds::HostSpec;
use drover_crds::condition::Reason;
use drover_rpc::{Credentials, SaslCredentials, Secret as Hidden, SshCredentials, TlsCredentials};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use super::HostError;

/// What a Host's spec says of the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The URI.
    pub uri: String,
    /// The Secret with the keys, in the operator's own namespace.
    pub secret: Option<String>,
    /// The name that the host's certificate must have.
    pub server_name: Option<String>,
    /// Whether a person's own keys count: their files, their agent, their environment.
    pub personal: bool,
}

impl Access {
    /// Reads a Host's spec.
    #[must_use]
    pub fn of(spec: &HostSpec, personal: bool) -> Self {
        Self {
            personal,
            uri: spec.uri.clone(),
            secret: spec
                .credentials_secret_ref
                .as_ref()
                .map(|to| to.name.clone()),
            server_name: spec.tls.as_ref().and_then(|tls| tls.server_name.clone()),
        }
    }

    /// Whether it is as the spec says.
    #[must_use]
    pub fn is_of(&self, spec: &HostSpec, personal: bool) -> bool {
        let secret = spec.credentials_secret_ref.as_ref().map(|to| &to.name);
        let server_name = spec.tls.as_ref().and_then(|tls| tls.server_name.as_ref());
        self.personal == personal
            && self.uri == spec.uri
            && self.secret.as_ref() == secret
            && self.server_name.as_ref() == server_name
    }

    /// The keys as they are now: a Secret that has changed counts from the next connection on. The
    /// operator's own files and environment are nobody's credentials; those of a person at a command
    /// line are.
    ///
    /// # Errors
    /// When the Secret is not there, or cannot be read.
    pub async fn credentials(&self, secrets: &Api<Secret>) -> Result<Credentials, Failure> {
        let secret = match &self.secret {
            None => Secret::default(),
            Some(name) => {
                let secret = secrets.get_opt(name).await.map_err(|error| {
                    Failure::Lost(format!("Secret {name} cannot be read: {error}"))
                })?;
                secret.ok_or_else(|| Failure::Refused {
                    reason: Reason::SecretMissing,
                    message: format!(
                        "spec.credentialsSecretRef: there is no Secret {name} in the operator's namespace"
                    ),
                })?
            }
        };
        let mut credentials = read(&secret);
        credentials.only_given = !self.personal;
        credentials.tls.server_name.clone_from(&self.server_name);
        Ok(credentials)
    }
}

fn read(secret: &Secret) -> Credentials {
    let bytes = |key: &str| -> Option<Vec<u8>> {
        let found = secret.data.as_ref().and_then(|data| data.get(key));
        found.map(|ByteString(bytes)| bytes.clone())
    };
    let text = |key: &str| bytes(key).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Credentials {
        tls: TlsCredentials {
            ca: bytes("ca.crt"),
            crl: bytes("ca.crl"),
            certificate: bytes("tls.crt"),
            key: bytes("tls.key").map(Hidden::from),
            server_name: None,
        },
        ssh: SshCredentials {
            private_key: bytes("ssh-privatekey").map(Hidden::from),
            known_hosts: text("known_hosts"),
            ..SshCredentials::default()
        },
        sasl: SaslCredentials {
            username: text("username"),
            password: bytes("password").map(Hidden::from),
        },
        only_given: true,
        ..Credentials::default()
    }
}

/// Why a host could not be connected.
#[derive(Debug)]
pub enum Failure {
    /// Trying again is of no use until somebody changes something.
    Refused {
        /// Why, as a condition has it.
        reason: Reason,
        /// Why, for a person.
        message: String,
    },
    /// It may work the next time.
    Lost(String),
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        match error.rpc().and_then(|rpc| Some((reason(rpc)?, rpc))) {
            Some((reason, rpc)) => Self::Refused {
                reason,
                message: rpc.to_string(),
            },
            None => Self::Lost(error.to_string()),
        }
    }
}

fn reason(error: &drover_rpc::Error) -> Option<Reason> {
    use drover_rpc::{Error, Refusal};
    match error {
        Error::Identity(Refusal::Missing { .. }) => Some(Reason::SecretMissing),
        error if error.denied() => Some(Reason::AuthenticationFailed),
        Error::Unsupported(_) | Error::Uri(_) => Some(Reason::InvalidSpec),
        error if error.code() == Some(drover_rpc::code::NO_SUPPORT) => Some(Reason::NotSupported),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn secret(keys: &[(&str, &str)]) -> Secret {
        let data = keys
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
        Secret {
            data: Some(data.collect()),
            ..Secret::default()
        }
    }

    #[test]
    fn each_key_has_its_place() {
        let read = read(&secret(&[
            ("tls.crt", "1"),
            ("tls.key", "2"),
            ("ca.crt", "3"),
            ("ca.crl", "4"),
            ("ssh-privatekey", "5"),
            ("known_hosts", "6"),
            ("username", "7"),
            ("password", "8"),
        ]));
        assert_eq!(read.tls.certificate.as_deref(), Some(&b"1"[..]));
        assert_eq!(read.tls.key, Some("2".into()));
        assert_eq!(read.tls.ca.as_deref(), Some(&b"3"[..]));
        assert_eq!(read.tls.crl.as_deref(), Some(&b"4"[..]));
        assert_eq!(read.ssh.private_key, Some("5".into()));
        assert_eq!(read.ssh.known_hosts.as_deref(), Some("6"));
        assert_eq!(read.sasl.username.as_deref(), Some("7"));
        assert_eq!(read.sasl.password, Some("8".into()));
        assert!(
            !format!("{read:?}").contains('8'),
            "passwords are not printed"
        );
    }

    #[test]
    fn what_a_failure_means() {
        use drover_rpc::{Error, Refusal};
        let reason = |error: Error| reason(&error);
        let missing = Refusal::Missing {
            what: "x".to_owned(),
        };
        assert_eq!(reason(missing.into()), Some(Reason::SecretMissing));
        let unknown = Refusal::SaslServer("x".to_owned());
        assert_eq!(reason(unknown.into()), Some(Reason::AuthenticationFailed));
        let not_followed = drover_rpc::UriError::NoFolder;
        assert_eq!(reason(not_followed.into()), Some(Reason::InvalidSpec));
        assert_eq!(reason(Error::Timeout { sent: true }), None);
    }
}
