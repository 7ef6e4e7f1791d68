//! Connections on bytes that somebody else carries.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt as _};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::Client;
use crate::connect::ConnectOptions;
use crate::error::Error;
use crate::transport::Socket;
use crate::uri::Uri;

type Dial = dyn Fn() -> BoxFuture<'static, io::Result<Box<dyn Socket>>> + Send + Sync;

/// A way to a server that is not the URI's own: a tunnel, a pipe, a pair in memory.
///
/// It is asked again for each byte stream, which has a connection of its own. Nothing is encrypted
/// or verified here; which mechanisms of SASL may be used on it follows from the URI's transport.
#[derive(Clone)]
pub struct Dialer(Arc<Dial>);

impl Dialer {
    /// Dials with that function.
    pub fn new<F, D, S>(dial: F) -> Self
    where
        F: Fn() -> D + Send + Sync + 'static,
        D: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self(Arc::new(move || {
            let dialing = dial();
            async move { Ok(Box::new(dialing.await?) as Box<dyn Socket>) }.boxed()
        }))
    }

    // A stream cannot be had twice.
    fn once(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let stream = Mutex::new(Some(Box::new(stream) as Box<dyn Socket>));
        Self(Arc::new(move || {
            let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
            let used = || {
                io::Error::other(
                    "a byte stream needs a connection of its own, and one alone was given: \
                     ConnectOptions::dialer makes more",
                )
            };
            async move { stream.ok_or_else(used) }.boxed()
        }))
    }

    pub(crate) async fn dial(&self, uri: &Uri) -> Result<Box<dyn Socket>, Error> {
        (self.0)().await.map_err(|error| Error::Connect {
            target: format!("{uri} by the dialer that is given"),
            reason: error.to_string(),
        })
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

impl Client {
    /// Authenticates and opens what the URI names on bytes both ways that are there already, such as
    /// one end of [`tokio::io::duplex`]. Methods that open a byte stream fail, as they need a
    /// connection of their own: [`ConnectOptions::dialer`] gives them one.
    ///
    /// # Errors
    /// When the server does not let us in, or has no such driver.
    pub async fn over_stream(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        uri: &Uri,
        options: ConnectOptions,
    ) -> Result<Self, Error> {
        let options = ConnectOptions {
            dialer: Some(Dialer::once(stream)),
            ..options
        };
        Self::connect(uri, options).await
    }
}
