//! What can go wrong with a call, a stream and a connection.

use std::fmt;

use drover_xdr::Text;

use crate::frame::FrameError;
use crate::net;

/// The error numbers of libvirt that Drover acts on; the number itself is always kept.
pub mod code {
    /// Something inside libvirt went wrong.
    pub const INTERNAL_ERROR: i32 = 1;
    /// The driver has no such function.
    pub const NO_SUPPORT: i32 = 3;
    /// An argument was refused.
    pub const INVALID_ARG: i32 = 8;
    /// The operation failed.
    pub const OPERATION_FAILED: i32 = 9;
    /// The XML was not understood.
    pub const XML_ERROR: i32 = 27;
    /// The connection is read-only.
    pub const OPERATION_DENIED: i32 = 29;
    /// The RPC itself failed.
    pub const RPC: i32 = 39;
    /// No such domain.
    pub const NO_DOMAIN: i32 = 42;
    /// No such network.
    pub const NO_NETWORK: i32 = 43;
    /// Authentication failed.
    pub const AUTH_FAILED: i32 = 45;
    /// No such storage pool.
    pub const NO_STORAGE_POOL: i32 = 49;
    /// No such volume.
    pub const NO_STORAGE_VOL: i32 = 50;
    /// No such node device.
    pub const NO_NODE_DEVICE: i32 = 53;
    /// The object is in the wrong state, such as already or not yet active.
    pub const OPERATION_INVALID: i32 = 55;
    /// The configuration is not supported.
    pub const CONFIG_UNSUPPORTED: i32 = 67;
    /// The operation took too long.
    pub const OPERATION_TIMEOUT: i32 = 68;
    /// No such metadata.
    pub const NO_DOMAIN_METADATA: i32 = 80;
    /// The operation is not supported.
    pub const OPERATION_UNSUPPORTED: i32 = 84;
    /// The guest agent does not answer.
    pub const AGENT_UNRESPONSIVE: i32 = 86;
    /// Access control said no.
    pub const ACCESS_DENIED: i32 = 88;
    /// There is a volume of that name.
    pub const STORAGE_VOL_EXIST: i32 = 90;
    /// A migration was given up at the destination, as was asked.
    pub const MIGRATE_FINISH_OK: i32 = 93;
}

// All that mean "there is no such thing": domain, network, pool, volume, node device, interface,
// nwfilter, secret, snapshot, metadata (two), device, nwfilter binding, checkpoint, backup, port.
const NOT_FOUND: [i32; 16] = [
    42, 43, 49, 50, 53, 57, 62, 66, 72, 80, 99, 101, 103, 104, 107, 111,
];
// A domain, a network, a volume, a network port of that name is there.
const EXISTS: [i32; 4] = [28, 37, 90, 106];

/// libvirt's own error, whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LibvirtError {
    /// What went wrong (`virErrorNumber`); see [`code`].
    pub code: i32,
    /// The part of libvirt that says so (`virErrorDomain`).
    pub domain: i32,
    /// The words, perhaps in the server's language.
    pub message: Option<Text>,
    /// 1 a warning, 2 an error.
    pub level: i32,
    /// The domain it is about; libvirt no longer fills it in.
    pub dom: Option<net::Domain>,
    /// The format of the message.
    pub str1: Option<Text>,
    /// The detail that goes into the format, the same in all languages.
    pub str2: Option<Text>,
    /// More detail.
    pub str3: Option<Text>,
    /// A number whose meaning depends on the code.
    pub int1: i32,
    /// Another.
    pub int2: i32,
    /// The network it is about; libvirt no longer fills it in.
    pub net: Option<net::Network>,
}

impl LibvirtError {
    /// Whether the object asked for is not there.
    #[must_use]
    pub fn not_found(&self) -> bool {
        NOT_FOUND.contains(&self.code)
    }

    /// Whether an object of that name or UUID is there already.
    #[must_use]
    pub fn exists(&self) -> bool {
        EXISTS.contains(&self.code)
    }

    /// Whether the server or its driver has no such function. An old server's "unknown procedure"
    /// arrives as an RPC error and has been turned into this.
    #[must_use]
    pub fn not_supported(&self) -> bool {
        matches!(
            self.code,
            code::NO_SUPPORT | code::OPERATION_UNSUPPORTED | 74
        )
    }

    /// Whether the object is in a state in which this cannot be done.
    #[must_use]
    pub fn invalid_state(&self) -> bool {
        self.code == code::OPERATION_INVALID
    }

    /// Whether authentication or access control said no.
    #[must_use]
    pub fn denied(&self) -> bool {
        matches!(
            self.code,
            code::OPERATION_DENIED | code::AUTH_FAILED | code::ACCESS_DENIED | 79 | 94
        )
    }

    // As libvirt's own client does it; the English words are all that an old server says.
    fn map_unknown_procedure(mut self) -> Self {
        let from_rpc = matches!(self.domain, 7 | 13) && self.level == 2;
        let unknown = self
            .message
            .as_ref()
            .is_some_and(|message| message.as_bytes().starts_with(b"unknown procedure"));
        if self.code == code::RPC && from_rpc && unknown {
            self.code = code::NO_SUPPORT;
        }
        self
    }

    /// Reads the body of a frame whose status is an error.
    ///
    /// # Errors
    /// When the bytes are no such body.
    pub fn from_body(body: &[u8]) -> Result<Self, drover_xdr::Error> {
        let error: net::MessageError = drover_xdr::from_bytes(body)?;
        Ok(Self::from(error).map_unknown_procedure())
    }
}

impl From<net::MessageError> for LibvirtError {
    fn from(error: net::MessageError) -> Self {
        Self {
            code: error.code,
            domain: error.domain,
            message: error.message,
            level: error.level,
            dom: error.dom,
            str1: error.str1,
            str2: error.str2,
            str3: error.str3,
            int1: error.int1,
            int2: error.int2,
            net: error.net,
        }
    }
}

impl fmt::Display for LibvirtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{message} (libvirt error {})", self.code),
            None => write!(f, "libvirt error {}", self.code),
        }
    }
}

impl std::error::Error for LibvirtError {}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The server closed it.
    #[error("the server closed the connection")]
    Eof,
    /// This side closed it.
    #[error("closed by this side")]
    Local,
    /// Nothing came for too long, though it was asked for.
    #[error("the server has been silent for too long")]
    Keepalive,
    /// Reading or writing failed.
    #[error("{0}")]
    Io(String),
    /// The bytes were no frame.
    #[error("the server sent {0}")]
    Frame(#[from] FrameError),
    /// A frame that makes no sense here.
    #[error("the server sent {0}")]
    Unexpected(&'static str),
}

/// Why a call was not even queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The connection is no more.
    #[error("the connection is closed: {0}")]
    Closed(CloseReason),
    /// The connection is being closed in good order.
    #[error("the connection is being closed")]
    Closing,
    /// Too many calls wait already.
    #[error("{0} calls wait already")]
    QueueFull(usize),
    /// The arguments are larger than the protocol's largest message.
    #[error("the arguments take {0} bytes, at most {MAX_BODY} are allowed")]
    TooLarge(usize),
    /// A second OPEN would destroy the state of the first one on the server.
    #[error("the connection has been opened already")]
    AlreadyOpened,
    /// The transport cannot pass file descriptors: only a unix socket can.
    #[error("file descriptors can be passed over a unix socket only")]
    NoFds,
    /// More file descriptors than the protocol allows.
    #[error("{0} file descriptors with a call, at most {MAX_FDS} are allowed")]
    TooManyFds(usize),
}

/// The most file descriptors that go with a call or a reply.
pub const MAX_FDS: usize = 32;

/// The most bytes that the arguments of a call may take.
pub const MAX_BODY: usize = crate::frame::MAX_FRAME - crate::frame::MIN_FRAME;

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// libvirt says no.
    #[error(transparent)]
    Libvirt(Box<LibvirtError>),
    /// The deadline passed.
    #[error("{}", if *sent { "no answer in time" } else { "not sent in time: the connection is busy" })]
    Timeout {
        /// Whether the call had gone out, so that it may have had an effect.
        sent: bool,
    },
    /// The connection ended first.
    #[error("{reason}")]
    Closed {
        /// Why it ended.
        reason: CloseReason,
        /// Whether the call had gone out, so that it may have had an effect.
        sent: bool,
    },
    /// The answer could not be read. The call itself went well.
    #[error("the answer cannot be read: {0}")]
    Malformed(drover_xdr::Error),
}

impl CallError {
    /// Whether the call may or may not have had its effect.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Timeout { sent } | Self::Closed { sent, .. } => *sent,
            Self::Malformed(_) => true,
            Self::Libvirt(_) => false,
        }
    }
}

/// Why a stream ended, or an operation on it was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// There is no such stream, or no more.
    #[error("the stream is closed")]
    Gone,
    /// The stream goes the other way.
    #[error("the stream goes the other way")]
    Direction,
    /// More bytes than were announced: libvirtd 11.3 crashes on these, so they are not sent.
    #[error("{asked} bytes where {left} are left of the length announced")]
    OverLength {
        /// How many were to be sent.
        asked: u64,
        /// How many the announced length leaves.
        left: u64,
    },
    /// The stream was to be finished before all announced bytes were sent.
    #[error("{0} bytes of the length announced are missing")]
    Incomplete(u64),
    /// A hole on a stream not opened for holes: libvirtd 11.3 hangs on these.
    #[error("the stream was not opened for holes")]
    NotSparse,
    /// The server ended the stream before this side did.
    #[error("the server ended the stream early")]
    EndedEarly,
    /// The server sent what makes no sense on this stream.
    #[error("the server sent {0}")]
    Unexpected(&'static str),
    /// libvirt says no.
    #[error(transparent)]
    Libvirt(Box<LibvirtError>),
    /// The server did not confirm in time that the stream is finished.
    #[error("no confirmation in time")]
    Timeout,
    /// The connection ended.
    #[error("{0}")]
    Closed(CloseReason),
}
