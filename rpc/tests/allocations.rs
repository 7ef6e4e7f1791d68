//! How often a call allocates, and how much memory a connection takes in the worst case.
//!
//! The server is a thread of its own, whose memory is not counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use allocation_counter::{AllocationInfo, measure};
use drover_rpc::proto::frame::{FrameReader, Header, Kind, Status, write_frame};
use drover_rpc::proto::remote::{Domain, StorageVol};
use drover_rpc::{Client, ConnectOptions, Error, Notice};
use tokio::io::AsyncReadExt;
use tokio::runtime::{Builder, Runtime};

const AUTH_LIST: i32 = 66;
const GET_INFO: i32 = 16;
const XML_DESC: i32 = 14;
const LOOKUP_BY_NAME: i32 = 23;
const SUPPORTS_FEATURE: i32 = 60;
const REGISTER: i32 = 316;
const METADATA_CHANGE: i32 = 379;
const DOWNLOAD: i32 = 209;

const MIB: u64 = 1 << 20;
const CALLS: u64 = 1000;

/// A socket in a folder of its own, and what serves it.
struct Peer {
    folder: PathBuf,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Answers the first words, and gives every other frame to `serve`.
    fn start(name: &str, serve: impl Fn(&mut UnixStream, &Header) + Send + Sync + 'static) -> Self {
        let folder = std::env::temp_dir().join(format!("drover-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join("socket")).unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let thread = thread::spawn(move || {
            thread::scope(|scope| {
                while let Ok((socket, _)) = listener.accept()
                    && !stop.load(Ordering::Acquire)
                {
                    scope.spawn(|| serve_one(socket, &serve));
                }
            });
        });
        Self {
            folder,
            stopped,
            thread: Some(thread),
        }
    }

    fn connect(&self, runtime: &Runtime) -> Client {
        let uri = format!(
            "test+unix:///default?socket={}/socket",
            self.folder.display()
        );
        let options = ConnectOptions::default();
        runtime
            .block_on(Client::connect(&uri.parse().unwrap(), options))
            .unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // The listener sees it when somebody comes.
        UnixStream::connect(self.folder.join("socket")).ok();
        self.thread.take().unwrap().join().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn serve_one(mut socket: UnixStream, serve: impl Fn(&mut UnixStream, &Header)) {
    each_frame(&mut socket.try_clone().unwrap(), |header| {
        match header.procedure {
            AUTH_LIST => reply(&mut socket, header, &[0, 0, 0, 1, 0, 0, 0, 0]),
            SUPPORTS_FEATURE => reply(&mut socket, header, &[0, 0, 0, 1]),
            1 => reply(&mut socket, header, &[]),
            _ => serve(&mut socket, header),
        }
    });
}

fn each_frame(socket: &mut UnixStream, mut serve: impl FnMut(&Header)) {
    let mut reader = FrameReader::default();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count) = socket.read(&mut buffer)
        && count > 0
    {
        let mut rest = &buffer[..count];
        while let Some((header, _)) = reader.read(&mut rest).unwrap() {
            serve(&header);
        }
    }
}

fn reply(socket: &mut UnixStream, header: &Header, body: &[u8]) {
    let header = Header {
        kind: Kind::Reply,
        ..*header
    };
    send(socket, &header, body);
}

// A client that has gone takes nothing.
fn send(socket: &mut UnixStream, header: &Header, body: &[u8]) {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, header, body);
    socket.write_all(&bytes).ok();
}

fn event(body: &[u8]) -> Vec<u8> {
    let header = Header {
        program: 0x2000_8086,
        version: 1,
        procedure: METADATA_CHANGE,
        kind: Kind::Message,
        serial: 1,
        status: Status::Ok,
    };
    let mut bytes = Vec::new();
    write_frame(&mut bytes, &header, body);
    bytes
}

/// Everything of the client is on this thread, so that it is counted.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn domain() -> Domain {
    Domain {
        name: "test".into(),
        uuid: [7; 16],
        id: 1,
    }
}

/// What `CALLS` calls allocate, after as many that warm up.
fn count_calls(name: &str, body: Vec<u8>, call: impl AsyncFn(&Client, Domain)) -> AllocationInfo {
    let peer = Peer::start(name, move |socket, header| reply(socket, header, &body));
    let runtime = runtime();
    let client = peer.connect(&runtime);
    let run = || {
        // What is passed to a call is the caller's own.
        let domains: Vec<Domain> = (0..CALLS).map(|_| domain()).collect();
        measure(|| {
            runtime.block_on(async {
                for domain in domains {
                    call(&client, domain).await;
                }
            });
        })
    };
    run();
    let counted = run();
    println!(
        "{name}: {:.2} allocations a call",
        counted.count_total as f64 / CALLS as f64
    );
    drop((client, runtime));
    counted
}

// Twice a call, and something now and then for all of them together.
const ALLOWED: u64 = 2 * CALLS + CALLS / 10;

#[test]
fn a_steady_call_allocates_at_most_twice() {
    let info = vec![0; 32];
    let counted = count_calls("info", info, async |client, domain| {
        client.domain_get_info(domain).await.unwrap();
    });
    assert!(counted.count_total <= ALLOWED, "{counted:?}");
    assert_eq!(counted.bytes_current.max(0) / 4096, 0, "{counted:?}");
}

#[test]
fn a_steady_call_that_answers_a_text_allocates_at_most_twice() {
    let mut body = Vec::from(2000_u32.to_be_bytes());
    body.extend([b'x'; 2000]);
    let counted = count_calls("xml", body, async |client, domain| {
        let xml = client.domain_get_xml_desc(domain, 0).await.unwrap();
        assert_eq!(xml.as_bytes().len(), 2000);
    });
    assert!(counted.count_total <= ALLOWED, "{counted:?}");
}

#[test]
fn a_steady_call_that_fails_does_no_more() {
    let peer = Peer::start("error", |socket, header| {
        let header = Header {
            kind: Kind::Reply,
            status: Status::Error,
            ..*header
        };
        // An error without any of its optional parts.
        let body = [42_u32, 12, 0, 2, 0, 0, 0, 0, 0, 0, 0];
        let body: Vec<u8> = body.iter().flat_map(|word| word.to_be_bytes()).collect();
        send(socket, &header, &body);
    });
    let runtime = runtime();
    let client = peer.connect(&runtime);
    let run = || {
        measure(|| {
            runtime.block_on(async {
                for _ in 0..CALLS {
                    let error = client.connect_get_lib_version().await.unwrap_err();
                    assert_eq!(error.code(), Some(42));
                }
            });
        })
    };
    run();
    // The error itself is in a box.
    assert!(run().count_total <= ALLOWED + CALLS);
    drop((client, runtime));
}

/// The most memory that the client takes while `work` runs.
fn most(runtime: &Runtime, work: impl Future<Output = ()>) -> u64 {
    let counted = measure(|| runtime.block_on(work));
    println!("at most {} KiB", counted.bytes_max >> 10);
    counted.bytes_max
}

#[test]
fn the_largest_reply_takes_its_own_size() {
    // A text of 4 MiB, and 28 MiB that are not asked for.
    let peer = Peer::start("largest", |socket, header| {
        let mut body = vec![b'x'; 33_554_408];
        body[..4].copy_from_slice(&4_194_304_u32.to_be_bytes());
        reply(socket, header, &body);
    });
    let runtime = runtime();
    let client = peer.connect(&runtime);
    let taken = most(&runtime, async {
        // It is all there; that it is too long is found out when it is read.
        let error = client.connect_get_lib_version().await;
        assert!(error.is_ok());
    });
    assert!(taken < 33 * MIB, "{taken}");
    drop((client, runtime));
}

#[test]
fn a_promise_takes_no_memory() {
    let peer = Peer::start("promise", |socket, header| {
        let mut bytes = Vec::new();
        let header = Header {
            kind: Kind::Reply,
            ..*header
        };
        write_frame(&mut bytes, &header, &[]);
        bytes[..4].copy_from_slice(&33_554_436_u32.to_be_bytes());
        bytes.resize(1000, 0);
        socket.write_all(&bytes).ok();
    });
    let runtime = runtime();
    let client = peer.connect(&runtime);
    let client = client.with_deadline(std::time::Duration::from_millis(300));
    let taken = most(&runtime, async {
        let error = client.connect_get_lib_version().await.unwrap_err();
        assert_eq!(error, Error::Timeout { sent: true });
    });
    assert!(taken < MIB, "{taken}");
    drop((client, runtime));
}

/// The body of a METADATA_CHANGE with a URI of this length.
fn metadata(callback: i32, length: usize) -> Vec<u8> {
    let message = drover_rpc::proto::remote::DomainEventCallbackMetadataChangeMsg {
        callback_id: callback,
        dom: domain(),
        type_: 0,
        nsuri: Some(vec![b'x'; length].into()),
    };
    drover_xdr::to_bytes(&message).unwrap()
}

// 200 MB of events, to nobody in particular or to a listener that does not listen.
fn flood(socket: &mut UnixStream, callback: i32) {
    let bytes = event(&metadata(callback, 4_000_000));
    for _ in 0..50 {
        socket.write_all(&bytes).ok();
    }
    let bytes = event(&metadata(callback, 1000));
    for _ in 0..10_000 {
        socket.write_all(&bytes).ok();
    }
}

#[test]
fn a_flood_of_events_takes_no_more_than_the_queue() {
    let peer = Peer::start("flood", |socket, header| {
        if header.procedure == REGISTER {
            reply(socket, header, &[0, 0, 0, 5]);
            flood(socket, 5);
        } else {
            reply(socket, header, &[0; 8]);
        }
    });
    let runtime = runtime();
    let client = peer.connect(&runtime);
    let taken = most(&runtime, async {
        let mut events = client.subscribe_domain(23, None).await.unwrap();
        // The answer comes after all of the events.
        client.connect_get_lib_version().await.unwrap();
        let mut lost = false;
        while !lost {
            lost = matches!(events.next().await.unwrap(), Notice::Lost);
        }
    });
    assert!(taken < 33 * MIB, "{taken}");
    drop((client, runtime));
}

#[test]
fn events_before_their_registration_take_no_more_either() {
    let peer = Peer::start("parked", |socket, header| {
        if header.procedure == REGISTER {
            flood(socket, 5);
            reply(socket, header, &[0, 0, 0, 5]);
        } else {
            reply(socket, header, &[0; 8]);
        }
    });
    let runtime = runtime();
    let client = peer.connect(&runtime);
    let taken = most(&runtime, async {
        let mut events = client.subscribe_domain(23, None).await.unwrap();
        let mut lost = false;
        while !lost {
            lost = matches!(events.next().await.unwrap(), Notice::Lost);
        }
    });
    assert!(taken < 33 * MIB, "{taken}");
    drop((client, runtime));
}

#[test]
fn a_flood_of_questions_takes_nothing() {
    let peer = Peer::start("pings", |socket, header| {
        let ping = Header {
            program: 0x6b65_6570,
            procedure: 1,
            kind: Kind::Message,
            serial: 0,
            ..*header
        };
        let mut bytes = Vec::new();
        for _ in 0..10_000 {
            write_frame(&mut bytes, &ping, &[]);
        }
        // 28 MB, and nothing is read meanwhile.
        for _ in 0..100 {
            socket.write_all(&bytes).ok();
        }
        reply(socket, header, &[0; 8]);
    });
    let runtime = runtime();
    let client = peer.connect(&runtime);
    let taken = most(&runtime, async {
        client.connect_get_lib_version().await.unwrap();
    });
    assert!(taken < MIB, "{taken}");
    drop((client, runtime));
}

#[test]
fn a_stream_that_nobody_reads_takes_one_frame_more_than_its_buffer() {
    let peer = Peer::start("stream", |socket, header| {
        if header.procedure != DOWNLOAD {
            reply(socket, header, &[]);
        } else if header.kind == Kind::Call {
            reply(socket, header, &[]);
            let header = Header {
                kind: Kind::Stream,
                status: Status::Continue,
                ..*header
            };
            // As many of the largest as it can get rid of: the last write ends with the socket.
            send(socket, &header, &vec![7; 1 << 19]);
            for _ in 0..10 {
                send(socket, &header, &vec![7; 33_554_408]);
            }
        }
    });
    let runtime = runtime();
    let client = peer.connect(&runtime);
    let mut first = vec![0; 1 << 19];
    let taken = most(&runtime, async {
        let volume = StorageVol {
            pool: "pool".into(),
            name: "volume".into(),
            key: "key".into(),
        };
        let mut download = client.storage_vol_download(volume, 0, 0, 0).await.unwrap();
        download.read_exact(&mut first).await.unwrap();
        // The rest has all the time that it takes to come.
        let patience = std::time::Duration::from_secs(1);
        tokio::time::timeout(patience, client.closed()).await.ok();
        let mut second = [0; 1];
        download.read_exact(&mut second).await.unwrap();
    });
    // The stream has a connection of its own: both count.
    assert!(taken < 33 * MIB, "{taken}");
    drop((client, runtime));
}

#[test]
fn an_idle_connection_is_small() {
    const CONNECTIONS: usize = 200;
    let peer = Peer::start("idle", |socket, header| reply(socket, header, &[0; 8]));
    let runtime = runtime();
    let connect = |count| {
        let clients: Vec<Client> = (0..count).map(|_| peer.connect(&runtime)).collect();
        // They have been used.
        for client in &clients {
            runtime.block_on(client.connect_get_lib_version()).unwrap();
        }
        clients
    };
    // What there is one of for all.
    let first = connect(1);
    let mut idle = Vec::new();
    let counted = measure(|| idle = connect(CONNECTIONS));
    let each = counted.bytes_current.cast_unsigned() / CONNECTIONS as u64;
    println!("{each} bytes for each idle connection");
    assert!(each < 24 << 10, "{each}");
    drop((first, idle, runtime));
}

#[test]
fn the_names_of_the_procedures_are_right() {
    let table = drover_rpc::proto::remote::TABLE;
    let name = |number: i32| table.iter().find(|row| row.number == number).unwrap().name;
    assert_eq!(name(GET_INFO), "DOMAIN_GET_INFO");
    assert_eq!(name(XML_DESC), "DOMAIN_GET_XML_DESC");
    assert_eq!(name(LOOKUP_BY_NAME), "DOMAIN_LOOKUP_BY_NAME");
    assert_eq!(name(SUPPORTS_FEATURE), "CONNECT_SUPPORTS_FEATURE");
    assert_eq!(name(DOWNLOAD), "STORAGE_VOL_DOWNLOAD");
    assert_eq!(
        name(METADATA_CHANGE),
        "DOMAIN_EVENT_CALLBACK_METADATA_CHANGE"
    );
}
