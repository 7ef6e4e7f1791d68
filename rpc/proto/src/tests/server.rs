//! The other end: it reads what the client writes, and answers as the test says.

use crate::frame::{FrameReader, Header, Kind, Status, write_frame};

/// A frame from the client.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) header: Header,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn procedure(&self) -> i32 {
        self.header.procedure
    }

    pub(super) fn with(&self, kind: Kind, status: Status) -> Header {
        Header {
            kind,
            status,
            ..self.header
        }
    }

    /// The header of a good reply.
    pub(super) fn reply(&self) -> Header {
        self.with(Kind::Reply, Status::Ok)
    }

    /// The header of an error reply.
    pub(super) fn error(&self) -> Header {
        self.with(Kind::Reply, Status::Error)
    }

    /// The header of bytes on the stream of this call.
    pub(super) fn data(&self) -> Header {
        self.with(Kind::Stream, Status::Continue)
    }

    /// The header of the confirmation that the stream of this call is over.
    pub(super) fn end(&self) -> Header {
        self.with(Kind::Stream, Status::Ok)
    }
}

/// Puts the client's frames together.
#[derive(Default)]
pub(super) struct Server {
    reader: FrameReader,
}

impl Server {
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Request> {
        let mut rest = bytes;
        let mut requests = Vec::new();
        while let Some((header, body)) = self.reader.read(&mut rest).unwrap() {
            let body = body.into_owned();
            requests.push(Request { header, body });
        }
        requests
    }
}

pub(super) fn frame(header: &Header, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, header, body);
    bytes
}

/// The header of an event.
pub(super) fn event(program: u32, procedure: i32) -> Header {
    Header {
        program,
        version: 1,
        procedure,
        kind: Kind::Message,
        // As libvirtd sends it: it must not be taken for the call of that serial.
        serial: 1,
        status: Status::Ok,
    }
}

/// The body of an error.
pub(super) fn error(code: i32, domain: i32, message: &str) -> Vec<u8> {
    let error = crate::net::MessageError {
        code,
        domain,
        message: Some(message.into()),
        level: 2,
        int1: -1,
        int2: -1,
        dom: None,
        str1: None,
        str2: None,
        str3: None,
        net: None,
    };
    drover_xdr::to_bytes(&error).unwrap()
}
