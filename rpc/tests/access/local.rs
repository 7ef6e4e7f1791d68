//! The socket for those who only look, which asks for a password, and those who come by TCP.

use drover_rpc::flags::DomainDefineFlags;
use drover_rpc::{
    Client, ConnectOptions, Credentials, Error, Prompt, Refusal, SaslCredentials, Secret, Wanted,
    code,
};

use crate::{address, connect, file, options, read};

fn uri(parameters: &str) -> String {
    let socket = file("run/libvirt/libvirt-sock-ro");
    format!("qemu:///system?socket={}{parameters}", socket.display())
}

pub(crate) fn user() -> String {
    format!("drover@{}", read("etc/hostname").trim())
}

fn with(password: &str) -> ConnectOptions {
    options(Credentials {
        sasl: SaslCredentials {
            username: Some(user()),
            password: Some(password.into()),
        },
        ..Credentials::default()
    })
}

/// What comes of a change.
async fn change(client: &Client) -> Error {
    let xml = "<domain type='qemu'><name>never</name><memory>1</memory>\
               <os><type>hvm</type></os></domain>";
    let flags = DomainDefineFlags::empty();
    client.define_domain(xml, flags).await.unwrap_err()
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn who_only_looks_may_change_nothing() {
    let by_tcp = format!("qemu+tcp://{}/system", address());
    for (uri, read_only) in [(uri(""), false), (uri(""), true), (by_tcp, true)] {
        let options = ConnectOptions {
            read_only,
            ..with("lab-password")
        };
        let client = connect(&uri, options).await.unwrap();
        let refusal = change(&client).await;
        println!("  a change: {refusal}");
        assert_eq!(refusal.code(), Some(code::OPERATION_DENIED), "{refusal}");
        assert!(refusal.denied());
        client.close().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn by_a_password() {
    for mechanism in ["scram-sha-256", "scram-sha-1", "plain"] {
        let uri = uri(&format!("&auth=sasl.{mechanism}"));
        connect(&uri, with("lab-password")).await.unwrap();
        let refusal = connect(&uri, with("wrong")).await.unwrap_err();
        assert!(
            matches!(&refusal, Error::Identity(Refusal::Sasl { .. })),
            "{refusal:?}"
        );
    }
    let gssapi = connect(&uri("&auth=sasl.gssapi"), with("lab-password")).await;
    assert!(matches!(
        gssapi,
        Err(Error::Identity(Refusal::Unusable { .. }))
    ));
    let polkit = connect(&uri("&auth=polkit"), with("lab-password")).await;
    assert!(matches!(
        polkit,
        Err(Error::Identity(Refusal::NoMechanism { .. }))
    ));
    let nothing = connect(&uri(""), options(Credentials::default())).await;
    assert!(matches!(
        nothing,
        Err(Error::Identity(Refusal::Missing { .. }))
    ));
}

#[tokio::test]
#[ignore = "needs a libvirt host: run by cargo lab test"]
async fn by_a_password_that_somebody_is_asked_for() {
    let credentials = Credentials {
        prompt: Some(Prompt::new(|question| async move {
            println!("asked: {question:?}");
            Some(Secret::from(match question.wanted {
                Wanted::Username => user(),
                _ => "lab-password".to_owned(),
            }))
        })),
        ..Credentials::default()
    };
    connect(&uri(""), options(credentials)).await.unwrap();
}
