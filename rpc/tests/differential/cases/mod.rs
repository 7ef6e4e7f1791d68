//! The questions, by what they are about.

mod connect;
mod devices;
mod domain;
mod domain_change;
mod domain_guest;
mod lists;
mod network;
mod node;
mod snapshot;
mod storage;
mod tune;

use crate::case::Case;

/// All of them.
pub(crate) const ALL: &[&[Case]] = &[
    connect::CASES,
    devices::NODE_DEVICES,
    devices::INTERFACES,
    domain::PLAINLY,
    domain::CPUS,
    domain::DEVICES,
    domain_change::LIVES,
    domain_change::SETTINGS,
    domain_change::ATTACHED,
    domain_change::SAVED,
    domain_guest::CASES,
    lists::ALL_OF_A_KIND,
    lists::NAMES,
    lists::LOOKUPS,
    network::NETWORKS,
    network::PORTS,
    network::FILTERS,
    network::SECRETS,
    node::CASES,
    snapshot::SNAPSHOTS,
    snapshot::CHANGES,
    snapshot::CHECKPOINTS,
    storage::POOLS,
    storage::POOL_CHANGES,
    storage::VOLUMES,
    tune::READ,
    tune::WRITTEN,
    tune::PINNED,
];
