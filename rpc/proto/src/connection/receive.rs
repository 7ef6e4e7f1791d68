//! What comes in, each frame to where it belongs.

use std::borrow::Cow;

use super::{Connection, Output, Pending};
use crate::Time;
use crate::call::CallId;
use crate::error::{CallError, CloseReason, LibvirtError};
use crate::event::{Addressing, Class, RawEvent, addressing};
use crate::frame::{Header, Kind, Status};
use crate::program;

impl Connection {
    /// Bytes have come, in whatever pieces.
    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) {
        self.handle_input_with_fds(now, bytes, 0);
    }

    /// Bytes have come, and with the last of them so many file descriptors. No read goes past a byte
    /// that has one. Those of a reply are told as [`Output::Fds`], in the order in which they came.
    pub fn handle_input_with_fds(&mut self, now: Time, bytes: &[u8], fds: usize) {
        if let Some(timer) = &mut self.keepalive
            && !bytes.is_empty()
        {
            timer.received(now);
        }
        let mut reader = std::mem::take(&mut self.reader);
        let mut rest = bytes;
        let mut fds = fds;
        while self.closed.is_none() {
            if self.incoming_fds.is_some() {
                let Some((_, left)) = rest.split_first() else {
                    break;
                };
                rest = left;
                let carried = if rest.is_empty() { fds } else { 0 };
                fds -= carried;
                self.handle_fd(carried);
                continue;
            }
            match reader.read(&mut rest) {
                Ok(Some((header, body))) => self.handle_frame(&header, body),
                Ok(None) => break,
                Err(error) => self.close(error.into()),
            }
        }
        self.reader = reader;
        if fds > 0 {
            self.unexpected("file descriptors that were not announced");
        }
    }

    // The program of keepalive first, then the type: serials of events mean nothing.
    fn handle_frame(&mut self, header: &Header, body: Cow<'_, [u8]>) {
        if header.program == program::KEEPALIVE {
            self.pong_due |= header.procedure == program::PING;
            return;
        }
        match header.kind {
            Kind::Reply => self.handle_reply(header, body),
            Kind::Message => self.handle_event(header, body),
            Kind::Stream | Kind::StreamHole => self.handle_stream(header, body),
            Kind::ReplyWithFds => self.handle_reply_with_fds(header, body),
            Kind::Call | Kind::CallWithFds => self.unexpected("a call"),
        }
    }

    pub(super) fn unexpected(&mut self, what: &'static str) {
        self.close(CloseReason::Unexpected(what));
    }

    pub(super) fn handle_reply(&mut self, header: &Header, body: Cow<'_, [u8]>) {
        let Some((id, mut pending)) = self.take_answered(header) else {
            self.unexpected("a reply to no call");
            return;
        };
        let result = match header.status {
            Status::Ok => Ok(pending.keep(body)),
            Status::Error => Err(read_error(&body)),
            Status::Continue => {
                // The call is no longer among those that fail with the connection.
                self.settle(id, &pending, Err(malformed_status()));
                self.unexpected("a reply that goes on");
                return;
            }
        };
        self.settle(id, &pending, result);
    }

    // The call that a reply belongs to; it gives back its place in the window.
    fn take_answered(&mut self, header: &Header) -> Option<(CallId, Pending)> {
        let id = *self.by_serial.get(&header.serial)?;
        let call = &self.calls.get(&id)?.call;
        let asked = (call.program, call.version, call.procedure);
        if asked != (header.program, header.version, header.procedure) {
            return None;
        }
        let pending = self.calls.remove(&id)?;
        if let Some(deadline) = pending.call.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.window.answered(id);
        if !self.streams.contains_key(&id) {
            self.by_serial.remove(&header.serial);
        }
        Some((id, pending))
    }

    fn settle(&mut self, id: CallId, pending: &Pending, result: Result<Vec<u8>, CallError>) {
        if pending.call.stream.is_some() {
            self.settle_stream(id, result.is_ok(), pending.abandoned);
        }
        match pending.call.registers() {
            Some(class) => self.settle_registration(id, class, pending.abandoned, result),
            None if pending.abandoned => {}
            None => self.tell_reply(id, result),
        }
    }

    fn settle_registration(
        &mut self,
        id: CallId,
        class: Class,
        abandoned: bool,
        result: Result<Vec<u8>, CallError>,
    ) {
        let callback = result.as_ref().ok().and_then(|body| callback_of(body));
        let listener = (!abandoned).then_some(id);
        let arrived = self.routes.settle(class, callback, listener);
        if !abandoned {
            self.tell_reply(id, result);
        } else if let Some(callback) = callback {
            self.tell_deregistration(class, callback, None, false);
        }
        for event in arrived.events {
            let registration = listener;
            self.outputs.push_back(Output::Event {
                registration,
                event,
            });
        }
        if arrived.lost {
            self.outputs.push_back(Output::EventsLost(id));
        }
    }

    fn handle_event(&mut self, header: &Header, body: Cow<'_, [u8]>) {
        if !matches!(
            header.program,
            program::REMOTE | program::QEMU | program::LXC
        ) {
            self.unexpected("an event of an unknown program");
            return;
        }
        let event = RawEvent {
            program: header.program,
            procedure: header.procedure,
            body: body.into_owned(),
        };
        let told = match addressing(header.program, header.procedure) {
            Addressing::ById(class) => self
                .routes
                .route(class, event)
                .map(|(registration, event)| (Some(registration), event)),
            Addressing::Plain => Some((None, event)),
            Addressing::Unknown => None,
        };
        if let Some((registration, event)) = told {
            self.outputs.push_back(Output::Event {
                registration,
                event,
            });
        }
    }
}

fn read_error(body: &[u8]) -> CallError {
    match LibvirtError::from_body(body) {
        Ok(error) => CallError::Libvirt(Box::new(error)),
        Err(error) => CallError::Malformed(error),
    }
}

fn malformed_status() -> CallError {
    CallError::Closed {
        reason: CloseReason::Unexpected("a reply that goes on"),
        sent: true,
    }
}

fn callback_of(body: &[u8]) -> Option<i32> {
    body.first_chunk::<4>().copied().map(i32::from_be_bytes)
}
