//! The streams of a connection.
//!
//! A stream has no flow control of its own: frames that the server has not yet written to disk
//! keep it from reading anything else. Streams of many bytes take a connection of their own.

use std::borrow::Cow;

use super::Connection;
use crate::Time;
use crate::call::CallId;
use crate::error::StreamError;
use crate::frame::{Header, Status};
use crate::stream::{Next, Stream, StreamBytes, StreamEvent};

impl Connection {
    /// Takes as many of the bytes as there is room for, and says how many. When it is not all,
    /// [`StreamEvent::Writable`] follows.
    ///
    /// # Errors
    /// When the stream is not there or does not take them. More than the announced length is
    /// refused as a whole.
    pub fn stream_send(&mut self, id: CallId, bytes: &[u8]) -> Result<usize, StreamError> {
        self.stream(id)?.send(bytes)
    }

    /// Takes all of the bytes, which are not copied any more, or gives them back if there is no room;
    /// [`StreamEvent::Writable`] follows then.
    ///
    /// # Errors
    /// As [`Self::stream_send`].
    pub fn stream_send_whole(
        &mut self,
        id: CallId,
        bytes: StreamBytes,
    ) -> Result<Option<StreamBytes>, StreamError> {
        self.stream(id)?.send_whole(bytes)
    }

    /// Memory of bytes that have gone out, for [`StreamBytes::copy_of`]; none if there is none.
    pub fn stream_memory(&mut self, id: CallId) -> Option<Vec<u8>> {
        self.streams.get_mut(&id)?.memory()
    }

    /// Says that so many zeros follow, without sending them.
    ///
    /// # Errors
    /// When the stream is not there, or was not opened for holes, or over the announced length.
    pub fn stream_hole(&mut self, id: CallId, length: u64) -> Result<(), StreamError> {
        self.stream(id)?.hole(length)
    }

    /// Ends the stream in good order. [`StreamEvent::Finished`] or [`StreamEvent::Failed`] follows,
    /// at the latest when the deadline has passed.
    ///
    /// # Errors
    /// When the stream is not there, or bytes that were announced have not been sent.
    pub fn stream_finish(&mut self, id: CallId, deadline: Option<Time>) -> Result<(), StreamError> {
        self.stream(id)?.finish()?;
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, id), ());
        }
        Ok(())
    }

    /// Gives the stream up. Nothing more is told of it.
    pub fn stream_abort(&mut self, id: CallId) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.abort();
        }
    }

    /// Whether a stream has not ended: one that was given up ends when the server has confirmed it.
    #[must_use]
    pub fn has_streams(&self) -> bool {
        !self.streams.is_empty()
    }

    fn stream(&mut self, id: CallId) -> Result<&mut Stream, StreamError> {
        self.streams
            .get_mut(&id)
            .filter(|stream| stream.is_told())
            .ok_or(StreamError::Gone)
    }

    pub(super) fn expire_stream(&mut self, id: CallId) {
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.is_told()
        {
            let next = stream.break_off(StreamError::Timeout);
            self.follow(id, next);
        }
    }

    // The reply to the call that opens it is there.
    pub(super) fn settle_stream(&mut self, id: CallId, well: bool, abandoned: bool) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if well {
            stream.opened();
            if abandoned {
                stream.abort();
            }
        } else {
            self.forget_stream(id);
        }
    }

    pub(super) fn handle_stream(&mut self, header: &Header, body: Cow<'_, [u8]>) {
        // Frames of a stream that is over are nothing strange: they were under way.
        let Some(id) = self.by_serial.get(&header.serial).copied() else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if !stream.owns(header) {
            return;
        }
        // libvirtd's worker replies while its event loop sends already: the first bytes may be faster.
        if !stream.is_open() && header.status != Status::Continue {
            self.unexpected("the end of a stream before the reply that opens it");
            return;
        }
        let next = stream.handle(header, body);
        self.follow(id, next);
    }

    fn follow(&mut self, id: CallId, next: Next) {
        let event = match next {
            Next::On(event) => event,
            Next::Over(event) => {
                self.forget_stream(id);
                event
            }
        };
        if let Some(event) = event {
            self.tell_stream(id, event);
        }
    }

    fn forget_stream(&mut self, id: CallId) {
        if let Some(stream) = self.streams.remove(&id) {
            self.by_serial.remove(&stream.serial());
        }
        self.deadlines.retain(|(_, of)| *of != id);
    }
}

impl StreamEvent {
    /// Whether nothing follows on the stream.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Finished | Self::Failed(_))
    }
}
