//! The two sides here, with each other.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Arc;

use drover_xdr::onc::{Server, ServerOptions};

use crate::client::Client;
use crate::served;

/// Servers of `shapes.x` on loopback, over TCP and UDP.
pub(crate) fn servers() -> [(&'static str, Server); 2] {
    let any = (Ipv4Addr::LOCALHOST, 0);
    let service = Arc::new(served::service());
    let options = ServerOptions::default();
    let tcp = TcpListener::bind(any).unwrap();
    let udp = UdpSocket::bind(any).unwrap();
    [
        (
            "tcp",
            Server::tcp(tcp, Arc::clone(&service), options).unwrap(),
        ),
        ("udp", Server::udp(udp, service, options).unwrap()),
    ]
}

#[test]
fn generated_client_and_generated_server() {
    for (transport, server) in servers() {
        let mut client = Client::connect(transport, server.address().port());
        served::all_of_it(&mut client);
    }
}
