//! TLS: certificates that are good, and bad in one way each.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::client::Client;
use crate::connect::ConnectOptions;
use crate::credentials::{Credentials, TlsCredentials};
use crate::error::Error;
use crate::permissions::Permissions;
use crate::refusal::{CertificateFault, Refusal};
use crate::transport::dial;

/// An authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    Authority { issuer, pem }
}

impl Authority {
    fn leaf(&self, name: &str, change: impl Fn(&mut CertificateParams)) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        (pem, key.serialize_pem())
    }

    fn revoked(&self, serial: u64) -> Vec<u8> {
        self.revoked_until(serial, 2075)
    }

    fn revoked_until(&self, serial: u64, year: i32) -> Vec<u8> {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: date_time_ymd(2020, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let signed = list.signed_by(&self.issuer).unwrap();
        signed.pem().unwrap().into_bytes()
    }
}

/// What a server does after the handshake: libvirtd judges the client only then.
#[derive(Clone, Copy)]
enum Then {
    Says(u8),
    HangsUp,
    Resets,
    SaysNothing,
    /// As others than libvirtd do: it judges the client within TLS.
    Demands,
}

/// A connection that ends like this is broken off.
fn reset_at_its_end(socket: &tokio::net::TcpStream) {
    socket.set_zero_linger().unwrap();
}

/// A server with this certificate; its port.
async fn server(authority: &Authority, leaf: &(String, String), then: Then) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let clients = match then {
        Then::Demands => clients.build().unwrap(),
        _ => clients.allow_unauthenticated().build().unwrap(),
    };
    let certificate = CertificateDer::from_pem_slice(leaf.0.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(leaf.1.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(socket).await else {
            return;
        };
        match then {
            Then::Says(byte) => stream.write_all(&[byte]).await.unwrap(),
            Then::HangsUp => return,
            Then::Resets => {
                reset_at_its_end(stream.get_ref().0);
                return;
            }
            Then::SaysNothing | Then::Demands => {}
        }
        std::future::pending::<()>().await;
    });
    port
}

async fn connect(port: u16, tls: TlsCredentials) -> Result<(), Error> {
    let uri = format!("test+tls://127.0.0.1:{port}/default");
    let credentials = Credentials {
        tls,
        only_given: true,
        ..Credentials::default()
    };
    let options = ConnectOptions {
        credentials,
        ..ConnectOptions::default()
    };
    dial(&uri.parse().unwrap(), &options).await.map(drop)
}

fn knows(authority: &Authority) -> TlsCredentials {
    TlsCredentials {
        ca: Some(authority.pem.clone().into_bytes()),
        ..TlsCredentials::default()
    }
}

fn fault(result: Result<(), Error>) -> CertificateFault {
    match result {
        Err(Error::Identity(Refusal::ServerCertificate { fault, .. })) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_good_certificate_and_the_byte() {
    let ca = authority();
    let leaf = ca.leaf("127.0.0.1", |_| {});
    let (certificate, key) = ca.leaf("client", |_| {});
    let port = server(&ca, &leaf, Then::Says(1)).await;
    let ours = TlsCredentials {
        certificate: Some(certificate.into_bytes()),
        key: Some(key.into_bytes().into()),
        crl: Some(ca.revoked(7)),
        ..knows(&ca)
    };
    connect(port, ours).await.unwrap();
}

#[tokio::test]
async fn the_name_can_be_another_than_the_address() {
    let ca = authority();
    let leaf = ca.leaf("kvm-07.example.org", |_| {});
    let port = server(&ca, &leaf, Then::Says(1)).await;
    let ours = TlsCredentials {
        server_name: Some("kvm-07.example.org".to_owned()),
        ..knows(&ca)
    };
    connect(port, ours).await.unwrap();
}

#[tokio::test]
async fn a_bad_certificate_says_what_is_wrong_with_it() {
    let ca = authority();
    let bad = |name: &str, change: &dyn Fn(&mut CertificateParams)| ca.leaf(name, change);
    let expired = bad("127.0.0.1", &|params| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    });
    let early = bad("127.0.0.1", &|params| {
        params.not_before = date_time_ymd(4000, 1, 1);
    });
    let revoked = bad("127.0.0.1", &|params| {
        params.serial_number = Some(SerialNumber::from(7));
    });
    let elsewhere = bad("elsewhere.example", &|_| {});
    let client = bad("127.0.0.1", &|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    for (leaf, expected) in [
        (expired, CertificateFault::Expired),
        (early, CertificateFault::NotYetValid),
        (revoked, CertificateFault::Revoked),
        (client, CertificateFault::WrongPurpose),
        (
            elsewhere,
            CertificateFault::WrongName("127.0.0.1".to_owned()),
        ),
    ] {
        let port = server(&ca, &leaf, Then::Says(1)).await;
        let ours = TlsCredentials {
            crl: Some(ca.revoked(7)),
            ..knows(&ca)
        };
        assert_eq!(fault(connect(port, ours).await), expected);
    }
    let stranger = authority().leaf("127.0.0.1", |_| {});
    let port = server(&ca, &stranger, Then::Says(1)).await;
    let unknown = fault(connect(port, knows(&ca)).await);
    assert_eq!(unknown, CertificateFault::UnknownAuthority);
}

#[tokio::test]
async fn a_server_that_does_not_say_yes_says_no() {
    let ca = authority();
    let leaf = ca.leaf("127.0.0.1", |_| {});
    for then in [Then::HangsUp, Then::Says(0), Then::Says(2), Then::Demands] {
        let port = server(&ca, &leaf, then).await;
        let said = connect(port, knows(&ca)).await.unwrap_err();
        let expected = Refusal::ClientCertificate {
            server: "127.0.0.1".to_owned(),
            shown: false,
        };
        assert_eq!(said, Error::Identity(expected));
        assert!(said.denied());
    }
}

#[tokio::test]
async fn a_revocation_list_out_of_date_says_nothing() {
    let ca = authority();
    let leaf = ca.leaf("127.0.0.1", |params| {
        params.serial_number = Some(SerialNumber::from(8));
    });
    for (year, expected) in [(2075, None), (2021, Some(CertificateFault::ListExpired))] {
        let port = server(&ca, &leaf, Then::Says(1)).await;
        let ours = TlsCredentials {
            crl: Some(ca.revoked_until(7, year)),
            ..knows(&ca)
        };
        let said = connect(port, ours).await;
        match expected {
            None => assert_eq!(said, Ok(())),
            Some(expected) => assert_eq!(fault(said), expected),
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_says_nothing_of_who_we_are() {
    let ca = authority();
    let leaf = ca.leaf("127.0.0.1", |_| {});
    let after = server(&ca, &leaf, Then::Resets).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let before = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for resets in [true, false] {
            let (socket, _) = listener.accept().await.unwrap();
            // The client has spoken first.
            socket.readable().await.unwrap();
            if resets {
                reset_at_its_end(&socket);
            }
        }
    });
    for port in [after, before, before] {
        let said = connect(port, knows(&ca)).await.unwrap_err();
        assert!(matches!(said, Error::Connect { .. }), "{said:?}");
        assert!(!said.denied() && said.connection_lost());
    }
}

#[tokio::test]
async fn anybody_may_be_the_server_if_both_say_so() {
    let ca = authority();
    let stranger = authority().leaf("elsewhere.example", |_| {});
    for (switch, unverified, is_in) in [(1, true, true), (1, false, false), (0, true, false)] {
        let port = server(&ca, &stranger, Then::Says(1)).await;
        let uri = format!("test+tls://127.0.0.1:{port}/default?no_verify={switch}");
        let options = ConnectOptions {
            credentials: Credentials {
                tls: knows(&ca),
                only_given: true,
                ..Credentials::default()
            },
            permit: Permissions {
                unverified,
                ..Permissions::default()
            },
            ..ConnectOptions::default()
        };
        let said = dial(&uri.parse().unwrap(), &options).await.map(drop);
        assert_eq!(said.is_ok(), is_in, "{said:?}");
        if switch == 1 && !unverified {
            let words = "the URI's parameter no_verify is not permitted";
            assert!(said.unwrap_err().to_string().starts_with(words));
        }
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let ca = authority();
    let leaf = ca.leaf("127.0.0.1", |_| {});
    let port = server(&ca, &leaf, Then::SaysNothing).await;
    let uri = format!("test+tls://127.0.0.1:{port}/default");
    let credentials = Credentials {
        tls: knows(&ca),
        ..Credentials::default()
    };
    let options = ConnectOptions {
        credentials,
        connect_timeout: Duration::from_millis(300),
        ..ConnectOptions::default()
    };
    let said = Client::connect(&uri.parse().unwrap(), options).await;
    assert!(matches!(said, Err(Error::Connect { .. })));
}

#[tokio::test]
async fn what_is_missing_or_of_no_use_is_named() {
    let ca = authority();
    let leaf = ca.leaf("127.0.0.1", |_| {});
    let (certificate, _) = ca.leaf("client", |_| {});
    let half = TlsCredentials {
        certificate: Some(certificate.into_bytes()),
        ..knows(&ca)
    };
    let rubbish = TlsCredentials {
        ca: Some(b"rubbish".to_vec()),
        ..TlsCredentials::default()
    };
    for (ours, words) in [
        (
            TlsCredentials::default(),
            "the authority's certificate is needed",
        ),
        (half, "the key of our certificate is needed"),
        (rubbish, "the authority's certificate cannot be used"),
    ] {
        let port = server(&ca, &leaf, Then::Says(1)).await;
        let said = connect(port, ours).await.unwrap_err().to_string();
        assert!(said.starts_with(words), "{said}");
    }
}
