//! The state that handles and the task of a connection share: the socket, the state machine, and who
//! waits for what.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use drover_rpc_proto::remote::Event;
use drover_rpc_proto::{Call, CallId, CloseReason, Connection, Output, RawEvent, Time};
use tokio::io::ReadBuf;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::listeners::Listeners;
use super::waiters::{Waiter, Waiters};
use super::{Command, Reply};
use crate::ends::Ends;
use crate::enums::ConnectCloseReason;
use crate::error::Error;
use crate::stream::Pipe;
use crate::transport::Socket;

/// What is read at a time.
const READ_SIZE: usize = 256 << 10;
/// More than this is not kept for the next writing, unless a stream is open.
const KEPT_CAPACITY: usize = 1 << 10;
const KEPT_CAPACITY_OF_STREAMS: usize = 1 << 20;

thread_local! {
    // What is read is taken out before the next read, so that one buffer does for all connections
    // of a thread, and an idle one has none.
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is behind the lock.
pub(super) struct Core {
    // How many callers the task has answered when it ran last.
    answered: usize,
    // When something was read last.
    pub(super) read_at: Time,
    // None once the task has ended.
    socket: Option<Box<dyn Socket>>,
    pub(super) connection: Connection,
    // What was asked while somebody else had the lock.
    pub(super) commands: mpsc::UnboundedReceiver<Box<Command>>,
    ends: watch::Sender<Ends>,
    start: Instant,
    // When the task wakes by itself. It may be earlier than needed: waking in vain is cheaper than
    // setting the timer anew with every call.
    pub(super) wakes_at: Option<Time>,
    task: Option<Waker>,
    out: Vec<u8>,
    written: usize,
    unflushed: bool,
    // They follow what is in `out`.
    fds_out: VecDeque<OwnedFd>,
    // They came with what was read last, and belong to a reply that is yet to be told.
    fds_in: VecDeque<OwnedFd>,
    waiters: Waiters,
    listeners: Listeners,
    stream: Option<(CallId, Arc<Pipe>)>,
}

impl Core {
    pub(super) fn new(
        socket: Box<dyn Socket>,
        connection: Connection,
        commands: mpsc::UnboundedReceiver<Box<Command>>,
        ends: watch::Sender<Ends>,
        start: Instant,
    ) -> Self {
        Self {
            answered: 0,
            read_at: Time::ZERO,
            socket: Some(socket),
            connection,
            commands,
            ends,
            start,
            wakes_at: None,
            task: None,
            out: Vec::new(),
            written: 0,
            unflushed: false,
            fds_out: VecDeque::new(),
            fds_in: VecDeque::new(),
            waiters: Waiters::default(),
            listeners: Listeners::default(),
            stream: None,
        }
    }

    pub(super) fn now(&self) -> Time {
        self.start.elapsed()
    }

    /// The task runs.
    pub(super) fn driven_by(&mut self, waker: &Waker) {
        self.answered = 0;
        if !self.task.as_ref().is_some_and(|task| task.will_wake(waker)) {
            self.task = Some(waker.clone());
        }
    }

    /// Does at once what a caller asks, as far as the socket takes it, and leaves the rest to the
    /// task. So does a caller that has been answered along with others: they will ask together, and
    /// the task writes once for all of them.
    pub(super) fn obey_at_once(&mut self, command: Command) {
        let alone = self.answered <= 1;
        // Who asks twice is obeyed in that order: what is given up must be known by then.
        self.obey_those_before();
        self.obey(command);
        if alone && self.written == self.out.len() && self.fds_out.is_empty() {
            // What the socket cannot take now, the task will find.
            let mut nobody = Context::from_waker(Waker::noop());
            while self.connection.closed().is_none() && self.poll_write(&mut nobody) {}
        }
        if (!alone || self.needs_task())
            && let Some(task) = &self.task
        {
            task.wake_by_ref();
        }
    }

    /// Does what was asked while somebody else had the lock.
    pub(super) fn obey_those_before(&mut self) {
        while let Ok(earlier) = self.commands.try_recv() {
            self.obey(*earlier);
        }
    }

    fn needs_task(&self) -> bool {
        let late = |next| self.wakes_at.is_none_or(|armed| next < armed);
        self.written < self.out.len()
            || self.unflushed
            || !self.fds_out.is_empty()
            || self.connection.has_output()
            || self.connection.poll_timeout().is_some_and(late)
    }

    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Call {
                token,
                call,
                fds,
                answer,
            } => {
                self.make(call, Waiter { token, fds, answer });
            }
            Command::Open {
                token,
                call,
                mode,
                pipe,
                answer,
            } => {
                let fds = Vec::new();
                if let Some(id) = self.make(call.stream(mode), Waiter { token, fds, answer }) {
                    self.stream = Some((id, pipe));
                }
            }
            Command::Abandon { token } => {
                if let Some(id) = self.waiters.abandon(token) {
                    self.connection.abandon(id);
                }
            }
            Command::Subscribe {
                topic,
                listener,
                answer,
            } => {
                let now = self.now();
                self.listeners
                    .add(&mut self.connection, now, topic, listener, answer);
            }
            Command::Unsubscribe { listener } => {
                let now = self.now();
                self.listeners.remove(&mut self.connection, now, listener);
            }
            Command::Shutdown => self.connection.close(CloseReason::Local),
        }
    }

    fn make(&mut self, call: Call, waiter: Waiter) -> Option<CallId> {
        match self.connection.call(call) {
            Ok(id) => {
                self.waiters.add(id, waiter);
                Some(id)
            }
            Err(refused) => {
                // Whoever does not wait any more needs no answer, here and below.
                waiter.answer.send(Err(refused.into())).ok();
                None
            }
        }
    }

    /// True if something was written.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        if self.written == self.out.len() {
            if !self.fds_out.is_empty() {
                return self.poll_send_fd(context);
            }
            self.empty_out();
            if !self.connection.transmit(&mut self.out) {
                return self.poll_flush(context);
            }
            self.take_fds_out();
        }
        let Some(socket) = &mut self.socket else {
            return false;
        };
        match socket.poll_write(context, &self.out[self.written..]) {
            Poll::Ready(Ok(count)) if count > 0 => {
                self.written += count;
                self.unflushed = true;
                true
            }
            Poll::Ready(Ok(_)) => self.fail("nothing could be written"),
            Poll::Ready(Err(error)) => self.fail(&error.to_string()),
            Poll::Pending => false,
        }
    }

    fn empty_out(&mut self) {
        self.out.clear();
        self.written = 0;
        let kept = if self.stream.is_some() {
            KEPT_CAPACITY_OF_STREAMS
        } else {
            KEPT_CAPACITY
        };
        if self.out.capacity() > kept {
            self.out.shrink_to(kept);
        }
    }

    fn poll_send_fd(&mut self, context: &mut Context<'_>) -> bool {
        let (Some(socket), Some(fd)) = (&mut self.socket, self.fds_out.front()) else {
            return false;
        };
        match socket.poll_send_fd(context, fd.as_fd()) {
            Poll::Ready(Ok(())) => {
                self.fds_out.pop_front();
                true
            }
            Poll::Ready(Err(error)) => self.fail(&error.to_string()),
            Poll::Pending => false,
        }
    }

    // The descriptors of a call go out behind its frame.
    fn take_fds_out(&mut self) {
        if let Some(call) = self.connection.poll_fds()
            && let Some(waiter) = self.waiters.get(call)
        {
            self.fds_out.extend(std::mem::take(&mut waiter.fds));
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> bool {
        if self.unflushed
            && let Some(socket) = &mut self.socket
            && socket.poll_flush(context).is_ready()
        {
            self.unflushed = false;
        }
        false
    }

    /// A stream whose reader is slow is slowed down by not reading its connection.
    pub(super) fn is_held_up(&self) -> bool {
        self.stream.as_ref().is_some_and(|(_, pipe)| pipe.is_full())
    }

    /// True if something was read.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> bool {
        INPUT.with_borrow_mut(|input| {
            input.resize(READ_SIZE, 0);
            self.poll_read_into(context, input)
        })
    }

    fn poll_read_into(&mut self, context: &mut Context<'_>, input: &mut [u8]) -> bool {
        let Some(socket) = &mut self.socket else {
            return false;
        };
        let mut buffer = ReadBuf::new(input);
        let known = self.fds_in.len();
        match socket.poll_read(context, &mut buffer, &mut self.fds_in) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => self.connection.handle_eof(),
            Poll::Ready(Ok(())) => {
                self.read_at = self.start.elapsed();
                let fds = self.fds_in.len() - known;
                self.connection
                    .handle_input_with_fds(self.read_at, buffer.filled(), fds);
            }
            Poll::Ready(Err(error)) => return self.fail(&error.to_string()),
            Poll::Pending => return false,
        }
        true
    }

    fn fail(&mut self, reason: &str) -> bool {
        self.connection.close(CloseReason::Io(reason.to_owned()));
        true
    }

    /// True if there was something to tell.
    pub(super) fn tell(&mut self) -> bool {
        let mut told = false;
        while let Some(output) = self.connection.poll_output() {
            told = true;
            match output {
                Output::Reply { call, result } => self.answer(call, result.map_err(Error::from)),
                Output::Fds { call, count } => self.take_fds_in(call, count),
                Output::Event {
                    registration: Some(registration),
                    event,
                } => self.listeners.tell(registration, &event),
                Output::Event { event, .. } => self.tell_plain(&event),
                Output::EventsLost(registration) => self.listeners.tell_lost(registration),
                Output::Stream { stream, event } => {
                    if let Some((_, pipe)) = self.stream.as_ref().filter(|(id, _)| *id == stream) {
                        pipe.tell(event);
                    }
                }
                Output::Closed(reason) => self.tell_end(reason),
            }
        }
        told
    }

    // Of the events without a number only one is of today.
    fn tell_plain(&mut self, event: &RawEvent) {
        match Event::decode(event.procedure, &event.body) {
            Ok(Some(Event::ConnectEventConnectionClosed(event))) => {
                let reason = ConnectCloseReason(event.reason);
                self.ends.send_modify(|ends| ends.driver = Some(reason));
            }
            _ => tracing::debug!(event.procedure, "an event without a registration"),
        }
    }

    fn answer(&mut self, call: CallId, result: Result<Vec<u8>, Error>) {
        let Some(waiter) = self.waiters.remove(call) else {
            let now = self.now();
            self.listeners
                .settle(&mut self.connection, now, call, &result);
            return;
        };
        self.answered += 1;
        // What was to go with a call that never went out is closed.
        let fds = if result.is_ok() {
            waiter.fds
        } else {
            Vec::new()
        };
        let reply = result.map(|body| Reply { body, fds });
        waiter.answer.send(reply).ok();
    }

    // Those for which nobody waits any more are closed.
    fn take_fds_in(&mut self, call: CallId, count: usize) {
        let fds = self.fds_in.drain(..count.min(self.fds_in.len()));
        if let Some(waiter) = self.waiters.get(call) {
            waiter.fds = fds.collect();
        }
    }

    fn tell_end(&mut self, reason: CloseReason) {
        let connection = Some(reason.clone());
        self.ends.send_modify(|ends| ends.connection = connection);
        if let Some((_, pipe)) = &self.stream {
            pipe.close(reason);
        }
    }

    /// True if bytes went from a stream's writer into the connection.
    pub(super) fn pump(&mut self, context: &mut Context<'_>) -> bool {
        match &self.stream {
            Some((id, pipe)) => pipe.pump(context, &mut self.connection, *id),
            None => false,
        }
    }

    // libvirtd 9.0 dies of a connection that ends while the end of a registration is under way, and
    // 11.3 may hang for good when the end of a stream is.
    pub(super) fn is_settled(&self) -> bool {
        self.listeners.are_settled() && !self.connection.has_streams()
    }

    /// The task has ended: handles may live on, but nothing else does.
    pub(super) fn end(&mut self) {
        self.connection.close(CloseReason::Local);
        self.tell();
        self.socket = None;
        self.task = None;
        self.out = Vec::new();
        self.written = 0;
        self.fds_out.clear();
        self.fds_in.clear();
        self.waiters = Waiters::default();
        self.listeners = Listeners::default();
    }
}
