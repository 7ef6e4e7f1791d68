//! A checksum that is taken beside everything else: it is half of the work of an import, and a
//! processor of its own does it while the others read and write.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many pieces may wait: the content is never far ahead of it.
const WAITING: usize = 4;

/// Hands pieces to a checksum.
pub(super) struct Feed(mpsc::Sender<Bytes>);

impl Feed {
    /// Takes a piece.
    pub(super) async fn take(&self, piece: Bytes) {
        // Whoever does not wait for the checksum has no use for it.
        drop(self.0.send(piece).await);
    }
}

/// The SHA-256 of what it is handed.
pub(super) struct Checksum {
    feed: Feed,
    task: JoinHandle<Sha256>,
}

impl Checksum {
    /// Of nothing yet.
    pub(super) fn new() -> Self {
        let (pieces, mut waiting) = mpsc::channel::<Bytes>(WAITING);
        let task = tokio::task::spawn_blocking(move || {
            let mut hash = Sha256::new();
            while let Some(piece) = waiting.blocking_recv() {
                hash.update(&piece);
            }
            hash
        });
        Self {
            feed: Feed(pieces),
            task,
        }
    }

    /// Another hand that feeds it. It is not finished before that is gone.
    pub(super) fn feed(&self) -> Feed {
        Feed(self.feed.0.clone())
    }

    /// Takes a piece.
    pub(super) async fn update(&self, piece: Bytes) {
        self.feed.take(piece).await;
    }

    /// The checksum, in hexadecimal digits; none, if it could not be taken.
    pub(super) async fn finish(self) -> Option<String> {
        drop(self.feed);
        let hash = self.task.await.ok()?;
        Some(format!("{:x}", hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Checksum;

    #[tokio::test]
    async fn it_is_of_all_pieces_in_their_order() {
        let checksum = Checksum::new();
        for piece in ["a", "", "b", "c"] {
            checksum.update(Bytes::from_static(piece.as_bytes())).await;
        }
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(checksum.finish().await.as_deref(), Some(abc));
    }
}
