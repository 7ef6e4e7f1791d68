//! The port that images are sent to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::serve::serve;
use super::tls::Keys;
use super::{Endpoint, Uploads};
use crate::config::OperatorArgs;

/// How soon a port that cannot be had is asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// The port that images are sent to.
pub struct Door {
    /// How people reach it.
    pub endpoint: Endpoint,
    address: SocketAddr,
    keys: Option<Keys>,
}

impl Door {
    /// The port that the command line names, if it does.
    ///
    /// # Errors
    /// When the certificate cannot be used.
    pub fn open(args: &OperatorArgs) -> std::io::Result<Option<Self>> {
        let Some(address) = args.upload_listen else {
            return Ok(None);
        };
        let keys = args.upload_tls_dir.as_deref().map(Keys::new).transpose()?;
        if keys.is_none() && !address.ip().is_loopback() {
            tracing::warn!(%address, "what is sent there is not encrypted");
        }
        let scheme = match keys {
            Some(_) => "https",
            None => "http",
        };
        let url = args.upload_url.as_ref().map(ToString::to_string);
        Ok(Some(Self {
            endpoint: Endpoint {
                url: url.unwrap_or_else(|| format!("{scheme}://{address}")),
                ca: keys.as_ref().and_then(Keys::authority),
            },
            address,
            keys,
        }))
    }

    /// Lets whoever has leave in, until it is told to stop. An operator that led before may still have the
    /// port for a while.
    pub async fn serve(self, uploads: Arc<Uploads>, stop: CancellationToken) {
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(error) => {
                    let address = self.address;
                    tracing::warn!(%address, %error, "images cannot be sent there yet");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        serve(listener, self.keys, uploads, stop).await;
    }
}
