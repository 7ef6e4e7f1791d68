//! Where a copy of an image is.

use std::fmt;
use std::sync::Arc;

use drover_crds::image::{ImageCopy, ImagePlace};

use crate::controllers::storage;
use crate::ctx::Ctx;
use crate::hosts::HostHandle;

/// Where a copy is: in a Shared pool on no host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) pool: String,
    pub(super) host: String,
}

impl Place {
    /// In a pool, for what is on a host.
    pub(super) fn new(ctx: &Ctx, pool: String, host: String) -> Self {
        let host = match storage::is_shared(ctx, &pool) {
            true => String::new(),
            false => host,
        };
        Self { pool, host }
    }

    // Through which it is written and read.
    pub(super) fn handle(&self, ctx: &Ctx) -> Option<Arc<HostHandle>> {
        let pool = ctx.cache.pools.get("", &self.pool)?;
        ctx.hosts.get(&storage::writer_for(&pool, &self.host).ok()?)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pool)?;
        match self.host.as_str() {
            "" => Ok(()),
            host => write!(f, " on {host}"),
        }
    }
}

impl From<&ImageCopy> for Place {
    fn from(copy: &ImageCopy) -> Self {
        Self {
            pool: copy.pool.clone(),
            host: copy.host.clone(),
        }
    }
}

impl From<&ImagePlace> for Place {
    fn from(place: &ImagePlace) -> Self {
        Self {
            pool: place.pool.clone(),
            host: place.host.clone(),
        }
    }
}

impl From<&Place> for ImagePlace {
    fn from(place: &Place) -> Self {
        Self {
            pool: place.pool.clone(),
            host: place.host.clone(),
        }
    }
}
