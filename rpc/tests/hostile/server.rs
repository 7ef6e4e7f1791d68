//! A server that answers everything well until it dies.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use drover_rpc::proto::frame::{FrameReader, Header, Kind, STREAM_CHUNK, Status, write_frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub(super) const DOWNLOAD: usize = 3_000_000;
pub(super) const UPLOAD: usize = 3_000_000;

const AUTH_LIST: i32 = 66;
const FEATURE: i32 = 60;
const LIB_VERSION: i32 = 157;
const REGISTER: i32 = 316;
const DOWNLOAD_VOLUME: i32 = 209;

/// How it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    Close,
    Reset,
    /// It closes after a part of a frame.
    HalfFrame,
    /// It neither reads nor writes any more.
    Silence,
}

/// When and how it dies: after this many frames on all connections together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) tcp: bool,
    pub(super) death: Death,
    pub(super) after: usize,
}

pub(super) struct Server {
    uri: String,
    folder: PathBuf,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Returns when it listens.
    pub(super) fn start(plan: Plan) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("drover-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("socket");
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let serving = async {
                    if plan.tcp {
                        serve_tcp(plan, ready).await;
                    } else {
                        serve_unix(plan, &socket, ready).await;
                    }
                };
                tokio::select! {
                    () = serving => {}
                    _ = stopped => {}
                }
            });
        });
        let uri = listening.recv_timeout(Duration::from_secs(5)).unwrap();
        Self {
            uri,
            folder,
            stop,
            thread,
        }
    }

    pub(super) fn uri(&self) -> String {
        self.uri.clone()
    }

    pub(super) fn stop(self) {
        self.stop.send(()).ok();
        self.thread.join().unwrap();
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

type Ready = std::sync::mpsc::Sender<String>;

async fn serve_tcp(plan: Plan, ready: Ready) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    ready
        .send(format!("test+tcp://127.0.0.1:{port}/default"))
        .unwrap();
    let frames = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    loop {
        let (mut socket, _) = listener.accept().await.unwrap();
        let frames = Arc::clone(&frames);
        connections.spawn(async move {
            let dead = serve_one(&mut socket, plan, &frames).await;
            if dead && plan.death == Death::Reset {
                reset(socket);
            }
        });
    }
}

// Closed with nothing to linger for, a socket says so by a reset.
fn reset(socket: TcpStream) {
    socket.set_zero_linger().unwrap();
}

async fn serve_unix(plan: Plan, path: &std::path::Path, ready: Ready) {
    let listener = UnixListener::bind(path).unwrap();
    ready
        .send(format!("test+unix:///default?socket={}", path.display()))
        .unwrap();
    let frames = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    loop {
        let (mut socket, _) = listener.accept().await.unwrap();
        let frames = Arc::clone(&frames);
        connections.spawn(async move {
            serve_one(&mut socket, plan, &frames).await;
        });
    }
}

/// True if it died.
async fn serve_one<S>(socket: &mut S, plan: Plan, frames: &AtomicUsize) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut reader = FrameReader::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        // Dead from the first byte on.
        if frames.load(Ordering::Relaxed) >= plan.after {
            return dead(plan.death).await;
        }
        let Ok(count @ 1..) = socket.read(&mut buffer).await else {
            return false;
        };
        let mut rest = &buffer[..count];
        while let Some((header, _)) = reader.read(&mut rest).unwrap() {
            let answer = answer(&header);
            let number = frames.fetch_add(1, Ordering::Relaxed);
            if number >= plan.after {
                if plan.death == Death::HalfFrame && !answer.is_empty() {
                    let half = answer.len().min(1000) / 2;
                    socket.write_all(&answer[..half]).await.ok();
                }
                return dead(plan.death).await;
            }
            if socket.write_all(&answer).await.is_err() {
                return false;
            }
        }
    }
}

// What has fallen silent is still there.
async fn dead(death: Death) -> bool {
    if death == Death::Silence {
        std::future::pending::<()>().await;
    }
    true
}

fn answer(header: &Header) -> Vec<u8> {
    let mut out = Vec::new();
    let mut say = |kind, status, body: &[u8]| {
        let header = Header {
            kind,
            status,
            ..*header
        };
        write_frame(&mut out, &header, body);
    };
    match (header.kind, header.procedure) {
        (Kind::Call, AUTH_LIST) => say(Kind::Reply, Status::Ok, &[0, 0, 0, 1, 0, 0, 0, 0]),
        (Kind::Call, FEATURE) => say(Kind::Reply, Status::Ok, &[0, 0, 0, 1]),
        (Kind::Call, LIB_VERSION) => say(Kind::Reply, Status::Ok, &[0; 8]),
        (Kind::Call, REGISTER) => say(Kind::Reply, Status::Ok, &[0, 0, 0, 1]),
        (Kind::Call, DOWNLOAD_VOLUME) => {
            say(Kind::Reply, Status::Ok, &[]);
            for chunk in vec![7; DOWNLOAD].chunks(STREAM_CHUNK) {
                say(Kind::Stream, Status::Continue, chunk);
            }
            say(Kind::Stream, Status::Continue, &[]);
        }
        (Kind::Call, _) => say(Kind::Reply, Status::Ok, &[]),
        // Both a good end and an abort are confirmed.
        (Kind::Stream, _) if header.status != Status::Continue => {
            say(Kind::Stream, Status::Ok, &[]);
        }
        _ => {}
    }
    out
}
