//! What must be true of one stream.

use drover_rpc_proto::{StreamError, StreamEvent, StreamMode, Time};

use super::failure;
use super::step::Frame;

/// What waits to be sent, as the server will see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Data(usize),
    Hole(u64),
    Finish,
    Abort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// All that is told from here on is how it ends.
    Finishing,
    /// Nothing more is told.
    Aborted,
}

#[derive(Debug)]
pub(crate) struct Stream {
    mode: StreamMode,
    capacity: usize,
    // The reply that opens it has come.
    confirmed: bool,
    state: State,
    left: Option<u64>,
    waiting: Vec<Sent>,
    wants_room: bool,
    pub(crate) finish_by: Option<Time>,
}

impl Stream {
    pub(crate) fn new(mode: StreamMode, capacity: usize) -> Self {
        Self {
            mode,
            capacity,
            confirmed: false,
            state: State::Open,
            left: mode.length,
            waiting: Vec::new(),
            wants_room: false,
            finish_by: None,
        }
    }

    pub(crate) fn confirm(&mut self) {
        self.confirmed = true;
    }

    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Whether its user has it, and is told how it goes.
    pub(crate) fn is_told(&self) -> bool {
        self.confirmed && self.state != State::Aborted
    }

    pub(crate) fn abort(&mut self) {
        if self.state != State::Aborted {
            self.state = State::Aborted;
            self.waiting = vec![Sent::Abort];
            self.wants_room = false;
            self.finish_by = None;
        }
    }

    fn break_off(&mut self, error: StreamError) -> Option<StreamEvent> {
        self.abort();
        Some(StreamEvent::Failed(error))
    }

    pub(crate) fn expire(&mut self) -> Option<StreamEvent> {
        self.break_off(StreamError::Timeout)
    }

    fn may_send(&self) -> Result<(), StreamError> {
        if !self.is_told() {
            return Err(StreamError::Gone);
        }
        if !self.mode.send {
            return Err(StreamError::Direction);
        }
        if self.state == State::Finishing {
            return Err(StreamError::Gone);
        }
        Ok(())
    }

    fn within(&self, asked: u64) -> Result<(), StreamError> {
        match self.left {
            Some(left) if asked > left => Err(StreamError::OverLength { asked, left }),
            _ => Ok(()),
        }
    }

    fn queued(&self) -> usize {
        let data = |sent: &Sent| match sent {
            Sent::Data(count) => *count,
            _ => 0,
        };
        self.waiting.iter().map(data).sum()
    }

    pub(crate) fn send(&mut self, asked: usize) -> Result<usize, StreamError> {
        self.may_send()?;
        self.within(asked as u64)?;
        let count = asked.min(self.capacity - self.queued());
        self.wants_room = count < asked;
        if count > 0 {
            self.waiting.push(Sent::Data(count));
        }
        self.left = self.left.map(|left| left - count as u64);
        Ok(count)
    }

    pub(crate) fn hole(&mut self, length: u64) -> Result<(), StreamError> {
        self.may_send()?;
        if !self.mode.sparse {
            return Err(StreamError::NotSparse);
        }
        self.within(length)?;
        if length > 0 {
            self.waiting.push(Sent::Hole(length));
            self.left = self.left.map(|left| left - length);
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, deadline: Option<Time>) -> Result<(), StreamError> {
        if !self.is_told() {
            return Err(StreamError::Gone);
        }
        if self.state == State::Open {
            if let Some(missing) = self.left.filter(|left| self.mode.send && *left > 0) {
                return Err(StreamError::Incomplete(missing));
            }
            self.state = State::Finishing;
            self.waiting.push(Sent::Finish);
        }
        let both = [self.finish_by, deadline];
        self.finish_by = both.into_iter().flatten().min();
        Ok(())
    }

    /// What goes out, and whether a sender is told that there is room.
    pub(crate) fn transmit(&mut self) -> (Vec<Sent>, bool) {
        if !self.confirmed || self.waiting.is_empty() {
            return (Vec::new(), false);
        }
        let room = std::mem::take(&mut self.wants_room);
        (std::mem::take(&mut self.waiting), room)
    }

    /// What a frame of the server makes known, and whether it was the last.
    pub(crate) fn receive(&mut self, frame: Frame) -> (Option<StreamEvent>, bool) {
        match frame {
            Frame::Confirm | Frame::Error if self.state == State::Aborted => (None, true),
            Frame::Error => {
                let error = StreamError::Libvirt(Box::new(failure()));
                (Some(StreamEvent::Failed(error)), true)
            }
            Frame::Confirm if self.state == State::Finishing && self.waiting.is_empty() => {
                (Some(StreamEvent::Finished), true)
            }
            Frame::Confirm => (Some(StreamEvent::Failed(StreamError::EndedEarly)), true),
            Frame::Data(_) | Frame::Last | Frame::Hole(_) if self.state != State::Open => {
                (None, false)
            }
            Frame::Data(count) => (self.data(count), false),
            Frame::Last => (self.last(), false),
            Frame::Hole(length) => (self.zeros(length), false),
        }
    }

    fn data(&mut self, count: u8) -> Option<StreamEvent> {
        if self.mode.receive {
            return Some(StreamEvent::Data(vec![9; usize::from(count)]));
        }
        self.break_off(StreamError::Unexpected("bytes on a stream to it"))
    }

    // All is there, and the server is asked whether all went well. To a stream that only sends it says
    // that it could not write.
    fn last(&mut self) -> Option<StreamEvent> {
        if !self.mode.receive {
            return self.break_off(StreamError::EndedEarly);
        }
        self.state = State::Finishing;
        self.waiting = vec![Sent::Finish];
        None
    }

    fn zeros(&mut self, length: i8) -> Option<StreamEvent> {
        if !(self.mode.receive && self.mode.sparse) {
            return self.break_off(StreamError::Unexpected("a hole that was not asked for"));
        }
        match u64::try_from(length) {
            Ok(length) if length > 0 => Some(StreamEvent::Hole(length)),
            _ => self.break_off(StreamError::Unexpected("a hole without a length")),
        }
    }
}
