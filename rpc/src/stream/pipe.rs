//! What a stream's user and the driver of its connection share: a buffer each way.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use drover_rpc_proto::{
    CallId, CloseReason, Connection, StreamBytes, StreamError, StreamEvent, Time,
};

/// How many bytes wait in either direction before the other side is slowed down.
pub(super) const CAPACITY: usize = 1 << 20;

/// How many pieces of memory are kept to be used again.
const SPARES: usize = 4;

/// Small writes go out together up to this size, as far as they wait.
const SHARED: usize = 64 << 10;

/// What costs a hole in a buffer: it is small, and yet there must not be any number of them.
const HOLE_COST: usize = 64;

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes.
    Data(Vec<u8>),
    /// So many zeros, which were not sent.
    Hole(u64),
}

impl Piece {
    fn cost(&self) -> usize {
        match self {
            Self::Data(bytes) => bytes.len(),
            Self::Hole(_) => HOLE_COST,
        }
    }
}

/// What is still to be sent.
enum Outgoing {
    Data(StreamBytes),
    Hole(u64),
}

#[derive(Default)]
struct State {
    incoming: VecDeque<Piece>,
    // How far the first piece has been read.
    read: usize,
    waiting_in: usize,
    outgoing: VecDeque<Outgoing>,
    waiting_out: usize,
    // Memory of what has been sent.
    sent: Vec<Vec<u8>>,
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

    fn take_in(&mut self, piece: Piece) {
        self.waiting_in += piece.cost();
        self.incoming.push_back(piece);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    // As many of the bytes as go into one frame, which many small pieces share.
    fn let_out(&mut self, bytes: &[u8]) -> usize {
        let count = match self.outgoing.back_mut() {
            Some(Outgoing::Data(last)) if last.len() + bytes.len() <= SHARED => last.append(bytes),
            _ => {
                let bytes = StreamBytes::copy_of(bytes, self.sent.pop().unwrap_or_default());
                let count = bytes.len();
                self.outgoing.push_back(Outgoing::Data(bytes));
                count
            }
        };
        self.waiting_out += count;
        self.wake_driver();
        count
    }

    // The driver does not read on while too much waits here.
    fn taken_out(&mut self, cost: usize) {
        let was_full = self.waiting_in >= CAPACITY;
        self.waiting_in -= cost;
        if was_full && self.waiting_in < CAPACITY {
            self.wake_driver();
        }
    }

    // Ready when there is room, or when there will be none.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if let Some(ended) = &self.ended {
            let error = ended.clone().err().unwrap_or(StreamError::Gone);
            return Poll::Ready(Err(error));
        }
        if self.waiting_out >= CAPACITY {
            self.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    // Of a stream with nothing to read: ready when nothing will come.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if let Some(ended) = &self.ended {
            return Poll::Ready(ended.clone());
        }
        self.reader = Some(context.waker().clone());
        Poll::Pending
    }

    // Moves one piece into the connection; whether it was taken.
    fn send(
        &mut self,
        piece: Outgoing,
        connection: &mut Connection,
        id: CallId,
    ) -> Result<bool, StreamError> {
        match piece {
            Outgoing::Hole(length) => {
                connection.stream_hole(id, length)?;
                self.waiting_out -= HOLE_COST;
                Ok(true)
            }
            Outgoing::Data(bytes) => {
                let length = bytes.len();
                let left = connection.stream_send_whole(id, bytes)?;
                let taken = left.is_none();
                match left {
                    Some(bytes) => self.outgoing.push_front(Outgoing::Data(bytes)),
                    None => self.waiting_out -= length,
                }
                Ok(taken)
            }
        }
    }

    fn take_memory(&mut self, connection: &mut Connection, id: CallId) {
        if self.sent.len() < SPARES
            && let Some(memory) = connection.stream_memory(id)
        {
            self.sent.push(memory);
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
            StreamEvent::Data(bytes) => state.take_in(Piece::Data(bytes)),
            StreamEvent::Hole(length) => state.take_in(Piece::Hole(length)),
            // The driver asks for room each time it runs.
            StreamEvent::Writable => {}
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
        state.take_memory(connection, id);
        let waiting = state.waiting_out;
        while let Some(piece) = state.outgoing.pop_front() {
            match state.send(piece, connection, id) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => state.end(Err(error)),
            }
        }
        let mut moved = state.waiting_out < waiting;
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
        ready!(state.poll_room(context))?;
        Poll::Ready(Ok(state.let_out(bytes)))
    }

    /// Takes a hole; pending while there is no room.
    pub(super) fn poll_hole(
        &self,
        context: &mut Context<'_>,
        length: u64,
    ) -> Poll<Result<(), StreamError>> {
        let mut state = self.lock();
        ready!(state.poll_room(context))?;
        state.waiting_out += HOLE_COST;
        state.outgoing.push_back(Outgoing::Hole(length));
        state.wake_driver();
        Poll::Ready(Ok(()))
    }

    /// The next piece; none at the end. Not for a stream that is read byte by byte.
    pub(super) fn poll_piece(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Piece>, StreamError>> {
        let mut state = self.lock();
        if let Some(piece) = state.incoming.pop_front() {
            state.taken_out(piece.cost());
            return Poll::Ready(Ok(Some(piece)));
        }
        state.poll_end(context).map_ok(|()| None)
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
        // Holes come only on a stream that is read piece by piece.
        if let Some(Piece::Data(piece)) = state.incoming.front() {
            let left = &piece[read..];
            let count = left.len().min(buffer.len());
            buffer[..count].copy_from_slice(&left[..count]);
            let piece_done = count == left.len();
            state.read = if piece_done { 0 } else { read + count };
            if piece_done {
                state.incoming.pop_front();
            }
            state.taken_out(count);
            return Poll::Ready(Ok(count));
        }
        state.poll_end(context).map_ok(|()| 0)
    }

    /// Nobody uses the stream any more.
    pub(super) fn drop_user(&self) {
        let mut state = self.lock();
        state.dropped = true;
        state.incoming.clear();
        state.outgoing.clear();
        state.sent.clear();
        state.wake_driver();
    }
}
