//! Where images are sent to, over HTTP: `PUT` with the bytes from `Upload-Offset` on, of `Upload-Length` in
//! all, and `HEAD` to ask how many have come.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::tls::Keys;
use super::{Begin, Refusal, Uploads, Wrong};
use crate::reconcile::{Key, Kind};

/// How long a handshake and the head of a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections there may be.
const CONNECTIONS: usize = 64;
/// How large the head of a request may be, and how much of the rest is read at a time.
const BUFFER: usize = 64 << 10;
const HEADERS: usize = 32;

/// Where in the content the bytes belong; in an answer, how many have come.
pub const OFFSET: &str = "upload-offset";
/// How long the content is.
pub const LENGTH: &str = "upload-length";
/// The content's checksum, `sha256:` and 64 hexadecimal digits: without it nothing can be gone on with.
pub const DIGEST: &str = "upload-digest";

/// The path of an image.
#[must_use]
pub fn path(key: &Key) -> String {
    match key.kind {
        Kind::ClusterImage => format!("/clusterimages/{}", key.name),
        _ => format!("/images/{}/{}", key.namespace, key.name),
    }
}

fn key(path: &str) -> Option<Key> {
    use drover_core::desired::image::ImageName;

    let parts: Vec<&str> = path.split('/').collect();
    let (namespace, name) = match parts.as_slice() {
        ["", "clusterimages", name] => ("", *name),
        ["", "images", namespace, name] if !namespace.is_empty() => (*namespace, *name),
        _ => return None,
    };
    Some(Key::image(&ImageName {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }))
}

/// Serves until it is told to stop.
pub(super) async fn serve(
    listener: TcpListener,
    keys: Option<Keys>,
    uploads: Arc<Uploads>,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        while connections.try_join_next().is_some() {}
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection for an upload failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (keys, uploads) = (keys.clone(), Arc::clone(&uploads));
        connections.spawn(async move {
            let _room = permit;
            match keys {
                None => converse(socket, uploads, peer).await,
                Some(keys) => {
                    let acceptor = keys.acceptor();
                    let acceptor = acceptor
                        .inspect_err(|error| tracing::warn!(%error, "uploads cannot be encrypted"));
                    let Ok(acceptor) = acceptor else { return };
                    let accepted = tokio::time::timeout(PATIENCE, acceptor.accept(socket));
                    if let Ok(Ok(stream)) = accepted.await {
                        converse(stream, uploads, peer).await;
                    }
                }
            }
        });
    }
}

async fn converse<S>(stream: S, uploads: Arc<Uploads>, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let uploads = Arc::clone(&uploads);
        async move { Ok::<_, Infallible>(answer(&uploads, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(BUFFER)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%peer, %error, "a connection for an upload ended");
    }
}

type Reply = Response<Full<Bytes>>;

async fn answer(uploads: &Arc<Uploads>, request: Request<Incoming>) -> Reply {
    let Some(key) = key(request.uri().path()) else {
        return reply(StatusCode::NOT_FOUND, "there is nothing here");
    };
    let token = token(request.headers()).unwrap_or_default();
    if let Err(refusal) = uploads.admit(&key, token) {
        return refused(&refusal);
    }
    let answered = match *request.method() {
        Method::HEAD | Method::GET => reply(StatusCode::OK, ""),
        Method::PUT => put(uploads, &key, request).await,
        _ => reply(
            StatusCode::METHOD_NOT_ALLOWED,
            "PUT, HEAD and GET are known",
        ),
    };
    with_state(answered, uploads.so_far(&key))
}

async fn put(uploads: &Arc<Uploads>, key: &Key, request: Request<Incoming>) -> Reply {
    let begin = match begin(request.headers(), request.body().size_hint().exact()) {
        Ok(begin) => begin,
        Err(words) => return reply(StatusCode::BAD_REQUEST, words),
    };
    let sending = match uploads.begin(key, &begin) {
        Ok(sending) => sending,
        Err(refusal) => return refused(&refusal),
    };
    let mut body = request.into_body();
    // A connection that is lost without a word ends before the upload does, which may then go on by
    // another one.
    let patience = uploads.stall / 2;
    loop {
        let frame = match tokio::time::timeout(patience, body.frame()).await {
            Err(_) => return reply(StatusCode::REQUEST_TIMEOUT, "nothing came for too long"),
            Ok(Some(Err(_))) => return reply(StatusCode::BAD_REQUEST, "it was cut off"),
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers say nothing of interest.
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        if let Err(refusal) = sending.send(bytes).await {
            return refused(&refusal);
        }
    }
    match sending.so_far() {
        Ok((_, true)) => reply(StatusCode::OK, "all of it is here"),
        Ok((_, false)) => reply(StatusCode::ACCEPTED, "the rest is waited for"),
        Err(refusal) => refused(&refusal),
    }
}

fn begin(headers: &HeaderMap, content_length: Option<u64>) -> Result<Begin, &'static str> {
    let number = |name: &str| -> Result<Option<u64>, &'static str> {
        let wrong = |_| "Upload-Offset and Upload-Length are numbers of bytes";
        let given = headers.get(name).map(|it| it.to_str().unwrap_or_default());
        given.map(|it| it.parse().map_err(wrong)).transpose()
    };
    let offset = number(OFFSET)?.unwrap_or(0);
    let length = number(LENGTH)?.or(content_length.filter(|_| offset == 0));
    let digest = match headers
        .get(DIGEST)
        .map(|it| it.to_str().unwrap_or_default())
    {
        None => None,
        Some(given) => {
            let digits = given.strip_prefix("sha256:");
            let right = |digits: &&str| {
                let mut each = digits.bytes();
                let low = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
                digits.len() == 64 && each.all(low)
            };
            let digits = digits.filter(right);
            Some(digits.ok_or("Upload-Digest is sha256: and 64 hexadecimal digits")?)
        }
    };
    Ok(Begin {
        offset,
        length: length.ok_or("Upload-Length is needed: how many bytes there are in all")?,
        digest: digest.map(str::to_owned),
    })
}

fn token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

fn refused(refusal: &Refusal) -> Reply {
    let status = match refusal {
        Refusal::Unknown => StatusCode::UNAUTHORIZED,
        Refusal::NotYet | Refusal::Full | Refusal::Wrong(Wrong::Restart) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Refusal::Wrong(Wrong::Empty) => StatusCode::BAD_REQUEST,
        Refusal::Wrong(Wrong::TooLong(_)) => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Wrong(_) => StatusCode::CONFLICT,
        Refusal::Checksum { .. } | Refusal::Ended => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut reply = reply(status, &refusal.to_string());
    let headers = reply.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    reply
}

fn with_state(mut reply: Reply, state: Option<(u64, u64)>) -> Reply {
    let headers = reply.headers_mut();
    headers.insert(OFFSET, state.map_or(0, |(received, _)| received).into());
    if let Some((_, length)) = state {
        headers.insert(LENGTH, length.into());
    }
    reply
}

fn reply(status: StatusCode, words: &str) -> Reply {
    let text = match words {
        "" => String::new(),
        words => format!("{words}\n"),
    };
    let mut reply = Response::new(Full::from(text));
    *reply.status_mut() = status;
    reply
}
