//! The requests of a Kubernetes client, answered from the objects in memory. Only those that Drover
//! makes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use serde_json::{Value, json};

use super::objects::{Objects, Place};

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// A client of the objects.
#[must_use]
pub(super) fn client(objects: Arc<Objects>) -> kube::Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let objects = Arc::clone(&objects);
        async move { Ok::<_, Infallible>(answer(&objects, request).await) }
    });
    kube::Client::new(service, "default")
}

/// What a path names.
struct Target {
    group: String,
    plural: String,
    namespace: String,
    name: Option<String>,
    status: bool,
}

impl Target {
    // /api/v1/... or /apis/GROUP/VERSION/..., and then perhaps namespaces/NAMESPACE/.
    fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let (plural, rest) = rest.split_first()?;
        Some(Self {
            group: group.to_owned(),
            plural: (*plural).to_owned(),
            namespace: namespace.to_owned(),
            name: rest.first().map(|name| (*name).to_owned()),
            status: rest.get(1) == Some(&"status"),
        })
    }

    fn place(&self, name: &str) -> Place {
        (self.plural.clone(), self.namespace.clone(), name.to_owned())
    }
}

async fn answer(objects: &Arc<Objects>, request: Request<Body>) -> Reply {
    let Some(target) = Target::parse(request.uri().path()) else {
        return failed(StatusCode::NOT_FOUND);
    };
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let method = request.method().clone();
    let apply = request
        .headers()
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/apply-patch"));
    let Ok(body) = request
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
    else {
        return failed(StatusCode::BAD_REQUEST);
    };
    let body = || serde_json::from_slice(&body).unwrap_or(Value::Null);
    if target.plural == "events" {
        // Nobody is there to read them: what they tell is printed.
        return given(&body());
    }
    let found = match (&method, &target.name) {
        (&Method::GET, None) if query.contains_key("watch") => {
            let after = query
                .get("resourceVersion")
                .and_then(|version| version.parse().ok());
            return watch(objects, &target, after.unwrap_or(0));
        }
        (&Method::GET, None) => Ok(list(objects, &target)),
        (&Method::GET, Some(name)) => objects.get(&target.place(name)),
        (&Method::PATCH, Some(name)) => {
            objects.patch(&target.place(name), target.status, apply, &body())
        }
        (&Method::POST, None) => {
            let object = body();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            objects.create(target.place(name), object.clone())
        }
        _ => Err(StatusCode::METHOD_NOT_ALLOWED),
    };
    match found {
        Ok(object) => given(&object),
        Err(code) => failed(code),
    }
}

fn list(objects: &Objects, target: &Target) -> Value {
    let (items, version) = objects.list(&target.plural, &target.namespace);
    let api_version = match target.group.as_str() {
        "" => "v1".to_owned(),
        group => format!("{group}/v1alpha1"),
    };
    json!({
        "apiVersion": api_version,
        "kind": "List",
        "metadata": {"resourceVersion": version.to_string()},
        "items": items,
    })
}

// It goes on for as long as somebody listens.
fn watch(objects: &Arc<Objects>, target: &Target, after: u64) -> Reply {
    let (objects, plural) = (Arc::clone(objects), target.plural.clone());
    let lines = futures::stream::unfold(after, move |after| {
        let (objects, plural) = (Arc::clone(&objects), plural.clone());
        async move {
            loop {
                // Asked for before it is looked, so that nothing comes in between.
                let changed = objects.changed.notified();
                let changes = objects.changes(&plural, after);
                if let Some(last) = changes.last().map(|change| change.version) {
                    let lines: Vec<u8> = changes
                        .iter()
                        .flat_map(|change| {
                            let line = json!({"type": change.kind, "object": change.object});
                            format!("{line}\n").into_bytes()
                        })
                        .collect();
                    return Some((Bytes::from(lines), last));
                }
                changed.await;
            }
        }
    });
    let frames = lines.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
    Response::new(StreamBody::new(frames).boxed_unsync())
}

fn given(object: &Value) -> Reply {
    let text = Bytes::from(object.to_string());
    Response::new(Full::new(text).boxed_unsync())
}

fn failed(code: StatusCode) -> Reply {
    let reason = match code {
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        _ => "Invalid",
    };
    let status = json!({
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "reason": reason,
        "message": reason,
        "code": code.as_u16(),
    });
    let mut response = given(&status);
    *response.status_mut() = code;
    response
}
