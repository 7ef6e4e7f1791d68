//! What is realised on which host, as the objects' statuses tell: pools, networks, and images.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use drover_core::desired::image::ImageName;
use drover_core::desired::pool::{DesiredPool, Limits};
use drover_crds::image::ImageCopy;
use drover_crds::{HostState, StoragePool};
use kube::{Resource, ResourceExt};

use crate::ctx::Ctx;

/// What one host has.
#[derive(Debug, Default)]
pub(super) struct Site {
    pub(super) pools: BTreeSet<String>,
    pub(super) networks: BTreeSet<String>,
    pub(super) images: BTreeSet<String>,
}

/// What every host has.
#[derive(Debug, Default)]
pub(super) struct Sites {
    version: u64,
    hosts: HashMap<String, Site>,
    /// The pools that are not to be promised without end.
    limited: BTreeMap<String, Arc<StoragePool>>,
}

impl Sites {
    /// Reads all of it anew, if anything was written since; whether it was.
    pub(super) fn sync(&mut self, ctx: &Ctx) -> bool {
        let version = version(ctx);
        if version == self.version {
            return false;
        }
        *self = Self::read(ctx);
        self.version = version;
        true
    }

    fn read(ctx: &Ctx) -> Self {
        let mut sites = Self::default();
        for pool in ctx.cache.pools.all() {
            let name = pool.name_any();
            let states = pool.status.iter().flat_map(|status| &status.hosts);
            for host in active(states) {
                sites.of(host).pools.insert(name.clone());
            }
            if DesiredPool::parse(&pool, &ctx.fleet).limits != Limits::default() {
                sites.limited.insert(name, pool);
            }
        }
        for network in ctx.cache.networks.all() {
            let name = network.name_any();
            let states = network.status.iter().flat_map(|status| &status.hosts);
            for host in active(states) {
                sites.of(host).networks.insert(name.clone());
            }
        }
        for image in ctx.cache.cluster_images.all() {
            let copies = image.status.iter().flat_map(|status| &status.pools);
            sites.copies("", &image.name_any(), copies);
        }
        for image in ctx.cache.images.all() {
            let copies = image.status.iter().flat_map(|status| &status.pools);
            let namespace = image.namespace().unwrap_or_default();
            sites.copies(&namespace, &image.name_any(), copies);
        }
        sites
    }

    fn of(&mut self, host: &str) -> &mut Site {
        self.hosts.entry(host.to_owned()).or_default()
    }

    fn copies<'a>(
        &mut self,
        namespace: &str,
        name: &str,
        copies: impl Iterator<Item = &'a ImageCopy>,
    ) {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let volume = ImageName { namespace, name }.volume_name();
        // One in a Shared pool is no nearer to one host than to another.
        for copy in copies.filter(|copy| copy.state == "Ready" && !copy.host.is_empty()) {
            self.of(&copy.host).images.insert(volume.clone());
        }
    }

    /// What a host has.
    pub(super) fn on(&self, host: &str) -> Option<&Site> {
        self.hosts.get(host)
    }

    /// A pool, if there is an end to what may be promised in it.
    pub(super) fn limited(&self, pool: &str) -> Option<&Arc<StoragePool>> {
        self.limited.get(pool)
    }
}

fn active<'a>(states: impl Iterator<Item = &'a HostState>) -> impl Iterator<Item = &'a str> {
    let active = states.filter(|state| state.state == "Active");
    active.map(|state| state.name.as_str())
}

// Of everything that is read here.
fn version(ctx: &Ctx) -> u64 {
    fn add<K: Resource>(all: &[Arc<K>], hasher: &mut DefaultHasher) {
        for object in all {
            let meta = object.meta();
            (&meta.uid, &meta.resource_version).hash(hasher);
        }
        all.len().hash(hasher);
    }
    let mut hasher = DefaultHasher::new();
    let cache = &ctx.cache;
    add(&cache.pools.all(), &mut hasher);
    add(&cache.networks.all(), &mut hasher);
    add(&cache.cluster_images.all(), &mut hasher);
    add(&cache.images.all(), &mut hasher);
    // Never what there is before the first look.
    hasher.finish() | 1
}
