//! A storage pool.

use drover_crds::storage_pool::{PoolScope, PoolSource, PoolType};
use drover_crds::{ManagementPolicy, ReclaimPolicy, StoragePool, StoragePoolSpec, quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use uuid::Uuid;

use super::Consent;
use crate::identity;

/// A pool as it is to be on each of its hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredPool {
    /// Its name, which is also the libvirt pool's.
    pub name: String,
    /// Its UUID on every host.
    pub uuid: Uuid,
    /// The hosts that have it.
    pub host_selector: Option<LabelSelector>,
    /// Whether Drover makes it.
    pub managed: bool,
    /// Whether its hosts see the same storage.
    pub shared: bool,
    /// Its type.
    pub type_: PoolType,
    /// What it is made from.
    pub source: PoolSource,
    /// The UUID of the libvirt secret with which its hosts log on, if it needs one.
    pub secret_uuid: Uuid,
    /// Who logs on, once that has been read.
    pub login: Option<Login>,
    /// Its folder, if the type has one.
    pub target: Option<String>,
    /// Whether what is empty may be formatted.
    pub initialize: bool,
    /// What may be taken of it.
    pub limits: Limits,
    /// Whether it is removed with its object.
    pub delete: bool,
    /// Whose volumes may be in it.
    pub consent: Consent,
    /// Whose volumes may take over what is in it already.
    pub adoption: Consent,
}

/// Who logs on where a pool's storage is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name. What proves it is a libvirt secret.
    pub username: String,
}

impl DesiredPool {
    /// Reads a pool's object.
    #[must_use]
    pub fn parse(object: &StoragePool, fleet: &str) -> Self {
        let name = object.metadata.name.clone().unwrap_or_default();
        Self {
            uuid: identity::pool_uuid(fleet, &name),
            secret_uuid: identity::secret_uuid(fleet, &name),
            login: None,
            host_selector: object.spec.host_selector.clone(),
            managed: object.spec.management_policy == ManagementPolicy::Full,
            shared: object.spec.scope == PoolScope::Shared,
            type_: object.spec.type_,
            source: object.spec.source.clone().unwrap_or_default(),
            initialize: object.spec.initialize,
            limits: Limits::parse(&object.spec),
            target: object
                .spec
                .target
                .as_ref()
                .map(|target| target.path.clone()),
            delete: object.spec.deletion_policy == ReclaimPolicy::Delete,
            consent: Consent::parse(object.spec.namespaces.as_ref()),
            adoption: Consent::to_adopt(object.spec.adoption.as_ref()),
            name,
        }
    }
}

impl DesiredPool {
    /// Whether a marker is in it: then nothing is made where the marker is not seen.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.managed && making(self.type_) != Making::Found
    }
}

/// How volumes come to be in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// They are files: of any name, any format, as large as they must be.
    Files,
    /// They are block devices of any name.
    Blocks,
    /// They are there already, under names that nobody chooses.
    Found,
}

/// How volumes come to be in a pool of this type.
#[must_use]
pub fn making(type_: PoolType) -> Making {
    match type_ {
        PoolType::Dir | PoolType::Fs | PoolType::Netfs => Making::Files,
        PoolType::Logical | PoolType::Zfs => Making::Blocks,
        // libvirt makes no volumes in some of these, chooses their names in others, and cannot write
        // into those of the rest, where no record could say whose they are.
        PoolType::Disk
        | PoolType::Iscsi
        | PoolType::IscsiDirect
        | PoolType::Scsi
        | PoolType::Mpath
        | PoolType::Rbd
        | PoolType::Gluster => Making::Found,
    }
}

/// What may be taken of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// How many per cent stay free.
    pub reserve: u64,
    /// How much may be promised, in thousandths of what there is.
    pub overcommit: Option<u64>,
}

impl Limits {
    fn parse(spec: &StoragePoolSpec) -> Self {
        let reserve = spec.reserve.as_deref().and_then(|it| it.strip_suffix('%'));
        Self {
            reserve: reserve.and_then(|it| it.parse().ok()).unwrap_or(0),
            overcommit: spec.overcommit.as_deref().and_then(thousandths),
        }
    }

    /// How much more may be promised, in bytes. `size` is that of the pool and what is free of it,
    /// `promised` what its volumes may come to take.
    #[must_use]
    pub fn room(&self, size: (u64, u64), promised: u64) -> u64 {
        if self.is_reserved(size) {
            return 0;
        }
        let most = self.most(size.0);
        most.map_or(u64::MAX, |most| {
            let room = most.saturating_sub(u128::from(promised));
            u64::try_from(room).unwrap_or(u64::MAX)
        })
    }

    // Whether no more is free than is kept.
    fn is_reserved(&self, (all, free): (u64, u64)) -> bool {
        let kept = u128::from(all) * u128::from(self.reserve) / 100;
        self.reserve > 0 && u128::from(free) <= kept
    }

    // What may be promised in all, if that is limited.
    fn most(&self, all: u64) -> Option<u128> {
        let overcommit = self.overcommit?;
        Some(u128::from(all) * u128::from(overcommit) / 1000)
    }

    /// Why a volume may not be made. `size` is that of the pool and what is free of it, `promised`
    /// what its volumes may come to take.
    ///
    /// # Errors
    /// The reason, with the field that says so.
    pub fn allow(&self, capacity: u64, size: (u64, u64), promised: u64) -> Result<(), String> {
        if self.is_reserved(size) {
            let free = quantity::bytes(size.1);
            return Err(format!(
                "{free} are free, reserve: {}% are kept",
                self.reserve
            ));
        }
        let Some(most) = self.most(size.0) else {
            return Ok(());
        };
        let wanted = u128::from(promised) + u128::from(capacity);
        if wanted <= most {
            return Ok(());
        }
        Err(format!(
            "{} are promised already and {} are asked for, overcommit allows {}",
            quantity::bytes(promised),
            quantity::bytes(capacity),
            quantity::bytes(u64::try_from(most).unwrap_or(u64::MAX))
        ))
    }
}

fn thousandths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<3}");
    Some(whole.parse::<u64>().ok()? * 1000 + part.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::{Limits, thousandths};

    #[test]
    fn multiples() {
        assert_eq!(thousandths("1.5"), Some(1500));
        assert_eq!(thousandths("12"), Some(12_000));
        assert_eq!(thousandths("0.125"), Some(125));
    }

    #[test]
    fn what_is_kept_and_what_is_promised() {
        let limits = Limits {
            reserve: 10,
            overcommit: Some(1500),
        };
        assert_eq!(limits.allow(100, (1000, 101), 1400), Ok(()));
        let full = limits.allow(100, (1000, 100), 0).unwrap_err();
        assert_eq!(full, "100 are free, reserve: 10% are kept");
        let promised = limits.allow(101, (1000, 500), 1400).unwrap_err();
        assert!(promised.ends_with("overcommit allows 1500"), "{promised}");
        assert_eq!(Limits::default().allow(u64::MAX, (1, 0), u64::MAX), Ok(()));
    }
}
