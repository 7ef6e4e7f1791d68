//! The task that owns a socket: it moves bytes between the socket and the state machine, and answers
//! between the state machine and its callers. It never waits for any of them.

mod listeners;

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use drover_rpc_proto::{Call, CallId, CloseReason, Connection, Output, StreamMode, Time};
use tokio::io::ReadBuf;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Sleep};

use self::listeners::Listeners;
pub(crate) use self::listeners::{Listener, QueueState, Topic};
use crate::error::Error;
use crate::stream::Pipe;
use crate::transport::Socket;

/// What is read at a time.
const READ_SIZE: usize = 256 << 10;
/// More than this is not kept for the next writing.
const KEPT_CAPACITY: usize = 1 << 20;
/// How many commands are taken before the socket is looked at again.
const COMMANDS_AT_A_TIME: usize = 64;

/// How long the server may take to confirm the end of what was going on.
const LEAVE: Duration = Duration::from_secs(5);

pub(crate) type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// What a call is answered with.
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

/// What handles ask of the driver.
pub(crate) enum Command {
    Call {
        token: u64,
        call: Call,
        fds: Vec<OwnedFd>,
        answer: Answer<Reply>,
    },
    /// Opens a stream. There is one to a connection.
    Open {
        token: u64,
        call: Call,
        mode: StreamMode,
        pipe: Arc<Pipe>,
        answer: Answer<Reply>,
    },
    /// Nobody waits for the answer any more.
    Abandon {
        token: u64,
    },
    Subscribe {
        topic: Topic,
        listener: Listener,
        answer: Answer<()>,
    },
    Unsubscribe {
        listener: u64,
    },
    Shutdown,
}

/// Somebody who waits for a reply.
struct Waiter {
    token: u64,
    // Until the call has gone out those that go with it, then those that came with its reply.
    fds: Vec<OwnedFd>,
    answer: Answer<Reply>,
}

/// The task.
pub(crate) struct Driver {
    socket: Box<dyn Socket>,
    connection: Connection,
    commands: mpsc::UnboundedReceiver<Command>,
    closed: watch::Sender<Option<CloseReason>>,
    start: Instant,
    sleep: Pin<Box<Sleep>>,
    // When the sleep ends. It may be earlier than needed: waking in vain is cheaper than setting it
    // anew with every call.
    wakes_at: Option<Time>,
    input: Box<[u8]>,
    out: Vec<u8>,
    written: usize,
    unflushed: bool,
    // They follow what is in `out`.
    fds_out: VecDeque<OwnedFd>,
    // They came with what was read last, and belong to a reply that is yet to be told.
    fds_in: VecDeque<OwnedFd>,
    waiters: HashMap<CallId, Waiter>,
    listeners: Listeners,
    stream: Option<(CallId, Arc<Pipe>)>,
    // Nobody has a handle any more; the connection ends at the latest then.
    left: Option<Pin<Box<Sleep>>>,
}

impl Driver {
    pub(crate) fn new(
        socket: Box<dyn Socket>,
        connection: Connection,
        commands: mpsc::UnboundedReceiver<Command>,
        closed: watch::Sender<Option<CloseReason>>,
        start: Instant,
    ) -> Self {
        Self {
            socket,
            connection,
            commands,
            closed,
            start,
            sleep: Box::pin(tokio::time::sleep_until(start)),
            wakes_at: None,
            input: vec![0; READ_SIZE].into_boxed_slice(),
            out: Vec::new(),
            written: 0,
            unflushed: false,
            fds_out: VecDeque::new(),
            fds_in: VecDeque::new(),
            waiters: HashMap::new(),
            listeners: Listeners::default(),
            stream: None,
            left: None,
        }
    }

    fn now(&self) -> Time {
        self.start.elapsed()
    }

    // True if there was a command.
    fn poll_commands(&mut self, context: &mut Context<'_>) -> bool {
        if self.left.is_some() {
            return false;
        }
        for count in 0..COMMANDS_AT_A_TIME {
            match self.commands.poll_recv(context) {
                Poll::Ready(Some(command)) => self.obey(command),
                Poll::Ready(None) => {
                    self.left = Some(Box::pin(tokio::time::sleep(LEAVE)));
                    return true;
                }
                Poll::Pending => return count > 0,
            }
        }
        true
    }

    fn obey(&mut self, command: Command) {
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
            Command::Abandon { token } => self.abandon(token),
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
                self.waiters.insert(id, waiter);
                Some(id)
            }
            Err(refused) => {
                // Whoever does not wait any more needs no answer, here and below.
                waiter.answer.send(Err(refused.into())).ok();
                None
            }
        }
    }

    fn abandon(&mut self, token: u64) {
        let id = self
            .waiters
            .iter()
            .find_map(|(id, waiter)| (waiter.token == token).then_some(*id));
        if let Some(id) = id {
            self.waiters.remove(&id);
            self.connection.abandon(id);
        }
    }

    // True if something was written.
    fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        if self.written == self.out.len() {
            if let Some(fd) = self.fds_out.front() {
                return match self.socket.poll_send_fd(context, fd.as_fd()) {
                    Poll::Ready(Ok(())) => {
                        self.fds_out.pop_front();
                        true
                    }
                    Poll::Ready(Err(error)) => self.fail(&error.to_string()),
                    Poll::Pending => false,
                };
            }
            self.out.clear();
            self.out.shrink_to(KEPT_CAPACITY);
            self.written = 0;
            if !self.connection.transmit(&mut self.out) {
                return self.poll_flush(context);
            }
            self.take_fds_out();
        }
        let left = &self.out[self.written..];
        match self.socket.poll_write(context, left) {
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

    // The descriptors of a call go out behind its frame.
    fn take_fds_out(&mut self) {
        if let Some(call) = self.connection.poll_fds()
            && let Some(waiter) = self.waiters.get_mut(&call)
        {
            self.fds_out.extend(std::mem::take(&mut waiter.fds));
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> bool {
        if self.unflushed && self.socket.poll_flush(context).is_ready() {
            self.unflushed = false;
        }
        false
    }

    // True if something was read.
    fn poll_read(&mut self, context: &mut Context<'_>) -> bool {
        // A stream whose reader is slow is slowed down by not reading its connection.
        if self.stream.as_ref().is_some_and(|(_, pipe)| pipe.is_full()) {
            return false;
        }
        let mut buffer = ReadBuf::new(&mut self.input);
        let known = self.fds_in.len();
        let read = self
            .socket
            .poll_read(context, &mut buffer, &mut self.fds_in);
        match read {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => self.connection.handle_eof(),
            Poll::Ready(Ok(())) => {
                let now = self.start.elapsed();
                let fds = self.fds_in.len() - known;
                self.connection
                    .handle_input_with_fds(now, buffer.filled(), fds);
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

    // True if a timer has run out.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> bool {
        let Some(next) = self.connection.poll_timeout() else {
            return false;
        };
        if self.wakes_at.is_none_or(|armed| next < armed) {
            self.sleep.as_mut().reset(self.start + next);
            self.wakes_at = Some(next);
        }
        if self.sleep.as_mut().poll(context).is_pending() {
            return false;
        }
        self.wakes_at = None;
        self.connection.handle_timeout(self.start.elapsed());
        true
    }

    // True if there was something to tell.
    fn tell(&mut self) -> bool {
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
                Output::Event { event, .. } => {
                    tracing::debug!(event.procedure, "an event without a registration");
                }
                Output::EventsLost(registration) => self.listeners.tell_lost(registration),
                Output::Stream { stream, event } => {
                    if let Some((_, pipe)) = self.stream.as_ref().filter(|(id, _)| *id == stream) {
                        pipe.tell(event);
                    }
                }
                Output::Closed(reason) => self.end(reason),
            }
        }
        told
    }

    fn answer(&mut self, call: CallId, result: Result<Vec<u8>, Error>) {
        let Some(waiter) = self.waiters.remove(&call) else {
            let now = self.now();
            self.listeners
                .settle(&mut self.connection, now, call, &result);
            return;
        };
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
        if let Some(waiter) = self.waiters.get_mut(&call) {
            waiter.fds = fds.collect();
        }
    }

    // libvirtd 9.0 dies of a connection that ends while the end of a registration is under way, and
    // 11.3 may hang for good when the end of a stream is.
    fn poll_left(&mut self, context: &mut Context<'_>) -> bool {
        let Some(patience) = &mut self.left else {
            return false;
        };
        let settled = self.listeners.are_settled() && !self.connection.has_streams();
        let leaves = settled || patience.as_mut().poll(context).is_ready();
        if leaves {
            self.connection.close(CloseReason::Local);
        }
        leaves
    }

    fn end(&mut self, reason: CloseReason) {
        self.closed.send_replace(Some(reason.clone()));
        if let Some((_, pipe)) = &self.stream {
            pipe.close(reason);
        }
    }

    // True if bytes went from a stream's writer into the connection.
    fn pump(&mut self, context: &mut Context<'_>) -> bool {
        match &self.stream {
            Some((id, pipe)) => pipe.pump(context, &mut self.connection, *id),
            None => false,
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let mut moved = this.poll_commands(context);
            moved |= this.pump(context);
            moved |= this.poll_write(context);
            moved |= this.poll_read(context);
            moved |= this.poll_timer(context);
            moved |= this.tell();
            moved |= this.poll_left(context);
            if this.connection.closed().is_some() {
                this.tell();
                return Poll::Ready(());
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }
}
