//! Any bytes from a server, to a connection on which everything is under way.

use std::collections::BTreeSet;
use std::time::Duration;

use drover_rpc_proto::{
    Call, CloseReason, Config, Connection, Output, StreamEvent, StreamMode, Time, program,
};

/// Procedures that are called: plain, of a stream each way, and two registrations.
const CALLS: [(u32, i32, Option<StreamMode>); 6] = [
    (program::REMOTE, 16, None),
    (program::REMOTE, 209, Some(mode(false, true))),
    (program::REMOTE, 208, Some(mode(true, false))),
    (program::REMOTE, 201, Some(mode(true, true))),
    (program::REMOTE, 316, None),
    (program::QEMU, 4, None),
];

const fn mode(send: bool, receive: bool) -> StreamMode {
    StreamMode {
        send,
        receive,
        sparse: true,
        length: None,
    }
}

/// The first byte says how large the pieces are.
pub fn run(data: &[u8]) {
    let Some((size, bytes)) = data.split_first() else {
        return;
    };
    let config = Config {
        window: CALLS.len(),
        reserved: 0,
        ..Config::default()
    };
    let mut connection = Connection::new(config, Time::ZERO);
    let mut calls = BTreeSet::new();
    for (program, procedure, stream) in CALLS {
        let Ok(mut call) = Call::new(program, program::VERSION, procedure, &()) else {
            return;
        };
        if let Some(mode) = stream {
            call = call.stream(mode);
        }
        calls.extend(connection.call(call.deadline(Duration::from_secs(9))));
    }
    let mut watch = Watch {
        waiting: calls,
        streams: BTreeSet::new(),
        closed: false,
    };
    let mut out = Vec::new();
    while connection.transmit(&mut out) {}
    for piece in bytes.chunks(usize::from(*size).max(1)) {
        connection.handle_input(Time::ZERO, piece);
        watch.take(&mut connection);
        out.clear();
        while connection.transmit(&mut out) {}
        watch.take(&mut connection);
    }
    connection.handle_timeout(Duration::from_secs(9));
    watch.take(&mut connection);
    assert!(watch.waiting.is_empty(), "{:?} never end", watch.waiting);
    connection.close(CloseReason::Local);
    watch.take(&mut connection);
    assert!(watch.closed && connection.poll_timeout().is_none());
}

/// What must be true of all that is told.
struct Watch<Id> {
    waiting: BTreeSet<Id>,
    // Streams that are over.
    streams: BTreeSet<Id>,
    closed: bool,
}

impl Watch<drover_rpc_proto::CallId> {
    fn take(&mut self, connection: &mut Connection) {
        while let Some(output) = connection.poll_output() {
            assert!(!self.closed, "{output:?} after the end");
            match output {
                Output::Reply { call, .. } => {
                    assert!(self.waiting.remove(&call), "{call:?} ends twice");
                }
                Output::Stream { stream, event } => {
                    assert!(!self.streams.contains(&stream), "{event:?} after the end");
                    if matches!(event, StreamEvent::Finished | StreamEvent::Failed(_)) {
                        self.streams.insert(stream);
                    }
                }
                Output::Closed(_) => self.closed = true,
                _ => {}
            }
        }
    }
}
