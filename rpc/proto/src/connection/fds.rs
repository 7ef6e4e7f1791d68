//! File descriptors that come with a reply.
//!
//! They are not within the frame: as many bytes follow it, and each of them carries one descriptor.
//! Here they are only counted.

use std::borrow::Cow;

use super::{Connection, Output};
use crate::call::CallId;
use crate::error::MAX_FDS;
use crate::frame::Header;

/// A reply that is there, while its descriptors are not.
#[derive(Debug)]
pub(super) struct IncomingFds {
    header: Header,
    body: Vec<u8>,
    count: usize,
    left: usize,
}

impl Connection {
    pub(super) fn handle_reply_with_fds(&mut self, header: &Header, body: Cow<'_, [u8]>) {
        let Some(count) = body.first_chunk::<4>().copied().map(u32::from_be_bytes) else {
            self.unexpected("a reply without the number of its file descriptors");
            return;
        };
        let count = count as usize;
        if count > MAX_FDS {
            self.unexpected("a reply with more than 32 file descriptors");
        } else if count > 0 && !self.config.fds {
            self.unexpected("file descriptors on a transport that cannot pass them");
        } else if count > 0 {
            self.incoming_fds = Some(IncomingFds {
                header: *header,
                body: without_count(body).into_owned(),
                count,
                left: count,
            });
        } else {
            self.handle_reply(header, without_count(body));
        }
    }

    /// One of the bytes that follow a reply has come, and so many descriptors with it.
    pub(super) fn handle_fd(&mut self, fds: usize) {
        if fds != 1 {
            self.unexpected(match fds {
                0 => "fewer file descriptors than announced",
                _ => "more file descriptors than announced",
            });
            return;
        }
        let Some(mut incoming) = self.incoming_fds.take() else {
            return;
        };
        incoming.left -= 1;
        if incoming.left > 0 {
            self.incoming_fds = Some(incoming);
            return;
        }
        if let Some(call) = self.asked_by(&incoming.header) {
            let count = incoming.count;
            self.outputs.push_back(Output::Fds { call, count });
        }
        self.handle_reply(&incoming.header, Cow::Owned(incoming.body));
    }

    fn asked_by(&self, header: &Header) -> Option<CallId> {
        self.by_serial.get(&header.serial).copied()
    }
}

fn without_count(body: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match body {
        Cow::Borrowed(body) => Cow::Borrowed(&body[4..]),
        Cow::Owned(mut body) => {
            body.drain(..4);
            Cow::Owned(body)
        }
    }
}
