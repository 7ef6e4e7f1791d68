//! The other end of a connection: a client's bytes become requests, and answers become bytes.

use std::collections::VecDeque;

use drover_xdr::{Encode, Encoder};

use crate::error::{MAX_BODY, code};
use crate::frame::{FrameError, FrameReader, Header, Kind, Status, set_length, write_frame};
use crate::procedure::{Kind as Called, Procedure, ProcedureInfo};
use crate::{lxc, net, program, qemu, remote};

// How many calls a server takes in without having answered: libvirtd's default.
const MOST_REQUESTS: usize = 5;
// virErrorDomain: the RPC itself.
const FROM_RPC: i32 = 7;
const ERROR: i32 = 2;
// The serial that libvirtd gives to every event.
const OF_EVENTS: u32 = 1;

/// A call that a client has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    header: Header,
    body: Vec<u8>,
}

impl Request {
    /// The program.
    #[must_use]
    pub fn program(&self) -> u32 {
        self.header.program
    }

    /// The procedure within the program.
    #[must_use]
    pub fn procedure(&self) -> i32 {
        self.header.procedure
    }

    /// Whether this procedure is asked for.
    #[must_use]
    pub fn is<P: Procedure>(&self) -> bool {
        (self.header.program, self.header.procedure) == (P::PROGRAM, P::NUMBER)
    }

    /// What the protocol's tables say of what is asked for.
    #[must_use]
    pub fn info(&self) -> Option<&'static ProcedureInfo> {
        table(self.header.program)?
            .iter()
            .find(|row| row.number == self.header.procedure && row.kind == Called::Call)
    }

    /// The arguments, as those of this procedure.
    ///
    /// # Errors
    /// When the body is not what the procedure takes.
    pub fn args<P: Procedure>(&self) -> Result<P::Args, drover_xdr::Error> {
        drover_xdr::from_bytes(&self.body)
    }
}

/// Why a server cannot go on with a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The bytes were no frame.
    #[error("the client sent {0}")]
    Frame(#[from] FrameError),
    /// The bytes of file descriptors stand outside of frames.
    #[error("the client passed file descriptors, which this server takes none of")]
    Fds,
}

/// Why an answer was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// A value is over a bound of the protocol.
    #[error(transparent)]
    Encode(#[from] drover_xdr::Error),
    /// It is larger than the largest message.
    #[error("the answer takes {0} bytes, at most {MAX_BODY} are allowed")]
    TooLarge(usize),
}

/// The server's end of a connection, as a state machine: it does no I/O and reads no clock.
///
/// Whoever drives it hands it what it has read ([`Server::handle_input`]) as long as it takes more
/// ([`Server::takes_more`]), takes the requests out ([`Server::poll_request`]), answers each one once
/// and in any order, and writes what there is to write ([`Server::transmit`]).
///
/// What is no call is answered here: keepalive, and calls of programs and procedures that the
/// protocol does not have. It has neither byte streams nor file descriptors: what opens one is to be
/// refused.
#[derive(Debug, Default)]
pub struct Server {
    reader: FrameReader,
    requests: VecDeque<Request>,
    unanswered: usize,
    out: Vec<u8>,
    failed: Option<ClientError>,
}

impl Server {
    /// Bytes have come, in whatever pieces.
    ///
    /// # Errors
    /// When they make no sense. Nothing after them is read.
    pub fn handle_input(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let mut reader = std::mem::take(&mut self.reader);
        let mut rest = bytes;
        while self.failed.is_none() {
            match reader.read(&mut rest) {
                Ok(Some((header, body))) => self.handle_frame(header, body.into_owned()),
                Ok(None) => break,
                Err(error) => self.failed = Some(error.into()),
            }
        }
        self.reader = reader;
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn handle_frame(&mut self, header: Header, body: Vec<u8>) {
        if header.program == program::KEEPALIVE {
            self.handle_keepalive(&header);
            return;
        }
        match header.kind {
            Kind::Call => self.handle_call(Request { header, body }),
            // What follows the frame would be taken for the next one.
            Kind::CallWithFds => self.failed = Some(ClientError::Fds),
            // As libvirtd does: no bytes come back.
            Kind::Reply | Kind::Message | Kind::Stream | Kind::ReplyWithFds | Kind::StreamHole => {}
        }
    }

    fn handle_keepalive(&mut self, header: &Header) {
        if header.procedure == program::PING {
            let pong = Header {
                procedure: program::PONG,
                ..*header
            };
            write_frame(&mut self.out, &pong, &[]);
        }
    }

    fn handle_call(&mut self, request: Request) {
        self.unanswered += 1;
        let Header {
            program,
            version,
            procedure,
            status,
            ..
        } = request.header;
        let said = match (table(program), request.info()) {
            _ if status != Status::Ok => format!("Unexpected message status {}", status as i32),
            (None, _) => format!("Cannot find program {program} version {version}"),
            (Some(_), None) => format!("unknown procedure: {procedure}"),
            (Some(_), Some(_)) => {
                self.requests.push_back(request);
                return;
            }
        };
        self.refuse(&request, &rpc_error(&said));
    }

    /// The next request that waits for its answer.
    pub fn poll_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Whether another call may come. libvirtd does not read on while five are unanswered, not even
    /// the answers to its own keepalive.
    #[must_use]
    pub fn takes_more(&self) -> bool {
        self.failed.is_none() && self.unanswered < MOST_REQUESTS
    }

    /// Answers a request well.
    ///
    /// # Errors
    /// When the answer cannot be written; the request is still unanswered then.
    pub fn reply<P: Procedure>(
        &mut self,
        request: &Request,
        reply: &P::Reply,
    ) -> Result<(), AnswerError> {
        self.write(&answer(request, Status::Ok), reply)?;
        self.unanswered = self.unanswered.saturating_sub(1);
        Ok(())
    }

    /// Answers a request with an error. One that is too long to be sent goes without its words.
    pub fn refuse(&mut self, request: &Request, error: &net::MessageError) {
        let header = answer(request, Status::Error);
        if self.write(&header, error).is_err() {
            let bare = net::MessageError {
                message: None,
                str1: None,
                str2: None,
                str3: None,
                ..error.clone()
            };
            // Numbers alone have no bound to be over.
            let _ = self.write(&header, &bare);
        }
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// Tells the client an event of the remote program, by its number.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn event<M: Encode + ?Sized>(
        &mut self,
        number: i32,
        message: &M,
    ) -> Result<(), AnswerError> {
        let header = Header {
            program: program::REMOTE,
            version: program::VERSION,
            procedure: number,
            kind: Kind::Message,
            serial: OF_EVENTS,
            status: Status::Ok,
        };
        self.write(&header, message)
    }

    // Whole, or not at all.
    fn write<T: Encode + ?Sized>(&mut self, header: &Header, body: &T) -> Result<(), AnswerError> {
        let start = self.out.len();
        write_frame(&mut self.out, header, &[]);
        let head = self.out.len();
        let mut out = Encoder::after(std::mem::take(&mut self.out));
        let written = body.encode(&mut out);
        self.out = out.into_bytes();
        let length = self.out.len() - head;
        let written = match written {
            Err(error) => Err(error.into()),
            Ok(()) if length > MAX_BODY => Err(AnswerError::TooLarge(length)),
            Ok(()) => Ok(()),
        };
        match written {
            Ok(()) => set_length(self.out.get_mut(start..).unwrap_or_default()),
            Err(_) => self.out.truncate(start),
        }
        written
    }

    /// Appends to `out` what is to be written now. True if anything was appended.
    pub fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let any = !self.out.is_empty();
        if out.is_empty() {
            // The memory goes with it: thousands of connections are mostly silent.
            *out = std::mem::take(&mut self.out);
        } else {
            out.append(&mut self.out);
        }
        any
    }
}

/// An error as libvirt makes them: its number, the part of libvirt that says so, and the words.
#[must_use]
pub fn failure(code: i32, domain: i32, message: &str) -> net::MessageError {
    net::MessageError {
        code,
        domain,
        message: Some(message.replace('\0', "").as_str().into()),
        level: ERROR,
        dom: None,
        str1: None,
        str2: None,
        str3: None,
        int1: -1,
        int2: -1,
        net: None,
    }
}

fn rpc_error(message: &str) -> net::MessageError {
    failure(code::RPC, FROM_RPC, message)
}

fn table(program: u32) -> Option<&'static [ProcedureInfo]> {
    match program {
        program::REMOTE => Some(remote::TABLE),
        program::QEMU => Some(qemu::TABLE),
        program::LXC => Some(lxc::TABLE),
        _ => None,
    }
}

fn answer(request: &Request, status: Status) -> Header {
    Header {
        kind: Kind::Reply,
        status,
        ..request.header
    }
}
