//! Byte streams: what belongs to one of them.
//!
//! A stream begins with the good reply to the call that opens it and shares that call's number. It
//! ends when the server confirms that it is finished, or says what went wrong.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::call::Call;
use crate::error::{LibvirtError, StreamError};
use crate::frame::{Header, Kind, MIN_FRAME, STREAM_CHUNK, Status, write_frame};
use crate::net::StreamHole;

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamMode {
    /// This side sends.
    pub send: bool,
    /// The server sends.
    pub receive: bool,
    /// The call was made with the flag for holes.
    pub sparse: bool,
    /// How many bytes, holes included, this side has announced that it will send. It then sends
    /// neither more nor less.
    pub length: Option<u64>,
}

/// What happens on a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// Bytes.
    Data(Vec<u8>),
    /// So many zeros.
    Hole(u64),
    /// There is room again, after a send that was cut short.
    Writable,
    /// The server has confirmed the end. All is there.
    Finished,
    /// The stream has failed; it is gone.
    Failed(StreamError),
}

/// Bytes for a stream, behind room for the head of their frame: they go out as they are.
#[derive(Debug)]
pub struct StreamBytes(Vec<u8>);

impl StreamBytes {
    /// Copies the bytes, or the first [`STREAM_CHUNK`] of them, into this memory.
    #[must_use]
    pub fn copy_of(bytes: &[u8], mut memory: Vec<u8>) -> Self {
        let bytes = &bytes[..bytes.len().min(STREAM_CHUNK)];
        memory.clear();
        memory.reserve_exact(MIN_FRAME + bytes.len());
        memory.resize(MIN_FRAME, 0);
        memory.extend_from_slice(bytes);
        Self(memory)
    }

    /// Appends as many of the bytes as one frame has room for; how many.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(STREAM_CHUNK - self.len());
        self.0.extend_from_slice(&bytes[..count]);
        count
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len() - MIN_FRAME
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // Appends the frame; what memory is left over.
    fn write(mut self, header: &Header, out: &mut Vec<u8>) -> Vec<u8> {
        let head = header.head(self.len());
        self.0[..MIN_FRAME].copy_from_slice(&head);
        if out.is_empty() {
            return std::mem::replace(out, self.0);
        }
        out.extend_from_slice(&self.0);
        self.0
    }
}

/// What is still to be sent.
#[derive(Debug)]
enum Item {
    Data(StreamBytes),
    Hole(i64),
    Finish,
    Abort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// This side has said, or is about to say, that it is done.
    Finishing,
    /// This side has given up; what comes is thrown away until the server confirms.
    Aborting,
}

/// What the connection does after a frame of the stream.
#[derive(Debug)]
pub(crate) enum Next {
    /// Goes on, perhaps telling something.
    On(Option<StreamEvent>),
    /// Forgets the stream, perhaps telling something.
    Over(Option<StreamEvent>),
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    header: Header,
    mode: StreamMode,
    state: State,
    // The server has answered the call well: frames may go out.
    confirmed: bool,
    outgoing: VecDeque<Item>,
    queued: usize,
    capacity: usize,
    wants_room: bool,
    left: Option<u64>,
    // Memory of what has gone out last.
    spare: Option<Vec<u8>>,
}

impl Stream {
    pub(crate) fn new(call: &Call, mode: StreamMode, serial: u32, capacity: usize) -> Self {
        Self {
            header: Header {
                program: call.program,
                version: call.version,
                procedure: call.procedure,
                kind: Kind::Stream,
                serial,
                status: Status::Continue,
            },
            mode,
            state: State::Open,
            confirmed: false,
            outgoing: VecDeque::new(),
            queued: 0,
            capacity,
            wants_room: false,
            left: mode.length,
            spare: None,
        }
    }

    /// Whether a frame is of this stream.
    pub(crate) fn owns(&self, header: &Header) -> bool {
        let mine = &self.header;
        (mine.program, mine.version, mine.procedure)
            == (header.program, header.version, header.procedure)
    }

    pub(crate) fn serial(&self) -> u32 {
        self.header.serial
    }

    pub(crate) fn opened(&mut self) {
        self.confirmed = true;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.confirmed
    }

    /// Whether somebody is told what happens.
    pub(crate) fn is_told(&self) -> bool {
        self.confirmed && self.state != State::Aborting
    }

    pub(crate) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty() && self.confirmed
    }

    /// Takes as many bytes as there is room for.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<usize, StreamError> {
        self.may_send()?;
        self.spend(bytes.len() as u64, false)?;
        let room = self.capacity.saturating_sub(self.queued);
        let count = bytes.len().min(room);
        self.wants_room = count < bytes.len();
        for chunk in bytes[..count].chunks(STREAM_CHUNK) {
            self.queue(StreamBytes::copy_of(chunk, Vec::new()))?;
        }
        Ok(count)
    }

    /// Takes all bytes or none; those that are not taken come back.
    pub(crate) fn send_whole(
        &mut self,
        bytes: StreamBytes,
    ) -> Result<Option<StreamBytes>, StreamError> {
        self.may_send()?;
        self.spend(bytes.len() as u64, false)?;
        if self.queued >= self.capacity {
            self.wants_room = true;
            return Ok(Some(bytes));
        }
        self.queue(bytes)?;
        Ok(None)
    }

    fn queue(&mut self, bytes: StreamBytes) -> Result<(), StreamError> {
        self.spend(bytes.len() as u64, true)?;
        self.queued += bytes.len();
        self.outgoing.push_back(Item::Data(bytes));
        Ok(())
    }

    pub(crate) fn memory(&mut self) -> Option<Vec<u8>> {
        self.spare.take()
    }

    /// Says that zeros follow, without sending them.
    pub(crate) fn hole(&mut self, length: u64) -> Result<(), StreamError> {
        self.may_send()?;
        if !self.mode.sparse {
            return Err(StreamError::NotSparse);
        }
        let signed =
            i64::try_from(length).map_err(|_| StreamError::Unexpected("an endless hole"))?;
        if signed > 0 {
            self.spend(length, true)?;
            self.outgoing.push_back(Item::Hole(signed));
        }
        Ok(())
    }

    /// Ends the stream in good order, after what is queued.
    pub(crate) fn finish(&mut self) -> Result<(), StreamError> {
        match self.state {
            State::Finishing => return Ok(()),
            State::Aborting => return Err(StreamError::Gone),
            State::Open => {}
        }
        if let Some(missing) = self.left.filter(|left| self.mode.send && *left > 0) {
            return Err(StreamError::Incomplete(missing));
        }
        self.state = State::Finishing;
        self.outgoing.push_back(Item::Finish);
        Ok(())
    }

    /// Gives up. Frames go out only once the stream is open on the server.
    pub(crate) fn abort(&mut self) {
        if self.state == State::Aborting {
            return;
        }
        self.state = State::Aborting;
        self.wants_room = false;
        self.outgoing.clear();
        self.queued = 0;
        self.outgoing.push_back(Item::Abort);
    }

    fn may_send(&self) -> Result<(), StreamError> {
        if !self.mode.send {
            return Err(StreamError::Direction);
        }
        match self.state {
            State::Open => Ok(()),
            State::Finishing | State::Aborting => Err(StreamError::Gone),
        }
    }

    fn spend(&mut self, asked: u64, really: bool) -> Result<(), StreamError> {
        let Some(left) = self.left else {
            return Ok(());
        };
        if asked > left {
            return Err(StreamError::OverLength { asked, left });
        }
        if really {
            self.left = Some(left - asked);
        }
        Ok(())
    }

    /// Appends one frame, if one is to go out. True if there is room for a sender that waits.
    pub(crate) fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(item) = self.outgoing.pop_front() else {
            return false;
        };
        let mut header = self.header;
        match item {
            Item::Data(bytes) => {
                self.queued -= bytes.len();
                self.spare = Some(bytes.write(&header, out));
            }
            Item::Hole(length) => {
                header.kind = Kind::StreamHole;
                let hole = StreamHole { length, flags: 0 };
                // Two numbers of a fixed size: there is no bound that they could be over.
                let body = drover_xdr::to_bytes(&hole).unwrap_or_default();
                write_frame(out, &header, &body);
            }
            Item::Finish => {
                header.status = Status::Ok;
                write_frame(out, &header, &[]);
            }
            Item::Abort => {
                header.status = Status::Error;
                write_frame(out, &header, &[]);
            }
        }
        let room = self.wants_room && self.queued < self.capacity;
        self.wants_room &= !room;
        room
    }

    /// A frame of the stream has come.
    pub(crate) fn handle(&mut self, header: &Header, body: Cow<'_, [u8]>) -> Next {
        match (header.kind, header.status) {
            (_, Status::Error) => self.handle_error(&body),
            (Kind::Stream, Status::Ok) => self.handle_end(),
            (Kind::Stream, Status::Continue) => self.handle_data(body),
            (Kind::StreamHole, Status::Continue) => self.handle_hole(&body),
            _ => self.break_off(StreamError::Unexpected("a hole that ends the stream")),
        }
    }

    fn handle_error(&mut self, body: &[u8]) -> Next {
        if self.state == State::Aborting {
            return Next::Over(None);
        }
        let error = LibvirtError::from_body(body).map_or(
            StreamError::Unexpected("an error that cannot be read"),
            |error| StreamError::Libvirt(Box::new(error)),
        );
        Next::Over(Some(StreamEvent::Failed(error)))
    }

    fn handle_end(&mut self) -> Next {
        let finish_sent = self.outgoing.is_empty();
        match self.state {
            State::Aborting => Next::Over(None),
            State::Finishing if finish_sent => Next::Over(Some(StreamEvent::Finished)),
            _ => Next::Over(Some(StreamEvent::Failed(StreamError::EndedEarly))),
        }
    }

    fn handle_data(&mut self, body: Cow<'_, [u8]>) -> Next {
        if matches!(self.state, State::Aborting | State::Finishing) {
            return Next::On(None);
        }
        if body.is_empty() {
            return self.handle_last_byte();
        }
        if !self.mode.receive {
            return self.break_off(StreamError::Unexpected("bytes on a stream to it"));
        }
        Next::On(Some(StreamEvent::Data(body.into_owned())))
    }

    // All bytes are there, but the server has yet to confirm that all went well.
    fn handle_last_byte(&mut self) -> Next {
        if !self.mode.receive {
            // libvirtd says so when it could not write; the next byte might crash it.
            return self.break_off(StreamError::EndedEarly);
        }
        self.outgoing.clear();
        self.queued = 0;
        self.state = State::Finishing;
        self.outgoing.push_back(Item::Finish);
        Next::On(None)
    }

    fn handle_hole(&mut self, body: &[u8]) -> Next {
        if matches!(self.state, State::Aborting | State::Finishing) {
            return Next::On(None);
        }
        if !(self.mode.receive && self.mode.sparse) {
            return self.break_off(StreamError::Unexpected("a hole that was not asked for"));
        }
        let hole = drover_xdr::from_bytes::<StreamHole>(body).ok();
        match hole.and_then(|hole| u64::try_from(hole.length).ok()) {
            Some(length) if length > 0 => Next::On(Some(StreamEvent::Hole(length))),
            _ => self.break_off(StreamError::Unexpected("a hole without a length")),
        }
    }

    // Tells the failure now, and gives the stream up on the server.
    pub(crate) fn break_off(&mut self, error: StreamError) -> Next {
        self.abort();
        Next::On(Some(StreamEvent::Failed(error)))
    }
}
