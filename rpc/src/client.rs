//! The handle that callers hold.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drover_rpc_proto::procedure::{Fds, Procedure, Stream};
use drover_rpc_proto::{Call, Time, program, remote};
use drover_xdr::from_bytes;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::connect::ConnectOptions;
use crate::driver::{Command, Commands, Reply};
use crate::ends::{Ending, Ends};
use crate::error::Error;
use crate::features::Features;
use crate::uri::Uri;

/// A connection to a libvirt server. Clones are cheap and share it; when the last one is dropped,
/// so is the connection.
///
/// There is one method for each procedure, named like it. A call whose future is dropped is given
/// up: it is not sent any more, or its answer is thrown away.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    deadline: Duration,
}

/// A call that has ended, for whoever counts them.
#[derive(Debug, Clone, Copy)]
pub struct CallRecord {
    /// The procedure, such as `DOMAIN_GET_INFO`.
    pub procedure: &'static str,
    /// How long it took, from the queue to the answer.
    pub took: Duration,
    /// What went wrong, in a word.
    pub failed: Option<&'static str>,
}

/// What all clones of a handle share.
pub(crate) struct Shared {
    pub(crate) commands: Commands,
    pub(crate) ending: Ending,
    pub(crate) start: Instant,
    pub(crate) uri: Uri,
    pub(crate) options: ConnectOptions,
    memory: Memory,
    pub(crate) features: Features,
    tokens: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        commands: Commands,
        ends: watch::Receiver<Ends>,
        start: Instant,
        uri: Uri,
        options: ConnectOptions,
    ) -> Self {
        Self {
            commands,
            ending: Ending::new(ends),
            start,
            uri,
            options,
            memory: Memory::default(),
            features: Features::default(),
            tokens: AtomicU64::new(0),
        }
    }

    /// Names a call or a listener before the driver has seen it.
    pub(crate) fn token(&self) -> u64 {
        self.tokens.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn after(&self, wait: Duration) -> Time {
        self.start.elapsed().saturating_add(wait)
    }

    pub(crate) fn send(&self, command: Command) -> Result<(), Error> {
        if self.commands.send(command) {
            return Ok(());
        }
        Err(self.gone(false))
    }

    /// The driver is no more.
    pub(crate) fn gone(&self, sent: bool) -> Error {
        let reason = self.ending.reason();
        Error::Closed { reason, sent }
    }
}

impl Client {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let deadline = shared.options.deadline;
        Self { shared, deadline }
    }

    /// The same connection, with another deadline for the calls made through it.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            deadline,
        }
    }

    /// Calls any procedure of the tables.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came. Procedures that open a byte stream or pass file
    /// descriptors are refused: the former have methods of their own, the latter are called with
    /// [`Client::call_with_fds`].
    pub async fn call<P: Procedure>(&self, args: P::Args) -> Result<P::Reply, Error> {
        self.call_reading::<P, _>(&args, from_bytes).await
    }

    /// As [`Client::call`], with another way to read the answer than into the type of the table.
    pub(crate) async fn call_reading<P: Procedure, T>(
        &self,
        args: &P::Args,
        read: impl FnOnce(&[u8]) -> Result<T, drover_xdr::Error>,
    ) -> Result<T, Error> {
        if P::FDS != Fds::None || P::STREAM != Stream::None {
            return Err(Error::Unsupported(format!(
                "{} takes file descriptors or a byte stream and cannot be called like this",
                P::NAME
            )));
        }
        let call = Call::of_in::<P>(self.shared.memory.get(), args).map_err(Error::Argument)?;
        self.record(P::NAME, async {
            let Reply { body, .. } = self.request(call, Vec::new()).await?;
            let reply = read(&body).map_err(Error::Answer);
            self.shared.memory.put(body);
            reply
        })
        .await
    }

    pub(crate) async fn record<T>(
        &self,
        procedure: &'static str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(observer) = &self.shared.options.observer else {
            return work.await;
        };
        let start = Instant::now();
        let result = work.await;
        observer(&CallRecord {
            procedure,
            took: start.elapsed(),
            failed: result.as_ref().err().map(Error::category),
        });
        result
    }

    /// Calls any procedure of the tables that passes file descriptors, with these: at most 32. They
    /// are closed here once they are sent. Those that come with the answer belong to the caller.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came. Over anything but a unix socket the call is
    /// refused ([`Refused::NoFds`](drover_rpc_proto::Refused::NoFds)) before anything is sent.
    pub async fn call_with_fds<P: Procedure>(
        &self,
        args: P::Args,
        fds: Vec<OwnedFd>,
    ) -> Result<(P::Reply, Vec<OwnedFd>), Error> {
        if P::STREAM != Stream::None {
            return Err(Error::Unsupported(format!(
                "{} takes a byte stream and cannot be called like this",
                P::NAME
            )));
        }
        let call = Call::with_fds::<P>(&args, fds.len()).map_err(Error::Argument)?;
        self.record(P::NAME, async {
            let Reply { body, fds } = self.request(call, fds).await?;
            let reply = from_bytes(&body).map_err(Error::Answer)?;
            Ok((reply, fds))
        })
        .await
    }

    pub(crate) async fn request(&self, call: Call, fds: Vec<OwnedFd>) -> Result<Reply, Error> {
        let call = call.deadline(self.shared.after(self.deadline));
        self.ask(|token, answer| Command::Call {
            token,
            call,
            fds,
            answer,
        })
        .await
    }

    // Sends a command and waits for its answer; gives the call up when nobody waits any more.
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(u64, oneshot::Sender<Result<T, Error>>) -> Command,
    ) -> Result<T, Error> {
        let token = self.shared.token();
        let (answer, receiver) = oneshot::channel();
        self.shared.send(command(token, answer))?;
        let mut waiting = Waiting {
            shared: &self.shared,
            token: Some(token),
        };
        let result = receiver.await;
        waiting.token = None;
        result.unwrap_or_else(|_| Err(self.shared.gone(true)))
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.commands.is_closed()
    }

    /// Closes the connection in good order: calls under way are answered first.
    ///
    /// # Errors
    /// When the server did not confirm. The connection is closed all the same.
    pub async fn close(&self) -> Result<(), Error> {
        let call = Call::new(
            program::REMOTE,
            program::VERSION,
            <remote::procedures::ConnectClose as Procedure>::NUMBER,
            &(),
        );
        let call = call.map_err(Error::Argument)?;
        let result = self.request(call, Vec::new()).await;
        // If the driver has gone already, there is nothing to do.
        self.shared.send(Command::Shutdown).ok();
        result.map(drop)
    }

    /// Ends the connection at once, without a word and for all who share it.
    ///
    /// This is the way to go for a program that ends: whatever it dropped before would first be told
    /// to the server, and libvirtd 9.0 dies of a connection that ends while it is told that nobody
    /// listens to its events any more.
    pub fn hang_up(&self) {
        self.shared.send(Command::Shutdown).ok();
    }

    /// The URI it was made with.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.shared.uri
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("uri", &self.shared.uri)
            .finish_non_exhaustive()
    }
}

/// Memory of calls that have ended, for those to come.
#[derive(Default)]
struct Memory(Mutex<Vec<Vec<u8>>>);

impl Memory {
    /// As many pieces are kept as calls are under way.
    const KEPT: usize = 4;
    /// And no more than this of them all: an idle connection is to be small.
    const KEPT_CAPACITY: usize = 2 << 10;

    fn get(&self) -> Vec<u8> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pop().unwrap_or_else(|| Vec::with_capacity(128))
    }

    fn put(&self, piece: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there: usize = kept.iter().map(Vec::capacity).sum();
        if kept.len() < Self::KEPT && there + piece.capacity() <= Self::KEPT_CAPACITY {
            kept.push(piece);
        }
    }
}

/// Tells the driver when the caller has gone.
struct Waiting<'a> {
    shared: &'a Shared,
    token: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.shared.send(Command::Abandon { token }).ok();
        }
    }
}
