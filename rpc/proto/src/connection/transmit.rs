//! What goes out: signs of life before calls, calls before streams.

use super::Connection;
use crate::call::CallId;
use crate::frame::{Header, Kind, STREAM_CHUNK, Status, set_serial, write_frame};
use crate::program;
use crate::stream::{Stream, StreamEvent};

/// The memory of a larger call is given back while it is under way.
const KEPT_CAPACITY: usize = 16 << 10;

impl Connection {
    /// Appends to `out` what is to be written now: whole frames, and no more than a few hundred
    /// kilobytes of streams at a time, so that an answer to the server never waits behind them.
    /// Calls taken out here count as sent. True if anything was appended.
    pub fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        if self.closed.is_some() || self.fds_due.is_some() {
            return false;
        }
        if std::mem::take(&mut self.pong_due) {
            write_frame(out, &keepalive(program::PONG), &[]);
        }
        if std::mem::take(&mut self.ping_due) {
            write_frame(out, &keepalive(program::PING), &[]);
        }
        while self.fds_due.is_none()
            && let Some(id) = self.window.next()
        {
            self.send_call(id, out);
        }
        while self.fds_due.is_none()
            && out.len() - before < STREAM_CHUNK
            && let Some(id) = self.next_stream()
        {
            self.send_stream(id, out);
        }
        out.len() > before
    }

    /// The call whose file descriptors are to follow the bytes given out last, each with one zero
    /// byte of its own. Until this has been asked, [`Connection::transmit`] gives out nothing more;
    /// whatever it gives out afterwards comes behind the descriptors.
    pub fn poll_fds(&mut self) -> Option<CallId> {
        self.fds_due.take()
    }

    fn send_call(&mut self, id: CallId, out: &mut Vec<u8>) {
        let serial = self.free_serial();
        let Some(pending) = self.calls.get_mut(&id) else {
            return;
        };
        pending.serial = Some(serial);
        self.by_serial.insert(serial, id);
        // Both are ready for what follows before the server can have seen anything.
        if let Some(class) = pending.call.registers() {
            self.routes.expect(class);
        }
        if let Some(mode) = pending.call.stream {
            let buffer = self.config.stream_buffer;
            let stream = Stream::new(&pending.call, mode, serial, buffer);
            self.streams.insert(id, stream);
        }
        if pending.call.fds > 0 {
            self.fds_due = Some(id);
        }
        set_serial(&mut pending.call.frame, serial);
        out.extend_from_slice(&pending.call.frame);
        // What is small is where the reply will be put.
        if pending.call.frame.capacity() > KEPT_CAPACITY {
            pending.call.frame = Vec::new();
        }
    }

    // Serials wrap around, and a call may have been out for that long.
    fn free_serial(&mut self) -> u32 {
        while self.by_serial.contains(&self.next_serial) {
            self.next_serial = self.next_serial.wrapping_add(1);
        }
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        serial
    }

    // The next stream that has something to send, after the one that sent last.
    fn next_stream(&self) -> Option<CallId> {
        if self.streams.is_empty() {
            return None;
        }
        let ready = |(id, stream): (&CallId, &Stream)| stream.has_outgoing().then_some(*id);
        let after = self.last_stream.map_or(0, |last| last.0 + 1);
        self.streams
            .range(CallId(after)..)
            .find_map(ready)
            .or_else(|| self.streams.iter().find_map(ready))
    }

    fn send_stream(&mut self, id: CallId, out: &mut Vec<u8>) {
        self.last_stream = Some(id);
        let room = self
            .streams
            .get_mut(&id)
            .is_some_and(|stream| stream.transmit(out));
        if room {
            self.tell_stream(id, StreamEvent::Writable);
        }
    }
}

fn keepalive(procedure: i32) -> Header {
    Header {
        program: program::KEEPALIVE,
        version: program::VERSION,
        procedure,
        kind: Kind::Message,
        serial: 0,
        status: Status::Ok,
    }
}

#[cfg(test)]
mod tests {
    use crate::connection::{Config, Connection};
    use crate::frame::FrameReader;
    use crate::{Call, Time, program};

    fn serial_of_a_call(connection: &mut Connection) -> u32 {
        let call = Call::new(program::REMOTE, program::VERSION, 16, &()).unwrap();
        connection.call(call).unwrap();
        let mut out = Vec::new();
        connection.transmit(&mut out);
        let frame = FrameReader::default().read(&mut &out[..]).unwrap();
        frame.unwrap().0.serial
    }

    #[test]
    fn a_serial_that_is_in_use_is_passed_over() {
        let mut connection = Connection::new(Config::default(), Time::ZERO);
        assert_eq!(serial_of_a_call(&mut connection), 1);
        // They have been all the way round.
        connection.next_serial = 1;
        assert_eq!(serial_of_a_call(&mut connection), 2);
    }
}
