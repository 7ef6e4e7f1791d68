//! Who may say that a server is who it is.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as TlsError};

/// As much as a Secret may have.
const LARGEST: usize = 1 << 20;

/// Whom the system trusts, and perhaps others beside them.
#[derive(Debug, Clone, Default)]
pub struct Trust(Option<Arc<ClientConfig>>);

impl Trust {
    /// The authorities of a bundle, PEM, beside those that the system trusts.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn beside(bundle: &[u8]) -> Result<Self, String> {
        if bundle.len() > LARGEST {
            let length = bundle.len();
            return Err(format!("{length} bytes, at most {LARGEST} are taken"));
        }
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(bundle) {
            // The error has what is there in it, which may be somebody's secret.
            certificates.push(certificate.map_err(|_| "it is not PEM, or is cut off".to_owned())?);
        }
        if certificates.is_empty() {
            return Err("there is no PEM certificate in it".to_owned());
        }
        let config = config(certificates);
        let config = config.map_err(|error| format!("a certificate cannot be used: {error}"))?;
        Ok(Self(Some(config)))
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        static SYSTEM: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        if let Some(known) = self.0.as_ref().or_else(|| SYSTEM.get()) {
            return Ok(Arc::clone(known));
        }
        let config = config(Vec::new())?;
        Ok(Arc::clone(SYSTEM.get_or_init(|| config)))
    }
}

// The certificates that the system trusts; the environment's SSL_CERT_FILE names others.
fn config(beside: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, TlsError> {
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let verifier = match beside.is_empty() {
        true => Verifier::new(Arc::clone(&provider))?,
        false => Verifier::new_with_extra_roots(beside, Arc::clone(&provider))?,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Whether a connection failed because nobody who is trusted has signed the server's certificate.
pub(super) fn is_of_stranger(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref());
    matches!(
        error,
        Some(TlsError::InvalidCertificate(
            CertificateError::UnknownIssuer
        ))
    )
}

#[cfg(test)]
mod tests;
