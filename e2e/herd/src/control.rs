//! How a herd is told what to do while it runs: a line of JSON for an order, a line for its answer.

use std::io::{BufRead, BufReader as Lines, Write};
use std::os::unix::net::UnixStream as Socket;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::counts::Counts;
use crate::error::Error;
use crate::herd::Shared;
use crate::weather::Sky;

/// What a herd can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// What is to become of all hosts.
    Sky(Sky),
    /// What has happened so far.
    Look,
    /// The same, and counting begins anew.
    Take,
}

/// One order after the other. Whoever stops to listen is not waited for.
pub(crate) async fn serve(shared: Arc<Shared>, listener: UnixListener) {
    while let Ok((stream, _)) = listener.accept().await {
        obey(&shared, stream).await;
    }
}

async fn obey(shared: &Shared, stream: UnixStream) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while let Ok(1..) = stream.read_line(&mut line).await {
        let answer = match serde_json::from_str(&line) {
            Ok(order) => serde_json::to_string(&done(shared, order)).unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        let answer = format!("{answer}\n");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        line.clear();
    }
}

fn done(shared: &Shared, order: Order) -> Counts {
    match order {
        Order::Sky(sky) => {
            shared.sky.send_replace(sky);
            shared.counter.look()
        }
        Order::Look => shared.counter.look(),
        Order::Take => shared.counter.take(),
    }
}

/// A herd in another process, to be told what to do.
#[derive(Debug, Clone)]
pub struct Control {
    path: PathBuf,
}

impl Control {
    /// The herd whose control socket is here.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let path = path.to_owned();
        Self { path }
    }

    /// Tells it something; what has happened so far.
    ///
    /// # Errors
    /// When it is not there, or does not answer.
    pub fn tell(&self, order: Order) -> Result<Counts, Error> {
        let file = |error| Error::file(&self.path, error);
        let mut socket = Socket::connect(&self.path).map_err(file)?;
        let order = serde_json::to_string(&order).unwrap_or_default();
        writeln!(socket, "{order}").map_err(file)?;
        let mut line = String::new();
        Lines::new(socket).read_line(&mut line).map_err(file)?;
        serde_json::from_str(&line).map_err(|_| Error::Answer(line))
    }
}
