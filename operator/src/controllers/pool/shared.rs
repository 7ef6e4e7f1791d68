//! What a Shared pool's hosts have to agree on: that they see the same storage, and who writes there.

use std::sync::Arc;

use drover_core::desired::pool::DesiredPool;
use drover_core::identity::POOL_MARKER;
use drover_core::plan::shared::{Agreement, Sight, agree, differs, marker};
use drover_crds::StoragePoolStatus;
use drover_crds::condition::Reason;
use futures::future::join_all;
use uuid::Uuid;

use super::{Wanted, share};
use crate::controllers::sites::{self, Share};
use crate::hosts::inventory::Reach;
use crate::hosts::volumes::PoolOnHost;
use crate::hosts::{HostError, HostHandle};

/// What held before.
pub(super) fn agreed(before: &StoragePoolStatus) -> Agreement {
    Agreement {
        writer: before.writer.clone(),
        marker: before.marker.clone(),
    }
}

/// What each host says, with what they agree on. Where nobody has seen a marker yet, one host makes it.
pub(super) async fn settle(
    fleet: &str,
    wanted: Wanted<'_>,
    before: &StoragePoolStatus,
    hosts: &[(String, Arc<HostHandle>)],
    mut shares: Vec<Share>,
) -> (Vec<Share>, Agreement) {
    let desired = wanted.0;
    if !desired.shared {
        return (shares, Agreement::default());
    }
    let mut agreement = agree(&agreed(before), &sights(hosts, &shares));
    if desired.is_marked() && agreement.marker.is_none() {
        match first_mark(fleet, desired, hosts, &shares).await {
            Ok(true) => {
                let again = hosts
                    .iter()
                    .map(|(name, host)| share(name, host, wanted, None));
                shares = join_all(again).await;
                agreement = agree(&agreed(before), &sights(hosts, &shares));
            }
            Ok(false) => {}
            Err((host, error)) => {
                let verdict = sites::refusal(&host, &desired.name, &error);
                if let Some(share) = shares.iter_mut().find(|share| share.state.name == host) {
                    *share = Share::unknown(&host, verdict, None);
                }
            }
        }
    }
    for share in &mut shares {
        let found = share.marker.as_deref();
        if let Some(verdict) = found.and_then(|it| differs(fleet, &desired.name, &agreement, it)) {
            share.state = sites::state(&share.state.name, true, &verdict);
            share.verdict = verdict;
        }
    }
    (shares, agreement)
}

// A host that this operator has not tried to reach yet has what it had.
fn sights<'a>(hosts: &[(String, Arc<HostHandle>)], shares: &'a [Share]) -> Vec<Sight<'a>> {
    let awaited = |name: &str| {
        let host = hosts.iter().find(|(it, _)| it == name);
        host.is_some_and(|(_, host)| host.read(|it| matches!(it.reach, Reach::Connecting)))
    };
    let realized = |share: &Share| {
        share.verdict.reason == Reason::Realized && share.marker.as_deref() != Some("")
    };
    let sights = shares.iter().map(|share| Sight {
        host: &share.state.name,
        realized: realized(share) || awaited(&share.state.name),
        marker: share.marker.as_deref().filter(|text| !text.is_empty()),
    });
    sights.collect()
}

// Made by the first host that has the pool and sees no marker in it, or one that was never written.
async fn first_mark(
    fleet: &str,
    desired: &DesiredPool,
    hosts: &[(String, Arc<HostHandle>)],
    shares: &[Share],
) -> Result<bool, (String, HostError)> {
    let unmarked = |share: &&Share| {
        share.verdict.reason == Reason::VolumeMissing || share.marker.as_deref() == Some("")
    };
    let Some(share) = shares.iter().find(unmarked) else {
        return Ok(false);
    };
    let Some((name, host)) = hosts.iter().find(|(name, _)| *name == share.state.name) else {
        return Ok(false);
    };
    let pool = PoolOnHost {
        host,
        name: &desired.name,
        uuid: desired.uuid,
    };
    let text = marker(fleet, &desired.name, Uuid::new_v4());
    tracing::info!(host = name, pool = desired.name, "the pool is being marked");
    let made = pool.create_record(POOL_MARKER, &text).await;
    made.map(|()| true).map_err(|error| (name.clone(), error))
}
