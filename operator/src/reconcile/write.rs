//! Writing to the API server: server-side apply with two fixed names, and only when there is
//! something to say.

use std::fmt::Debug;

use drover_crds::FINALIZER;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Patch, PatchParams};
use kube::core::{ClusterResourceScope, Resource};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The name under which Drover writes what is not a status.
pub const MANAGER: &str = "drover";
/// The name under which Drover writes a status.
pub const STATUS_MANAGER: &str = "drover/status";

/// What every object that is written can do.
pub trait Object:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + Sync + 'static
{
    /// The API for this object.
    fn api(client: &Client, namespace: &str) -> Api<Self>;
}

macro_rules! objects {
    ($($kind:ty: $scope:ident;)*) => {$(
        impl Object for $kind {
            fn api(client: &Client, namespace: &str) -> Api<Self> {
                objects!(@$scope client, namespace)
            }
        }
    )*};
    (@namespaced $client:ident, $namespace:ident) => { namespaced($client, $namespace) };
    (@cluster $client:ident, $namespace:ident) => {{ let _ = $namespace; cluster($client) }};
}

fn namespaced<K>(client: &Client, namespace: &str) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced(client.clone(), namespace)
}

fn cluster<K>(client: &Client) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
{
    Api::all(client.clone())
}

objects! {
    drover_crds::Host: cluster;
    drover_crds::StoragePool: cluster;
    drover_crds::Network: cluster;
    drover_crds::ClusterImage: cluster;
    drover_crds::Image: namespaced;
    drover_crds::Volume: namespaced;
    drover_crds::VirtualMachine: namespaced;
}

fn identity<K: Object>(object: &K) -> Value {
    let mut metadata = json!({"name": object.name_any()});
    if let Some(namespace) = object.namespace() {
        metadata["namespace"] = namespace.into();
    }
    if let Some(uid) = object.uid() {
        // Never another object of the same name.
        metadata["uid"] = uid.into();
    }
    json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": metadata})
}

/// Whether the object has Drover's finalizer.
pub fn has_finalizer<K: Resource>(object: &K) -> bool {
    object
        .meta()
        .finalizers
        .iter()
        .flatten()
        .any(|name| name == FINALIZER)
}

/// Puts Drover's finalizer on an object.
///
/// # Errors
/// What the API server says.
pub async fn add_finalizer<K: Object>(client: &Client, object: &K) -> kube::Result<K> {
    let mut body = identity(object);
    body["metadata"]["finalizers"] = json!([FINALIZER]);
    let api = K::api(client, &object.namespace().unwrap_or_default());
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&object.name_any(), &params, &Patch::Apply(&body))
        .await
}

/// Takes Drover's finalizer off an object, however it came there. Nobody must have written in
/// between: others have finalizers too.
///
/// # Errors
/// What the API server says: 409 when somebody has.
pub async fn remove_finalizer<K: Object>(client: &Client, object: &K) -> kube::Result<()> {
    let mut others = object.meta().finalizers.clone().unwrap_or_default();
    others.retain(|name| name != FINALIZER);
    let body = json!({"metadata": {
        "finalizers": others,
        "uid": object.uid(),
        "resourceVersion": object.resource_version(),
    }});
    merge(client, object, &body).await.map(drop)
}

/// Changes an object by what `body` says.
///
/// # Errors
/// What the API server says: 409 when `body` names a version that is not the newest.
pub async fn merge<K: Object>(client: &Client, object: &K, body: &Value) -> kube::Result<K> {
    let api = K::api(client, &object.namespace().unwrap_or_default());
    let params = PatchParams {
        field_manager: Some(MANAGER.into()),
        ..PatchParams::default()
    };
    api.patch(&object.name_any(), &params, &Patch::Merge(body))
        .await
}

/// Makes an object belong to another one, which nobody must have done in between.
///
/// # Errors
/// What the API server says: 409 when somebody has.
pub async fn own<K: Object, O: Object>(client: &Client, object: &K, owner: &O) -> kube::Result<K> {
    let body = json!({"metadata": {
        "ownerReferences": owner.controller_owner_ref(&()).into_iter().collect::<Vec<_>>(),
        "resourceVersion": object.resource_version(),
    }});
    merge(client, object, &body).await
}

/// Makes an object if it is not there. One that is there is returned as it is.
///
/// # Errors
/// What the API server says.
pub async fn create<K: Object>(client: &Client, object: &K) -> kube::Result<K> {
    let api = K::api(client, &object.namespace().unwrap_or_default());
    let params = kube::api::PostParams {
        field_manager: Some(MANAGER.into()),
        ..Default::default()
    };
    match api.create(&params, object).await {
        Err(kube::Error::Api(status)) if status.code == 409 => api.get(&object.name_any()).await,
        other => other,
    }
}

/// Writes an object's status. With `exactly` it must not have been written since it was read.
///
/// # Errors
/// What the API server says: 409 when it has been.
pub async fn status<K: Object>(
    client: &Client,
    object: &K,
    status: &impl Serialize,
    exactly: bool,
) -> kube::Result<K> {
    let mut body = identity(object);
    body["status"] = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
    if exactly {
        body["metadata"]["resourceVersion"] = object.resource_version().into();
    }
    let api = K::api(client, &object.namespace().unwrap_or_default());
    let params = PatchParams::apply(STATUS_MANAGER).force();
    api.patch_status(&object.name_any(), &params, &Patch::Apply(&body))
        .await
}

/// Whether the write failed because the object is gone.
#[must_use]
pub fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Whether nobody knows if what was asked for was done: there was no answer, or none of the API server's
/// own.
#[must_use]
pub fn is_doubtful(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code >= 500,
        kube::Error::HyperError(_) | kube::Error::Service(_) => true,
        _ => false,
    }
}

/// Whether the write failed because somebody else wrote in between.
#[must_use]
pub fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}
