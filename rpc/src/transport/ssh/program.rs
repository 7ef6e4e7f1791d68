//! A program on the far side: its output is the socket's, and its complaints are heard.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, ReadHalf,
    WriteHalf,
};

/// How much may wait here, each way.
const ROOM: usize = 256 << 10;
/// How much is taken at once.
const PIECE: usize = 32 << 10;
/// How much of its complaints is kept.
const WORDS: usize = 500;

/// A program's output and input.
pub(super) struct Stream {
    stream: DuplexStream,
    words: Words,
}

/// The output and input of the program that runs on a channel.
pub(super) fn stream(channel: Channel<Msg>) -> Stream {
    let (output, input) = channel.split();
    let (stream, theirs) = tokio::io::duplex(ROOM);
    let (from, to) = tokio::io::split(theirs);
    let words = Words::default();
    tokio::spawn(hear(output, to, words.clone()));
    tokio::spawn(say(from, input));
    Stream { stream, words }
}

// Until the channel is closed, and not only the output: complaints may come later.
async fn hear(mut from: ChannelReadHalf, mut to: WriteHalf<DuplexStream>, words: Words) {
    while let Some(message) = from.wait().await {
        match message {
            ChannelMsg::Data { data } => match to.write_all(&data).await {
                Ok(()) => {}
                // Nobody listens any more.
                Err(_) => return,
            },
            ChannelMsg::ExtendedData { data, .. } => words.add(&data),
            ChannelMsg::Failure => {
                words.add(b"no program may be run");
                break;
            }
            ChannelMsg::Close => break,
            _ => {}
        }
    }
    let _ = to.shutdown().await;
}

async fn say(mut from: ReadHalf<DuplexStream>, to: ChannelWriteHalf<Msg>) {
    let mut bytes = BytesMut::new();
    loop {
        bytes.reserve(PIECE);
        match from.read_buf(&mut bytes).await {
            Ok(1..) if to.data_bytes(bytes.split().freeze()).await.is_ok() => {}
            _ => break,
        }
    }
    // The program ends when its input does.
    let _ = to.eof().await;
}

/// What the program complains about.
#[derive(Clone, Default)]
struct Words(Arc<Mutex<Vec<u8>>>);

impl Words {
    fn add(&self, more: &[u8]) {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = WORDS.saturating_sub(words.len()).min(more.len());
        words.extend(more.iter().take(room));
    }

    fn error(&self) -> Option<io::Error> {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&words);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let text = lines.join("; ");
        (!text.is_empty()).then(|| io::Error::other(format!("the far side says: {text}")))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        match buffer.filled().len() == before {
            true => Poll::Ready(self.words.error().map_or(Ok(()), Err)),
            false => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
