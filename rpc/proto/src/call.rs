//! A call that is to be made.

use drover_xdr::{Encode, Encoder};

use crate::event::Class;
use crate::frame::{Header, Kind, MIN_FRAME, Status, set_length, write_frame};
use crate::procedure::{Fds, Priority, Procedure};
use crate::stream::StreamMode;
use crate::{Time, program};

/// Names a call, its stream and its registration, for as long as the connection lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(crate) u64);

/// A call that is to be made: a frame without its serial, and how it is to be treated.
#[derive(Debug, Clone)]
pub struct Call {
    pub(crate) frame: Vec<u8>,
    pub(crate) program: u32,
    pub(crate) version: u32,
    pub(crate) procedure: i32,
    pub(crate) urgent: bool,
    pub(crate) deadline: Option<Time>,
    pub(crate) stream: Option<StreamMode>,
    // How many file descriptors go with it, and whether some may come back.
    pub(crate) fds: u32,
    pub(crate) answers_fds: bool,
}

impl Call {
    /// A call of this procedure with these arguments.
    ///
    /// # Errors
    /// When the arguments are over a bound of the protocol.
    pub fn new<A: Encode + ?Sized>(
        program: u32,
        version: u32,
        procedure: i32,
        args: &A,
    ) -> Result<Self, drover_xdr::Error> {
        let header = header(program, version, procedure);
        Self::within(Vec::with_capacity(128), header, 0, args)
    }

    fn within<A: Encode + ?Sized>(
        mut frame: Vec<u8>,
        header: Header,
        fds: u32,
        args: &A,
    ) -> Result<Self, drover_xdr::Error> {
        let Header {
            program,
            version,
            procedure,
            ..
        } = header;
        frame.clear();
        write_frame(&mut frame, &header, &[]);
        let mut out = Encoder::after(frame);
        if fds > 0 {
            out.word(fds);
        }
        args.encode(&mut out)?;
        let mut frame = out.into_bytes();
        set_length(&mut frame);
        Ok(Self {
            frame,
            program,
            version,
            procedure,
            urgent: false,
            deadline: None,
            stream: None,
            fds,
            answers_fds: false,
        })
    }

    /// A call of a procedure that the protocol's tables know, urgent if they say so.
    ///
    /// # Errors
    /// When the arguments are over a bound of the protocol.
    pub fn of<P: Procedure>(args: &P::Args) -> Result<Self, drover_xdr::Error> {
        Self::of_in::<P>(Vec::with_capacity(128), args)
    }

    /// As [`Call::of`], in memory that is there already: what was in it is written over. The body of
    /// a small reply comes back in the same memory.
    ///
    /// # Errors
    /// When the arguments are over a bound of the protocol.
    pub fn of_in<P: Procedure>(memory: Vec<u8>, args: &P::Args) -> Result<Self, drover_xdr::Error> {
        let header = header(P::PROGRAM, P::VERSION, P::NUMBER);
        Ok(Self::within(memory, header, 0, args)?.like_in_table::<P>())
    }

    /// As [`Call::of`], with so many file descriptors. Whoever drives the connection sends them when
    /// [`Connection::poll_fds`](crate::Connection::poll_fds) says so.
    ///
    /// # Errors
    /// When the arguments are over a bound of the protocol.
    pub fn with_fds<P: Procedure>(args: &P::Args, fds: usize) -> Result<Self, drover_xdr::Error> {
        let mut header = header(P::PROGRAM, P::VERSION, P::NUMBER);
        if fds > 0 {
            header.kind = Kind::CallWithFds;
        }
        // What is over the limit is refused when the call is made.
        let fds = u32::try_from(fds).unwrap_or(u32::MAX);
        let call = Self::within(Vec::with_capacity(128), header, fds, args)?;
        Ok(call.like_in_table::<P>())
    }

    fn like_in_table<P: Procedure>(mut self) -> Self {
        self.answers_fds = matches!(P::FDS, Fds::WithReply | Fds::Both);
        self.urgent(P::PRIORITY == Priority::High)
    }

    /// The server runs it even when all its ordinary workers are busy: it may use the last slot of
    /// the window, and goes before calls that are not urgent.
    #[must_use]
    pub fn urgent(mut self, urgent: bool) -> Self {
        self.urgent = urgent;
        self
    }

    /// After this moment the call has failed.
    #[must_use]
    pub fn deadline(mut self, deadline: Time) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The call opens a stream.
    #[must_use]
    pub fn stream(mut self, mode: StreamMode) -> Self {
        self.stream = Some(mode);
        self
    }

    pub(crate) fn body_len(&self) -> usize {
        self.frame.len() - MIN_FRAME
    }

    // OPEN and CLOSE go out alone: what is sent along with them is lost or fails.
    pub(crate) fn is_alone(&self) -> bool {
        self.program == program::REMOTE && matches!(self.procedure, program::OPEN | program::CLOSE)
    }

    pub(crate) fn registers(&self) -> Option<Class> {
        Class::registered_by(self.program, self.procedure)
    }
}

fn header(program: u32, version: u32, procedure: i32) -> Header {
    Header {
        program,
        version,
        procedure,
        kind: Kind::Call,
        serial: 0,
        status: Status::Ok,
    }
}
