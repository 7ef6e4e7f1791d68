//! Content that somebody sends, as it comes.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::fetch::FetchError;

/// How many pieces may wait to be written: whoever sends waits with the rest.
const WAITING: usize = 4;
const SENDER: &str = "the sender";

/// Content that somebody sends.
#[derive(Debug)]
pub struct Received {
    /// How many bytes it has.
    pub(super) length: u64,
    pieces: mpsc::Receiver<Bytes>,
    came: u64,
    stall: Duration,
}

/// A way for content of this length. It may stand still for so long.
#[must_use]
pub fn channel(length: u64, stall: Duration) -> (mpsc::Sender<Bytes>, Received) {
    let (sender, pieces) = mpsc::channel(WAITING);
    let received = Received {
        length,
        pieces,
        came: 0,
        stall,
    };
    (sender, received)
}

impl Received {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// When nothing comes for too long, or nobody will send the rest.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        if self.came >= self.length {
            return Ok(None);
        }
        let host = SENDER.to_owned();
        match tokio::time::timeout(self.stall, self.pieces.recv()).await {
            Ok(Some(piece)) => {
                self.came += piece.len() as u64;
                Ok(Some(piece))
            }
            Ok(None) => Err(FetchError::Cut {
                host,
                received: self.came,
            }),
            Err(_) => Err(FetchError::Stalled {
                host,
                seconds: self.stall.as_secs(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const STALL: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_its_last_byte() {
        let (sender, mut received) = channel(5, STALL);
        sender.send(Bytes::from_static(b"ima")).await.unwrap();
        sender.send(Bytes::from_static(b"ge")).await.unwrap();
        assert_eq!(received.chunk().await.unwrap().unwrap(), "ima");
        assert_eq!(received.chunk().await.unwrap().unwrap(), "ge");
        assert_eq!(received.chunk().await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sends_may_stop_for_a_while() {
        let (sender, mut received) = channel(5, STALL);
        sender.send(Bytes::from_static(b"ima")).await.unwrap();
        received.chunk().await.unwrap();
        let later = tokio::spawn(async move {
            tokio::time::sleep(STALL - Duration::from_secs(1)).await;
            sender.send(Bytes::from_static(b"g")).await.unwrap();
            sender
        });
        assert_eq!(received.chunk().await.unwrap().unwrap(), "g");
        let sender = later.await.unwrap();
        let error = received.chunk().await.unwrap_err();
        assert!(matches!(error, FetchError::Stalled { seconds: 60, .. }));
        drop(sender);
        let error = received.chunk().await.unwrap_err();
        assert!(matches!(error, FetchError::Cut { received: 4, .. }));
    }
}
