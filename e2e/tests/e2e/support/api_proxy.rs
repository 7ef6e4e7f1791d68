//! Stands between the operator and the API server, and counts requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use drover_e2e::Lab;
use drover_e2e::places::write_file;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::net::TcpListener;

use super::trigger::{Moment, Trigger};

/// A proxy; it ends with the runtime that it was started in.
pub(crate) struct ApiProxy {
    pub(crate) trigger: Trigger,
    pub(crate) kubeconfig: PathBuf,
}

#[derive(Clone)]
struct Way {
    lab: Lab,
    trigger: Trigger,
    client: kube::Client,
}

impl ApiProxy {
    /// Listens, and passes everything on as the operator's user.
    pub(crate) async fn start(lab: &Lab) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let trigger = Trigger::default();
        let way = Way {
            lab: lab.clone(),
            trigger: trigger.clone(),
            client: operators_client(lab).await,
        };
        tokio::spawn(serve(listener, way));
        let kubeconfig = lab.state().join("operator-by-proxy.kubeconfig");
        write_file(&kubeconfig, text(address)).unwrap();
        Self {
            trigger,
            kubeconfig,
        }
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
        let way = way.clone();
        tokio::spawn(async move {
            let pass = service_fn(move |request| pass(way.clone(), request));
            // An error is how a connection is cut.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(socket), pass)
                .await;
        });
    }
}

async fn pass(way: Way, request: Request<Incoming>) -> Result<Response<Body>, std::io::Error> {
    let words = format!("{} {}", request.method(), request.uri());
    let ours = way.trigger.counts(&words);
    if ours && !act(&way, Moment::Before).await {
        return Err(cut());
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?;
    let request = Request::from_parts(parts, Body::from(body.to_bytes()));
    let reply = way.client.send(request).await;
    let reply = reply.map_err(std::io::Error::other)?;
    if ours && !act(&way, Moment::After).await {
        return Err(cut());
    }
    Ok(reply)
}

async fn act(way: &Way, moment: Moment) -> bool {
    let (lab, trigger) = (way.lab.clone(), way.trigger.clone());
    let acted = tokio::task::spawn_blocking(move || trigger.act(&lab, moment));
    acted.await.unwrap()
}

fn cut() -> std::io::Error {
    std::io::Error::other("cut by the test")
}
