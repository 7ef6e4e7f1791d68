//! Kubernetes events: what a person reads in `kubectl describe`. Nothing depends on them, so that
//! they are dropped rather than waited for.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::mpsc;

use crate::metrics::Metrics;

/// How many events wait for the API server.
const QUEUE: usize = 256;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest note that the API server takes.
const NOTE_MAX: usize = 1024;
/// Who says so.
const CONTROLLER: &str = "drover.dev/operator";

/// A transition of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The object.
    pub regarding: ObjectReference,
    /// What it has come to, such as `Running`.
    pub reason: String,
    /// What was done, such as `Reconcile`.
    pub action: String,
    /// The same in words.
    pub note: String,
    /// Whether a person should look at it.
    pub warning: bool,
}

/// Where events are put.
#[derive(Debug, Clone)]
pub struct Events {
    queue: mpsc::Sender<Transition>,
    metrics: Arc<Metrics>,
}

impl Events {
    /// Starts the task that sends them. It ends when the last clone of the handle is dropped.
    #[must_use]
    pub fn start(client: Client, instance: String, metrics: Arc<Metrics>) -> Self {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            while let Some(transition) = waiting.recv().await {
                send(&client, &instance, transition).await;
            }
        });
        Self { queue, metrics }
    }

    /// Tells of a transition, or drops it if too many wait already.
    pub fn tell(&self, transition: Transition) {
        if self.queue.try_send(transition).is_err() {
            self.metrics.event_dropped();
        }
    }
}

async fn send(client: &Client, instance: &str, transition: Transition) {
    let event = event(instance, transition, Timestamp::now());
    let namespace = event.metadata.namespace.clone().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let parameters = PostParams::default();
    match tokio::time::timeout(PATIENCE, api.create(&parameters, &event)).await {
        Ok(Ok(_)) => {}
        // A namespace that is being removed takes no more of them.
        Ok(Err(kube::Error::Api(status))) if status.code == 403 || status.code == 404 => {
            tracing::debug!(namespace, "an event was not taken");
        }
        Ok(Err(error)) => tracing::warn!(%error, "an event was not taken"),
        Err(_) => tracing::warn!("an event was not taken in time"),
    }
}

fn event(instance: &str, transition: Transition, now: Timestamp) -> Event {
    let regarding = transition.regarding;
    // Events about cluster-scoped objects are in this namespace by custom.
    let namespace = regarding
        .namespace
        .clone()
        .unwrap_or_else(|| "default".to_owned());
    let name = regarding.name.clone().unwrap_or_default();
    let unique = format!("{:x}", now.as_nanosecond());
    // Names have at most 253 characters.
    let name = format!("{}.{unique}", cut(&name, 200));
    let kind = if transition.warning {
        "Warning"
    } else {
        "Normal"
    };
    Event {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(namespace),
            ..ObjectMeta::default()
        },
        action: Some(transition.action),
        event_time: Some(MicroTime(now)),
        note: Some(cut(&transition.note, NOTE_MAX).to_owned()),
        reason: Some(transition.reason),
        regarding: Some(regarding),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(cut(instance, 128).to_owned()),
        type_: Some(kind.to_owned()),
        ..Event::default()
    }
}

// At most so many bytes, and no character in two.
fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn transition(namespace: Option<&str>, note: &str) -> Transition {
        Transition {
            regarding: ObjectReference {
                name: Some("first".to_owned()),
                namespace: namespace.map(str::to_owned),
                ..ObjectReference::default()
            },
            reason: "Running".to_owned(),
            action: "Reconcile".to_owned(),
            note: note.to_owned(),
            warning: false,
        }
    }

    #[test]
    fn an_event_is_in_the_namespace_of_its_object() {
        let made = event(
            "me",
            transition(Some("demo"), "on host1"),
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(made.metadata.namespace.as_deref(), Some("demo"));
        assert_eq!(made.metadata.name.as_deref(), Some("first.0"));
        assert_eq!(made.type_.as_deref(), Some("Normal"));
        let made = event("me", transition(None, ""), Timestamp::UNIX_EPOCH);
        assert_eq!(made.metadata.namespace.as_deref(), Some("default"));
    }

    #[test]
    fn long_notes_are_cut_between_characters() {
        let note = "é".repeat(2000);
        let made = event("me", transition(None, &note), Timestamp::UNIX_EPOCH);
        assert_eq!(made.note.unwrap().len(), 1024);
        let note = format!("a{note}");
        let made = event("me", transition(None, &note), Timestamp::UNIX_EPOCH);
        assert_eq!(made.note.unwrap().len(), 1023);
    }
}
