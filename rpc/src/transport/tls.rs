//! TLS as libvirt speaks it: from the first byte, and with a byte of the server's own after the
//! handshake that says whether it accepts us.

mod anybody;

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::anybody::Anybody;
use crate::credentials::TlsCredentials;
use crate::error::Error;
use crate::refusal::{CertificateFault, Refusal};

/// What the server sends when it accepts us.
const ACCEPTED: u8 = 1;

/// Speaks TLS on a connection to `host`, and hears whether the server accepts us. With `anybody` it
/// does not matter who the server is.
pub(super) async fn over<S: AsyncRead + AsyncWrite + Unpin>(
    socket: S,
    host: &str,
    credentials: &TlsCredentials,
    anybody: bool,
) -> Result<TlsStream<S>, Error> {
    // A certificate knows nothing of this machine's zones.
    let host = host.split_once('%').map_or(host, |(address, _)| address);
    let name = credentials.server_name.as_deref().unwrap_or(host);
    let server_name = ServerName::try_from(name.to_owned())
        .map_err(|error| Refusal::unusable(format!("the server's name {name:?}"), error))?;
    let config = config(credentials, anybody)?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(server_name, socket);
    let mut stream = connecting
        .await
        .map_err(|error| failed(host, name, &error))?;
    match stream.read_u8().await {
        Ok(ACCEPTED) => Ok(stream),
        Err(error) if !is_refusal(&error) => Err(failed(host, name, &error)),
        Ok(_) | Err(_) => Err(Error::Identity(Refusal::ClientCertificate {
            server: host.to_owned(),
            shown: credentials.certificate.is_some(),
        })),
    }
}

// A server that does not accept us hangs up, or says so in TLS; a connection that breaks says nothing.
fn is_refusal(error: &io::Error) -> bool {
    let said = error.get_ref().and_then(|inner| inner.downcast_ref());
    match said {
        Some(rustls::Error::AlertReceived(_)) => true,
        _ => error.kind() == io::ErrorKind::UnexpectedEof,
    }
}

fn config(credentials: &TlsCredentials, anybody: bool) -> Result<ClientConfig, Refusal> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match anybody {
        true => Arc::new(Anybody(Arc::clone(&provider))),
        false => verifier(credentials, Arc::clone(&provider))?,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Refusal::unusable("TLS", error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match (&credentials.certificate, &credentials.key) {
        (Some(certificate), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(key.expose())
                .map_err(|error| Refusal::unusable("our private key", error))?;
            builder
                .with_client_auth_cert(certificates("our certificate", certificate)?, key)
                .map_err(|error| Refusal::unusable("our certificate with its key", error))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(_), None) => Err(Refusal::missing("the key of our certificate")),
        (None, Some(_)) => Err(Refusal::missing("the certificate of our key")),
    }
}

// The authorities of the web have no say in who runs virtual machines.
fn verifier(
    credentials: &TlsCredentials,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Refusal> {
    const CA: &str = "the authority's certificate";
    let ca = credentials
        .ca
        .as_ref()
        .ok_or_else(|| Refusal::missing(CA))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CA, ca)? {
        roots
            .add(certificate)
            .map_err(|error| Refusal::unusable(CA, error))?;
    }
    let mut builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    if let Some(crl) = &credentials.crl {
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(crl).collect();
        let lists = lists.map_err(|error| Refusal::unusable("the revocation list", error))?;
        // What an authority without a list has signed is not revoked. A list that is out of date does
        // not say who is.
        builder = builder
            .with_crls(lists)
            .allow_unknown_revocation_status()
            .enforce_revocation_expiration();
    }
    let verifier = builder
        .build()
        .map_err(|error| Refusal::unusable(CA, error))?;
    Ok(verifier)
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| Refusal::unusable(what, error))?;
    if all.is_empty() {
        return Err(Refusal::unusable(what, "there is no certificate in it"));
    }
    Ok(all)
}

// rustls tells why through an error of the system's type. What the system itself says is about the
// connection, and not about who is at its end.
fn failed(server: &str, name: &str, error: &io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let refusal = match inner {
        Some(rustls::Error::InvalidCertificate(fault)) => Refusal::ServerCertificate {
            server: server.to_owned(),
            fault: certificate_fault(name, fault),
        },
        Some(other) => Refusal::Tls {
            server: server.to_owned(),
            reason: other.to_string(),
        },
        None => {
            return Error::Connect {
                target: format!("{server} by TLS"),
                reason: error.to_string(),
            };
        }
    };
    Error::Identity(refusal)
}

fn certificate_fault(name: &str, fault: &CertificateError) -> CertificateFault {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            CertificateFault::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName(name.to_owned())
        }
        CertificateError::Revoked => CertificateFault::Revoked,
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            CertificateFault::UnknownAuthority
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateFault::WrongPurpose
        }
        CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => CertificateFault::ListExpired,
        other => CertificateFault::Other(other.to_string()),
    }
}
