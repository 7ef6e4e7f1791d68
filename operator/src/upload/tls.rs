//! The certificate that what is sent is encrypted for.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A folder with `tls.crt` and `tls.key`, and perhaps `ca.crt`, as a Secret of type
/// `kubernetes.io/tls` is mounted.
#[derive(Debug, Clone)]
pub(super) struct Keys(PathBuf);

impl Keys {
    /// Those of this folder.
    ///
    /// # Errors
    /// When they cannot be used.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let keys = Self(folder.to_owned());
        keys.acceptor().map(|_| keys)
    }

    /// The authority of the certificate, if the folder has it.
    pub(super) fn authority(&self) -> Option<Vec<u8>> {
        std::fs::read(self.0.join("ca.crt")).ok()
    }

    /// They are read for each connection: whoever renews them has to tell nobody.
    pub(super) fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let file = |name: &str| self.0.join(name);
        let failed = |name: &str, error: &dyn std::fmt::Display| {
            io::Error::other(format!("{}: {error}", file(name).display()))
        };
        let certificates = CertificateDer::pem_file_iter(file("tls.crt"))
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failed("tls.crt", &error))?;
        let key = PrivateKeyDer::from_pem_file(file("tls.key"));
        // The error may have some of the key in it.
        let key = key.map_err(|_| failed("tls.key", &"there is no PEM key"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                let builder = builder.with_no_client_auth();
                builder.with_single_cert(certificates, key)
            })
            .map_err(|error| failed("tls.crt", &error))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
