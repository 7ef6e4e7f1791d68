//! Metrics and health, over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

#[derive(Clone)]
struct Shared {
    metrics: Arc<Metrics>,
    ready: watch::Receiver<bool>,
}

/// Serves `/metrics`, `/healthz` and `/readyz` until it is told to stop. It is ready as soon as
/// `ready` says so: a replica that waits for its turn to lead is ready too.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn run(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    serve(listener, metrics, ready, stop).await
}

/// The same, on a socket that is there already.
///
/// # Errors
/// When connections cannot be taken.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(render))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(is_ready))
        .with_state(Shared { metrics, ready });
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

async fn render(State(shared): State<Shared>) -> Response {
    match shared.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn is_ready(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    if *shared.ready.borrow() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting\n")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::reconcile::{Key, Queue};

    async fn fetch(address: SocketAddr, path: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn metrics_and_health() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ready, is_ready) = watch::channel(false);
        let stop = CancellationToken::new();
        let metrics = Arc::new(Metrics::new().unwrap());
        let queue = Arc::new(Queue::default());
        queue.hint(Key::host("a"));
        metrics.watch_queue(queue).unwrap();
        let serving = tokio::spawn(serve(listener, metrics, is_ready, stop.clone()));
        assert!(fetch(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(fetch(address, "/readyz").await.starts_with("HTTP/1.1 503"));
        ready.send(true).unwrap();
        assert!(fetch(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        let text = fetch(address, "/metrics").await;
        assert!(text.contains("drover_hosts_connected 0"), "{text}");
        let waits = r#"workqueue_depth{controller="host",name="host"} 1"#;
        assert!(text.contains(waits), "{text}");
        assert!(fetch(address, "/other").await.starts_with("HTTP/1.1 404"));
        stop.cancel();
        serving.await.unwrap().unwrap();
    }
}
