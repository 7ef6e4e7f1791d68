//! The herd: its hosts, their sockets, and what it is told while it runs.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection::serve;
use crate::control;
use crate::counts::{Counter, Counts};
use crate::error::Error;
use crate::host::Host;
use crate::options::Options;
use crate::weather::Sky;

// A host has its socket and mostly one connection, sometimes one for bulk data.
const FILES_OF_A_HOST: u64 = 3;
const OTHER_FILES: u64 = 64;

/// What all hosts of a herd share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) counter: Counter,
    pub(crate) sky: watch::Sender<Sky>,
    connections: AtomicU64,
}

impl Shared {
    /// Another number each time.
    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }
}

/// A herd that stands. It ends with this.
#[derive(Debug)]
pub struct Herd {
    shared: Arc<Shared>,
    // Aborted when they are dropped.
    _tasks: JoinSet<()>,
}

impl Herd {
    /// Serves a herd until the process is ended.
    ///
    /// # Errors
    /// When its sockets cannot be made.
    pub fn run(options: &Options) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| Error::file(&options.folder, error))?;
        runtime.block_on(async {
            let _herd = Self::start(options)?;
            pending().await
        })
    }

    /// Starts a herd within the runtime that this is called in. Its sockets are there when it returns.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn start(options: &Options) -> Result<Self, Error> {
        allow_files(options.hosts)?;
        let folder = &options.folder;
        std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
        let shared = Arc::new(Shared {
            options: options.clone(),
            counter: Counter::new(options.hosts),
            sky: watch::Sender::new(Sky::Fair),
            connections: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        for number in 0..options.hosts {
            let listener = listen(&options.socket(number))?;
            let host = Arc::new(Host::new(options, number));
            tasks.spawn(keep(Arc::clone(&shared), host, listener));
        }
        let listener = listen(&options.control())?;
        tasks.spawn(control::serve(Arc::clone(&shared), listener));
        Ok(Self {
            shared,
            _tasks: tasks,
        })
    }

    /// Changes what becomes of all hosts.
    pub fn set_sky(&self, sky: Sky) {
        self.shared.sky.send_replace(sky);
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counter.look()
    }
}

// A socket of that path that nobody listens at any more is in the way.
fn listen(path: &Path) -> Result<UnixListener, Error> {
    let _ = std::fs::remove_file(path);
    UnixListener::bind(path).map_err(|error| Error::file(path, error))
}

fn allow_files(hosts: usize) -> Result<(), Error> {
    let needed = FILES_OF_A_HOST * hosts as u64 + OTHER_FILES;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Ok(());
    };
    if soft >= needed {
        return Ok(());
    }
    // With a few less it still goes well as long as every host has one connection.
    if setrlimit(Resource::RLIMIT_NOFILE, needed.min(hard), hard).is_err()
        || 2 * hosts as u64 + OTHER_FILES > hard
    {
        return Err(Error::Files {
            hosts,
            needed,
            allowed: hard,
        });
    }
    Ok(())
}

// One host, through all weathers.
async fn keep(shared: Arc<Shared>, host: Arc<Host>, listener: UnixListener) {
    let mut sky = shared.sky.subscribe();
    let mut listener = Some(listener);
    // Ended with the host.
    let mut connections = JoinSet::new();
    loop {
        let now = *sky.borrow_and_update();
        match now {
            Sky::Fair if listener.is_none() => {
                listener = listen(&shared.options.socket(host.number)).ok();
                if listener.is_none() {
                    return;
                }
            }
            Sky::Fair | Sky::Silent => {}
            Sky::Refusing => drop(listener.take()),
        }
        tokio::select! {
            changed = sky.changed() => if changed.is_err() {
                return;
            },
            Some(_) = connections.join_next() => {}
            stream = accept(listener.as_ref()), if now == Sky::Fair => {
                if let Ok((stream, _)) = stream {
                    connections.spawn(serve(Arc::clone(&shared), Arc::clone(&host), stream));
                }
            }
        }
    }
}

async fn accept(
    listener: Option<&UnixListener>,
) -> std::io::Result<(tokio::net::UnixStream, tokio::net::unix::SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => pending().await,
    }
}
