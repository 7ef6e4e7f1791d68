//! A volume.

use drover_crds::volume::VolumeFormat;
use drover_crds::{ReclaimPolicy, Volume};

use super::{Invalid, bytes};
use crate::identity::{self, OWNER_SUFFIX, POOL_MARKER, READY_SUFFIX};

/// A volume as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredVolume {
    /// The fleet.
    pub fleet: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its object's UID.
    pub uid: String,
    /// Its name in the pool.
    pub volume_name: String,
    /// Its StoragePool.
    pub pool: String,
    /// The Host that its spec names.
    pub host: Option<String>,
    /// Its size in bytes.
    pub capacity: u64,
    /// `qcow2` or `raw`.
    pub format: &'static str,
    /// What is in it at first.
    pub source: Source,
    /// Whether its data goes with its object.
    pub delete: bool,
    /// Whether it was there before its object, and is only taken over.
    pub existing: bool,
}

/// What is in a volume at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nothing.
    Blank,
    /// What a URL has.
    Http {
        /// The URL.
        url: String,
        /// 64 hexadecimal digits.
        sha256: Option<String>,
    },
}

impl DesiredVolume {
    /// Reads a volume's object.
    ///
    /// # Errors
    /// [`Invalid`] for what the API server should have refused.
    pub fn parse(object: &Volume, fleet: &str) -> Result<Self, Invalid> {
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let name = object.metadata.name.clone().unwrap_or_default();
        let spec = &object.spec;
        let capacity = bytes("spec.capacity", &spec.capacity)?;
        if capacity == 0 {
            return Err(Invalid::new(
                "spec.capacity",
                spec.capacity.0.clone(),
                "must be > 0",
            ));
        }
        let http = spec.source.as_ref().and_then(|source| source.http.as_ref());
        let source = http.map_or(Source::Blank, |http| Source::Http {
            url: http.url.clone(),
            sha256: http
                .checksum
                .as_ref()
                .and_then(|sum| sum.strip_prefix("sha256:"))
                .map(str::to_owned),
        });
        Ok(Self {
            fleet: fleet.to_owned(),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            volume_name: name_in_pool(object)?,
            pool: spec.pool.clone(),
            host: spec.host.clone(),
            capacity,
            format: format_word(spec.format),
            source,
            delete: spec.reclaim_policy == ReclaimPolicy::Delete && spec.existing.is_none(),
            existing: spec.existing.is_some(),
            namespace,
            name,
        })
    }

    /// The volume that says whose it is.
    #[must_use]
    pub fn owner_name(&self) -> String {
        format!("{}{OWNER_SUFFIX}", self.volume_name)
    }

    /// The volume that says that it is whole.
    #[must_use]
    pub fn ready_name(&self) -> String {
        format!("{}{READY_SUFFIX}", self.volume_name)
    }

    /// Who the owner record says it is.
    #[must_use]
    pub fn owner(&self) -> String {
        format!("drover/{}/{}/{}", self.fleet, self.namespace, self.name)
    }
}

/// libvirt's word for how a volume is kept.
#[must_use]
pub fn format_word(format: Option<VolumeFormat>) -> &'static str {
    match format {
        Some(VolumeFormat::Raw) => "raw",
        Some(VolumeFormat::Qcow2) | None => "qcow2",
    }
}

/// The name of a volume in its pool.
///
/// # Errors
/// [`Invalid`] when it takes over what Drover keeps its records in.
pub fn name_in_pool(object: &Volume) -> Result<String, Invalid> {
    let Some(existing) = &object.spec.existing else {
        let meta = &object.metadata;
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let name = meta.name.as_deref().unwrap_or_default();
        return Ok(identity::volume_name(namespace, name));
    };
    let name = &existing.name;
    let record = [OWNER_SUFFIX, READY_SUFFIX].iter();
    if name == POOL_MARKER || record.clone().any(|suffix| name.ends_with(suffix)) {
        let allowed = "must not be one of Drover's own records";
        return Err(Invalid::new("spec.existing.name", name, allowed));
    }
    Ok(name.clone())
}
