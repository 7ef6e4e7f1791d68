//! The writes of machines that become Ready, as bare writes: what the API server can do at most.

use std::time::{Duration, Instant};

use drover_crds::FINALIZER;
use futures::StreamExt;
use http::Request;
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fill::AT_ONCE;
use crate::fleet::{Fleet, machine};

const MANAGER: &str = "fieldManager=drover&force=true";
const STATUS_MANAGER: &str = "fieldManager=drover%2Fstatus&force=true";

/// What the operator wrote of some machine, as a watch told it.
#[derive(Default)]
pub(crate) struct Samples {
    pub(crate) bound: Option<String>,
    pub(crate) ready: Option<String>,
}

/// What was only written.
pub(crate) struct Only {
    pub(crate) namespace: String,
    pub(crate) took: Duration,
}

#[derive(Deserialize)]
struct Written {
    metadata: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    uid: String,
    resource_version: String,
}

/// Writes the same machines once more, in a namespace of their own, with nobody to act on them; and as
/// many Kubernetes events.
pub(crate) async fn write_only(
    fleet: &Fleet,
    samples: &Samples,
    count: usize,
    events: usize,
) -> Only {
    let namespace = fleet.another_namespace().await;
    let status = |sample: &Option<String>| {
        let line: Value = serde_json::from_str(sample.as_ref().expect("one was seen")).unwrap();
        line["object"]["status"].clone()
    };
    let writer = Writer {
        client: fleet.client(),
        base: format!("/apis/drover.dev/v1alpha1/namespaces/{namespace}/virtualmachines"),
        event: fleet.an_event().await,
        events: format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events"),
        namespace: namespace.clone(),
        bound: status(&samples.bound),
        ready: status(&samples.ready),
    };
    let start = Instant::now();
    let writer = &writer;
    let all = futures::stream::iter(0..count).map(|number| writer.write(number, number < events));
    all.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    let took = start.elapsed();
    Only { namespace, took }
}

struct Writer {
    client: Client,
    base: String,
    events: String,
    namespace: String,
    bound: Value,
    ready: Value,
    event: Value,
}

impl Writer {
    // One after the other, as the operator does.
    async fn write(&self, number: usize, event: bool) {
        let body = serde_json::to_vec(&machine(number)).unwrap();
        let name = format!("m{number}");
        let made = Request::post(&self.base).header("content-type", "application/json");
        let made = self.send(made.body(body).unwrap()).await;
        let mut metadata = json!({
            "name": name, "namespace": self.namespace, "uid": made.metadata.uid,
            "finalizers": [FINALIZER],
        });
        let taken = self.apply(&name, MANAGER, &metadata, None).await;
        metadata.as_object_mut().unwrap().remove("finalizers");
        metadata["resourceVersion"] = taken.metadata.resource_version.into();
        self.apply(&name, STATUS_MANAGER, &metadata, Some(&self.bound))
            .await;
        metadata.as_object_mut().unwrap().remove("resourceVersion");
        self.apply(&name, STATUS_MANAGER, &metadata, Some(&self.ready))
            .await;
        if event {
            self.tell(&name).await;
        }
    }

    async fn apply(
        &self,
        name: &str,
        manager: &str,
        metadata: &Value,
        status: Option<&Value>,
    ) -> Written {
        let mut body = json!({
            "apiVersion": "drover.dev/v1alpha1", "kind": "VirtualMachine", "metadata": metadata,
        });
        let mut path = format!("{}/{name}", self.base);
        if let Some(status) = status {
            body["status"] = status.clone();
            path += "/status";
        }
        let request = Request::patch(format!("{path}?{manager}"))
            .header("content-type", "application/apply-patch+yaml");
        let body = serde_json::to_vec(&body).unwrap();
        self.send(request.body(body).unwrap()).await
    }

    async fn tell(&self, name: &str) {
        let mut event = self.event.clone();
        event["metadata"] = json!({"name": format!("{name}.1"), "namespace": self.namespace});
        event["regarding"]["name"] = name.into();
        event["regarding"]["namespace"] = self.namespace.as_str().into();
        let body = serde_json::to_vec(&event).unwrap();
        let request = Request::post(&self.events).header("content-type", "application/json");
        self.send(request.body(body).unwrap()).await;
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Written {
        self.client.request(request).await.expect("a write")
    }
}
