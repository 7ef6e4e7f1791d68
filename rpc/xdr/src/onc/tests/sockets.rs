//! Both sides over loopback.

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::vec;

use super::*;
use crate::onc::{CallError, Options, Retransmission, Server, ServerOptions, TcpClient, UdpClient};
use crate::record_marking;

const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

fn impatient() -> Options {
    Options {
        deadline: Duration::from_millis(500),
        retransmission: Retransmission {
            first: Duration::from_millis(50),
            most: Duration::from_millis(50),
            total: Duration::from_millis(200),
        },
        ..Options::default()
    }
}

fn tcp_server(options: ServerOptions) -> Server {
    Server::tcp(TcpListener::bind(ANY).unwrap(), Arc::new(adding()), options).unwrap()
}

// Runs one connection's server side as `serve` says.
fn scripted(serve: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(ANY).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0));
    address
}

// Takes one call off the stream.
fn one_call(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    let mut call = vec![0; (u32::from_be_bytes(head) & 0x7fff_ffff) as usize];
    stream.read_exact(&mut call).unwrap();
    call
}

fn record(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    record_marking::write(message, &mut out);
    out
}

#[test]
fn calls_over_tcp() {
    let server = tcp_server(ServerOptions::default());
    let mut client = TcpClient::connect(server.address(), Options::default()).unwrap();
    for i in 0..100 {
        assert_eq!(
            client.call::<Add>(&(i, 1)).unwrap(),
            std::format!("{}", i + 1).as_str()
        );
    }
    let error = client.call::<Add>(&(i32::MAX, 1)).unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::SystemError));
    // A server that ends ends its connections.
    drop(server);
    assert!(client.call::<Add>(&(1, 1)).is_err());
}

#[test]
fn calls_over_udp() {
    let socket = UdpSocket::bind(ANY).unwrap();
    let server = Server::udp(socket, Arc::new(adding()), ServerOptions::default()).unwrap();
    let mut client = UdpClient::connect(server.address(), Options::default()).unwrap();
    assert_eq!(client.call::<Add>(&(1, 2)).unwrap(), "3");
    drop(server);
    assert!(matches!(client.call::<Add>(&(1, 2)), Err(CallError::Io(_))));
}

#[test]
fn a_reply_in_fragments_behind_a_late_one() {
    let address = scripted(|mut stream| {
        let call = one_call(&mut stream);
        let answer = adding().answer(&call).unwrap();
        let mut late = answer.clone();
        late[0] ^= 0xff;
        let mut out = record(&late);
        for byte in &answer[..answer.len() - 1] {
            out.extend_from_slice(&[0, 0, 0, 1, *byte]);
        }
        out.extend_from_slice(&[0x80, 0, 0, 1, answer[answer.len() - 1]]);
        stream.write_all(&out).unwrap();
    });
    let mut client = TcpClient::connect(address, Options::default()).unwrap();
    assert_eq!(client.call::<Add>(&(20, 2)).unwrap(), "22");
}

#[test]
fn a_late_answer_over_tcp_is_passed_over() {
    let address = scripted(|mut stream| {
        let first = one_call(&mut stream);
        let second = one_call(&mut stream);
        for call in [first, second] {
            let answer = adding().answer(&call).unwrap();
            stream.write_all(&record(&answer)).unwrap();
        }
    });
    let mut client = TcpClient::connect(address, impatient()).unwrap();
    assert!(matches!(
        client.call::<Add>(&(1, 1)),
        Err(CallError::TimedOut(_))
    ));
    assert_eq!(client.call::<Add>(&(2, 2)).unwrap(), "4");
}

#[test]
fn what_is_no_reply_ends_the_connection() {
    type Check = fn(&CallError) -> bool;
    let cases: [(&[u8], Check); 3] = [
        (&[0x80, 0, 0, 4, 1, 2, 3, 4], |error| {
            matches!(error, CallError::NoReply(_))
        }),
        (&[0x80, 0xff, 0, 0], |error| {
            matches!(error, CallError::TooLong(_))
        }),
        (&[0x80], |error| matches!(error, CallError::Closed)),
    ];
    for (bytes, check) in cases {
        let address = scripted(move |mut stream| {
            one_call(&mut stream);
            stream.write_all(bytes).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            // Until the client is gone.
            let _ = stream.read(&mut [0]);
        });
        let mut client = TcpClient::connect(address, Options::default()).unwrap();
        let error = client.call::<Add>(&(1, 1)).unwrap_err();
        assert!(check(&error), "{error:?}");
        let again = client.call::<Add>(&(1, 1)).unwrap_err();
        assert!(matches!(again, CallError::Closed), "{again:?}");
    }
}

#[test]
fn a_lost_datagram_is_sent_again_with_its_number() {
    let socket = UdpSocket::bind(ANY).unwrap();
    let address = socket.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut buffer = [0; 1000];
        let (length, _) = socket.recv_from(&mut buffer).unwrap();
        let first = buffer[..length].to_vec();
        // That one is not answered, but something else is said.
        let (length, peer) = socket.recv_from(&mut buffer).unwrap();
        socket.send_to(b"nonsense", peer).unwrap();
        let answer = adding().answer(&buffer[..length]).unwrap();
        socket.send_to(&answer, peer).unwrap();
        first == buffer[..length]
    });
    let options = Options {
        retransmission: Retransmission {
            first: Duration::from_millis(20),
            ..Retransmission::default()
        },
        ..Options::default()
    };
    let mut client = UdpClient::connect(address, options).unwrap();
    assert_eq!(client.call::<Add>(&(3, 3)).unwrap(), "6");
    assert!(server.join().unwrap());
}

#[test]
fn silence_over_udp_ends_after_four_datagrams() {
    let socket = UdpSocket::bind(ANY).unwrap();
    let mut client = UdpClient::connect(socket.local_addr().unwrap(), impatient()).unwrap();
    let error = client.call::<Add>(&(1, 1)).unwrap_err();
    assert!(matches!(error, CallError::TimedOut(wait) if wait == Duration::from_millis(200)));
    socket.set_nonblocking(true).unwrap();
    let mut count = 0;
    while socket.recv(&mut [0; 100]).is_ok() {
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn connections_over_the_bound_are_closed() {
    let server = tcp_server(ServerOptions {
        connections: 1,
        ..ServerOptions::default()
    });
    let mut first = TcpClient::connect(server.address(), Options::default()).unwrap();
    assert_eq!(first.call::<Add>(&(1, 1)).unwrap(), "2");
    let mut second = TcpClient::connect(server.address(), Options::default()).unwrap();
    assert!(second.call::<Add>(&(1, 1)).is_err());
    assert_eq!(first.call::<Add>(&(2, 2)).unwrap(), "4");
}

#[test]
fn a_silent_connection_and_a_long_record_are_closed() {
    let server = tcp_server(ServerOptions {
        idle: Duration::from_millis(50),
        record: 100,
        ..ServerOptions::default()
    });
    for bytes in [&[][..], &[0x80, 0, 0, 101]] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(bytes).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
}
