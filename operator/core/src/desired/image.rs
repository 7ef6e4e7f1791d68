//! An image.

use std::fmt;

use drover_crds::image::{ImageContent, ImageRetention};
use drover_crds::volume::VolumeFormat;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::volume::{DesiredVolume, Origin, Source};
use crate::identity;

/// An Image, or a ClusterImage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    /// Its namespace; empty for a ClusterImage.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ImageName {
    /// The name of a copy in its pool.
    #[must_use]
    pub fn volume_name(&self) -> String {
        identity::image_volume_name(&self.namespace, &self.name)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "ClusterImage {}", self.name),
            _ => write!(f, "Image {}", self.name),
        }
    }
}

/// Where what is uploaded is kept, as far as that is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keeping {
    /// The StoragePool.
    pub pool: Option<String>,
    /// The Host.
    pub host: Option<String>,
}

/// An image as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredImage {
    /// The fleet.
    pub fleet: String,
    /// Its name.
    pub name: ImageName,
    /// Its object's UID.
    pub uid: String,
    /// Where it comes from.
    pub url: Option<String>,
    /// The Secret with the authorities that are trusted beside the public ones.
    pub ca_bundle: Option<String>,
    /// The Volume that its original copy is made of.
    pub origin: Option<Origin>,
    /// Where what a person sends is kept; none if nobody is to send it.
    pub upload: Option<Keeping>,
    /// What is fetched must have this SHA-256: 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// How it must be kept.
    pub format: Option<VolumeFormat>,
    /// Whether copies stay that nothing uses.
    pub keep: bool,
}

impl DesiredImage {
    /// Reads the object of an image.
    #[must_use]
    pub fn parse(meta: &ObjectMeta, content: &ImageContent, fleet: &str) -> Self {
        let http = content.source.http.as_ref();
        let bundle = http.and_then(|http| http.ca_bundle_secret_ref.as_ref());
        Self {
            fleet: fleet.to_owned(),
            name: ImageName {
                namespace: meta.namespace.clone().unwrap_or_default(),
                name: meta.name.clone().unwrap_or_default(),
            },
            uid: meta.uid.clone().unwrap_or_default(),
            url: http.map(|http| http.url.clone()),
            ca_bundle: bundle.map(|secret| secret.name.clone()),
            origin: content.source.volume.as_ref().map(Origin::from),
            upload: content.source.upload.as_ref().map(|upload| Keeping {
                pool: upload.pool.clone(),
                host: upload.host.clone(),
            }),
            sha256: content.checksum.as_deref().and_then(hexadecimal),
            format: content.format,
            keep: content.retention == ImageRetention::Keep,
        }
    }

    /// A copy of it in a pool. How large it is, and how it is kept, its content says.
    #[must_use]
    pub fn copy(&self, pool: &str) -> DesiredVolume {
        let ImageName { namespace, name } = &self.name;
        let kind = match namespace.as_str() {
            "" => "clusterimage",
            _ => "image",
        };
        DesiredVolume {
            owner: format!("drover/{}/{kind}/{namespace}/{name}", self.fleet),
            namespace: namespace.clone(),
            name: name.clone(),
            uid: self.uid.clone(),
            volume_name: self.name.volume_name(),
            pool: pool.to_owned(),
            host: None,
            capacity: 0,
            format: self.format.unwrap_or(VolumeFormat::Raw),
            blocks: false,
            source: Source::Fetched {
                url: self.url.clone().unwrap_or_default(),
                sha256: self.sha256.clone(),
            },
            delete: true,
            wipe: false,
            existing: false,
        }
    }
}

impl DesiredImage {
    /// The copy that all others come from, where there is nowhere else to get them: one that is made of
    /// what its source says, or that of a URL like all others.
    #[must_use]
    pub fn original(&self, pool: &str) -> DesiredVolume {
        let copy = self.copy(pool);
        match self.origin.clone() {
            Some(origin) => DesiredVolume {
                source: Source::Cloned(origin),
                ..copy
            },
            None => copy,
        }
    }
}

/// The digits of a checksum.
#[must_use]
pub fn hexadecimal(checksum: &str) -> Option<String> {
    checksum.strip_prefix("sha256:").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::ImageName;

    #[test]
    fn a_copy_is_nobody_elses_volume() {
        let name = |namespace: &str, name: &str| {
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            ImageName { namespace, name }.volume_name()
        };
        assert_eq!(name("", "debian-13"), "_image_debian-13");
        assert_eq!(name("shop", "debian-13"), "_image_shop_debian-13");
        assert_ne!(name("", "a"), crate::identity::volume_name("image", "a"));
    }
}
