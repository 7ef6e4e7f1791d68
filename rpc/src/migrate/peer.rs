//! Migration that the source's libvirtd does by itself.

use url::Url;

use super::MigrationOptions;
use super::drive::need;
use crate::error::Error;
use crate::features::Feature;
use crate::flags::{DomainAbortJobFlags, DomainMigrateFlags};
use crate::objects::Domain;

pub(super) async fn to_uri(
    domain: &Domain,
    uri: &str,
    options: MigrationOptions,
) -> Result<(), Error> {
    let flags = options.flags | DomainMigrateFlags::PEER2PEER;
    if flags.contains(DomainMigrateFlags::TUNNELLED | DomainMigrateFlags::PARALLEL) {
        let what = "TUNNELLED and PARALLEL exclude each other";
        return Err(Error::Unsupported(what.to_owned()));
    }
    check_not_local(uri)?;
    let source = domain.client();
    need(source, "source", Feature::MIGRATION_P2P).await?;
    need(source, "source", Feature::MIGRATION_PARAMS).await?;
    if flags.contains(DomainMigrateFlags::OFFLINE) {
        need(source, "source", Feature::MIGRATION_OFFLINE).await?;
    }
    let mut dropped = AbortOnDrop(Some(domain.clone()));
    let result = source
        .with_deadline(options.deadline)
        .domain_migrate_perform3_params(
            domain.key(),
            Some(uri.into()),
            options.params.into_wire(),
            Vec::new(),
            flags.bits(),
        )
        .await;
    if !matches!(result, Err(Error::Timeout { sent: true })) {
        dropped.0 = None;
    }
    result.map(drop)
}

/// Ends the source's job when nobody waits for it any more, or it took too long.
struct AbortOnDrop(Option<Domain>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        let (Some(domain), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = domain.abort_job(DomainAbortJobFlags::empty()).await {
                tracing::debug!(%domain, %error, "the migration could not be aborted");
            }
        });
    }
}

// A guest that is sent to its own host is lost to both. A socket that is named is meant.
fn check_not_local(uri: &str) -> Result<(), Error> {
    let refused = |why: String| Error::Unsupported(format!("migration to {uri}: {why}"));
    let parsed = Url::parse(uri).map_err(|error| refused(error.to_string()))?;
    let host = parsed.host_str().unwrap_or_default();
    let socket = parsed.query_pairs().any(|(name, _)| name == "socket");
    if host.starts_with("localhost") || (host.is_empty() && !socket) {
        return Err(refused("that is the host it is on".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_not_local;

    #[test]
    fn a_guest_is_not_sent_to_its_own_host() {
        for (uri, well) in [
            ("qemu+tcp://10.0.0.2/system", true),
            ("qemu+tls://other.example.org/system", true),
            ("qemu+unix:///system?socket=/run/other.sock", true),
            ("qemu:///system", false),
            ("qemu+tcp://localhost/system", false),
            ("qemu+ssh://localhost.localdomain/system", false),
            ("nonsense", false),
        ] {
            assert_eq!(check_not_local(uri).is_ok(), well, "{uri}");
        }
    }
}
