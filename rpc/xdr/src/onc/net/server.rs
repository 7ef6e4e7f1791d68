//! A server over TCP and UDP.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::vec;
use std::vec::Vec;

use super::udp::DATAGRAM;
use crate::onc::Service;
use crate::record_marking::{self, Reader};

// An error that stays, such as too many open files, must not take a whole processor.
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// What a server takes upon itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerOptions {
    /// Connections at once; those over it are closed as they come.
    pub connections: usize,
    /// How long a connection may be silent, or not take its answer.
    pub idle: Duration,
    /// The longest call over TCP, in bytes.
    pub record: usize,
}

impl Default for ServerOptions {
    /// 64 connections, five minutes, 4 MiB.
    fn default() -> Self {
        Self {
            connections: 64,
            idle: Duration::from_secs(300),
            record: 4 << 20,
        }
    }
}

/// A server at one address, with threads of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    tcp: bool,
}

#[derive(Debug)]
struct Shared {
    service: Arc<Service>,
    options: ServerOptions,
    stopped: AtomicBool,
    connections: Mutex<BTreeMap<u64, TcpStream>>,
}

impl Server {
    /// Answers calls on every connection that `listener` accepts, each in a thread of its own.
    ///
    /// # Errors
    /// What the socket says.
    pub fn tcp(
        listener: TcpListener,
        service: Arc<Service>,
        options: ServerOptions,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Shared::new(service, options);
        let accepting = Arc::clone(&shared);
        let thread = thread::Builder::new().spawn(move || accepting.accept(&listener))?;
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
            tcp: true,
        })
    }

    /// Answers calls that come to `socket`, one after another.
    ///
    /// # Errors
    /// What the socket says.
    pub fn udp(
        socket: UdpSocket,
        service: Arc<Service>,
        options: ServerOptions,
    ) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let shared = Shared::new(service, options);
        let answering = Arc::clone(&shared);
        let thread = thread::Builder::new().spawn(move || answering.datagrams(&socket))?;
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
            tcp: false,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    // The thread waits for somebody: so somebody comes.
    fn wake(&self) -> io::Result<()> {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        if self.tcp {
            return TcpStream::connect_timeout(&address, Duration::from_secs(1)).map(drop);
        }
        let any = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        UdpSocket::bind(any)?.send_to(&[], address).map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let woken = self.wake();
        for stream in self.shared.connections().values() {
            // One that is closed already has nobody to tell.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // A thread that could not be woken ends with the next that comes.
        if let (Some(thread), Ok(())) = (self.thread.take(), woken) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn new(service: Arc<Service>, options: ServerOptions) -> Arc<Self> {
        Arc::new(Self {
            service,
            options,
            stopped: AtomicBool::new(false),
            connections: Mutex::new(BTreeMap::new()),
        })
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    // A handler that panicked has left the map as it was.
    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for (id, stream) in (0..).zip(listener.incoming()) {
            if self.stopped() {
                return;
            }
            match stream {
                // A connection that cannot be served is closed.
                Ok(stream) => drop(self.begin(id, stream)),
                Err(_) => thread::sleep(AFTER_ERROR),
            }
        }
    }

    fn begin(self: &Arc<Self>, id: u64, stream: TcpStream) -> io::Result<()> {
        let mut connections = self.connections();
        if connections.len() >= self.options.connections {
            return Ok(());
        }
        connections.insert(id, stream.try_clone()?);
        let guard = Guard {
            shared: Arc::clone(self),
            id,
        };
        drop(connections);
        thread::Builder::new()
            .spawn(move || {
                // The peer sees that the connection ends; there is nobody else to tell.
                let _ = guard.shared.connection(stream);
            })
            .map(drop)
    }

    fn connection(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.options.idle))?;
        stream.set_write_timeout(Some(self.options.idle))?;
        let mut reader = Reader::new(self.options.record);
        let mut buffer = vec![0; 16 << 10];
        while !self.stopped() {
            let length = stream.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            let mut input = &buffer[..length];
            while let Some(call) = reader.read(&mut input).map_err(io::Error::other)? {
                if let Some(answer) = self.service.answer(&call) {
                    let mut record = Vec::with_capacity(answer.len() + 4);
                    record_marking::write(&answer, &mut record);
                    stream.write_all(&record)?;
                }
            }
        }
        Ok(())
    }

    fn datagrams(&self, socket: &UdpSocket) {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let received = socket.recv_from(&mut buffer);
            if self.stopped() {
                return;
            }
            match received {
                Ok((length, peer)) => {
                    if let Some(answer) = self.service.answer(&buffer[..length]) {
                        // An answer that does not get through is asked for again.
                        let _ = socket.send_to(&answer, peer);
                    }
                }
                // Most often about a peer that is gone.
                Err(_) => thread::sleep(AFTER_ERROR),
            }
        }
    }
}

// A connection leaves the map however its thread ends.
struct Guard {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(stream) = self.shared.connections().remove(&self.id) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
