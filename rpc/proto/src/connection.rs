//! The connection: what comes in, what goes out, and when to look again.

mod fds;
mod receive;
mod streams;
mod transmit;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use self::fds::IncomingFds;
use crate::Time;
use crate::call::{Call, CallId};
use crate::error::{CallError, CloseReason, MAX_BODY, MAX_FDS, Refused, StreamError};
use crate::event::{Class, RawEvent, Routes};
use crate::frame::FrameReader;
use crate::keepalive_timer::{Keepalive, Timer, Verdict};
use crate::sorted::Sorted;
use crate::stream::{Stream, StreamEvent};
use crate::window::{Turn, Window};
use crate::{frame, program};

// Room for so many is kept when there are none.
const KEPT_OUTPUTS: usize = 16;

/// How a connection behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How many calls may be unanswered. libvirtd's default bears four.
    pub window: usize,
    /// How many of these places are kept for urgent calls.
    pub reserved: usize,
    /// How many calls may wait for a place in the window.
    pub queue: usize,
    /// Whether a silent server is asked if it is still there.
    pub keepalive: Option<Keepalive>,
    /// How many bytes of each stream wait to be sent.
    pub stream_buffer: usize,
    /// The serial of the first call.
    pub first_serial: u32,
    /// Whether file descriptors can be passed, which unix sockets alone can do.
    pub fds: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: 4,
            reserved: 1,
            queue: 4096,
            keepalive: Some(Keepalive::default()),
            stream_buffer: 4 * frame::STREAM_CHUNK,
            first_serial: 1,
            fds: false,
        }
    }
}

/// What the connection has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A call has ended.
    Reply {
        /// Which one.
        call: CallId,
        /// The body of the reply.
        result: Result<Vec<u8>, CallError>,
    },
    /// An event has come.
    Event {
        /// The call that registered for it; none for events that are not numbered.
        registration: Option<CallId>,
        /// The event.
        event: RawEvent,
    },
    /// So many file descriptors have come with the reply that is told next; they are the first of
    /// those that were handed over with [`Connection::handle_input_with_fds`]. Nothing else is told
    /// of a call that was given up: they are to be closed.
    Fds {
        /// The call that they answer.
        call: CallId,
        /// How many.
        count: usize,
    },
    /// Events of this registration have been lost: look at the state itself.
    EventsLost(CallId),
    /// Something happened on a stream.
    Stream {
        /// The call that opened it.
        stream: CallId,
        /// What happened.
        event: StreamEvent,
    },
    /// The connection has ended. It is the last there is to tell.
    Closed(CloseReason),
}

/// A call between the moment it was made and its reply.
#[derive(Debug)]
struct Pending {
    call: Call,
    turn: Turn,
    // Its serial, once it has gone out.
    serial: Option<u32>,
    // Nobody waits any more; the place in the window is free only when the reply is there.
    abandoned: bool,
}

impl Pending {
    // The body of the reply, in the memory of the call where there is no other.
    fn keep(&mut self, body: Cow<'_, [u8]>) -> Vec<u8> {
        match body {
            Cow::Owned(body) => body,
            Cow::Borrowed(body) => {
                let mut kept = std::mem::take(&mut self.call.frame);
                kept.clear();
                kept.extend_from_slice(body);
                kept
            }
        }
    }
}

/// One end of a connection to libvirt, as a state machine: it does no I/O and reads no clock.
///
/// Whoever drives it
/// - hands it what it has read ([`Connection::handle_input`], [`Connection::handle_eof`]),
/// - asks what there is to write ([`Connection::transmit`]),
/// - sends the file descriptors that follow ([`Connection::poll_fds`]),
/// - wakes it at the moment it names ([`Connection::poll_timeout`],
///   [`Connection::handle_timeout`]), and
/// - takes out what it has to tell ([`Connection::poll_output`]) after each of these.
///
/// Moments are durations since any fixed moment of the caller's choosing.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    reader: FrameReader,
    calls: Sorted<CallId, Pending>,
    by_serial: Sorted<u32, CallId>,
    window: Window,
    routes: Routes,
    streams: BTreeMap<CallId, Stream>,
    // The stream that sent last: the others come first.
    last_stream: Option<CallId>,
    deadlines: Sorted<(Time, CallId), ()>,
    keepalive: Option<Timer>,
    ping_due: bool,
    // One answer is enough for all questions that came since the last one.
    pong_due: bool,
    // The call whose descriptors are to follow what was given out last.
    fds_due: Option<CallId>,
    incoming_fds: Option<IncomingFds>,
    outputs: VecDeque<Output>,
    next_id: u64,
    next_serial: u32,
    opened: bool,
    closing: bool,
    closed: Option<CloseReason>,
}

impl Connection {
    /// A connection that has just been made.
    #[must_use]
    pub fn new(config: Config, now: Time) -> Self {
        Self {
            reader: FrameReader::default(),
            calls: Sorted::default(),
            by_serial: Sorted::default(),
            window: Window::new(config.window, config.reserved),
            routes: Routes::default(),
            streams: BTreeMap::new(),
            last_stream: None,
            deadlines: Sorted::default(),
            keepalive: config.keepalive.map(|settings| Timer::new(settings, now)),
            ping_due: false,
            pong_due: false,
            fds_due: None,
            incoming_fds: None,
            outputs: VecDeque::new(),
            next_id: 0,
            next_serial: config.first_serial,
            opened: false,
            closing: false,
            closed: None,
            config,
        }
    }

    /// Queues a call. Its end is told as [`Output::Reply`].
    ///
    /// # Errors
    /// When it cannot be made on this connection.
    pub fn call(&mut self, call: Call) -> Result<CallId, Refused> {
        if let Some(reason) = &self.closed {
            return Err(Refused::Closed(reason.clone()));
        }
        if self.closing {
            return Err(Refused::Closing);
        }
        if self.window.queued() >= self.config.queue {
            return Err(Refused::QueueFull(self.window.queued()));
        }
        if call.body_len() > MAX_BODY {
            return Err(Refused::TooLarge(call.body_len()));
        }
        if call.fds as usize > MAX_FDS {
            return Err(Refused::TooManyFds(call.fds as usize));
        }
        if !self.config.fds && (call.fds > 0 || call.answers_fds) {
            return Err(Refused::NoFds);
        }
        if call.program == program::REMOTE && call.procedure == program::OPEN {
            if self.opened {
                return Err(Refused::AlreadyOpened);
            }
            self.opened = true;
        }
        self.closing |= call.program == program::REMOTE && call.procedure == program::CLOSE;
        Ok(self.enqueue(call, false))
    }

    fn enqueue(&mut self, call: Call, abandoned: bool) -> CallId {
        let id = CallId(self.next_id);
        self.next_id += 1;
        let turn = match (call.is_alone(), call.urgent) {
            (true, _) => Turn::Alone,
            (false, true) => Turn::Urgent,
            (false, false) => Turn::Normal,
        };
        if let Some(deadline) = call.deadline {
            self.deadlines.insert((deadline, id), ());
        }
        self.window.push(id, turn);
        let pending = Pending {
            call,
            turn,
            serial: None,
            abandoned,
        };
        self.calls.insert(id, pending);
        id
    }

    /// Nobody waits for this call any more. One that has not gone out never will. What a late reply
    /// brings into being, a registration or a stream, is taken back. A stream that is open is
    /// given up.
    pub fn abandon(&mut self, id: CallId) {
        let Some(pending) = self.calls.get_mut(&id) else {
            self.stream_abort(id);
            return;
        };
        if let Some(deadline) = pending.call.deadline.take() {
            self.deadlines.remove(&(deadline, id));
        }
        if pending.serial.is_some() {
            pending.abandoned = true;
            // Its first bytes may be here before the reply.
            self.stream_abort(id);
            return;
        }
        let turn = pending.turn;
        self.calls.remove(&id);
        self.window.remove(id, turn);
    }

    /// Ends a registration for events. No more of its events are told. The call that tells the
    /// server is returned: until its end, the server refuses the same registration.
    ///
    /// `None` when there is no such registration; one whose reply is still to come is given up with
    /// [`Connection::abandon`].
    pub fn deregister(&mut self, registration: CallId, deadline: Option<Time>) -> Option<CallId> {
        let (class, callback) = self.routes.remove(registration)?;
        self.tell_deregistration(class, callback, deadline, true)
    }

    fn tell_deregistration(
        &mut self,
        class: Class,
        callback: i32,
        deadline: Option<Time>,
        awaited: bool,
    ) -> Option<CallId> {
        if self.closing || self.closed.is_some() {
            return None;
        }
        let (program, procedure) = class.deregistration();
        // A number has no bound that it could be over.
        let mut call = Call::new(program, program::VERSION, procedure, &callback).ok()?;
        call.urgent = true;
        call.deadline = deadline;
        Some(self.enqueue(call, !awaited))
    }

    /// What there is to tell next.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if self.outputs.is_empty() && self.outputs.capacity() > KEPT_OUTPUTS {
            self.outputs.shrink_to(KEPT_OUTPUTS);
        }
        output
    }

    /// Whether there is something to tell.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// When to call [`Connection::handle_timeout`], unless something else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.closed.is_some() {
            return None;
        }
        let deadline = self.deadlines.first().map(|(deadline, _)| *deadline);
        let keepalive = self.keepalive.as_ref().map(Timer::next);
        [deadline, keepalive].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some((deadline, id)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.deadlines.remove(&(deadline, id));
            self.expire(id);
        }
        match self.keepalive.as_mut().map(|timer| timer.check(now)) {
            Some(Verdict::Ask) => self.ping_due = true,
            Some(Verdict::Dead) => self.close(CloseReason::Keepalive),
            Some(Verdict::Wait) | None => {}
        }
    }

    fn expire(&mut self, id: CallId) {
        let Some(pending) = self.calls.get_mut(&id) else {
            self.expire_stream(id);
            return;
        };
        // It is no longer in the set.
        pending.call.deadline = None;
        let sent = pending.serial.is_some();
        self.abandon(id);
        self.tell_reply(id, Err(CallError::Timeout { sent }));
    }

    /// The server has closed its end, which it does of itself once it has answered CLOSE.
    pub fn handle_eof(&mut self) {
        let agreed = self.closing && self.window.out() == 0 && self.window.queued() == 0;
        self.close(if agreed {
            CloseReason::Local
        } else {
            CloseReason::Eof
        });
    }

    /// Ends the connection: everything under way fails, and [`Output::Closed`] is told last.
    pub fn close(&mut self, reason: CloseReason) {
        if self.closed.is_some() {
            return;
        }
        for (call, pending) in self.calls.take() {
            if !pending.abandoned {
                let sent = pending.serial.is_some();
                let reason = reason.clone();
                self.tell_reply(call, Err(CallError::Closed { reason, sent }));
            }
        }
        for (id, stream) in std::mem::take(&mut self.streams) {
            if stream.is_told() {
                let error = StreamError::Closed(reason.clone());
                self.tell_stream(id, StreamEvent::Failed(error));
            }
        }
        self.by_serial = Sorted::default();
        self.deadlines = Sorted::default();
        self.window = Window::new(self.config.window, self.config.reserved);
        self.routes = Routes::default();
        self.ping_due = false;
        self.pong_due = false;
        self.incoming_fds = None;
        self.outputs.push_back(Output::Closed(reason.clone()));
        self.closed = Some(reason);
    }

    /// Why the connection has ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<&CloseReason> {
        self.closed.as_ref()
    }

    /// How many calls wait for a place in the window.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.window.queued()
    }

    /// How many calls have gone out and are not answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.window.out()
    }

    fn tell_reply(&mut self, call: CallId, result: Result<Vec<u8>, CallError>) {
        self.outputs.push_back(Output::Reply { call, result });
    }

    fn tell_stream(&mut self, stream: CallId, event: StreamEvent) {
        self.outputs.push_back(Output::Stream { stream, event });
    }
}
