//! The server's end of a connection.

use drover_rpc_proto::frame::{FrameReader, Header, Kind, Status, write_frame};
use drover_rpc_proto::{net, program};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A frame from the client.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) header: Header,
    pub(super) body: Vec<u8>,
}

pub(super) struct Server {
    socket: DuplexStream,
    reader: FrameReader,
    requests: std::collections::VecDeque<Request>,
}

impl Server {
    pub(super) fn new(socket: DuplexStream) -> Self {
        Self {
            socket,
            reader: FrameReader::default(),
            requests: std::collections::VecDeque::new(),
        }
    }

    /// The next frame of the client; none when it has closed the connection.
    pub(super) async fn next(&mut self) -> Option<Request> {
        let mut buffer = vec![0; 64 << 10];
        while self.requests.is_empty() {
            let count = self.socket.read(&mut buffer).await.ok()?;
            if count == 0 {
                return None;
            }
            let mut rest = &buffer[..count];
            while let Some((header, body)) = self.reader.read(&mut rest).unwrap() {
                let body = body.into_owned();
                self.requests.push_back(Request { header, body });
            }
        }
        self.requests.pop_front()
    }

    /// The next frame, which must be of this procedure.
    pub(super) async fn expect(&mut self, procedure: i32) -> Request {
        let request = self.next().await.expect("a frame");
        assert_eq!(request.header.procedure, procedure);
        request
    }

    /// Whether nothing comes for a while.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let wait = std::time::Duration::from_millis(50);
        tokio::time::timeout(wait, self.next()).await.is_err()
    }

    pub(super) async fn send(&mut self, header: &Header, body: &[u8]) {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, header, body);
        self.socket.write_all(&bytes).await.unwrap();
    }

    /// Any bytes. A client that has gone takes none.
    pub(super) async fn raw(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.ok();
    }

    /// Answers well.
    pub(super) async fn reply(&mut self, request: &Request, body: &[u8]) {
        let header = with(request, Kind::Reply, Status::Ok);
        self.send(&header, body).await;
    }

    /// Answers the next frame, which must be of this procedure.
    pub(super) async fn answer(&mut self, procedure: i32, body: &[u8]) -> Request {
        let request = self.expect(procedure).await;
        self.reply(&request, body).await;
        request
    }

    /// Answers with an error.
    pub(super) async fn refuse(&mut self, request: &Request, code: i32, message: &str) {
        let header = with(request, Kind::Reply, Status::Error);
        self.send(&header, &error(code, message)).await;
    }

    pub(super) async fn event(&mut self, procedure: i32, body: &[u8]) {
        self.event_of(program::REMOTE, procedure, body).await;
    }

    pub(super) async fn event_of(&mut self, program: u32, procedure: i32, body: &[u8]) {
        let header = Header {
            program,
            version: 1,
            procedure,
            kind: Kind::Message,
            serial: 1,
            status: Status::Ok,
        };
        self.send(&header, body).await;
    }
}

pub(super) fn with(request: &Request, kind: Kind, status: Status) -> Header {
    Header {
        kind,
        status,
        ..request.header
    }
}

pub(super) fn error(code: i32, message: &str) -> Vec<u8> {
    let error = net::MessageError {
        code,
        domain: 12,
        message: Some(message.into()),
        level: 2,
        dom: None,
        str1: None,
        str2: None,
        str3: None,
        int1: -1,
        int2: -1,
        net: None,
    };
    drover_xdr::to_bytes(&error).unwrap()
}
