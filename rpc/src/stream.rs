//! Byte streams: volumes up and down, consoles, screenshots, guests on the move.
//!
//! Each has a connection of its own. The protocol has no flow control for a stream alone, so that a
//! slow disk at either end would hold up every call beside it.

mod channel;
mod open;
mod pipe;
mod sparse;
mod tunnel;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use drover_rpc_proto::StreamError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::channel::Channel;
pub use self::pipe::Piece;
pub(crate) use self::pipe::Pipe;
pub use self::sparse::{SparseDownload, SparseUpload};
pub use self::tunnel::Tunnel;
use crate::error::Error;

macro_rules! reads {
    ($stream:ident) => {
        impl AsyncRead for $stream {
            fn poll_read(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.0.poll_read(context, buffer).map_err(io::Error::from)
            }
        }
    };
}

macro_rules! writes {
    ($stream:ident) => {
        impl AsyncWrite for $stream {
            fn poll_write(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_write(context, bytes).map_err(io::Error::from)
            }

            fn poll_flush(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.0.poll_flush(context).map_err(io::Error::from)
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.0.poll_finish(context).map_err(io::Error::from)
            }
        }
    };
}

/// Bytes to the server: exactly as many as were announced.
///
/// Nothing is there for certain before [`Upload::finish`] has said so. Dropped before, the stream is
/// given up.
#[derive(Debug)]
pub struct Upload(Channel);

impl Upload {
    /// Says that all bytes are sent, and waits until the server has them on disk.
    ///
    /// # Errors
    /// When bytes are missing, or the server failed, or does not say anything in time.
    pub async fn finish(mut self) -> Result<(), Error> {
        self.0.finish().await
    }

    /// How many bytes are still to be sent.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.0.left()
    }
}

writes!(Upload);

/// Bytes from the server. The end is reported only when the server has confirmed it: what was read
/// until then is all there is.
#[derive(Debug)]
pub struct Download(Channel);

reads!(Download);

/// Bytes both ways, such as a console.
#[derive(Debug)]
pub struct Duplex(Channel);

reads!(Duplex);
writes!(Duplex);

writes!(Tunnel);

fn over_length(asked: usize, left: u64) -> Error {
    Error::Stream(StreamError::OverLength {
        asked: asked as u64,
        left,
    })
}
