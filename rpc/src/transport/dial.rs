//! From a URI to a socket.

use tokio::net::{TcpStream, UnixStream};

use super::unix::UnixSocket;
use super::{Socket, ext, pki, ssh, tls};
use crate::connect::ConnectOptions;
use crate::error::Error;
use crate::uri::{Surroundings, Transport, Uri, addresses};

/// Connects as the URI says.
pub(crate) async fn dial(uri: &Uri, options: &ConnectOptions) -> Result<Box<dyn Socket>, Error> {
    if let Some(dialer) = &options.dialer {
        return dialer.dial(uri).await;
    }
    uri.check_files(options.credentials.only_given)?;
    match uri.transport {
        Transport::Tcp => Ok(Box::new(tcp(uri).await?)),
        Transport::Tls => over_tls(uri, options).await,
        Transport::Ssh if uri.parameter("command").is_some() => {
            Ok(Box::new(ssh::by_program(uri, options)?))
        }
        Transport::Ssh => over_ssh(uri, options).await,
        Transport::Unix => unix(uri, options.read_only).await,
        Transport::Ext => Ok(Box::new(ext::run(uri, options.permit)?)),
    }
}

async fn tcp(uri: &Uri) -> Result<TcpStream, Error> {
    let host = uri.host_or_default();
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

async fn over_tls(uri: &Uri, options: &ConnectOptions) -> Result<Box<dyn Socket>, Error> {
    let anybody = uri.switch("no_verify");
    if anybody {
        options.permit.anybody("the URI's parameter no_verify")?;
    }
    let credentials = pki::complete(&options.credentials, uri)?;
    let socket = tcp(uri).await?;
    let stream = tls::over(socket, uri.host_or_default(), &credentials, anybody).await?;
    Ok(Box::new(stream))
}

async fn over_ssh(uri: &Uri, options: &ConnectOptions) -> Result<Box<dyn Socket>, Error> {
    let target = ssh::Target::of(uri, options)?;
    let socket = tcp(uri).await?;
    Ok(Box::new(target.over(socket).await?))
}

async fn unix(uri: &Uri, read_only: bool) -> Result<Box<dyn Socket>, Error> {
    let path = uri.socket(&Surroundings::real(), read_only)?;
    let mut reason = String::new();
    for address in addresses(&path) {
        let connected = UnixStream::connect(&address).await;
        match connected.and_then(UnixSocket::new) {
            Ok(socket) => return Ok(Box::new(socket)),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(Error::Connect {
        target: path.display().to_string(),
        reason,
    })
}
