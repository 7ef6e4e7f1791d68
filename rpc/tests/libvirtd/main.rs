//! The client and a real libvirtd, named by `DROVER_TEST_LIBVIRT_URI`, such as
//! `test+tcp://10.77.0.12:16509/default`. Volumes and guests that run are tried on
//! the QEMU driver of the same server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
mod events;
mod examples;
mod objects;
mod running;
mod streams;

use drover_rpc::proto::remote::Domain;
use drover_rpc::{Client, ConnectOptions, Uri};

fn uri() -> Uri {
    let text = std::env::var("DROVER_TEST_LIBVIRT_URI")
        .expect("DROVER_TEST_LIBVIRT_URI names the libvirtd to try");
    text.parse().expect("DROVER_TEST_LIBVIRT_URI is a URI")
}

async fn client() -> Client {
    connect(ConnectOptions::default()).await
}

/// The QEMU driver of the same server.
async fn qemu() -> Client {
    let mut uri = uri();
    uri.driver = "qemu".to_owned();
    uri.path = "/system".to_owned();
    let connected = Client::connect(&uri, ConnectOptions::default()).await;
    connected.unwrap()
}

async fn connect(options: ConnectOptions) -> Client {
    Client::connect(&uri(), options).await.unwrap()
}

/// A domain of the test driver, which runs nothing. Its name is its own: tests share the server.
async fn define(client: &Client, name: &str) -> Domain {
    let xml = format!(
        "<domain type='test'><name>{name}</name><memory unit='MiB'>16</memory>\
         <os><type>hvm</type></os></domain>"
    );
    // Left over from a run that failed.
    if let Ok(old) = client.domain_lookup_by_name(name).await {
        client.domain_destroy(old.clone()).await.ok();
        client.domain_undefine(old).await.unwrap();
    }
    client.domain_define_xml_flags(xml, 0).await.unwrap()
}
