//! A client over TCP.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;
use std::vec;
use std::vec::Vec;

use super::{CallError, Options, caller, left, timed_out};
use crate::onc::{Caller, Procedure, Ticket};
use crate::record_marking::{self, Reader};

/// A client over TCP: one call at a time, each record with its mark.
#[derive(Debug)]
pub struct TcpClient {
    stream: TcpStream,
    caller: Caller,
    options: Options,
    reader: Reader,
    buffer: Vec<u8>,
    // What is in the buffer and not yet read.
    filled: std::ops::Range<usize>,
    // A message was sent or read in part only: what follows on the stream has no meaning.
    broken: bool,
}

impl TcpClient {
    /// Connects to a server.
    ///
    /// # Errors
    /// What the socket says, also when nobody answers in [`Options::deadline`].
    pub fn connect(address: SocketAddr, options: Options) -> Result<Self, CallError> {
        let stream = TcpStream::connect_timeout(&address, options.deadline)?;
        // A call is one write, and its answer is waited for.
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            caller: caller(&options),
            reader: Reader::new(options.record),
            options,
            buffer: vec![0; 16 << 10],
            filled: 0..0,
            broken: false,
        })
    }

    /// Who calls from now on; see [`Caller::credential`].
    pub fn caller(&mut self) -> &mut Caller {
        &mut self.caller
    }

    /// Calls `P`, and waits for its reply until the deadline.
    ///
    /// # Errors
    /// [`CallError`]. After [`CallError::TimedOut`] the connection can still be used unless the call
    /// was sent only in part.
    pub fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<P::Reply, CallError> {
        if self.broken {
            return Err(CallError::Closed);
        }
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
        let deadline = Instant::now() + self.options.deadline;
        let mut record = Vec::with_capacity(message.len() + 4);
        record_marking::write(message, &mut record);
        // Until all of it is through, nothing else can be sent.
        self.broken = true;
        self.write(&record, deadline)?;
        self.broken = false;
        loop {
            let record = self.record(deadline)?;
            match self.caller.accept(&record) {
                Ok(Some(answer)) => return Ok(ticket.read(&answer)?),
                // The answer of a call given up.
                Ok(None) => {}
                Err(error) => {
                    self.broken = true;
                    return Err(CallError::NoReply(error));
                }
            }
        }
    }

    fn write(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), CallError> {
        while !bytes.is_empty() {
            let left = left(deadline).ok_or(self.late())?;
            self.stream.set_write_timeout(Some(left))?;
            match self.stream.write(bytes) {
                Ok(0) => return Err(CallError::Closed),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if timed_out(&error) => return Err(self.late()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn record(&mut self, deadline: Instant) -> Result<Vec<u8>, CallError> {
        loop {
            let mut input = &self.buffer[self.filled.clone()];
            let record = self.reader.read(&mut input);
            self.filled.start = self.filled.end - input.len();
            match record {
                Ok(Some(record)) => return Ok(record),
                Ok(None) => self.fill(deadline)?,
                Err(error) => {
                    self.broken = true;
                    return Err(error.into());
                }
            }
        }
    }

    fn fill(&mut self, deadline: Instant) -> Result<(), CallError> {
        let left = left(deadline).ok_or(self.late())?;
        self.stream.set_read_timeout(Some(left))?;
        match self.stream.read(&mut self.buffer) {
            Ok(0) => {
                self.broken = true;
                Err(CallError::Closed)
            }
            Ok(read) => {
                self.filled = 0..read;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if timed_out(&error) => Err(self.late()),
            Err(error) => {
                self.broken = true;
                Err(error.into())
            }
        }
    }

    fn late(&self) -> CallError {
        CallError::TimedOut(self.options.deadline)
    }
}
