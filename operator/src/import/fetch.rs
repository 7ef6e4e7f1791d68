//! One GET, with its redirects. Nothing of what a server answers, but its status, is ever shown.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use url::{Host, Url};

use super::address::Allowed;
use super::connect::{Stream, connect};
use super::trust::Trust;

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// How much is read at a time: memory for larger pieces would be had from the system, and given back
/// to it, for each of them.
const PIECE: usize = 96 << 10;

/// What may be fetched, and how long it may take.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Networks that may be fetched from although they are not public.
    pub allowed: Allowed,
    /// Whether there is a checksum to hold the content against: plain http needs one.
    pub checksum: bool,
    /// Who may say that a server is who it is.
    pub trust: Trust,
    /// How long a connection and the head of an answer may take.
    pub patience: Duration,
    /// How long the content may stand still.
    pub stall: Duration,
    /// How long the first pause is before what was cut is asked for again.
    pub pause: Duration,
}

impl Policy {
    /// With the usual times: 10 s, 30 s and half a second.
    #[must_use]
    pub fn new(allowed: Allowed, checksum: bool) -> Self {
        Self {
            allowed,
            checksum,
            trust: Trust::default(),
            patience: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            pause: Duration::from_millis(500),
        }
    }
}

/// Why nothing, or not all, was fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL makes no sense.
    #[error("{url} is no URL to fetch from: {reason}")]
    Url {
        /// The URL, without what may be secret in it.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Plain http can be changed on its way.
    #[error("{0} is plain http, which needs a checksum")]
    PlainHttp(String),
    /// Nobody knows the name.
    #[error("the name {0} cannot be resolved")]
    Resolve(String),
    /// The address is one of a network that is not public.
    #[error("{host} is at {address}, which is not a public address; --import-allow names others")]
    Address {
        /// The host in the URL.
        host: String,
        /// Where it is.
        address: IpAddr,
    },
    /// No connection.
    #[error("cannot connect to {host}: {reason}")]
    Connect {
        /// Where to.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// The server's certificate proves nothing here.
    #[error(
        "the certificate of {0} is of an authority that is not trusted: name a Secret with the \
         authority's certificate by spec.source.http.caBundleSecretRef of an Image or a ClusterImage"
    )]
    Untrusted(String),
    /// The server did not speak HTTP.
    #[error("{host} does not answer as a web server should: {reason}")]
    Protocol {
        /// Who.
        host: String,
        /// What the HTTP library says.
        reason: String,
    },
    /// The server says no.
    #[error("{url}: {status}{}", reason(*status))]
    Status {
        /// The URL, without what may be secret in it.
        url: String,
        /// The number.
        status: u16,
    },
    /// The redirects have no end.
    #[error("more than {REDIRECTS} redirects")]
    Redirects,
    /// Nothing came for too long.
    #[error("{host} sent nothing for {seconds} s")]
    Stalled {
        /// Who.
        host: String,
        /// For how long.
        seconds: u64,
    },
    /// The connection ended before the content did.
    #[error("{host} stopped after {received} bytes")]
    Cut {
        /// Who.
        host: String,
        /// How many had come.
        received: u64,
    },
    /// The rest of the content was asked for, and something else was answered.
    #[error("{host} stopped in the middle, and does not have the rest of the same content")]
    Changed {
        /// Who.
        host: String,
    },
}

impl FetchError {
    /// The same, when so much had come in all.
    pub(super) fn after(self, all: u64) -> Self {
        match self {
            Self::Cut { host, .. } => Self::Cut {
                host,
                received: all,
            },
            other => other,
        }
    }

    /// Whether it stays like this until somebody changes the URL or the operator's settings.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        // A page that is not there may be there tomorrow.
        matches!(
            self,
            Self::Url { .. } | Self::PlainHttp(_) | Self::Address { .. } | Self::Redirects
        )
    }
}

/// The rest of some content.
#[derive(Debug, Clone)]
pub struct Rest {
    /// How much of it has come already.
    pub from: u64,
    /// How long all of it is.
    pub length: u64,
    /// What the server called this very content.
    pub version: Option<HeaderValue>,
}

/// The content of a URL.
#[derive(Debug)]
pub struct Body {
    /// How many bytes it has, if the server says so.
    pub length: Option<u64>,
    /// Whether its end is told apart from a connection that is cut.
    pub has_end: bool,
    /// What the server calls this very content.
    pub version: Option<HeaderValue>,
    incoming: Incoming,
    host: String,
    received: u64,
    stall: Duration,
}

impl Body {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// When it stands still, or ends too early.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let frame = match tokio::time::timeout(self.stall, self.incoming.frame()).await {
                Err(_) => return Err(self.stalled()),
                Ok(None) => return self.end(),
                Ok(Some(Err(_))) => return Err(self.cut()),
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers say nothing of interest.
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                self.received += data.len() as u64;
                return Ok(Some(data));
            }
        }
    }

    fn end(&self) -> Result<Option<Bytes>, FetchError> {
        match self.length {
            Some(length) if self.received != length => Err(self.cut()),
            _ => Ok(None),
        }
    }

    fn cut(&self) -> FetchError {
        FetchError::Cut {
            host: self.host.clone(),
            received: self.received,
        }
    }

    fn stalled(&self) -> FetchError {
        FetchError::Stalled {
            host: self.host.clone(),
            seconds: self.stall.as_secs(),
        }
    }
}

/// Asks for a URL. Every address, also of a redirect, is checked after its name has been resolved,
/// and the connection is made to the address that was checked.
///
/// # Errors
/// When it may not be fetched, or cannot be.
pub async fn open(url: &str, policy: &Policy) -> Result<Body, FetchError> {
    ask(url, policy, None).await
}

/// Asks for the rest of what a URL has.
///
/// # Errors
/// As [`open`], and when it is not the rest of the same that comes.
pub async fn resume(url: &str, policy: &Policy, rest: &Rest) -> Result<Body, FetchError> {
    ask(url, policy, Some(rest)).await
}

async fn ask(url: &str, policy: &Policy, rest: Option<&Rest>) -> Result<Body, FetchError> {
    let malformed = |reason| FetchError::Url {
        url: "what is given".to_owned(),
        reason,
    };
    let mut url = Url::parse(url).map_err(|_| malformed("it cannot be parsed"))?;
    for _ in 0..=REDIRECTS {
        let response = get(&url, policy, rest).await?;
        match (redirect(&url, &response)?, rest) {
            (Some(next), _) => url = next,
            (None, Some(rest)) if !is_rest(&response, rest) => {
                return Err(FetchError::Changed {
                    host: url.host_str().unwrap_or_default().to_owned(),
                });
            }
            (None, _) => return body(&url, response, policy),
        }
    }
    Err(FetchError::Redirects)
}

/// The host, the port and whether it is https, of a URL that may be fetched.
fn checked(url: &Url, policy: &Policy) -> Result<(Host<String>, u16, bool), FetchError> {
    let wrong = |reason| FetchError::Url {
        url: shown(url),
        reason,
    };
    let secure = match url.scheme() {
        "https" => true,
        "http" if policy.checksum => false,
        "http" => return Err(FetchError::PlainHttp(shown(url))),
        _ => return Err(wrong("only http and https are known")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it holds a user name or password"));
    }
    let host = url.host().ok_or_else(|| wrong("it names no host"))?;
    let port = url
        .port_or_known_default()
        .ok_or_else(|| wrong("it names no port"))?;
    Ok((host.to_owned(), port, secure))
}

async fn get(
    url: &Url,
    policy: &Policy,
    rest: Option<&Rest>,
) -> Result<Response<Incoming>, FetchError> {
    let (host, port, secure) = checked(url, policy)?;
    let name = host.to_string();
    let asking = async {
        let stream = connect(&host, port, secure, policy).await?;
        let mut sender = shake_hands(stream, &name).await?;
        let answer = sender.send_request(request(url, rest)?).await;
        answer.map_err(|error| protocol(&name, &error))
    };
    match tokio::time::timeout(policy.patience, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(FetchError::Stalled {
            host: name.clone(),
            seconds: policy.patience.as_secs(),
        }),
    }
}

async fn shake_hands(stream: Stream, host: &str) -> Result<SendRequest<Empty<Bytes>>, FetchError> {
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(PIECE)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| protocol(host, &error))?;
    // What goes wrong there is told to whoever waits for the body. It ends with it.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

fn request(url: &Url, rest: Option<&Rest>) -> Result<Request<Empty<Bytes>>, FetchError> {
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::get(target);
    if let Some(rest) = rest {
        request = request.header(header::RANGE, format!("bytes={}-", rest.from));
        if let Some(version) = &rest.version {
            request = request.header(header::IF_RANGE, version);
        }
    }
    request
        .header(header::HOST, authority)
        .header(
            header::USER_AGENT,
            concat!("drover/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::ACCEPT, "*/*")
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Empty::new())
        .map_err(|_| FetchError::Url {
            url: shown(url),
            reason: "it cannot be asked for",
        })
}

fn redirect(url: &Url, response: &Response<Incoming>) -> Result<Option<Url>, FetchError> {
    if !matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    ) {
        return Ok(None);
    }
    let wrong = || FetchError::Url {
        url: shown(url),
        reason: "it redirects to what is no URL",
    };
    let location = response.headers().get(header::LOCATION).ok_or_else(wrong)?;
    let location = location.to_str().map_err(|_| wrong())?;
    url.join(location).map(Some).map_err(|_| wrong())
}

fn body(url: &Url, response: Response<Incoming>, policy: &Policy) -> Result<Body, FetchError> {
    let status = response.status();
    if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
        return Err(FetchError::Status {
            url: shown(url),
            status: status.as_u16(),
        });
    }
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(FetchError::Url {
            url: shown(url),
            reason: "it is sent compressed although that was not asked for",
        });
    }
    let version = version(response.headers());
    let chunked = response.headers().contains_key(header::TRANSFER_ENCODING);
    let incoming = response.into_body();
    let length = hyper::body::Body::size_hint(&incoming).exact();
    Ok(Body {
        length,
        has_end: chunked || length.is_some(),
        version,
        incoming,
        host: url.host_str().unwrap_or_default().to_owned(),
        received: 0,
        stall: policy.stall,
    })
}

// Of two contents with one weak tag, or of one second, nobody knows whether they are the same.
fn version(headers: &HeaderMap) -> Option<HeaderValue> {
    let tag = headers.get(header::ETAG)?;
    (!tag.as_bytes().starts_with(b"W/")).then(|| tag.clone())
}

// Whether it is just what was asked for: `bytes FROM-LAST/LENGTH`.
fn is_rest(response: &Response<Incoming>, rest: &Rest) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE);
    let last = rest.length.saturating_sub(1);
    let wanted = format!("bytes {}-{last}/{}", rest.from, rest.length);
    response.status() == StatusCode::PARTIAL_CONTENT
        && range.is_some_and(|range| range.as_bytes() == wanted.as_bytes())
}

fn protocol(host: &str, error: &hyper::Error) -> FetchError {
    FetchError::Protocol {
        host: host.to_owned(),
        reason: error.to_string(),
    }
}

// The usual words for a status: the server's own are not shown.
fn reason(status: u16) -> String {
    StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .map(|words| format!(" {words}"))
        .unwrap_or_default()
}

/// A URL without what may be secret in it.
pub(super) fn shown_text(url: &str) -> String {
    Url::parse(url).map_or_else(|_| "what is given".to_owned(), |url| shown(&url))
}

// Without user, password, query and fragment, which may be secret.
fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    let port = port.unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

#[cfg(test)]
mod tests;
