//! Where the disks of domains are, and the Volumes that stand for them.

use std::collections::BTreeMap;

use drover_crds::volume::{ExistingVolume, VolumeFormat};
use drover_crds::{ReclaimPolicy, Volume, VolumeSpec, quantity};

use super::{is_object_name, object_name};

/// A volume of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The pool.
    pub pool: String,
    /// Its name in the pool.
    pub volume: String,
    /// Its path on the host.
    pub path: String,
    /// Its size as a guest sees it.
    pub capacity: u64,
}

/// The volumes of a host, and the Volumes that have been given to them: one to each, whoever uses it.
#[derive(Debug, Clone, Default)]
pub struct Places {
    known: Vec<Place>,
    given: BTreeMap<(String, String, String), Volume>,
}

impl Places {
    /// What is known of a host from now on.
    pub fn look_at(&mut self, known: Vec<Place>) {
        self.known = known;
    }

    /// The Volumes that were given.
    #[must_use]
    pub fn into_volumes(self) -> Vec<Volume> {
        self.given.into_values().collect()
    }

    /// The place of this path, or of this volume of this pool, whose pool can be named.
    pub(super) fn find(&self, source: &str) -> Option<&Place> {
        let mut all = self.known.iter();
        let found = all.find(|place| {
            place.path == source || format!("{}/{}", place.pool, place.volume) == source
        });
        found.filter(|place| is_object_name(&place.pool))
    }

    /// The Volume that stands for a place, as it would be given.
    pub(super) fn volume(
        &self,
        host: &str,
        namespace: &str,
        place: &Place,
        format: &str,
    ) -> Option<Volume> {
        let key = key(host, place);
        if let Some(volume) = self.given.get(&key) {
            return Some(volume.clone());
        }
        let format = match format {
            "qcow2" => VolumeFormat::Qcow2,
            "raw" => VolumeFormat::Raw,
            _ => return None,
        };
        let wanted = object_name(&place.volume);
        let taken = |name: &str| {
            let mut all = self.given.values();
            all.any(|volume| volume.metadata.name.as_deref() == Some(name))
        };
        let mut names = std::iter::once(wanted.clone())
            .chain((2..1_000).map(|count| format!("{wanted}-{count}")));
        let name = names.find(|name| !taken(name))?;
        let spec = VolumeSpec {
            pool: place.pool.clone(),
            host: Some(host.to_owned()),
            capacity: quantity::bytes(place.capacity).as_str().into(),
            format: Some(format),
            source: None,
            clone_strategy: None,
            shareable: false,
            wipe_on_delete: false,
            reclaim_policy: ReclaimPolicy::Retain,
            existing: Some(ExistingVolume {
                name: place.volume.clone(),
            }),
        };
        let mut volume = Volume::new(&name, spec);
        volume.metadata.namespace = Some(namespace.to_owned());
        Some(volume)
    }

    /// Gives a place its Volume.
    pub(super) fn give(&mut self, host: &str, place: &Place, volume: Volume) {
        self.given.insert(key(host, place), volume);
    }
}

fn key(host: &str, place: &Place) -> (String, String, String) {
    (host.to_owned(), place.pool.clone(), place.volume.clone())
}
