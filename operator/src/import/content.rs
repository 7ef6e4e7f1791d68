//! Content as it comes, from a URL or from a volume of a host: unpacked, and with its checksums.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_compression::tokio::bufread::{GzipDecoder, XzDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::{Bytes, BytesMut};
use drover_core::plan::Verdict;
use drover_crds::condition::Reason;
use drover_rpc::{Piece, SparseDownload};
use futures::stream;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use super::checksum::{Checksum, Feed};
use super::download::Download;
use super::fetch::FetchError;
use super::holes::{Holes, Part, zeros};
use super::received::Received;
use super::{refused, retry, unavailable};
use crate::metrics::Metrics;

/// What is held back until everything else has arrived and is right: without it a qcow2 image is
/// nothing that anybody would open.
pub(super) const HEAD: usize = 64 << 10;
/// How much is unpacked at a time.
const UNPACKED: usize = 256 << 10;
/// xz's best compression wants 65 MiB, and this is what one who means harm gets.
const MOST_MEMORY: u64 = 80 << 20;
/// zstd's window, as a power of two: what its own tool takes unless told otherwise.
const WINDOW: u32 = 27;

/// What has been fetched so far.
#[derive(Default)]
struct Tally {
    read: u64,
    error: Option<FetchError>,
}

/// Where what is fetched comes from.
pub(super) enum Origin {
    /// A URL.
    Download(Box<Download>),
    /// Somebody who sends it.
    Received(Received),
}

impl Origin {
    fn length(&self) -> Option<u64> {
        match self {
            Self::Download(download) => download.length,
            Self::Received(received) => Some(received.length),
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        match self {
            Self::Download(download) => download.chunk().await,
            Self::Received(received) => received.chunk().await,
        }
    }
}

struct Fetched {
    origin: Origin,
    tally: Arc<Mutex<Tally>>,
    checksum: Feed,
    metrics: Arc<Metrics>,
}

impl Fetched {
    async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        let chunk = self.origin.chunk().await?;
        if let Some(chunk) = &chunk {
            self.checksum.take(chunk.clone()).await;
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.read += chunk.len() as u64;
            self.metrics.imported(chunk.len() as u64);
        }
        Ok(chunk)
    }
}

enum Source {
    Plain(Box<Fetched>),
    Packed(Box<dyn AsyncRead + Send + Unpin>),
    Volume(SparseDownload),
    /// All of it has come.
    Read,
}

/// Content as it comes.
pub(super) struct Content {
    /// How long it is, if that is known.
    pub(super) length: Option<u64>,
    // How much is fetched for it, if that is known.
    fetched: Option<u64>,
    source: Source,
    tally: Arc<Mutex<Tally>>,
    // Of what was fetched, and of the content where that is something else.
    sums: (Option<Checksum>, Option<Checksum>),
    read: u64,
    holes: Holes,
    ahead: VecDeque<Part>,
    ended: bool,
}

impl Content {
    fn new(
        source: Source,
        length: Option<u64>,
        tally: Arc<Mutex<Tally>>,
        sums: (Option<Checksum>, Option<Checksum>),
    ) -> Self {
        Self {
            length,
            fetched: length,
            source,
            tally,
            sums,
            read: 0,
            holes: Holes::default(),
            ahead: VecDeque::new(),
            ended: false,
        }
    }

    /// What a URL has, or somebody sends. Whether it is packed shows in its first bytes.
    pub(super) async fn fetched(origin: Origin, metrics: Arc<Metrics>) -> Result<Self, Verdict> {
        let length = origin.length();
        let (tally, checksum) = (Arc::<Mutex<Tally>>::default(), Checksum::new());
        let mut fetched = Box::new(Fetched {
            origin,
            tally: Arc::clone(&tally),
            checksum: checksum.feed(),
            metrics,
        });
        let mut first = BytesMut::new();
        while first.len() < LONGEST_MAGIC
            && let Some(chunk) = fetched.chunk().await.map_err(|error| unavailable(&error))?
        {
            first.extend_from_slice(&chunk);
        }
        let first = first.freeze();
        let Some(packing) = Packing::of(&first) else {
            let sums = (Some(checksum), None);
            let mut content = Self::new(Source::Plain(fetched), length, tally, sums);
            content.take(first).await;
            return Ok(content);
        };
        let reader = packing.unpack(reader(first, *fetched));
        let sums = (Some(checksum), Some(Checksum::new()));
        Ok(Self {
            fetched: length,
            ..Self::new(Source::Packed(reader), None, tally, sums)
        })
    }

    /// What a volume has.
    pub(super) fn volume(download: SparseDownload, length: Option<u64>) -> Self {
        let sums = (None, Some(Checksum::new()));
        Self::new(Source::Volume(download), length, Arc::default(), sums)
    }

    async fn take(&mut self, bytes: Bytes) {
        self.read += bytes.len() as u64;
        self.ahead.extend(self.holes.take(&bytes));
        if let (_, Some(checksum)) = &self.sums {
            checksum.update(bytes).await;
        }
    }

    /// The next part; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Part>, Verdict> {
        loop {
            if let Some(part) = self.ahead.pop_front() {
                return Ok(Some(part));
            }
            if self.ended {
                return Ok(None);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Verdict> {
        let bytes = match &mut self.source {
            Source::Plain(fetched) => fetched.chunk().await.map_err(|error| unavailable(&error))?,
            Source::Packed(reader) => {
                let mut bytes = BytesMut::with_capacity(UNPACKED);
                let read = reader.read_buf(&mut bytes).await;
                let count = read.map_err(|error| self.unreadable(&error))?;
                (count > 0).then(|| bytes.freeze())
            }
            Source::Volume(download) => match download.next().await.map_err(retry)? {
                Some(Piece::Data(bytes)) => Some(bytes.into()),
                Some(Piece::Hole(length)) => {
                    self.skip(length).await;
                    return Ok(());
                }
                None => None,
            },
            Source::Read => None,
        };
        match bytes {
            Some(bytes) => self.take(bytes).await,
            None => {
                self.ended = true;
                self.ahead.extend(self.holes.end());
            }
        }
        Ok(())
    }

    // A hole of the source is one here, and is hashed as what it stands for.
    async fn skip(&mut self, length: u64) {
        for bytes in zeros(length) {
            self.take(bytes).await;
        }
    }

    fn unreadable(&self, error: &io::Error) -> Verdict {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        match &tally.error {
            Some(error) => unavailable(error),
            None => refused(format!("it cannot be unpacked: {error}")),
        }
    }

    /// The first bytes, all that are held back until the end.
    pub(super) async fn head(&mut self) -> Result<Vec<u8>, Verdict> {
        let mut head = Vec::with_capacity(HEAD);
        while head.len() < HEAD {
            let Some(part) = self.next().await? else {
                break;
            };
            let room = HEAD - head.len();
            match part {
                Part::Data(mut bytes) => {
                    head.extend_from_slice(&bytes.split_to(room.min(bytes.len())));
                    if !bytes.is_empty() {
                        self.ahead.push_front(Part::Data(bytes));
                    }
                }
                Part::Hole(length) => {
                    let here = length.min(room as u64);
                    head.extend(std::iter::repeat_n(0, usize::try_from(here).unwrap_or(0)));
                    if length > here {
                        self.ahead.push_front(Part::Hole(length - here));
                    }
                }
            }
        }
        match head.is_empty() {
            true => Err(refused("there is nothing at the source")),
            false => Ok(head),
        }
    }

    /// How many bytes of it have come, unpacked.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// How much of it has come, in per cent, if that can be said.
    pub(super) fn percent(&self) -> Option<u64> {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let (done, all) = match &self.sums.0 {
            Some(_) => (tally.read, self.fetched?),
            None => (self.read, self.length?),
        };
        Some(done * 100 / all.max(1))
    }

    /// The SHA-256 of the content and of what was fetched, in hexadecimal digits, when all of it has
    /// come. A volume's has not been fetched.
    ///
    /// # Errors
    /// When they could not be taken.
    pub(super) async fn sums(&mut self) -> Result<(String, Option<String>), Verdict> {
        // It holds on to what it feeds.
        self.source = Source::Read;
        let (fetched, content) = std::mem::take(&mut self.sums);
        let fetched = finished(fetched).await?;
        let content = finished(content).await?.or_else(|| fetched.clone());
        let content = content.ok_or_else(|| retry("it has no checksum"))?;
        Ok((content, fetched))
    }

    /// That what was read is as long as was said.
    pub(super) fn whole(&self) -> Result<(), Verdict> {
        match self.length {
            Some(length) if length != self.read => Err(Verdict::new(
                Reason::SourceUnavailable,
                format!("{} of {length} bytes came", self.read),
            )),
            _ => Ok(()),
        }
    }
}

async fn finished(checksum: Option<Checksum>) -> Result<Option<String>, Verdict> {
    match checksum {
        None => Ok(None),
        Some(checksum) => match checksum.finish().await {
            None => Err(retry("its checksum could not be taken")),
            sum => Ok(sum),
        },
    }
}

// The bytes as a reader. What goes wrong is noted, as a reader's errors say less.
fn reader(first: Bytes, fetched: Fetched) -> impl AsyncBufRead + Send + Unpin {
    let tally = Arc::clone(&fetched.tally);
    let rest = stream::unfold((Some(first), fetched), move |(first, mut fetched)| {
        let tally = Arc::clone(&tally);
        async move {
            if let Some(first) = first {
                return Some((Ok(first), (None, fetched)));
            }
            match fetched.chunk().await {
                Ok(chunk) => Some((Ok(chunk?), (None, fetched))),
                Err(error) => {
                    let text = error.to_string();
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    tally.error = Some(error);
                    Some((Err(io::Error::other(text)), (None, fetched)))
                }
            }
        }
    });
    StreamReader::new(Box::pin(rest))
}

const LONGEST_MAGIC: usize = 6;

/// How content is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Xz,
    Zstd,
}

impl Packing {
    fn of(first: &[u8]) -> Option<Self> {
        match first {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    // A file may hold several streams, one after the other.
    fn unpack(
        self,
        packed: impl AsyncBufRead + Send + Unpin + 'static,
    ) -> Box<dyn AsyncRead + Send + Unpin> {
        match self {
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(packed);
                decoder.multiple_members(true);
                Box::new(decoder)
            }
            Self::Xz => {
                let mut decoder = XzDecoder::with_mem_limit(packed, MOST_MEMORY);
                decoder.multiple_members(true);
                Box::new(decoder)
            }
            Self::Zstd => {
                let window = [DParameter::window_log_max(WINDOW)];
                let mut decoder = ZstdDecoder::with_params(packed, &window);
                decoder.multiple_members(true);
                Box::new(decoder)
            }
        }
    }
}

#[cfg(test)]
mod tests;
