//! The other end: a file on its way to the operator.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use url::{Position, Url};

use super::{Begin, DIGEST, LENGTH, OFFSET};
use crate::import::address::Allowed;
use crate::import::connect::connect;
use crate::import::fetch::{FetchError, Policy};
use crate::import::trust::Trust;

/// How much of a file is read at a time.
pub const PIECE: usize = 256 << 10;
/// How much of an answer is read.
const WORDS: usize = 4 << 10;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Why nothing was answered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The way there.
    #[error("{0}")]
    Connect(#[from] FetchError),
    /// The file, or the connection.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// The request.
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    /// The URL.
    #[error("{0} is no URL to send to")]
    Url(Url),
    /// The file.
    #[error("{0}")]
    File(#[from] io::Error),
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// How many bytes have come.
    pub offset: u64,
    /// Of how many.
    pub length: Option<u64>,
    /// What is wrong, in words.
    pub words: String,
}

/// Where a file is sent to, and the leave to do so.
#[derive(Clone)]
pub struct Way {
    /// The image's URL.
    pub url: Url,
    /// The token.
    pub token: String,
    /// Who may say that it is the operator.
    pub trust: Trust,
}

impl Way {
    /// Asks how much has come.
    ///
    /// # Errors
    /// When nothing is answered.
    pub async fn ask(&self) -> Result<Answer, ClientError> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        self.talk(Method::GET, HeaderMap::new(), body).await
    }

    /// Sends a file from where it says on, and tells `sent` of each piece.
    ///
    /// # Errors
    /// When nothing is answered, or the file cannot be read.
    pub async fn send(
        &self,
        file: &Path,
        begin: &Begin,
        sent: Arc<dyn Fn(u64) + Send + Sync>,
    ) -> Result<Answer, ClientError> {
        let mut opened = File::open(file).await?;
        opened.seek(io::SeekFrom::Start(begin.offset)).await?;
        let rest = begin.length.saturating_sub(begin.offset);
        let pieces = stream::try_unfold((opened, begin.offset), move |(mut file, at)| {
            let sent = Arc::clone(&sent);
            async move {
                let mut piece = BytesMut::with_capacity(PIECE);
                let count = (&mut file).take(PIECE as u64).read_buf(&mut piece).await?;
                let at = at + count as u64;
                sent(at);
                let frame = Frame::data(piece.freeze());
                Ok::<_, io::Error>((count > 0).then_some((frame, (file, at))))
            }
        });
        let mut headers = HeaderMap::new();
        headers.insert(OFFSET, begin.offset.into());
        headers.insert(LENGTH, begin.length.into());
        headers.insert(CONTENT_LENGTH, rest.into());
        if let Some(digest) = &begin.digest {
            let digest = format!("sha256:{digest}").parse();
            headers.insert(DIGEST, digest.map_err(hyper::http::Error::from)?);
        }
        let body = StreamBody::new(pieces).boxed_unsync();
        self.talk(Method::PUT, headers, body).await
    }

    async fn talk(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Answer, ClientError> {
        let url = &self.url;
        let wrong = || ClientError::Url(url.clone());
        let secure = url.scheme() == "https";
        let host = url.host().ok_or_else(wrong)?.to_owned();
        let port = url.port_or_known_default().ok_or_else(wrong)?;
        let policy = Policy {
            trust: self.trust.clone(),
            ..Policy::new(Allowed::everything(), true)
        };
        let connecting = connect(&host, port, secure, &policy);
        let stream = tokio::time::timeout(policy.patience, connecting).await;
        let stream = stream.map_err(|_| FetchError::Stalled {
            host: host.to_string(),
            seconds: policy.patience.as_secs(),
        })??;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move { connection.await.ok() });
        let mut request = Request::builder()
            .method(method)
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .body(body)?;
        request.headers_mut().extend(headers);
        answer(sender.send_request(request).await?).await
    }
}

async fn answer(response: Response<Incoming>) -> Result<Answer, ClientError> {
    let number = |name: &str| -> Option<u64> {
        let header = response.headers().get(name)?;
        header.to_str().ok()?.parse().ok()
    };
    let (offset, length) = (number(OFFSET).unwrap_or(0), number(LENGTH));
    let status = response.status();
    let words = Limited::new(response.into_body(), WORDS).collect().await;
    let words = words.map(|words| words.to_bytes()).unwrap_or_default();
    Ok(Answer {
        status,
        offset,
        length,
        words: String::from_utf8_lossy(&words).trim().to_owned(),
    })
}
