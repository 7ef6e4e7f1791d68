//! Streams with holes: zeros that are said and not sent.
//!
//! They are types of their own. A hole on a stream that was not opened for holes hangs libvirtd 11.3.

use std::future::poll_fn;

use super::channel::Channel;
use super::pipe::Piece;
use crate::error::Error;

/// Bytes and holes to the server: together exactly as long as was announced, if anything was.
///
/// A hole is left as the volume has it: libvirt does not make room that is taken free again.
///
/// Nothing is there for certain before [`SparseUpload::finish`] has said so. Dropped before, the
/// stream is given up.
#[derive(Debug)]
pub struct SparseUpload(pub(super) Channel);

impl SparseUpload {
    /// Sends bytes, all of them.
    ///
    /// # Errors
    /// When it is more than was announced, or the server has failed, or takes nothing in time.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(left) = self.left().filter(|left| bytes.len() as u64 > *left) {
            return Err(super::over_length(bytes.len(), left));
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = poll_fn(|context| self.0.poll_write(context, rest)).await?;
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Says that so many zeros follow.
    ///
    /// # Errors
    /// As [`SparseUpload::write`].
    pub async fn hole(&mut self, length: u64) -> Result<(), Error> {
        if length == 0 {
            return Ok(());
        }
        poll_fn(|context| self.0.poll_hole(context, length)).await
    }

    /// Says that all is sent, and waits until the server has it on disk.
    ///
    /// # Errors
    /// When something is missing, or the server failed, or does not say anything in time.
    pub async fn finish(mut self) -> Result<(), Error> {
        self.0.finish().await
    }

    /// How many bytes, holes included, are still to be sent, if that was announced.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        self.0.announced()
    }
}

/// Bytes and holes from the server. The end is reported only when the server has confirmed it.
#[derive(Debug)]
pub struct SparseDownload(pub(super) Channel);

impl SparseDownload {
    /// The next piece; none at the end. Dropped while it waits, nothing is lost.
    ///
    /// # Errors
    /// When the server has failed, or sends nothing in time.
    pub async fn next(&mut self) -> Result<Option<Piece>, Error> {
        poll_fn(|context| self.0.poll_piece(context)).await
    }
}
