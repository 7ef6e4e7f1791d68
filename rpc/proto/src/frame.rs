//! Frames: a length, a header of six words, and a body.

use std::borrow::Cow;

use drover_xdr::Decoder;

/// The length word and the header: the smallest frame.
pub const MIN_FRAME: usize = 28;
/// The largest frame that either side takes, its length word included.
pub const MAX_FRAME: usize = 33_554_436;
/// The most bytes of a stream in one frame, as libvirt's own client sends them.
pub const STREAM_CHUNK: usize = 262_120;

// Where the serial stands: it is known only when the frame goes out.
const SERIAL_AT: usize = 20;
// How much of a body must be there before there is room for all of it.
const BELIEVED: usize = 512 << 10;

/// What a frame is. It is looked at before anything else: serials of events mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// The client asks for a procedure.
    Call = 0,
    /// The server answers a call.
    Reply = 1,
    /// An event, or keepalive.
    Message = 2,
    /// Bytes of a stream, its end, or its error.
    Stream = 3,
    /// A call with file descriptors.
    CallWithFds = 4,
    /// A reply with file descriptors.
    ReplyWithFds = 5,
    /// Zeros of a stream that are not sent.
    StreamHole = 6,
}

impl TryFrom<i32> for Kind {
    type Error = FrameError;

    fn try_from(value: i32) -> Result<Self, FrameError> {
        Ok(match value {
            0 => Self::Call,
            1 => Self::Reply,
            2 => Self::Message,
            3 => Self::Stream,
            4 => Self::CallWithFds,
            5 => Self::ReplyWithFds,
            6 => Self::StreamHole,
            other => return Err(FrameError::Kind(other)),
        })
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// Well; of a stream: it is finished.
    Ok = 0,
    /// Not well: the body is libvirt's error, or empty when the client aborts a stream.
    Error = 1,
    /// The stream goes on.
    Continue = 2,
}

impl TryFrom<i32> for Status {
    type Error = FrameError;

    fn try_from(value: i32) -> Result<Self, FrameError> {
        Ok(match value {
            0 => Self::Ok,
            1 => Self::Error,
            2 => Self::Continue,
            other => return Err(FrameError::Status(other)),
        })
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The program: remote, qemu, lxc, keepalive.
    pub program: u32,
    /// The version of the program.
    pub version: u32,
    /// The procedure within the program.
    pub procedure: i32,
    /// What the frame is.
    pub kind: Kind,
    /// Which call it belongs to.
    pub serial: u32,
    /// How it went.
    pub status: Status,
}

impl Header {
    // The six words; `bytes` has at least 24.
    fn read(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut input = Decoder::new(bytes);
        let mut word = || input.word().map_err(|_| FrameError::Length(0));
        Ok(Self {
            program: word()?,
            version: word()?,
            procedure: word()?.cast_signed(),
            kind: Kind::try_from(word()?.cast_signed())?,
            serial: word()?,
            status: Status::try_from(word()?.cast_signed())?,
        })
    }

    /// The length word and the header of a frame with a body of so many bytes.
    pub(crate) fn head(&self, body: usize) -> [u8; MIN_FRAME] {
        // A frame over 32 MiB has been refused before.
        let length = u32::try_from(MIN_FRAME + body).unwrap_or(u32::MAX);
        let words = [
            length,
            self.program,
            self.version,
            self.procedure.cast_unsigned(),
            (self.kind as i32).cast_unsigned(),
            self.serial,
            (self.status as i32).cast_unsigned(),
        ];
        let mut head = [0; MIN_FRAME];
        for (bytes, word) in head.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        head
    }
}

/// Bytes that are no frame: the connection cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length word is outside what the protocol allows.
    #[error("a frame of {0} bytes, where {MIN_FRAME} to {MAX_FRAME} are allowed")]
    Length(u32),
    /// The type is none of the seven.
    #[error("message type {0}")]
    Kind(i32),
    /// The status is none of the three.
    #[error("message status {0}")]
    Status(i32),
}

/// A frame that has come: its header, and its body, which is not copied if it came in one piece.
pub type Frame<'i> = (Header, Cow<'i, [u8]>);

/// Appends a frame to `out`.
pub fn write_frame(out: &mut Vec<u8>, header: &Header, body: &[u8]) {
    out.reserve(MIN_FRAME + body.len());
    out.extend_from_slice(&header.head(body.len()));
    out.extend_from_slice(body);
}

/// Sets the length word of a frame to what it is.
pub(crate) fn set_length(frame: &mut [u8]) {
    // A frame over 32 MiB has been refused before.
    let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    if let Some(word) = frame.first_chunk_mut::<4>() {
        *word = length.to_be_bytes();
    }
}

/// Sets the serial of a frame that has been written without one.
pub(crate) fn set_serial(frame: &mut [u8], serial: u32) {
    if let Some(word) = frame.get_mut(SERIAL_AT..SERIAL_AT + 4) {
        word.copy_from_slice(&serial.to_be_bytes());
    }
}

/// Puts frames together from bytes that come in any pieces.
///
/// It holds at most the beginning of one frame, and grows with the bytes that are there, not with
/// what the length word promises.
#[derive(Debug)]
pub struct FrameReader {
    head: [u8; MIN_FRAME],
    // How much of the head is there.
    filled: usize,
    // As far as it is there.
    body: Vec<u8>,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self {
            head: [0; MIN_FRAME],
            filled: 0,
            body: Vec::new(),
        }
    }
}

impl FrameReader {
    /// The next frame from what is kept and from `input`, which moves on past what was taken.
    ///
    /// # Errors
    /// When the bytes are no frame, which is said as soon as its head is there. Nothing after them
    /// can be read.
    pub fn read<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'i>>, FrameError> {
        if self.filled == 0
            && let Some(length) = frame_length(input)?
            && let Some((frame, rest)) = input.split_at_checked(length)
        {
            *input = rest;
            let (head, body) = frame.split_at(MIN_FRAME);
            return Ok(Some((Header::read(&head[4..])?, Cow::Borrowed(body))));
        }
        let taken = take(input, MIN_FRAME - self.filled);
        self.head[self.filled..self.filled + taken.len()].copy_from_slice(taken);
        self.filled += taken.len();
        let Some(length) = frame_length(&self.head[..self.filled])? else {
            return Ok(None);
        };
        if self.filled < MIN_FRAME {
            return Ok(None);
        }
        let header = Header::read(&self.head[4..])?;
        let length = length - MIN_FRAME;
        let taken = take(input, length - self.body.len());
        self.reserve(taken.len(), length);
        self.body.extend_from_slice(taken);
        if self.body.len() < length {
            return Ok(None);
        }
        self.filled = 0;
        Ok(Some((header, Cow::Owned(std::mem::take(&mut self.body)))))
    }

    // Room for `more` bytes of a body of `length`. Whoever has sent a good part of it is believed
    // the rest: growing step by step would need twice the memory in the end.
    fn reserve(&mut self, more: usize, length: usize) {
        let there = self.body.len() + more;
        if there > self.body.capacity() {
            let wanted = if there > BELIEVED { length } else { there * 2 };
            let wanted = wanted.min(length);
            self.body.reserve_exact(wanted - self.body.len());
        }
    }
}

fn take<'i>(input: &mut &'i [u8], wanted: usize) -> &'i [u8] {
    let (taken, rest) = input.split_at(wanted.min(input.len()));
    *input = rest;
    taken
}

// The length that the first word promises, once it is there and allowed.
fn frame_length(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(word) = bytes.first_chunk::<4>() else {
        return Ok(None);
    };
    let word = u32::from_be_bytes(*word);
    let length = word as usize;
    if !(MIN_FRAME..=MAX_FRAME).contains(&length) {
        return Err(FrameError::Length(word));
    }
    Ok(Some(length))
}
