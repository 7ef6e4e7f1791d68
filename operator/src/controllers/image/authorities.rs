//! Who is trusted, beside everybody's authorities, to send an image.

use drover_core::desired::image::DesiredImage;
use drover_core::plan::Verdict;
use drover_crds::condition::Reason;

use crate::ctx::Ctx;
use crate::import::trust::Trust;
use crate::reconcile::Again;
use crate::secrets::Found;

const FIELD: &str = "spec.source.http.caBundleSecretRef";
const KEY: &str = "ca.crt";

/// Reads the Secret that an image names. What is wrong with it may be put right at any time, and nobody
/// hears of that.
pub(super) async fn trust(ctx: &Ctx, desired: &DesiredImage) -> Result<Trust, (Verdict, Again)> {
    let Some(name) = desired.ca_bundle.as_deref() else {
        return Ok(Trust::default());
    };
    let namespace = match desired.name.namespace.as_str() {
        "" => ctx.secrets.own(),
        namespace => namespace,
    };
    let found = match desired.name.namespace.as_str() {
        "" => ctx.secrets.read_own(&ctx.client, name).await,
        namespace => ctx.secrets.read(&ctx.client, namespace, name).await,
    };
    let secret = format!("Secret {name:?} in namespace {namespace}");
    let trust = match found {
        Ok(found) => of(&found, &secret),
        Err(error) => Err(Verdict::new(Reason::RetryLater, error.to_string())),
    };
    trust.map_err(|verdict| {
        let again = Again::After(ctx.secrets.again(namespace, &[name]));
        (verdict, again)
    })
}

fn of(found: &Found, secret: &str) -> Result<Trust, Verdict> {
    let missing = |words: String| Verdict::new(Reason::SecretMissing, format!("{FIELD}: {words}"));
    let data = match found {
        Found::Data(data) => data,
        Found::Missing => return Err(missing(format!("there is no {secret}"))),
        Found::Denied => {
            let words = "its service account needs the verb get there";
            return Err(missing(format!(
                "the operator may not read {secret}: {words}"
            )));
        }
        Found::Closed => {
            let words = "the operator's own Secrets are for ClusterImages";
            return Err(missing(format!("{secret} is not read: {words}")));
        }
    };
    let bundle = data.iter().find(|(key, _)| key == KEY);
    let (_, bundle) = bundle.ok_or_else(|| missing(format!("{secret} has no key {KEY}")))?;
    Trust::beside(bundle).map_err(|wrong| {
        let message = format!("{FIELD}: key {KEY} of {secret}: {wrong}");
        Verdict::new(Reason::SourceRefused, message)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::{Found, of};

    #[test]
    fn what_is_wrong_is_named() {
        let data = |key: &str, text: &str| {
            let pair = (key.to_owned(), text.as_bytes().to_vec());
            Found::Data(Arc::new(vec![pair]))
        };
        for (found, expected) in [
            (Found::Missing, "SecretMissing: there is no S"),
            (Found::Denied, "SecretMissing: the operator may not read S"),
            (Found::Closed, "SecretMissing: S is not read"),
            (data("tls.crt", "x"), "SecretMissing: S has no key ca.crt"),
            (
                data("ca.crt", "x"),
                "SourceRefused: key ca.crt of S: there is no PEM certificate in it",
            ),
        ] {
            let verdict = of(&found, "S").err().unwrap();
            let words = verdict
                .message
                .replacen(super::FIELD, verdict.reason.as_str(), 1);
            assert!(words.starts_with(expected), "{words}");
        }
    }
}
