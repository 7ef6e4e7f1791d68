//! One end of a byte stream, as its user holds it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use drover_rpc_proto::StreamError;
use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep};

use super::over_length;
use super::pipe::{Piece, Pipe};
use crate::client::Client;
use crate::error::Error;

/// The user's end. It keeps its connection alive.
pub(super) struct Channel {
    pipe: Arc<Pipe>,
    client: Client,
    left: Option<u64>,
    finishing: bool,
    stall: Option<Stall>,
}

impl Channel {
    /// `length` is how much will be sent; `stall` is how long nothing may move.
    pub(super) fn new(
        pipe: Arc<Pipe>,
        client: Client,
        length: Option<u64>,
        stall: Option<Duration>,
    ) -> Self {
        Self {
            pipe,
            client,
            left: length,
            finishing: false,
            stall: stall.map(Stall::new),
        }
    }

    /// What is left of what was announced.
    pub(super) fn announced(&self) -> Option<u64> {
        self.left
    }

    pub(super) fn left(&self) -> u64 {
        self.left.unwrap_or_default()
    }

    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Error>> {
        if let Some(left) = self.left.filter(|left| bytes.len() as u64 > *left) {
            return Poll::Ready(Err(over_length(bytes.len(), left)));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let polled = self.pipe.poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &polled
            && let Some(left) = &mut self.left
        {
            *left -= *count as u64;
        }
        self.within_patience(context, polled)
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let polled = self.pipe.poll_flush(context);
        self.within_patience(context, polled)
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        let polled = self.pipe.poll_read(context, buffer.initialize_unfilled());
        let polled = self.within_patience(context, polled);
        polled.map_ok(|count| buffer.advance(count))
    }

    pub(super) fn poll_hole(
        &mut self,
        context: &mut Context<'_>,
        length: u64,
    ) -> Poll<Result<(), Error>> {
        if let Some(left) = self.left.filter(|left| length > *left) {
            let asked = length;
            return Poll::Ready(Err(StreamError::OverLength { asked, left }.into()));
        }
        let polled = self.pipe.poll_hole(context, length);
        if let Poll::Ready(Ok(())) = &polled
            && let Some(left) = &mut self.left
        {
            *left -= length;
        }
        self.within_patience(context, polled)
    }

    pub(super) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Piece>, Error>> {
        let polled = self.pipe.poll_piece(context);
        self.within_patience(context, polled)
    }

    /// Ends the stream in good order; ready when the server has confirmed it.
    pub(super) fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(missing) = self.left.filter(|left| *left > 0) {
            return Poll::Ready(Err(StreamError::Incomplete(missing).into()));
        }
        if !self.finishing {
            // What is buffered has to reach the disk first, which may take its time.
            let ready = self.poll_flush(context);
            if !matches!(ready, Poll::Ready(Ok(()))) {
                return ready;
            }
            self.finishing = true;
            let patience = self.client.shared.options.stall;
            self.pipe.finish(self.client.shared.after(patience));
        }
        self.pipe.poll_ended(context).map_err(Error::from)
    }

    pub(super) async fn finish(&mut self) -> Result<(), Error> {
        std::future::poll_fn(|context| self.poll_finish(context)).await
    }

    // The connection has no keepalive, so that a dead server shows only in that nothing moves.
    fn within_patience<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<Result<T, StreamError>>,
    ) -> Poll<Result<T, Error>> {
        let Some(stall) = &mut self.stall else {
            return polled.map_err(Error::from);
        };
        if polled.is_ready() {
            stall.waiting = false;
            return polled.map_err(Error::from);
        }
        if stall.poll(context).is_ready() {
            self.pipe.drop_user();
            return Poll::Ready(Err(StreamError::Timeout.into()));
        }
        Poll::Pending
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.pipe.drop_user();
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("client", &self.client)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// A timer that runs only while something is waited for.
struct Stall {
    patience: Duration,
    sleep: Pin<Box<Sleep>>,
    waiting: bool,
}

impl Stall {
    fn new(patience: Duration) -> Self {
        Self {
            patience,
            sleep: Box::pin(tokio::time::sleep(patience)),
            waiting: false,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.waiting {
            self.waiting = true;
            self.sleep.as_mut().reset(Instant::now() + self.patience);
        }
        self.sleep.as_mut().poll(context)
    }
}
