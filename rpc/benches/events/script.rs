//! A script in the place of libvirtd: it answers what a listener asks first, and then sends events at
//! an exact rate.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use drover_rpc::proto::frame::{FrameReader, Header, Kind, Status, write_frame};
use drover_rpc::proto::procedure::Procedure;
use drover_rpc::proto::program;
use drover_rpc::proto::remote::procedures::{
    AuthList, ConnectDomainEventCallbackRegisterAny, ConnectSupportsFeature,
};
use drover_rpc::proto::remote::{Domain, DomainEventCallbackMetadataChangeMsg};

use crate::{EVENTS, RATE, stamp};

/// `DOMAIN_EVENT_CALLBACK_METADATA_CHANGE`.
const METADATA_CHANGE: i32 = 379;
const REGISTER: i32 = <ConnectDomainEventCallbackRegisterAny as Procedure>::NUMBER;
/// The registration, as it is answered and as the events name it.
const CALLBACK: i32 = 1;
const TICK: Duration = Duration::from_millis(1);

pub(crate) struct Script {
    folder: PathBuf,
    /// The socket of the listener, once it listens.
    socket: JoinHandle<UnixStream>,
}

impl Script {
    pub(crate) fn start() -> Self {
        let name = format!("drover-bench-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join("socket")).unwrap();
        let socket = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            answer(&mut socket);
            socket
        });
        Self { folder, socket }
    }

    pub(crate) fn uri(&self) -> String {
        format!(
            "test+unix:///default?socket={}/socket",
            self.folder.display()
        )
    }

    /// All of them, a few with every tick.
    pub(crate) fn make_events(self) {
        let mut socket = self.socket.join().unwrap();
        let start = Instant::now();
        let (mut sent, mut bytes) = (0, Vec::new());
        while sent < EVENTS {
            let due = (start.elapsed().as_secs_f64() * RATE as f64) as usize;
            bytes.clear();
            for number in sent..due.min(EVENTS) {
                event(&mut bytes, number);
            }
            socket.write_all(&bytes).unwrap();
            sent = due;
            thread::sleep(TICK);
        }
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

// Until the listener has registered.
fn answer(socket: &mut UnixStream) {
    let mut reader = FrameReader::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = socket.read(&mut buffer).unwrap();
        assert!(count > 0, "the listener has gone");
        let mut rest = &buffer[..count];
        while let Some((header, _)) = reader.read(&mut rest).unwrap() {
            let body: &[u8] = match header.procedure {
                // One way to say who one is, and that is none.
                <AuthList as Procedure>::NUMBER => &[0, 0, 0, 1, 0, 0, 0, 0],
                <ConnectSupportsFeature as Procedure>::NUMBER | REGISTER => &CALLBACK.to_be_bytes(),
                _ => &[],
            };
            let reply = Header {
                kind: Kind::Reply,
                ..header
            };
            let mut bytes = Vec::new();
            write_frame(&mut bytes, &reply, body);
            socket.write_all(&bytes).unwrap();
            if header.procedure == REGISTER {
                return;
            }
        }
    }
}

fn event(bytes: &mut Vec<u8>, number: usize) {
    let header = Header {
        program: program::REMOTE,
        version: program::VERSION,
        procedure: METADATA_CHANGE,
        kind: Kind::Message,
        serial: 1,
        status: Status::Ok,
    };
    let message = DomainEventCallbackMetadataChangeMsg {
        callback_id: CALLBACK,
        dom: Domain {
            name: "test".into(),
            uuid: [7; 16],
            id: 1,
        },
        type_: 2,
        nsuri: Some(stamp::write(number, stamp::now()).as_str().into()),
    };
    write_frame(bytes, &header, &drover_xdr::to_bytes(&message).unwrap());
}
