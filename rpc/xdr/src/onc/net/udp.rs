//! A client over UDP.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use std::vec;
use std::vec::Vec;

use super::{CallError, Options, caller, left, timed_out};
use crate::onc::{Caller, Procedure, Ticket};

/// What a datagram holds at most.
pub(super) const DATAGRAM: usize = 65_507;

/// A client over UDP: one call at a time, sent again with the same transaction number until its
/// answer comes or [`Options::retransmission`] is used up. A server may therefore do it twice.
#[derive(Debug)]
pub struct UdpClient {
    socket: UdpSocket,
    caller: Caller,
    options: Options,
    buffer: Vec<u8>,
}

impl UdpClient {
    /// A client of this server. Nothing is sent yet.
    ///
    /// # Errors
    /// What the socket says.
    pub fn connect(address: SocketAddr, options: Options) -> Result<Self, CallError> {
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        // Answers from elsewhere are none.
        socket.connect(address)?;
        Ok(Self {
            socket,
            caller: caller(&options),
            options,
            buffer: vec![0; DATAGRAM],
        })
    }

    /// Who calls from now on; see [`Caller::credential`].
    pub fn caller(&mut self) -> &mut Caller {
        &mut self.caller
    }

    /// Calls `P`, and waits for its reply.
    ///
    /// # Errors
    /// [`CallError`]. The client can be used again after any of them.
    pub fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<P::Reply, CallError> {
        let called = self.caller.call::<P>(args);
        let (ticket, message) = called.map_err(CallError::Arguments)?;
        let xid = ticket.xid();
        let reply = self.exchange(ticket, &message);
        self.caller.give_up(xid);
        reply
    }

    fn exchange<P: Procedure>(
        &mut self,
        ticket: Ticket<P>,
        message: &[u8],
    ) -> Result<P::Reply, CallError> {
        if message.len() > DATAGRAM {
            return Err(CallError::Datagram {
                length: message.len(),
                most: DATAGRAM,
            });
        }
        let mut waited = Duration::ZERO;
        for wait in self.options.retransmission.waits() {
            self.socket.send(message)?;
            let until = Instant::now() + wait;
            while let Some(length) = self.receive(until)? {
                // What is no reply is passed over: a datagram can come from anybody who claims to be
                // the server.
                if let Ok(Some(answer)) = self.caller.accept(&self.buffer[..length]) {
                    return Ok(ticket.read(&answer)?);
                }
            }
            waited += wait;
        }
        Err(CallError::TimedOut(waited))
    }

    // The length of the next datagram; none when the wait is over.
    fn receive(&mut self, until: Instant) -> Result<Option<usize>, CallError> {
        while let Some(left) = left(until) {
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv(&mut self.buffer) {
                Ok(length) => return Ok(Some(length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if timed_out(&error) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}
