//! What a stream's user and the driver of its connection share: a buffer each way.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use drover_rpc_proto::{CallId, CloseReason, Connection, StreamError, StreamEvent, Time};

/// How many bytes wait in either direction before the other side is slowed down.
pub(super) const CAPACITY: usize = 1 << 20;

#[derive(Default)]
struct State {
    incoming: VecDeque<Vec<u8>>,
    // How far the first piece has been read.
    read: usize,
    waiting_in: usize,
    outgoing: VecDeque<Vec<u8>>,
    waiting_out: usize,
    finish: Option<Time>,
    ended: Option<Result<(), StreamError>>,
    dropped: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    driver: Option<Waker>,
}

impl State {
    fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    fn wake_user(&mut self) {
        for waker in [self.reader.take(), self.writer.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }

    fn end(&mut self, result: Result<(), StreamError>) {
        self.ended.get_or_insert(result);
        self.outgoing.clear();
        self.waiting_out = 0;
        self.wake_user();
    }
}

/// The buffers.
#[derive(Default)]
pub(crate) struct Pipe(Mutex<State>);

impl Pipe {
    // Nothing that is done under the lock can leave it half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // The driver's side.

    /// Whether the reader is behind.
    pub(crate) fn is_full(&self) -> bool {
        let state = self.lock();
        state.waiting_in >= CAPACITY && !state.dropped && state.ended.is_none()
    }

    /// Something has happened on the stream.
    pub(crate) fn tell(&self, event: StreamEvent) {
        let mut state = self.lock();
        match event {
            StreamEvent::Data(bytes) => {
                state.waiting_in += bytes.len();
                state.incoming.push_back(bytes);
                if let Some(reader) = state.reader.take() {
                    reader.wake();
                }
            }
            // No stream is opened for holes, and the driver asks for room each time it runs.
            StreamEvent::Hole(_) | StreamEvent::Writable => {}
            StreamEvent::Finished => state.end(Ok(())),
            StreamEvent::Failed(error) => state.end(Err(error)),
        }
    }

    pub(crate) fn close(&self, reason: CloseReason) {
        self.lock().end(Err(StreamError::Closed(reason)));
    }

    /// Moves what the writer has left into the connection. True if anything was moved.
    pub(crate) fn pump(
        &self,
        context: &mut Context<'_>,
        connection: &mut Connection,
        id: CallId,
    ) -> bool {
        let mut state = self.lock();
        state.driver = Some(context.waker().clone());
        if state.dropped {
            connection.stream_abort(id);
            return false;
        }
        let mut moved = false;
        while let Some(mut bytes) = state.outgoing.pop_front() {
            match connection.stream_send(id, &bytes) {
                Ok(count) => {
                    moved |= count > 0;
                    state.waiting_out -= count;
                    if count < bytes.len() {
                        bytes.drain(..count);
                        state.outgoing.push_front(bytes);
                        break;
                    }
                }
                Err(error) => state.end(Err(error)),
            }
        }
        if moved && let Some(writer) = state.writer.take() {
            writer.wake();
        }
        if state.outgoing.is_empty()
            && let Some(deadline) = state.finish.take()
        {
            moved = true;
            if let Err(error) = connection.stream_finish(id, Some(deadline)) {
                state.end(Err(error));
            }
        }
        moved
    }

    // The user's side.

    /// Takes some of the bytes; pending while there is no room.
    pub(super) fn poll_write(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, StreamError>> {
        let mut state = self.lock();
        if let Some(ended) = &state.ended {
            let error = ended.clone().err().unwrap_or(StreamError::Gone);
            return Poll::Ready(Err(error));
        }
        let count = bytes.len().min(CAPACITY.saturating_sub(state.waiting_out));
        if count == 0 && !bytes.is_empty() {
            state.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        state.outgoing.push_back(bytes[..count].to_vec());
        state.waiting_out += count;
        state.wake_driver();
        Poll::Ready(Ok(count))
    }

    /// Ready when the connection has taken everything.
    pub(super) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let mut state = self.lock();
        match &state.ended {
            Some(ended) => Poll::Ready(ended.clone()),
            None if state.waiting_out == 0 => Poll::Ready(Ok(())),
            None => {
                state.writer = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Asks for the end in good order, to be confirmed by then.
    pub(super) fn finish(&self, deadline: Time) {
        let mut state = self.lock();
        state.finish = Some(deadline);
        state.wake_driver();
    }

    /// Ready when the stream has ended.
    pub(super) fn poll_ended(&self, context: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let mut state = self.lock();
        if let Some(ended) = &state.ended {
            return Poll::Ready(ended.clone());
        }
        state.writer = Some(context.waker().clone());
        Poll::Pending
    }

    /// Copies bytes out; 0 at the end.
    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, StreamError>> {
        let mut state = self.lock();
        let read = state.read;
        if let Some(piece) = state.incoming.front() {
            let left = &piece[read..];
            let count = left.len().min(buffer.len());
            buffer[..count].copy_from_slice(&left[..count]);
            let piece_done = count == left.len();
            state.read = if piece_done { 0 } else { read + count };
            if piece_done {
                state.incoming.pop_front();
            }
            let was_full = state.waiting_in >= CAPACITY;
            state.waiting_in -= count;
            if was_full && state.waiting_in < CAPACITY {
                state.wake_driver();
            }
            return Poll::Ready(Ok(count));
        }
        if let Some(ended) = &state.ended {
            return Poll::Ready(ended.clone().map(|()| 0));
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Nobody uses the stream any more.
    pub(super) fn drop_user(&self) {
        let mut state = self.lock();
        state.dropped = true;
        state.incoming.clear();
        state.outgoing.clear();
        state.wake_driver();
    }
}
