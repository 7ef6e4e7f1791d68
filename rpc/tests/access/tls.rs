//! TLS, with certificates of the folders that `DROVER_TEST_PKI` has: each is named for what is wrong
//! with the client's certificate.

use drover_rpc::{
    CertificateFault, ConnectOptions, Credentials, Error, Refusal, SaslCredentials, TlsCredentials,
};

use crate::{address, connect, local, variable};

/// The system's daemon, with what is in this folder.
pub(crate) fn uri(folder: &str) -> String {
    let pki = variable("DROVER_TEST_PKI");
    format!("qemu+tls://{}/system?pkipath={pki}/{folder}", address())
}

/// With the password that the newer host asks for beside the certificate.
pub(crate) fn options() -> ConnectOptions {
    ConnectOptions {
        credentials: Credentials {
            sasl: SaslCredentials {
                username: Some(local::user()),
                password: Some("lab-password".into()),
            },
            ..Credentials::default()
        },
        ..ConnectOptions::default()
    }
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn with_a_good_certificate() {
    let client = connect(&uri("good"), options()).await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn with_a_certificate_that_the_host_does_not_accept() {
    for (folder, shown) in [
        ("expired", true),
        ("revoked", true),
        ("stranger", true),
        ("missing", false),
    ] {
        let refusal = connect(&uri(folder), options()).await.unwrap_err();
        let server = address();
        let expected = Refusal::ClientCertificate { server, shown };
        assert_eq!(refusal, Error::Identity(expected), "{folder}");
    }
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn with_a_host_that_we_do_not_accept() {
    let mut elsewhere = options();
    elsewhere.credentials.tls = TlsCredentials {
        server_name: Some("elsewhere.example".to_owned()),
        ..TlsCredentials::default()
    };
    let refusal = connect(&uri("good"), elsewhere).await.unwrap_err();
    let expected = Refusal::ServerCertificate {
        server: address(),
        fault: CertificateFault::WrongName("elsewhere.example".to_owned()),
    };
    assert_eq!(refusal, Error::Identity(expected));
    let stranger = connect(&uri("other-authority"), options())
        .await
        .unwrap_err();
    let expected = Refusal::ServerCertificate {
        server: address(),
        fault: CertificateFault::UnknownAuthority,
    };
    assert_eq!(stranger, Error::Identity(expected));
}
