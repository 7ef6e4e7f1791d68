//! A volume.

use drover_crds::storage_pool::PoolType;
use drover_crds::volume::{CloneStrategy, Consistency, VolumeFormat, VolumeOrigin};
use drover_crds::{LocalRef, ReclaimPolicy, Volume, VolumeSpec};

use super::image::{ImageName, hexadecimal};
use super::pool::{Making, making};
use super::{Invalid, bytes};
use crate::identity::{self, OWNER_SUFFIX, READY_SUFFIX};

/// A volume as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredVolume {
    /// Who the owner record says it is.
    pub owner: String,
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
    /// How it is kept.
    pub format: VolumeFormat,
    /// Whether it is a block device, which is made as large as it is to be and has other bytes than
    /// zeros where nothing is written.
    pub blocks: bool,
    /// What is in it at first.
    pub source: Source,
    /// Whether its data goes with its object.
    pub delete: bool,
    /// Whether it is overwritten before it goes.
    pub wipe: bool,
    /// Whether it was there before its object, and is only taken over.
    pub existing: bool,
}

/// What is in a volume at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nothing.
    Blank,
    /// What a URL has.
    Fetched {
        /// The URL.
        url: String,
        /// 64 hexadecimal digits.
        sha256: Option<String>,
    },
    /// What an image has, of which only what is written is kept.
    Overlay(ImageName),
    /// What an image has.
    Copied(ImageName),
    /// What another Volume has.
    Cloned(Origin),
}

/// A Volume of the same namespace that is copied once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its name.
    pub volume: String,
    /// How it is copied while a machine runs with it.
    pub consistency: Option<Consistency>,
}

impl From<&VolumeOrigin> for Origin {
    fn from(origin: &VolumeOrigin) -> Self {
        Self {
            volume: origin.name.clone(),
            consistency: origin.consistency,
        }
    }
}

impl Source {
    /// The image that it comes from.
    #[must_use]
    pub fn image(&self) -> Option<&ImageName> {
        match self {
            Self::Overlay(image) | Self::Copied(image) => Some(image),
            Self::Blank | Self::Fetched { .. } | Self::Cloned(_) => None,
        }
    }

    /// The Volume that it is a copy of.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Cloned(origin) => Some(origin),
            _ => None,
        }
    }

    /// Whether whoever brings the content makes what it is written into.
    #[must_use]
    pub fn makes_data(&self) -> bool {
        matches!(self, Self::Copied(_) | Self::Cloned(_))
    }

    /// Whether the content arrives only after the volume has been made, or with it but slowly.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        matches!(
            self,
            Self::Fetched { .. } | Self::Copied(_) | Self::Cloned(_)
        )
    }
}

impl DesiredVolume {
    /// Reads a volume's object. `pool` is the type of its pool, if that is known.
    ///
    /// # Errors
    /// [`Invalid`] for what the API server should have refused.
    pub fn parse(object: &Volume, fleet: &str, pool: Option<PoolType>) -> Result<Self, Invalid> {
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
        let format = format_in(spec.format, pool);
        let source = source(spec, &namespace, format);
        if source.origin().is_some_and(|origin| origin.volume == name) {
            let allowed = "must be another Volume than this one";
            return Err(Invalid::new("spec.source.volume.name", name, allowed));
        }
        Ok(Self {
            owner: owner_of(fleet, &namespace, &name),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            volume_name: name_in_pool(object)?,
            pool: spec.pool.clone(),
            host: spec.host.clone(),
            capacity,
            format,
            blocks: pool.map(making) == Some(Making::Blocks),
            source,
            wipe: spec.wipe_on_delete,
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
}

fn source(spec: &VolumeSpec, namespace: &str, format: VolumeFormat) -> Source {
    let Some(source) = &spec.source else {
        return Source::Blank;
    };
    if let Some(http) = &source.http {
        return Source::Fetched {
            url: http.url.clone(),
            sha256: http.checksum.as_deref().and_then(hexadecimal),
        };
    }
    if let Some(origin) = &source.volume {
        return Source::Cloned(origin.into());
    }
    let of = |namespace: &str, it: &LocalRef| ImageName {
        namespace: namespace.to_owned(),
        name: it.name.clone(),
    };
    let own = source.image.as_ref().map(|it| of(namespace, it));
    let image = own.or_else(|| source.cluster_image.as_ref().map(|it| of("", it)));
    let overlay = match spec.clone_strategy {
        Some(strategy) => strategy == CloneStrategy::Overlay,
        None => format == VolumeFormat::Qcow2,
    };
    match image {
        Some(image) if overlay => Source::Overlay(image),
        Some(image) => Source::Copied(image),
        None => Source::Blank,
    }
}

/// Who an owner record says that an object is.
#[must_use]
pub fn owner_of(fleet: &str, namespace: &str, name: &str) -> String {
    format!("drover/{fleet}/{namespace}/{name}")
}

/// libvirt's word for how a volume is kept.
#[must_use]
pub fn format_word(format: VolumeFormat) -> &'static str {
    match format {
        VolumeFormat::Raw => "raw",
        VolumeFormat::Qcow2 => "qcow2",
    }
}

/// How a volume is kept in a pool of this type, if it does not say so: block devices as they are.
#[must_use]
pub fn format_in(declared: Option<VolumeFormat>, pool: Option<PoolType>) -> VolumeFormat {
    declared.unwrap_or(match pool.map(making) {
        Some(Making::Blocks | Making::Found) => VolumeFormat::Raw,
        Some(Making::Files) | None => VolumeFormat::Qcow2,
    })
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
    if identity::is_record(name) {
        let allowed = "must not be one of Drover's own records";
        return Err(Invalid::new("spec.existing.name", name, allowed));
    }
    Ok(name.clone())
}
