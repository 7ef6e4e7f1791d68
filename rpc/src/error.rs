//! What can go wrong between a call and its result.

use drover_rpc_proto::{CallError, CloseReason, LibvirtError, Refused, StreamError};

use crate::refusal::Refusal;
use crate::uri::UriError;

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// libvirt says no.
    #[error(transparent)]
    Libvirt(Box<LibvirtError>),
    /// The deadline passed.
    #[error("{}", if *sent { "no answer in time" } else { "not sent in time: the connection is busy" })]
    Timeout {
        /// Whether the call had gone out, so that it may have had an effect.
        sent: bool,
    },
    /// The connection ended before the answer came.
    #[error("{reason}")]
    Closed {
        /// Why it ended.
        reason: CloseReason,
        /// Whether the call had gone out, so that it may have had an effect.
        sent: bool,
    },
    /// The call cannot be made on this connection.
    #[error(transparent)]
    Refused(Refused),
    /// An argument is over a bound of the protocol.
    #[error("argument {0}")]
    Argument(drover_xdr::Error),
    /// The call went well, but its answer cannot be read.
    #[error("the answer cannot be read: {0}")]
    Answer(drover_xdr::Error),
    /// The call went well, but so many file descriptors came with its answer where there should be
    /// one.
    #[error("{0} file descriptors came with the answer, where there should be one")]
    Descriptors(usize),
    /// A byte stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The URI makes no sense.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// The connection could not be made.
    #[error("cannot connect to {target}: {reason}")]
    Connect {
        /// Where to.
        target: String,
        /// What the system says.
        reason: String,
    },
    /// One side does not accept who the other is.
    #[error(transparent)]
    Identity(#[from] Refusal),
    /// This client cannot do that yet.
    #[error("{0}")]
    Unsupported(String),
}

impl Error {
    /// libvirt's own error, if it is one.
    #[must_use]
    pub fn libvirt(&self) -> Option<&LibvirtError> {
        match self {
            Self::Libvirt(error) | Self::Stream(StreamError::Libvirt(error)) => Some(error),
            _ => None,
        }
    }

    /// libvirt's error number, if it is libvirt that says no; see [`crate::code`].
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.libvirt().map(|error| error.code)
    }

    /// Whether the object asked for is not there.
    #[must_use]
    pub fn not_found(&self) -> bool {
        self.libvirt().is_some_and(LibvirtError::not_found)
    }

    /// Whether an object of that name or UUID is there already.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.libvirt().is_some_and(LibvirtError::exists)
    }

    /// Whether the server or its driver has no such function.
    #[must_use]
    pub fn not_supported(&self) -> bool {
        self.libvirt().is_some_and(LibvirtError::not_supported)
    }

    /// Whether the object is in a state in which this cannot be done, such as already active.
    #[must_use]
    pub fn invalid_state(&self) -> bool {
        self.libvirt().is_some_and(LibvirtError::invalid_state)
    }

    /// Whether one side does not accept who the other is, or access control said no.
    #[must_use]
    pub fn denied(&self) -> bool {
        matches!(self, Self::Identity(_)) || self.libvirt().is_some_and(LibvirtError::denied)
    }

    /// Whether the call may or may not have had its effect. One that changes something must not be
    /// repeated before the state has been looked at.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Timeout { sent } | Self::Closed { sent, .. } => *sent,
            Self::Answer(_) | Self::Descriptors(_) => true,
            Self::Stream(error) => {
                matches!(error, StreamError::Timeout | StreamError::Closed(_))
            }
            _ => false,
        }
    }

    /// Whether the connection is gone, so that another one is needed.
    #[must_use]
    pub fn connection_lost(&self) -> bool {
        matches!(
            self,
            Self::Closed { .. }
                | Self::Connect { .. }
                | Self::Refused(Refused::Closed(_) | Refused::Closing)
                | Self::Stream(StreamError::Closed(_))
        )
    }

    /// One word for metrics and events.
    #[must_use]
    pub fn category(&self) -> &'static str {
        match self {
            Self::Libvirt(_) => "libvirt",
            Self::Timeout { .. } => "timeout",
            Self::Closed { .. } => "closed",
            Self::Refused(_) => "refused",
            Self::Argument(_) => "argument",
            Self::Answer(_) | Self::Descriptors(_) => "answer",
            Self::Stream(_) => "stream",
            Self::Uri(_) => "uri",
            Self::Connect { .. } => "connect",
            Self::Identity(_) => "identity",
            Self::Unsupported(_) => "unsupported",
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Libvirt(error) => Self::Libvirt(error),
            CallError::Timeout { sent } => Self::Timeout { sent },
            CallError::Closed { reason, sent } => Self::Closed { reason, sent },
            CallError::Malformed(error) => Self::Answer(error),
            other => Self::Unsupported(other.to_string()),
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Closed(reason) => Self::Closed {
                reason,
                sent: false,
            },
            other => Self::Refused(other),
        }
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Timeout { .. } | Error::Stream(StreamError::Timeout) => {
                std::io::ErrorKind::TimedOut
            }
            Error::Closed { .. } | Error::Stream(StreamError::Closed(_)) => {
                std::io::ErrorKind::ConnectionAborted
            }
            Error::Stream(StreamError::EndedEarly) => std::io::ErrorKind::UnexpectedEof,
            Error::Stream(StreamError::OverLength { .. } | StreamError::Incomplete(_)) => {
                std::io::ErrorKind::InvalidInput
            }
            _ => std::io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// What went wrong, when it was told through an [`std::io::Error`].
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(other) => Self::Unsupported(other.to_string()),
        }
    }
}
