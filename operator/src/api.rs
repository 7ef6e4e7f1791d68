//! The way to the API server.

use std::time::Duration;

use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Builder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for the API server to take a request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

const USER_AGENT: &str = concat!("drover/", env!("CARGO_PKG_VERSION"));

/// A client for the operator.
///
/// kube's own holds a small request back until the API server has acknowledged the last one, which it may
/// put off for 40 ms; and it tries again what fails, which would hold a worker for minutes.
///
/// # Errors
/// When the configuration cannot be used.
pub fn client(mut config: Config) -> kube::Result<Client> {
    let agent = http::HeaderValue::from_static(USER_AGENT);
    config.headers.push((http::header::USER_AGENT, agent));
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    if config.proxy_url.is_some() {
        config.default_retry = false;
        return Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_write_timeout(config.write_timeout);
    let server = Builder::new(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(server);
    Ok(Client::new(service, config.default_namespace))
}
