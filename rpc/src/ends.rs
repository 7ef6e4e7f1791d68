//! What ends: the connection, and what the server has behind it.

use drover_rpc_proto::CloseReason;
use tokio::sync::{OnceCell, watch};

use crate::client::Client;
use crate::enums::ConnectCloseReason;
use crate::error::Error;

/// What has ended of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ends {
    /// The connection itself.
    pub(crate) connection: Option<CloseReason>,
    /// The server's own connection to what it drives.
    pub(crate) driver: Option<ConnectCloseReason>,
}

/// How a handle hears of it.
pub(crate) struct Ending {
    pub(crate) ends: watch::Receiver<Ends>,
    // The server takes one registration, which lasts as long as the connection.
    registered: OnceCell<()>,
}

impl Ending {
    pub(crate) fn new(ends: watch::Receiver<Ends>) -> Self {
        Self {
            ends,
            registered: OnceCell::new(),
        }
    }

    /// Why the connection has ended.
    pub(crate) fn reason(&self) -> CloseReason {
        let reason = self.ends.borrow().connection.clone();
        reason.unwrap_or(CloseReason::Local)
    }

    async fn wait(&self, is_over: impl Fn(&Ends) -> bool) {
        let mut ends = self.ends.clone();
        // Without a sender the connection has ended.
        ends.wait_for(|ends| is_over(ends)).await.ok();
    }
}

impl Client {
    /// Waits until the connection has ended, and says why.
    pub async fn closed(&self) -> CloseReason {
        let ending = &self.shared.ending;
        ending.wait(|ends| ends.connection.is_some()).await;
        ending.reason()
    }

    /// Waits until the server has lost its own connection to what it drives, and says why. The
    /// connection to the server goes on, but is of little use then.
    ///
    /// libvirt's `virConnectRegisterCloseCallback`. For the end of this connection see
    /// [`Client::closed`].
    ///
    /// # Errors
    /// When the server cannot tell, or this connection ends first.
    pub async fn driver_closed(&self) -> Result<ConnectCloseReason, Error> {
        let ending = &self.shared.ending;
        let register = || self.connect_register_close_callback();
        ending.registered.get_or_try_init(register).await?;
        let over = |ends: &Ends| ends.driver.is_some() || ends.connection.is_some();
        ending.wait(over).await;
        let told = ending.ends.borrow().driver;
        told.ok_or_else(|| self.shared.gone(false))
    }
}
