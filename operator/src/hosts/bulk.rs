//! Connections of their own for what takes long: a host answers only so many calls of one connection
//! at a time, and those who wait for a machine wait for no copy.

use std::ops::Deref;
use std::time::Duration;

use drover_rpc::{Client, ConnectOptions, Uri};

use super::{HostError, HostHandle};

/// How long a host may take for one of its volumes.
const DEADLINE: Duration = Duration::from_secs(6 * 3600);

/// How the host was reached the last time.
#[derive(Clone)]
pub struct Dial {
    /// Where.
    pub uri: Uri,
    /// How.
    pub options: ConnectOptions,
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The options hold what nobody else is to know.
        f.debug_struct("Dial").finish_non_exhaustive()
    }
}

/// A connection for one long call. It ends with it.
pub(super) struct Bulk(Client);

impl Deref for Bulk {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}

impl HostHandle {
    /// A connection for one long call, to a host that can be reached.
    pub(super) async fn bulk(&self) -> Result<Bulk, HostError> {
        self.client()?;
        let dial = self.read(|inventory| inventory.dial.clone());
        let Some(Dial { uri, options }) = dial else {
            return Err(HostError::Unreachable {
                host: self.name.clone(),
                message: "not connected yet".to_owned(),
            });
        };
        let client = Client::connect(&uri, options).await;
        let client = client.map_err(self.failed("connecting"))?;
        Ok(Bulk(client.with_deadline(DEADLINE)))
    }
}
