//! The account of a connection.

use drover_rpc_proto::{
    CallError, CallId, Class, CloseReason, Config, Output, RawEvent, Refused, StreamError,
    StreamEvent, Time,
};

use super::step::Frame;
use super::stream::{Sent, Stream};
use super::{What, event_of, failure};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Queued,
    Out,
    Over,
}

/// A call, from when it was made on.
#[derive(Debug)]
pub(crate) struct Call {
    // None for the end of a registration that nobody waits for.
    id: Option<CallId>,
    pub(crate) what: What,
    urgent: bool,
    deadline: Option<Time>,
    pub(crate) state: State,
    // Somebody waits for its end.
    wanted: bool,
    pub(crate) serial: u32,
    pub(crate) stream: Option<Stream>,
    // A registration that is in force.
    active: bool,
    // The number that the server gives a registration.
    number: i32,
}

/// What goes out.
#[derive(Debug, PartialEq)]
pub(crate) enum Outgoing {
    Pong,
    Ping,
    Call(usize),
    OnStream(usize, Vec<Sent>),
}

/// Everything that is true of a connection.
#[derive(Debug)]
pub(crate) struct Reference {
    config: Config,
    pub(crate) now: Time,
    pub(crate) calls: Vec<Call>,
    /// What must be told, in order.
    pub(crate) told: Vec<Output>,
    parked: Vec<(Class, i32, RawEvent)>,
    next_serial: u32,
    next_number: i32,
    opened: bool,
    closing: bool,
    pub(crate) closed: Option<CloseReason>,
    pong_due: bool,
    ping_due: bool,
    asks_at: Time,
    unanswered: u32,
}

impl Reference {
    pub(crate) fn new(config: Config) -> Self {
        let interval = config.keepalive.map(|keepalive| keepalive.interval);
        Self {
            config,
            now: Time::ZERO,
            calls: Vec::new(),
            told: Vec::new(),
            parked: Vec::new(),
            next_serial: config.first_serial,
            next_number: 0,
            opened: false,
            closing: false,
            closed: None,
            pong_due: false,
            ping_due: false,
            asks_at: interval.unwrap_or_default(),
            unanswered: 0,
        }
    }

    pub(crate) fn in_state(&self, state: State) -> Vec<usize> {
        let all = self.calls.iter().enumerate();
        all.filter_map(|(key, call)| (call.state == state).then_some(key))
            .collect()
    }

    /// Why a call cannot be made.
    pub(crate) fn refuses(&self, what: What) -> Option<Refused> {
        if let Some(reason) = &self.closed {
            return Some(Refused::Closed(reason.clone()));
        }
        if self.closing {
            return Some(Refused::Closing);
        }
        let queued = self.in_state(State::Queued).len();
        if queued >= self.config.queue {
            return Some(Refused::QueueFull(queued));
        }
        (what == What::Open && self.opened).then_some(Refused::AlreadyOpened)
    }

    pub(crate) fn call(
        &mut self,
        id: Option<CallId>,
        what: What,
        urgent: bool,
        deadline: Option<Time>,
    ) {
        self.opened |= what == What::Open;
        self.closing |= what == What::Close;
        self.calls.push(Call {
            id,
            what,
            urgent,
            deadline,
            state: State::Queued,
            wanted: id.is_some(),
            serial: 0,
            stream: None,
            active: false,
            number: 0,
        });
    }

    /// What goes out now. Signs of life come first, then calls, then streams.
    pub(crate) fn transmit(&mut self) -> Vec<Outgoing> {
        let mut out = Vec::new();
        if self.closed.is_some() {
            return out;
        }
        if std::mem::take(&mut self.pong_due) {
            out.push(Outgoing::Pong);
        }
        if std::mem::take(&mut self.ping_due) {
            out.push(Outgoing::Ping);
        }
        while let Some(key) = self.next_call() {
            self.send(key);
            out.push(Outgoing::Call(key));
        }
        for key in 0..self.calls.len() {
            let call = &mut self.calls[key];
            let (Some(stream), Some(id)) = (&mut call.stream, call.id) else {
                continue;
            };
            let (sent, room) = stream.transmit();
            if !sent.is_empty() {
                out.push(Outgoing::OnStream(key, sent));
            }
            if room {
                self.told.push(on_stream(id, StreamEvent::Writable));
            }
        }
        out
    }

    // Four places, the last of which is for urgent calls; some calls go alone, after all before them
    // and before all after them.
    fn next_call(&self) -> Option<usize> {
        let out = self.in_state(State::Out);
        if out.iter().any(|key| self.calls[*key].what.is_alone()) {
            return None;
        }
        let queued = self.in_state(State::Queued);
        let may_go: Vec<usize> = queued
            .iter()
            .copied()
            .take_while(|key| !self.calls[*key].what.is_alone())
            .collect();
        if may_go.is_empty() {
            return queued.first().copied().filter(|_| out.is_empty());
        }
        let is_urgent = |key: &&usize| self.calls[**key].urgent;
        let urgent = may_go.iter().find(is_urgent);
        let normal = may_go.iter().find(|key| !is_urgent(key));
        let size = self.config.window;
        let places = size - self.config.reserved;
        let urgent = urgent.filter(|_| out.len() < size);
        urgent.or(normal.filter(|_| out.len() < places)).copied()
    }

    fn send(&mut self, key: usize) {
        let in_use = |serial: u32| {
            let mut calls = self.calls.iter();
            calls.any(|call| {
                call.serial == serial && (call.state == State::Out || call.stream.is_some())
            })
        };
        let mut serial = self.next_serial;
        while in_use(serial) {
            serial = serial.wrapping_add(1);
        }
        self.next_serial = serial.wrapping_add(1);
        let capacity = self.config.stream_buffer;
        let call = &mut self.calls[key];
        call.state = State::Out;
        call.serial = serial;
        match call.what {
            What::Stream(mode) => call.stream = Some(Stream::new(mode, capacity)),
            What::Register(_) => {
                call.number = self.next_number;
                self.next_number += 1;
            }
            _ => {}
        }
    }

    /// The body of the good reply to a call.
    pub(crate) fn body(&self, key: usize) -> Vec<u8> {
        match self.calls[key].what {
            What::Register(_) => self.calls[key].number.to_be_bytes().to_vec(),
            _ => vec![1, 2, 3, 4],
        }
    }

    pub(crate) fn answer(&mut self, key: usize, well: bool) {
        let result = if well {
            Ok(self.body(key))
        } else {
            Err(CallError::Libvirt(Box::new(failure())))
        };
        self.end(key, result);
    }

    /// A call is over, and its place is free.
    pub(crate) fn end(&mut self, key: usize, result: Result<Vec<u8>, CallError>) {
        let well = result.is_ok();
        let call = &mut self.calls[key];
        call.state = State::Over;
        call.deadline = None;
        let wanted = call.wanted;
        match &mut call.stream {
            Some(stream) if well => {
                stream.confirm();
                if !wanted {
                    stream.abort();
                }
            }
            stream => *stream = None,
        }
        if let (true, Some(call)) = (wanted, call.id) {
            self.told.push(Output::Reply { call, result });
        }
        if let What::Register(class) = self.calls[key].what {
            self.settle(key, class, well);
        }
    }

    // A registration that nobody waited for is taken back. Events wait no longer than registrations
    // of their class.
    fn settle(&mut self, key: usize, class: Class, well: bool) {
        let number = self.calls[key].number;
        if well && self.calls[key].wanted {
            self.calls[key].active = true;
            let registration = self.calls[key].id;
            self.parked.retain(|(of, callback, event)| {
                let mine = (*of, *callback) == (class, number);
                if mine {
                    let event = event.clone();
                    self.told.push(Output::Event {
                        registration,
                        event,
                    });
                }
                !mine
            });
        } else if well && !self.closing {
            self.call(None, What::Deregister(class, number), true, None);
        }
        if !self.registers(class) {
            self.parked.retain(|(of, _, _)| *of != class);
        }
    }

    // Whether the reply to a registration of this class is still to come.
    fn registers(&self, class: Class) -> bool {
        let mut calls = self.calls.iter();
        calls.any(|call| call.state == State::Out && call.what == What::Register(class))
    }

    /// The number of an event: of a registration that was ever sent, of the next one, or of none.
    pub(crate) fn number(&self, class: Class, which: u8) -> i32 {
        if which >= 192 {
            return self.next_number;
        }
        let of_class =
            |call: &&Call| call.what == What::Register(class) && call.state != State::Queued;
        let numbers: Vec<i32> = self
            .calls
            .iter()
            .filter(of_class)
            .map(|call| call.number)
            .collect();
        let latest = numbers.iter().rev().nth(usize::from(which % 8));
        latest.copied().unwrap_or(1_000_000)
    }

    pub(crate) fn event(&mut self, class: Class, number: i32) {
        let (program, procedure) = event_of(class);
        let event = RawEvent {
            program,
            procedure,
            body: number.to_be_bytes().to_vec(),
        };
        let active = self.calls.iter().find(|call| {
            call.active && call.what == What::Register(class) && call.number == number
        });
        if let Some(call) = active {
            let registration = call.id;
            self.told.push(Output::Event {
                registration,
                event,
            });
        } else if self.registers(class) {
            self.parked.push((class, number, event));
        }
    }

    /// Registrations that can be ended.
    pub(crate) fn active(&self) -> Vec<(CallId, Class, i32)> {
        let active = self.calls.iter().filter(|call| call.active);
        active
            .filter_map(|call| match (call.id, call.what) {
                (Some(id), What::Register(class)) => Some((id, class, call.number)),
                _ => None,
            })
            .collect()
    }

    /// Whether the server is told.
    pub(crate) fn deregister(&mut self, registration: CallId) -> bool {
        for call in &mut self.calls {
            call.active &= call.id != Some(registration);
        }
        !self.closing && self.closed.is_none()
    }

    pub(crate) fn abandon(&mut self, key: usize) {
        let call = &mut self.calls[key];
        call.deadline = None;
        call.wanted = false;
        if call.state == State::Queued {
            call.state = State::Over;
        }
        if let Some(stream) = &mut call.stream {
            stream.abort();
        }
    }

    pub(crate) fn received(&mut self) {
        if let Some(keepalive) = self.config.keepalive {
            self.unanswered = 0;
            self.asks_at = self.now + keepalive.interval;
        }
    }

    pub(crate) fn ping(&mut self) {
        self.pong_due = true;
    }

    /// When something must happen at the latest.
    pub(crate) fn must_wake_at(&self) -> Option<Time> {
        if self.closed.is_some() {
            return None;
        }
        let keepalive = self.config.keepalive.map(|_| self.asks_at);
        let due = self.due().into_iter().map(|(time, _)| time);
        due.chain(keepalive).min()
    }

    // Deadlines, the first one first.
    fn due(&self) -> Vec<(Time, usize)> {
        let mut due: Vec<(Time, usize)> = Vec::new();
        for (key, call) in self.calls.iter().enumerate() {
            let finish = call.stream.as_ref().and_then(|stream| stream.finish_by);
            let times = [call.deadline, finish].into_iter().flatten();
            due.extend(times.map(|time| (time, key)));
        }
        due.sort_unstable();
        due
    }

    pub(crate) fn pass(&mut self, to: Time) {
        self.now = to;
        for (time, key) in self.due() {
            if time <= to && self.closed.is_none() {
                self.expire(key);
            }
        }
        let Some(keepalive) = self.config.keepalive.filter(|_| self.closed.is_none()) else {
            return;
        };
        if to < self.asks_at {
            return;
        }
        if self.unanswered >= keepalive.count {
            self.close(CloseReason::Keepalive);
            return;
        }
        self.unanswered += 1;
        self.asks_at = to + keepalive.interval;
        self.ping_due = true;
    }

    fn expire(&mut self, key: usize) {
        let call = &mut self.calls[key];
        let Some(id) = call.id else {
            return;
        };
        if call.state == State::Over {
            let event = call.stream.as_mut().and_then(Stream::expire);
            let event = event.map(|event| on_stream(id, event));
            self.told.extend(event);
            return;
        }
        let sent = call.state == State::Out;
        self.abandon(key);
        let result = Err(CallError::Timeout { sent });
        self.told.push(Output::Reply { call: id, result });
    }

    /// Streams that have not ended.
    pub(crate) fn streams(&self) -> Vec<usize> {
        let all = self.calls.iter().enumerate();
        all.filter_map(|(key, call)| call.stream.is_some().then_some(key))
            .collect()
    }

    pub(crate) fn id(&self, key: usize) -> Option<CallId> {
        self.calls[key].id
    }

    pub(crate) fn stream(&mut self, key: usize) -> Result<&mut Stream, StreamError> {
        self.calls[key].stream.as_mut().ok_or(StreamError::Gone)
    }

    pub(crate) fn on_stream(&mut self, key: usize, frame: Frame) {
        let call = &mut self.calls[key];
        let (Some(stream), Some(id)) = (&mut call.stream, call.id) else {
            return;
        };
        if !stream.is_confirmed() && matches!(frame, Frame::Confirm | Frame::Error) {
            let what = "the end of a stream before the reply that opens it";
            self.close(CloseReason::Unexpected(what));
            return;
        }
        let (event, over) = stream.receive(frame);
        if over {
            call.stream = None;
        }
        self.told.extend(event.map(|event| on_stream(id, event)));
    }

    /// The server hangs up: as it was asked to, when all is answered and CLOSE too.
    pub(crate) fn hang_up(&mut self) {
        let open = [State::Queued, State::Out].map(|state| self.in_state(state).len());
        let agreed = self.closing && open == [0, 0];
        self.close(if agreed {
            CloseReason::Local
        } else {
            CloseReason::Eof
        });
    }

    /// Everything under way fails, and then nothing more is told.
    pub(crate) fn close(&mut self, reason: CloseReason) {
        if self.closed.is_some() {
            return;
        }
        for call in &mut self.calls {
            let sent = call.state == State::Out;
            let waited = call.wanted && call.state != State::Over;
            call.state = State::Over;
            call.active = false;
            if let (true, Some(call)) = (waited, call.id) {
                let reason = reason.clone();
                let result = Err(CallError::Closed { reason, sent });
                self.told.push(Output::Reply { call, result });
            }
        }
        for call in &mut self.calls {
            call.deadline = None;
            let told = call.stream.take().is_some_and(|stream| stream.is_told());
            if let (true, Some(id)) = (told, call.id) {
                let error = StreamError::Closed(reason.clone());
                self.told.push(on_stream(id, StreamEvent::Failed(error)));
            }
        }
        self.told.push(Output::Closed(reason.clone()));
        self.closed = Some(reason);
    }
}

fn on_stream(stream: CallId, event: StreamEvent) -> Output {
    Output::Stream { stream, event }
}
