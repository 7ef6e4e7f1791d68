//! Stands between the operator and the API server, counts requests, and answers in its place.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use drover_e2e::Lab;
use drover_e2e::places::write_file;
use futures::{StreamExt, TryStreamExt};
use http::request::Parts;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::trigger::{Fate, Moment, Trigger};

/// What is answered to a request in the API server's place, if anything is; it may change what is
/// asked.
pub(crate) type Hook = Arc<dyn Fn(&mut Parts) -> Option<Refusal> + Send + Sync>;

/// An answer that is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

/// What was asked for is too long ago.
pub(crate) const EXPIRED: Refusal = Refusal {
    code: 410,
    reason: "Expired",
};
/// Somebody else has written.
pub(crate) const CONFLICT: Refusal = Refusal {
    code: 409,
    reason: "Conflict",
};

/// A proxy; it ends with the runtime that it was started in.
pub(crate) struct ApiProxy {
    pub(crate) kubeconfig: PathBuf,
    hook: Arc<Mutex<Option<Hook>>>,
    expired: watch::Sender<u64>,
}

#[derive(Clone)]
struct Way {
    lab: Lab,
    trigger: Trigger,
    whose: u64,
    client: kube::Client,
    hook: Arc<Mutex<Option<Hook>>>,
    expired: watch::Sender<u64>,
}

type Reply = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

impl ApiProxy {
    /// Listens, and passes everything on as the operator's user.
    pub(crate) async fn start(lab: &Lab, trigger: &Trigger) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Way {
            lab: lab.clone(),
            trigger: trigger.clone(),
            whose: 0,
            client: operators_client(lab).await,
            hook: Arc::default(),
            expired: watch::Sender::default(),
        };
        let (hook, expired) = (Arc::clone(&way.hook), way.expired.clone());
        tokio::spawn(serve(listener, way));
        let kubeconfig = lab.state().join("operator-by-proxy.kubeconfig");
        write_file(&kubeconfig, text(address)).unwrap();
        Self {
            kubeconfig,
            hook,
            expired,
        }
    }

    /// Asks this before each request is passed on.
    pub(crate) fn hook(&self, hook: Option<Hook>) {
        *self.hook.lock().unwrap() = hook;
    }

    /// Ends every watch that is open, as the API server does when it has forgotten too much.
    pub(crate) fn expire_watches(&self) {
        self.expired.send_modify(|times| *times += 1);
    }
}

async fn operators_client(lab: &Lab) -> kube::Client {
    let file = Kubeconfig::read_from(lab.operator_kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(file, &options)
        .await
        .unwrap();
    // Watches stand still for as long as nothing happens.
    config.read_timeout = None;
    kube::Client::try_from(config).unwrap()
}

fn text(address: SocketAddr) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters: [{{name: lab, cluster: {{server: \"http://{address}\"}}}}]
users: [{{name: drover, user: {{}}}}]
contexts: [{{name: lab, context: {{cluster: lab, user: drover}}}}]
current-context: lab
"
    )
}

async fn serve(listener: TcpListener, way: Way) {
    while let Ok((socket, _)) = listener.accept().await {
        let way = Way {
            whose: way.trigger.whose(),
            ..way.clone()
        };
        tokio::spawn(async move {
            let pass = service_fn(move |request| pass(way.clone(), request));
            // An error is how a connection is cut.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(socket), pass)
                .await;
        });
    }
}

async fn pass(way: Way, request: Request<Incoming>) -> Result<Reply, std::io::Error> {
    let words = format!("{} {}", request.method(), request.uri().path());
    let fate = way.trigger.comes(&words, way.whose);
    let ours = fate == Fate::Act;
    if fate == Fate::Drop || (ours && !act(&way, Moment::Before).await) {
        return Err(cut());
    }
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?;
    let hook = way.hook.lock().unwrap().clone();
    if let Some(refusal) = hook.and_then(|hook| hook(&mut parts)) {
        return Ok(refusal.reply());
    }
    let watches = is_watch(&parts);
    let expired = way.expired.subscribe();
    let request = Request::from_parts(parts, Body::from(body.to_bytes()));
    let reply = way.client.send(request).await;
    let reply = reply.map_err(std::io::Error::other)?;
    if ours && !act(&way, Moment::After).await {
        return Err(cut());
    }
    Ok(reply.map(|body| match watches {
        true => until_expired(body, expired),
        false => body.map_err(std::io::Error::other).boxed_unsync(),
    }))
}

/// Whether a request asks to be told of what changes.
pub(crate) fn is_watch(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair == "watch=true")
}

// The last that is heard of a watch is that it has missed something.
fn until_expired(
    body: Body,
    mut expired: watch::Receiver<u64>,
) -> UnsyncBoxBody<Bytes, std::io::Error> {
    let data = body.into_data_stream().map_err(std::io::Error::other);
    let end = async move { drop(expired.changed().await) };
    let word = format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", EXPIRED.status());
    let word = futures::stream::once(async move { Ok(Bytes::from(word)) });
    let frames = data.take_until(end).chain(word).map_ok(Frame::data);
    StreamBody::new(frames).boxed_unsync()
}

impl Refusal {
    fn status(self) -> String {
        let Self { code, reason } = self;
        format!(
            "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\",\
             \"message\":\"said by the test\",\"reason\":\"{reason}\",\"code\":{code}}}"
        )
    }

    fn reply(self) -> Reply {
        let body = Full::new(Bytes::from(self.status()));
        let body = body.map_err(|never| match never {}).boxed_unsync();
        let reply = Response::builder()
            .status(self.code)
            .header("content-type", "application/json");
        reply.body(body).unwrap()
    }
}

async fn act(way: &Way, moment: Moment) -> bool {
    let (lab, trigger) = (way.lab.clone(), way.trigger.clone());
    let acted = tokio::task::spawn_blocking(move || trigger.act(&lab, moment));
    acted.await.unwrap()
}

fn cut() -> std::io::Error {
    std::io::Error::other("cut by the test")
}
