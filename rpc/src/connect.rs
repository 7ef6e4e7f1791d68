//! From a URI to a connection that is ready for calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use drover_rpc_proto::procedure::Procedure;
use drover_rpc_proto::remote::{ConnectOpenArgs, procedures};
use drover_rpc_proto::{Config, Connection, Keepalive};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::{CallRecord, Client, Shared};
use crate::credentials::Credentials;
use crate::dialer::Dialer;
use crate::driver::Driver;
use crate::ends::Ends;
use crate::error::Error;
use crate::features::Feature;
use crate::flags::ConnectFlags;
use crate::permissions::Permissions;
use crate::transport::{Socket, dial};
use crate::uri::Uri;

/// Is told of each call that has ended.
pub type Observer = Arc<dyn Fn(&CallRecord) + Send + Sync>;

/// How a connection is made.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Nothing may be changed through it.
    pub read_only: bool,
    /// What proves to the server who we are, and to us who the server is.
    pub credentials: Credentials,
    /// What the URI may ask for that has to be agreed to.
    pub permit: Permissions,
    /// Another way to the server than the URI's transport.
    pub dialer: Option<Dialer>,
    /// How long making the connection may take: authentication, opening and somebody who is asked
    /// for what is missing included.
    pub connect_timeout: Duration,
    /// How long a call may take, unless [`Client::with_deadline`] says otherwise.
    pub deadline: Duration,
    /// How a silent server is found out.
    pub keepalive: Option<Keepalive>,
    /// How many calls may be unanswered. A server's own limit, five by default, must be larger.
    pub window: usize,
    /// How many of them are kept for procedures of high priority, which the server runs even when
    /// all its ordinary workers are stuck.
    pub reserved: usize,
    /// After how long without progress a byte stream has failed.
    pub stall: Duration,
    /// Is told of each call that has ended.
    pub observer: Option<Observer>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            read_only: false,
            credentials: Credentials::default(),
            permit: Permissions::default(),
            dialer: None,
            connect_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(30),
            keepalive: Some(Keepalive::default()),
            window: 4,
            reserved: 1,
            stall: Duration::from_secs(60),
            observer: None,
        }
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("read_only", &self.read_only)
            .field("credentials", &self.credentials)
            .field("permit", &self.permit)
            .field("dialer", &self.dialer)
            .field("connect_timeout", &self.connect_timeout)
            .field("deadline", &self.deadline)
            .field("keepalive", &self.keepalive)
            .field("window", &self.window)
            .field("reserved", &self.reserved)
            .field("stall", &self.stall)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Connects, authenticates and opens what the URI names.
    ///
    /// # Errors
    /// When the server cannot be reached, does not let us in, or has no such driver.
    pub async fn connect(uri: &Uri, options: ConnectOptions) -> Result<Self, Error> {
        let patience = options.connect_timeout;
        let connecting = async {
            let socket = dial(uri, &options).await?;
            let client = Self::over(socket, uri.clone(), options);
            client.open().await?;
            Ok(client)
        };
        let connected = tokio::time::timeout(patience, connecting).await;
        connected.unwrap_or_else(|_| {
            Err(Error::Connect {
                target: uri.to_string(),
                reason: format!("not ready within {} s", patience.as_secs_f64()),
            })
        })
    }

    /// Another connection like this one, for a byte stream. The server is not asked for keepalive:
    /// it would take a connection for dead that it does not read because its disk is slow.
    pub(crate) async fn for_stream(&self) -> Result<Self, Error> {
        let options = ConnectOptions {
            keepalive: None,
            ..self.shared.options.clone()
        };
        Self::connect(&self.shared.uri, options).await
    }

    /// A connection on a socket that is there already; nothing has been said on it yet.
    pub(crate) fn over(socket: Box<dyn Socket>, uri: Uri, options: ConnectOptions) -> Self {
        let start = Instant::now();
        let config = Config {
            window: options.window,
            reserved: options.reserved,
            keepalive: options.keepalive,
            fds: socket.passes_fds(),
            ..Config::default()
        };
        let connection = Connection::new(config, start.elapsed());
        let (ends, ending) = watch::channel(Ends::default());
        let commands = Driver::start(socket, connection, ends, start);
        let shared = Shared::new(commands, ending, start, uri, options);
        Self::new(Arc::new(shared))
    }

    // Each step is answered before the next: the server runs what is sent together in any order,
    // and nothing works before OPEN has been answered.
    pub(crate) async fn open(&self) -> Result<(), Error> {
        self.authenticate().await?;
        if self.shared.options.keepalive.is_some() {
            self.connect_supports_feature(Feature::PROGRAM_KEEPALIVE.0)
                .await?;
        }
        let flags = if self.shared.options.read_only {
            ConnectFlags::RO.bits()
        } else {
            0
        };
        let name = Some(self.shared.uri.name().into());
        self.call::<procedures::ConnectOpen>(ConnectOpenArgs { name, flags })
            .await?;
        if self
            .connect_supports_feature(Feature::REMOTE_EVENT_CALLBACK.0)
            .await?
            == 0
        {
            return Err(Error::Unsupported(
                "the server is older than libvirt 1.2.1: its events cannot be told apart"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

// OPEN is never repeated on a connection, which the state machine sees to by its number.
const _: () = assert!(<procedures::ConnectOpen as Procedure>::NUMBER == 1);
const _: () = assert!(<procedures::ConnectClose as Procedure>::NUMBER == 2);
