#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;
use crate::import::address::Allowed;
use crate::import::fetch::{FetchError, Policy, open};

/// An authority that nobody knows.
fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

/// A web server at 127.0.0.1 with a certificate of this authority, which sends to `/image` and there
/// has five bytes.
async fn server(authority: &Issuer<'static, KeyPair>) -> String {
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that does not trust it goes away.
            let Ok(mut stream) = acceptor.accept(socket).await else {
                continue;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer: &[u8] = match head.starts_with(b"GET /image ") {
                true => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimage",
                false => b"HTTP/1.1 302 Found\r\nLocation: /image\r\nContent-Length: 0\r\n\r\n",
            };
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.ok();
        }
    });
    format!("https://127.0.0.1:{port}/")
}

async fn fetch(url: &str, trust: Trust) -> Result<Vec<u8>, FetchError> {
    let local = "127.0.0.0/8".parse().unwrap();
    let policy = Policy {
        trust,
        ..Policy::new(Allowed::new(vec![local]), false)
    };
    let mut body = open(url, &policy).await?;
    let mut all = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

#[tokio::test]
async fn an_authority_of_a_bundle_counts_there_and_where_it_redirects_to() {
    let (issuer, pem) = authority("ours");
    let (_, other) = authority("other");
    let url = server(&issuer).await;
    let stranger = FetchError::Untrusted("127.0.0.1".to_owned());
    let nobody = Trust::default();
    assert_eq!(fetch(&url, nobody).await.unwrap_err(), stranger);
    let wrong = Trust::beside(other.as_bytes()).unwrap();
    assert_eq!(fetch(&url, wrong).await.unwrap_err(), stranger);
    assert!(!stranger.is_permanent(), "a person can put it right");
    assert!(
        stranger.to_string().contains("caBundleSecretRef"),
        "{stranger}"
    );
    let both = format!("# ours and another one\n{other}\n{pem}");
    let both = Trust::beside(both.as_bytes()).unwrap();
    assert_eq!(fetch(&url, both).await.unwrap(), b"image");
}

#[test]
fn what_is_no_bundle() {
    let (_, pem) = authority("ours");
    let cut = &pem[..pem.len() / 2];
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let large = pem.repeat(LARGEST / pem.len() + 1);
    for (bundle, expected) in [
        ("", "there is no PEM certificate in it"),
        ("nonsense", "there is no PEM certificate in it"),
        (cut, "it is not PEM"),
        (garbage, "a certificate cannot be used"),
        (&large, "at most 1048576 are taken"),
    ] {
        let error = Trust::beside(bundle.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert!(Trust::beside(pem.as_bytes()).is_ok());
}
