//! The connection, the account of it, and the server between them.

use std::collections::BTreeSet;
use std::time::Duration;

use drover_rpc_proto::frame::{FrameReader, Header, Kind, Status, write_frame};
use drover_rpc_proto::{
    Call, CallError, CallId, CloseReason, Config, Connection, Keepalive, Output, StreamEvent, Time,
    net, program,
};
use drover_xdr::to_bytes;

use super::reference::{Outgoing, Reference, State};
use super::step::{Frame, Step};
use super::stream::Sent;
use super::{What, event_of, failure};

/// Everything that a run needs.
pub(crate) struct World {
    connection: Connection,
    reference: Reference,
    server: FrameReader,
    // In pieces of how many bytes the client gets what the server sends.
    piece: usize,
    ended: BTreeSet<CallId>,
}

impl World {
    /// The number chooses how the connection is made.
    pub(crate) fn new(choice: u8) -> Self {
        let keepalive = Keepalive {
            interval: Duration::from_secs(20),
            count: 2,
        };
        let config = Config {
            queue: if choice & 1 == 0 { 4096 } else { 6 },
            keepalive: (choice & 2 != 0).then_some(keepalive),
            stream_buffer: 16,
            // Serials begin again after a few calls.
            first_serial: if choice & 4 == 0 { 1 } else { u32::MAX - 2 },
            ..Config::default()
        };
        Self {
            connection: Connection::new(config, Time::ZERO),
            reference: Reference::new(config),
            server: FrameReader::default(),
            piece: usize::from(choice >> 3).max(1),
            ended: BTreeSet::new(),
        }
    }

    /// Takes all steps, then brings everything to its end.
    pub(crate) fn run(mut self, steps: impl IntoIterator<Item = Step>) {
        for step in steps {
            self.step(step);
            self.compare();
        }
        while self.reference.closed.is_none() {
            self.transmit();
            self.compare();
            let Some(key) = self.reference.in_state(State::Out).pop() else {
                break;
            };
            self.answer(key, true);
            self.compare();
        }
        for key in self.reference.streams() {
            self.on_stream(key, Frame::Error);
            self.compare();
        }
        let left = (self.connection.in_flight(), self.connection.queued());
        assert_eq!(left, (0, 0));
        assert!(!self.connection.has_streams());
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Call {
                what,
                urgent,
                deadline,
            } => self.call(what, urgent, deadline),
            Step::Transmit => self.transmit(),
            Step::Answer { which, well } => {
                if let Some(key) = pick(&self.reference.in_state(State::Out), which) {
                    self.answer(key, well);
                }
            }
            Step::Event { class, which } => {
                let number = self.reference.number(class, which);
                let (program, procedure) = event_of(class);
                self.deliver(&message(program, procedure), &number.to_be_bytes());
                self.reference.event(class, number);
            }
            Step::Deregister { which } => self.deregister(which),
            Step::Abandon { which } => self.abandon(which),
            Step::Pass { seconds } => self.pass(seconds),
            Step::Ping => {
                self.deliver(&message(program::KEEPALIVE, 1), &[]);
                self.reference.ping();
            }
            Step::UnknownEvent => self.deliver(&message(program::REMOTE, 9999), &[0; 8]),
            Step::Eof => {
                self.connection.handle_eof();
                self.reference.hang_up();
            }
            Step::RepeatReply { which } => self.repeat_reply(which),
            Step::ReplyGoesOn { which } => self.reply_goes_on(which),
            Step::OnStream { which, frame } => {
                if let Some(key) = pick(&self.reference.streams(), which) {
                    self.on_stream(key, frame);
                }
            }
            Step::Send { .. }
            | Step::SendHole { .. }
            | Step::Finish { .. }
            | Step::Abort { .. } => {
                self.use_stream(step);
            }
        }
    }

    // What is told is what must be told; the window holds; no deadline is passed over.
    fn compare(&mut self) {
        let told: Vec<Output> = std::iter::from_fn(|| self.connection.poll_output()).collect();
        for output in &told {
            if let Output::Reply { call, .. } = output {
                assert!(self.ended.insert(*call), "{call:?} ends twice");
            }
        }
        let must = std::mem::take(&mut self.reference.told);
        assert_eq!(in_no_turn(told), in_no_turn(must));
        assert_eq!(self.connection.closed(), self.reference.closed.as_ref());
        let out = self.reference.in_state(State::Out).len();
        assert_eq!(self.connection.in_flight(), out);
        assert!(out <= 4, "{out} calls are out");
        let must = self.reference.must_wake_at();
        let wakes = self.connection.poll_timeout();
        if let Some(must) = must {
            assert!(
                wakes.is_some_and(|wakes| wakes <= must),
                "{wakes:?}, {must:?}"
            );
        }
        // Woken at its time, it does not ask for the same time again.
        assert!(wakes.is_none_or(|wakes| wakes > self.reference.now));
    }

    fn call(&mut self, what: What, urgent: bool, deadline: Option<u8>) {
        let (program, procedure) = what.procedure();
        // A number has no bound that it could be over.
        let Ok(mut call) = Call::new(program, program::VERSION, procedure, &7) else {
            return;
        };
        call = call.urgent(urgent);
        let deadline = deadline.map(|after| self.after(after));
        if let Some(deadline) = deadline {
            call = call.deadline(deadline);
        }
        if let What::Stream(mode) = what {
            call = call.stream(mode);
        }
        let made = self.connection.call(call);
        assert_eq!(made.as_ref().err(), self.reference.refuses(what).as_ref());
        if let Ok(id) = made {
            self.reference.call(Some(id), what, urgent, deadline);
        }
    }

    // Later than now: what is due at once is due when time passes.
    fn after(&self, seconds: u8) -> Time {
        self.reference.now + Duration::from_secs(u64::from(seconds) + 1)
    }

    fn transmit(&mut self) {
        let mut bytes = Vec::new();
        while self.connection.transmit(&mut bytes) {}
        let mut rest = &bytes[..];
        let mut frames = Vec::new();
        while let Ok(Some((header, body))) = self.server.read(&mut rest) {
            frames.push((header, body.into_owned()));
        }
        let expected = self.reference.transmit();
        for outgoing in expected {
            self.expect(outgoing, &mut frames);
        }
        assert!(frames.is_empty(), "{frames:?}");
    }

    // The frames of one stream are in order; streams take turns.
    fn expect(&self, outgoing: Outgoing, frames: &mut Vec<(Header, Vec<u8>)>) {
        let on_stream = |header: &Header| matches!(header.kind, Kind::Stream | Kind::StreamHole);
        match outgoing {
            Outgoing::Pong | Outgoing::Ping => {
                let procedure = if outgoing == Outgoing::Pong { 2 } else { 1 };
                let header = Header {
                    serial: 0,
                    ..message(program::KEEPALIVE, procedure)
                };
                assert_eq!(frames.remove(0), (header, Vec::new()));
            }
            Outgoing::Call(key) => {
                let call = &self.reference.calls[key];
                let header = call.what.header(Kind::Call, call.serial, Status::Ok);
                let number = match call.what {
                    What::Deregister(_, number) => number,
                    _ => 7,
                };
                assert_eq!(frames.remove(0), (header, number.to_be_bytes().to_vec()));
            }
            Outgoing::OnStream(key, sent) => {
                let serial = self.reference.calls[key].serial;
                for sent in sent {
                    let mine =
                        |frame: &(Header, Vec<u8>)| on_stream(&frame.0) && frame.0.serial == serial;
                    let at = frames.iter().position(mine);
                    let frame = at.map(|at| frames.remove(at));
                    assert_eq!(frame, Some(self.frame(key, sent)));
                }
            }
        }
    }

    fn frame(&self, key: usize, sent: Sent) -> (Header, Vec<u8>) {
        let (kind, status, body) = match sent {
            Sent::Data(count) => (Kind::Stream, Status::Continue, vec![5; count]),
            Sent::Hole(length) => {
                let body = [&length.to_be_bytes()[..], &[0; 4]].concat();
                (Kind::StreamHole, Status::Continue, body)
            }
            Sent::Finish => (Kind::Stream, Status::Ok, Vec::new()),
            Sent::Abort => (Kind::Stream, Status::Error, Vec::new()),
        };
        let call = &self.reference.calls[key];
        (call.what.header(kind, call.serial, status), body)
    }

    fn deliver(&mut self, header: &Header, body: &[u8]) {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, header, body);
        for piece in bytes.chunks(self.piece) {
            self.connection.handle_input(self.reference.now, piece);
        }
        self.reference.received();
    }

    fn header(&self, key: usize, kind: Kind, status: Status) -> Header {
        let call = &self.reference.calls[key];
        call.what.header(kind, call.serial, status)
    }

    fn answer(&mut self, key: usize, well: bool) {
        if well {
            let header = self.header(key, Kind::Reply, Status::Ok);
            let body = self.reference.body(key);
            self.deliver(&header, &body);
        } else {
            let header = self.header(key, Kind::Reply, Status::Error);
            self.deliver(&header, &refusal());
        }
        self.reference.answer(key, well);
    }

    fn repeat_reply(&mut self, which: u8) {
        let reference = &self.reference;
        let sent = |key: &usize| reference.calls[*key].serial != 0;
        let mut over = reference.in_state(State::Over);
        over.retain(sent);
        let (Some(key), None) = (pick(&over, which), &reference.closed) else {
            return;
        };
        let header = self.header(key, Kind::Reply, Status::Ok);
        self.deliver(&header, &[]);
        let reason = CloseReason::Unexpected("a reply to no call");
        self.reference.close(reason);
    }

    fn reply_goes_on(&mut self, which: u8) {
        let Some(key) = pick(&self.reference.in_state(State::Out), which) else {
            return;
        };
        let header = self.header(key, Kind::Reply, Status::Continue);
        self.deliver(&header, &[]);
        let reason = CloseReason::Unexpected("a reply that goes on");
        let sent = true;
        let error = CallError::Closed {
            reason: reason.clone(),
            sent,
        };
        self.reference.end(key, Err(error));
        self.reference.close(reason);
    }

    fn deregister(&mut self, which: u8) {
        let active = self.reference.active();
        let Some((id, class, number)) = pick(&active, which) else {
            return;
        };
        let deadline = (which & 1 == 1).then(|| self.after(which % 30));
        let call = self.connection.deregister(id, deadline);
        assert_eq!(call.is_some(), self.reference.deregister(id));
        if call.is_some() {
            let what = What::Deregister(class, number);
            self.reference.call(call, what, true, deadline);
        }
    }

    fn abandon(&mut self, which: u8) {
        let calls = &self.reference.calls;
        let recent: Vec<usize> = (0..calls.len()).rev().take(12).collect();
        let key = pick(&recent, which);
        if let Some((key, id)) = key.and_then(|key| Some((key, self.reference.id(key)?))) {
            self.connection.abandon(id);
            self.reference.abandon(key);
        }
    }

    fn pass(&mut self, seconds: u8) {
        let to = self.after(seconds);
        self.connection.handle_timeout(to);
        self.reference.pass(to);
    }

    fn on_stream(&mut self, key: usize, frame: Frame) {
        let (kind, status, body) = match frame {
            Frame::Data(count) => (Kind::Stream, Status::Continue, vec![9; usize::from(count)]),
            Frame::Last => (Kind::Stream, Status::Continue, Vec::new()),
            Frame::Hole(length) => {
                let body = [&i64::from(length).to_be_bytes()[..], &[0; 4]].concat();
                (Kind::StreamHole, Status::Continue, body)
            }
            Frame::Confirm => (Kind::Stream, Status::Ok, Vec::new()),
            Frame::Error => (Kind::Stream, Status::Error, refusal()),
        };
        let header = self.header(key, kind, status);
        self.deliver(&header, &body);
        self.reference.on_stream(key, frame);
    }

    // What the user of a stream does.
    fn use_stream(&mut self, step: Step) {
        let (Step::Send { which, .. }
        | Step::SendHole { which, .. }
        | Step::Finish { which, .. }
        | Step::Abort { which }) = step
        else {
            return;
        };
        let key = pick(&self.reference.streams(), which);
        let Some((key, id)) = key.and_then(|key| Some((key, self.reference.id(key)?))) else {
            return;
        };
        let deadline = |after: Option<u8>| after.map(|after| self.after(after));
        match step {
            Step::Send { count, .. } => {
                let count = usize::from(count);
                let sent = self.connection.stream_send(id, &vec![5; count]);
                let stream = self.reference.stream(key);
                assert_eq!(sent, stream.and_then(|stream| stream.send(count)));
            }
            Step::SendHole { length, .. } => {
                let length = u64::from(length);
                let sent = self.connection.stream_hole(id, length);
                let stream = self.reference.stream(key);
                assert_eq!(sent, stream.and_then(|stream| stream.hole(length)));
            }
            Step::Finish {
                deadline: after, ..
            } => {
                let deadline = deadline(after);
                let finished = self.connection.stream_finish(id, deadline);
                let stream = self.reference.stream(key);
                assert_eq!(finished, stream.and_then(|stream| stream.finish(deadline)));
            }
            _ => {
                // A call whose reply is still to come is given up as a call.
                self.connection.abandon(id);
                self.reference.abandon(key);
            }
        }
    }
}

/// Streams take turns at sending: who finds room first is not said.
fn in_no_turn(mut told: Vec<Output>) -> Vec<Output> {
    let writable = |output: &Output| match output {
        Output::Stream {
            stream,
            event: StreamEvent::Writable,
        } => Some(*stream),
        _ => None,
    };
    if told.iter().all(|output| writable(output).is_some()) {
        told.sort_by_key(writable);
    }
    told
}

fn pick<T: Copy>(from: &[T], which: u8) -> Option<T> {
    let index = usize::from(which).checked_rem(from.len())?;
    from.get(index).copied()
}

/// The header of what comes by itself.
fn message(program: u32, procedure: i32) -> Header {
    Header {
        program,
        version: program::VERSION,
        procedure,
        kind: Kind::Message,
        // As libvirtd sends it.
        serial: 1,
        status: Status::Ok,
    }
}

fn refusal() -> Vec<u8> {
    let error = failure();
    let error = net::MessageError {
        code: error.code,
        domain: error.domain,
        message: None,
        level: error.level,
        dom: None,
        str1: None,
        str2: None,
        str3: None,
        int1: 0,
        int2: 0,
        net: None,
    };
    to_bytes(&error).unwrap_or_default()
}
