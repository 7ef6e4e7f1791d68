//! A watch whose objects are not read, but only looked through: what is measured is to have the
//! processors.

use futures::{AsyncBufReadExt, StreamExt};
use kube::Client;

/// An object as the watch tells it.
pub(crate) struct Line(pub(crate) String);

impl Line {
    /// Its name, which stands before whatever else is called so.
    pub(crate) fn name(&self) -> &str {
        let rest = self
            .0
            .split_once("\"name\":\"")
            .map_or("", |(_, rest)| rest);
        rest.split('"').next().unwrap_or_default()
    }

    /// Whether this condition is there, with this status.
    pub(crate) fn has(&self, condition: &str, status: &str) -> bool {
        // The API server writes members in the order of their names.
        let words = format!("\"status\":\"{status}\",\"type\":\"{condition}\"");
        self.0.contains(&words)
    }
}

/// Looks at every object of this path, and at every change, until it is enough.
pub(crate) async fn follow(client: &Client, path: &str, mut enough: impl FnMut(&Line) -> bool) {
    loop {
        let request = http::Request::get(format!("{path}?watch=true&timeoutSeconds=3600"));
        let request = request.body(Vec::new()).expect("a request");
        let stream = client.request_stream(request).await.expect("a watch");
        let mut lines = stream.lines();
        // One that was too slow for a moment is ended by the API server, and begins anew with what is
        // there.
        while let Some(Ok(line)) = lines.next().await {
            if enough(&Line(line)) {
                return;
            }
        }
    }
}
