//! Leave to send an image: who asks for it by an annotation is answered by a Secret. Who may read that
//! Secret may send.

use std::collections::BTreeMap;
use std::time::Duration;

use drover_core::plan::Verdict;
use drover_core::upload::{VALID, is_fresh};
use drover_crds::condition::Reason;
use drover_crds::image::UPLOAD_REQUESTED;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::kinds::ImageObject;
use crate::ctx::Ctx;
use crate::reconcile::Key;
use crate::reconcile::write::MANAGER;
use crate::upload::{self, Endpoint, Token};

/// Who asks for leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nobody.
    Not,
    /// This process, which needs no token.
    Here,
    /// Somebody, at this time.
    At(String),
}

/// Whether somebody asks for leave to send an image.
///
/// # Errors
/// When what they ask for makes no sense, or cannot be had.
pub(super) fn asked<I: ImageObject>(ctx: &Ctx, key: &Key, image: &I) -> Result<Asked, Verdict> {
    let waits = |message: String| Verdict::new(Reason::WaitingForUpload, message);
    let request = image.annotations().get(UPLOAD_REQUESTED);
    let endless = ctx.uploads.endpoint.is_none();
    if endless && ctx.uploads.invited_for(key).is_some() {
        return Ok(Asked::Here);
    }
    let Some(request) = request else {
        return Ok(Asked::Not);
    };
    let Ok(at) = request.parse::<Timestamp>() else {
        let field = format!("metadata.annotations[{UPLOAD_REQUESTED}]");
        let message = format!(
            "{field}: must be a time such as {}, got {request:?}",
            Timestamp::now()
        );
        return Err(waits(message));
    };
    if !is_fresh(at.as_second(), Timestamp::now().as_second()) {
        return Ok(Asked::Not);
    }
    if endless {
        let message = "nothing can be sent to this operator: it runs without --upload-listen";
        return Err(waits(message.to_owned()));
    }
    Ok(Asked::At(request.clone()))
}

/// Answers.
///
/// # Errors
/// When the answer cannot be written.
pub(super) async fn give<I: ImageObject>(
    ctx: &Ctx,
    key: &Key,
    image: &I,
    asked: Asked,
) -> Result<(), Verdict> {
    let (Asked::At(request), Some(endpoint)) = (asked, &ctx.uploads.endpoint) else {
        ctx.uploads.forget_old(key);
        return Ok(());
    };
    if ctx.uploads.is_answered(key, &request) {
        return Ok(());
    }
    let token = ctx.uploads.invite(key, &request);
    let secret = secret(ctx, key, image, endpoint, &token, &request);
    let written = write(ctx, image, secret).await;
    if written.is_err() {
        ctx.uploads.retract(key);
    }
    written
}

fn secret<I: ImageObject>(
    ctx: &Ctx,
    key: &Key,
    image: &I,
    endpoint: &Endpoint,
    token: &Token,
    request: &str,
) -> Secret {
    let namespace = match key.namespace.as_str() {
        "" => ctx.secrets.own(),
        namespace => namespace,
    };
    let until = Timestamp::now() + Duration::from_secs(VALID.unsigned_abs());
    let text = |text: &str| ByteString(text.as_bytes().to_vec());
    let url = endpoint.url.trim_end_matches('/').to_owned() + &upload::path(key);
    let mut data = BTreeMap::from([
        ("token".to_owned(), text(token.reveal())),
        ("expires".to_owned(), text(&until.to_string())),
        ("url".to_owned(), text(&url)),
    ]);
    if let Some(ca) = &endpoint.ca {
        data.insert("ca.crt".to_owned(), ByteString(ca.clone()));
    }
    let request = (UPLOAD_REQUESTED.to_owned(), request.to_owned());
    Secret {
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(format!("{}-upload", key.name)),
            annotations: Some(BTreeMap::from([request])),
            owner_references: image.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        type_: Some("drover.dev/upload".to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

async fn write<I: ImageObject>(ctx: &Ctx, image: &I, secret: Secret) -> Result<(), Verdict> {
    let (namespace, name) = (secret.namespace().unwrap_or_default(), secret.name_any());
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let secrets = Api::<Secret>::namespaced(ctx.client.clone(), &namespace);
    let written = match secrets.create(&params, &secret).await {
        Err(error) if code(&error) == Some(409) => replace(ctx, image, &secret).await,
        other => other.map(drop),
    };
    written.map_err(|error| {
        let secret = format!("Secret {name:?} in namespace {namespace}");
        let message = match code(&error) {
            Some(403) => format!(
                "{secret} cannot be written, which is to say who may send: the operator's service \
                 account needs the verbs create and patch there"
            ),
            Some(422) => format!("{secret} is there, and is not this image's"),
            _ => format!("{secret} cannot be written: {error}"),
        };
        Verdict::new(Reason::WaitingForUpload, message)
    })
}

// Only a Secret of this very image is written over, which the API server looks at: the operator may not
// read what others keep there.
async fn replace<I: ImageObject>(ctx: &Ctx, image: &I, secret: &Secret) -> kube::Result<()> {
    let (namespace, name) = (secret.namespace().unwrap_or_default(), secret.name_any());
    let patch = json!([
        {"op": "test", "path": "/metadata/ownerReferences/0/uid", "value": image.uid()},
        {"op": "add", "path": "/metadata/annotations", "value": secret.metadata.annotations},
        {"op": "add", "path": "/data", "value": secret.data},
    ]);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}?fieldManager={MANAGER}");
    let request = http::Request::patch(path)
        .header(http::header::CONTENT_TYPE, "application/json-patch+json")
        .body(patch.to_string().into_bytes());
    let request = request.map_err(kube::Error::HttpError)?;
    ctx.client.request::<Secret>(request).await.map(drop)
}

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}
