//! Connecting to an address that has been checked.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use url::Host;

use super::address::Allowed;
use super::fetch::{FetchError, Policy};
use super::trust::is_of_stranger;

/// A connection, encrypted or not.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Resolves the host, checks where it is, and connects there.
pub(crate) async fn connect(
    host: &Host<String>,
    port: u16,
    secure: bool,
    policy: &Policy,
) -> Result<Stream, FetchError> {
    let name = host.to_string();
    let addresses = permitted(&name, resolve(host, port).await?, &policy.allowed)?;
    // The first address that answers, as everybody does it.
    let socket = TcpStream::connect(&addresses[..])
        .await
        .map_err(|error| failed(&name, &error))?;
    if !secure {
        return Ok(Stream::Plain(socket));
    }
    let config = policy.trust.config();
    let config = config.map_err(|error| failed(&name, &error))?;
    let server = server_name(host).map_err(|error| failed(&name, &error))?;
    let stream = TlsConnector::from(config).connect(server, socket).await;
    let stream = stream.map_err(|error| match is_of_stranger(&error) {
        true => FetchError::Untrusted(name.clone()),
        false => failed(&name, &error),
    })?;
    Ok(Stream::Tls(Box::new(stream)))
}

async fn resolve(host: &Host<String>, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
    match host {
        Host::Ipv4(address) => Ok(vec![SocketAddr::new(IpAddr::V4(*address), port)]),
        Host::Ipv6(address) => Ok(vec![SocketAddr::new(IpAddr::V6(*address), port)]),
        Host::Domain(name) => {
            let unknown = || FetchError::Resolve(name.clone());
            let found = tokio::net::lookup_host((name.as_str(), port)).await;
            let found: Vec<SocketAddr> = found.map_err(|_| unknown())?.collect();
            if found.is_empty() {
                return Err(unknown());
            }
            Ok(found)
        }
    }
}

// Those that may be connected to; at least one.
fn permitted(
    name: &str,
    addresses: Vec<SocketAddr>,
    allowed: &Allowed,
) -> Result<Vec<SocketAddr>, FetchError> {
    let (permitted, refused): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| allowed.permits(address.ip()));
    match refused.first() {
        Some(refused) if permitted.is_empty() => Err(FetchError::Address {
            host: name.to_owned(),
            address: refused.ip(),
        }),
        _ => Ok(permitted),
    }
}

fn server_name(host: &Host<String>) -> io::Result<ServerName<'static>> {
    match host {
        Host::Ipv4(address) => Ok(ServerName::from(IpAddr::V4(*address))),
        Host::Ipv6(address) => Ok(ServerName::from(IpAddr::V6(*address))),
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(io::Error::other),
    }
}

fn failed(name: &str, error: &impl ToString) -> FetchError {
    FetchError::Connect {
        host: name.to_owned(),
        reason: error.to_string(),
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
