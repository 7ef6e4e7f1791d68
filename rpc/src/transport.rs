//! Sockets to a server.

mod known_hosts;
mod pki;
mod ssh;
mod tls;
mod unix;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

pub(crate) use self::unix::UnixSocket;

use crate::credentials::Credentials;
use crate::error::Error;
use crate::uri::{Transport, Uri};

/// Bytes both ways.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Bytes for S {}

/// What a connection runs on: bytes both ways, and on some transports file descriptors.
pub(crate) trait Socket: Send {
    /// Whether file descriptors can be passed.
    fn passes_fds(&self) -> bool {
        false
    }

    /// Reads bytes. Descriptors that came with the last of them are put behind the others in `fds`.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        fds: &mut VecDeque<OwnedFd>,
    ) -> Poll<io::Result<()>>;

    /// Writes some of the bytes.
    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Sends on what the socket has kept back.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Sends a descriptor, with one zero byte.
    fn poll_send_fd(
        &mut self,
        _context: &mut Context<'_>,
        _fd: BorrowedFd<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

impl<S: Bytes> Socket for S {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        _fds: &mut VecDeque<OwnedFd>,
    ) -> Poll<io::Result<()>> {
        Pin::new(self).poll_read(context, buffer)
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self).poll_write(context, bytes)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self).poll_flush(context)
    }
}

/// Connects as the URI says, within `patience`.
pub(crate) async fn dial(
    uri: &Uri,
    read_only: bool,
    credentials: &Credentials,
    patience: Duration,
) -> Result<Box<dyn Socket>, Error> {
    let dialing = async {
        match uri.transport {
            Transport::Tcp => Ok(Box::new(dial_tcp(uri).await?) as Box<dyn Socket>),
            Transport::Tls => dial_tls(uri, credentials).await,
            Transport::Ssh => {
                let socket = dial_tcp(uri).await?;
                let stream = ssh::over(socket, uri, read_only, credentials).await?;
                Ok(Box::new(stream) as Box<dyn Socket>)
            }
            Transport::Unix => dial_unix(uri, read_only).await,
            Transport::Ext => Err(Error::Unsupported(
                "the transport ext would run a program, which is not done".to_owned(),
            )),
        }
    };
    match tokio::time::timeout(patience, dialing).await {
        Ok(result) => result,
        Err(_) => Err(Error::Connect {
            target: uri.to_string(),
            reason: format!("no connection within {} s", patience.as_secs()),
        }),
    }
}

async fn dial_tcp(uri: &Uri) -> Result<TcpStream, Error> {
    let host = uri.host.as_deref().unwrap_or_default();
    let port = uri.port_or_default().unwrap_or_default();
    let failed = |error: std::io::Error| Error::Connect {
        target: format!("{host} port {port}"),
        reason: error.to_string(),
    };
    let socket = TcpStream::connect((host, port)).await.map_err(failed)?;
    // Calls are small and waited for.
    socket.set_nodelay(true).map_err(failed)?;
    Ok(socket)
}

async fn dial_tls(uri: &Uri, credentials: &Credentials) -> Result<Box<dyn Socket>, Error> {
    let socket = dial_tcp(uri).await?;
    let host = uri.host.as_deref().unwrap_or_default();
    let credentials = pki::complete(credentials, uri)?;
    Ok(Box::new(tls::over(socket, host, &credentials).await?))
}

async fn dial_unix(uri: &Uri, read_only: bool) -> Result<Box<dyn Socket>, Error> {
    let runtime_dir = std::env::var("XDG_RUNTIME_DIR").ok();
    let mut last = None;
    for path in uri.sockets(runtime_dir.as_deref(), read_only) {
        match UnixStream::connect(&path).await {
            Ok(socket) => return Ok(Box::new(UnixSocket::new(socket))),
            Err(error) => {
                last = Some(Error::Connect {
                    target: path.display().to_string(),
                    reason: error.to_string(),
                });
            }
        }
    }
    Err(last.unwrap_or_else(|| Error::Unsupported("no socket to connect to".to_owned())))
}
